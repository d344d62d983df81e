"""Evaluation: a model, a split of a corpus, and everything that is measured of the two.

First every utterance gets its detection scores. Then locations are sought, but only where a measure or a report can ask
for them: input masking is far too dear for keywords that are neither spoken nor found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from earmark import __version__
from earmark.corpus import Corpus, Utterance
from earmark.evaluate.gather import gather_truth, measurable
from earmark.evaluate.measures import PAPER_THRESHOLD, measure
from earmark.evaluate.truth import Bools, Floats, Predictions, Truth
from earmark.features.padding import in_order, pad
from earmark.features.store import load_features
from earmark.files import write_text
from earmark.finder import Finder
from earmark.progress import progress

SCHEMA_VERSION = 1
BATCH = 16
LOOKED_AT = 20  # utterances at the top of each keyword's ranking (Olaleye et al. 2022, Table V)

Frames = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found out about a model on a split.

    Attributes
    ----------
    finder : Finder
    utterances : list of Utterance
        The U utterances that were measured on.
    truth : Truth
    predictions : Predictions
    metrics : dict
        In the form of ``schemas/metrics.schema.json``.
    """

    finder: Finder
    utterances: list[Utterance]
    truth: Truth
    predictions: Predictions
    metrics: dict[str, Any]


def evaluate(finder: Finder, corpus: Corpus, split: str) -> Evaluation:
    """Measure a model on a split.

    Raises
    ------
    EarmarkError
        If the corpus has no such split, or none of its utterances has a text or word times.
    """
    every = corpus.utterances(split)
    utterances = measurable(every)
    chosen = {utterance.id for utterance in utterances}
    rows = [i for i, utterance in enumerate(every) if utterance.id in chosen]
    vocabulary = finder.checkpoint.vocabulary
    truth = gather_truth(utterances, vocabulary)
    features = load_features(corpus, split, finder.checkpoint.recipe.features)
    heard = [features[row] for row in rows]
    scores = detection_scores(finder, heard)
    wanted = worth_locating(truth.present, scores, finder.checkpoint.thresholds)
    predictions = Predictions(scores, locations(finder, heard, wanted))
    durations_s = np.array([utterance.duration_s for utterance in utterances])
    recipe = finder.checkpoint.recipe
    metrics = {
        "schema_version": SCHEMA_VERSION,
        "earmark": __version__,
        "run": finder.checkpoint.folder.resolve().name,
        "corpus": corpus.name,
        "split": split,
        "supervision": recipe.supervision,
        "architecture": recipe.name,
        "localisation": finder.localisation,
        "utterances": len(utterances),
        "keywords": len(vocabulary),
        **measure(
            truth,
            predictions,
            finder.checkpoint.thresholds,
            vocabulary.words,
            durations_s,
            finder.checkpoint.one_threshold,
        ),
    }
    return Evaluation(finder, utterances, truth, predictions, metrics)


def write_metrics(evaluation: Evaluation, path: Path) -> None:
    """Write ``metrics.json``."""
    write_text(path, json.dumps(evaluation.metrics, ensure_ascii=False, indent=1) + "\n")


def worth_locating(present: Bools, scores: Floats, thresholds: Floats) -> Bools:
    """The cells whose location can count: where the keyword is spoken, is detected (or is at 0.5), or ranks high.

    Parameters
    ----------
    present : numpy.ndarray, shape = (U, W), bool
    scores : numpy.ndarray, shape = (U, W)
    thresholds : numpy.ndarray, shape = (W,)

    Returns
    -------
    numpy.ndarray, shape = (U, W), bool
    """
    rank = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0)
    return present | (scores >= np.minimum(thresholds, PAPER_THRESHOLD)) | (rank < LOOKED_AT)


@torch.no_grad()
def detection_scores(finder: Finder, heard: Sequence[Frames]) -> Floats:
    """Detection scores of the whole vocabulary in U utterances, each (T, F): shape = (U, W)."""
    queries = finder.model.encode_queries(finder.keywords)
    scores = np.empty((len(heard), len(queries)))
    with progress("Searching", len(heard)) as advance:
        for batch in in_order(np.array([len(frames) for frames in heard]), BATCH):
            logits = finder.detect(*pad([heard[u] for u in batch]), queries)
            scores[batch] = logits.double().sigmoid().cpu().numpy()
            advance(len(batch))
    return scores


@torch.no_grad()
def locations(finder: Finder, heard: Sequence[Frames], wanted: Bools) -> Floats:
    """Locations in seconds where they are wanted, NaN elsewhere: shape = (U, W)."""
    times_s = np.full(wanted.shape, np.nan)
    queries = finder.model.encode_queries(finder.keywords)
    asked = np.flatnonzero(wanted.any(axis=1)).tolist()
    with progress(f"Locating by {finder.localisation}", len(asked)) as advance:
        for u in asked:
            located = finder.locate(*pad([heard[u]]), queries[torch.from_numpy(wanted[u])])
            times_s[u, wanted[u]] = located.locations_s()[0].double().cpu().numpy()
            advance()
    return times_s
