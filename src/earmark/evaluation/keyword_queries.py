"""Evaluation: a model, a split of a corpus, and everything that is measured of the two.

First every utterance gets its detection scores. Then locations are sought, but only where a measure or a report can ask
for them: input masking is far too dear for keywords that are neither spoken nor rank high.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earmark.core.corpus import Corpus, Utterance
from earmark.core.files import write_text
from earmark.core.progress import progress
from earmark.core.types import Query
from earmark.core.version import __version__
from earmark.evaluation.agreement import LISTENED_TO
from earmark.evaluation.data import Bools, Floats, GroundTruth, Predictions, ground_truth, measurable, others
from earmark.evaluation.location_cache import Locate, LocationCache, dependence
from earmark.evaluation.summary import compute_metrics
from earmark.features.cache import FeatureSet, load_features
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.padding import in_order, pad

SCHEMA_VERSION = 1
BATCH = 16
WRITTEN, IMAGE = "written", "image"  # kinds of query


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found out about a model on a split.

    Attributes
    ----------
    finder : Finder
    utterances : list of Utterance
        The U utterances that were measured on.
    queries : tuple of str or ImageQuery
        What was asked of them, one a keyword.
    truth : Truth
    predictions : Predictions
    metrics : dict
        In the form of ``schemas/metrics.schema.json``.
    """

    finder: KeywordSpotter
    utterances: list[Utterance]
    queries: tuple[Query, ...]
    truth: GroundTruth
    predictions: Predictions
    metrics: dict[str, Any]

    def asked_of(self, utterance: int, query: int) -> Query:
        """What one utterance was asked, both by their numbers: of pictures, all but its own."""
        asked = self.queries[query]
        if isinstance(asked, str) or self.metrics["query_pictures"]["own_pictures_asked"]:
            return asked
        return replace(asked, prompts=others(asked, self.utterances[utterance].image))


def evaluate(finder: KeywordSpotter, corpus: Corpus, split: str, keep: Path | None = None) -> Evaluation:
    """Measure a model on a split, asked with written keywords.

    Parameters
    ----------
    finder : Finder
    corpus : Corpus
    split : str
    keep : Path, optional
        File in which a costly localisation method keeps what it has found, to go on from after a stop. It can be
        deleted when the evaluation is written.

    Raises
    ------
    EarmarkError
        If the corpus has no such split, or none of its utterances has a text or word times.
    """
    vocabulary = finder.checkpoint.vocabulary
    utterances, heard = hear(finder, corpus, split)
    truth = ground_truth(utterances, vocabulary)
    scores = detection_scores(finder, heard)
    wanted = cells_to_localise(truth.present, scores)
    locate: Locate = partial(locate_batch, finder, heard)
    if keep and finder.cost_grows_with_queries:
        locate = LocationCache(keep, dependence(finder, utterances)).cached(locate)
    predictions = Predictions(scores, locations(finder, heard, wanted, locate))
    metrics = {
        **header(finder, corpus, split),
        "queries": WRITTEN,
        "query_pictures": None,
        "utterances": len(utterances),
        "keywords": len(vocabulary),
        **compute_metrics(
            truth,
            predictions,
            finder.checkpoint.thresholds,
            vocabulary.words,
            np.array([utterance.duration_s for utterance in utterances]),
            finder.checkpoint.global_threshold,
        ),
    }
    return Evaluation(finder, utterances, finder.keywords, truth, predictions, metrics)


def hear(finder: KeywordSpotter, corpus: Corpus, split: str) -> tuple[list[Utterance], SplitFeatures]:
    """The U utterances of a split to measure on, and their features.

    Raises
    ------
    EarmarkError
        If the corpus has no such split, or none of its utterances has a text or word times.
    """
    every = corpus.utterances(split)
    utterances = measurable(every)
    chosen = {utterance.id for utterance in utterances}
    rows = [i for i, utterance in enumerate(every) if utterance.id in chosen]
    return utterances, SplitFeatures(load_features(corpus, split, finder.checkpoint.recipe.features), rows)


def header(finder: KeywordSpotter, corpus: Corpus, split: str) -> dict[str, Any]:
    """What ``metrics.json`` begins with: what was measured on what."""
    recipe = finder.checkpoint.recipe
    return {
        "schema_version": SCHEMA_VERSION,
        "earmark": __version__,
        "run": finder.checkpoint.folder.resolve().name,
        "corpus": corpus.name,
        "split": split,
        "supervision": recipe.supervision,
        "architecture": recipe.name,
        "localisation": finder.localisation,
        "agreement": None,
    }


def write_metrics(evaluation: Evaluation, path: Path) -> None:
    """Write ``metrics.json``."""
    write_text(path, json.dumps(evaluation.metrics, ensure_ascii=False, indent=1) + "\n")


def cells_to_localise(present: Bools, scores: Floats) -> Bools:
    """The cells whose location can count: where the keyword is spoken, or ranks high.

    A location is right only where the keyword is spoken; which words are found in its place is asked of the utterances
    that rank high.

    Parameters
    ----------
    present : numpy.ndarray, shape = (U, W), bool
    scores : numpy.ndarray, shape = (U, W)

    Returns
    -------
    numpy.ndarray, shape = (U, W), bool
    """
    rank = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0)
    return present | (rank < LISTENED_TO)


@dataclass(frozen=True, eq=False)
class SplitFeatures:
    """Some utterances of a split, to be read as they are needed.

    Attributes
    ----------
    features : FeatureSet
        Of the whole split.
    rows : sequence of int
        Which U of its utterances.
    """

    features: FeatureSet
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int) -> list[list[int]]:
        """Which utterances go together, those of about one length."""
        return in_order(self.features.lengths[list(self.rows)], size)

    def padded(self, batch: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) of a batch."""
        return pad([self.features[self.rows[u]] for u in batch])


@torch.no_grad()
def detection_scores(finder: KeywordSpotter, heard: SplitFeatures) -> Floats:
    """Detection scores of the whole vocabulary in U utterances: shape = (U, W)."""
    queries = finder.model.encode_queries(finder.keywords)
    scores = np.empty((len(heard), len(queries)))
    with progress("Searching", len(heard)) as advance:
        for batch in heard.batches(BATCH):
            logits = finder.detect(finder.encode(*heard.padded(batch)), queries)
            scores[batch] = logits.double().sigmoid().cpu().numpy()
            advance(len(batch))
    return scores


def locations(finder: KeywordSpotter, heard: SplitFeatures, wanted: Bools, locate: Locate) -> Floats:
    """Locations in seconds where they are wanted, NaN elsewhere: shape = (U, W).

    A costly method is asked for one utterance after the other, and for no more keywords than are wanted there.
    """
    times_s = np.full(wanted.shape, np.nan)
    with progress(f"Locating by {finder.localisation}", len(heard)) as advance:
        for batch in heard.batches(1 if finder.cost_grows_with_queries else BATCH):
            asked = np.flatnonzero(wanted[batch].any(axis=0))
            times_s[np.ix_(np.array(batch), asked)] = locate(batch, asked.tolist())
            advance(len(batch))
    return np.where(wanted, times_s, np.nan)


@torch.no_grad()
def locate_batch(finder: KeywordSpotter, heard: SplitFeatures, batch: Sequence[int], keywords: Sequence[int]) -> Floats:
    """Locations (B, Q) of some keywords in a batch, none behind an utterance's end."""
    features, lengths = heard.padded(batch)
    queries = finder.model.encode_queries([finder.keywords[w] for w in keywords])
    located = finder.localise(finder.encode(features, lengths), queries)
    times_s: Floats = located.locations_s().double().cpu().numpy()
    return no_later_than_its_end(finder, times_s, lengths)


def no_later_than_its_end(finder: KeywordSpotter, times_s: Floats, lengths: Tensor) -> Floats:
    """Locations (B, Q) in utterances of (B,) features.

    The only frame of an utterance that is shorter than a frame has its middle behind the end.
    """
    return np.minimum(times_s, finder.feature_grid.edge_s(lengths.numpy()[:, None]))
