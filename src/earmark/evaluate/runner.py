"""Evaluation: a model, a split of a corpus, and everything that is measured of the two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from earmark import __version__
from earmark.corpus import Corpus, Utterance
from earmark.evaluate.gather import gather_truth, measurable
from earmark.evaluate.measures import measure
from earmark.evaluate.truth import Predictions, Truth
from earmark.features.padding import in_order, pad
from earmark.features.store import load_features
from earmark.files import write_text
from earmark.finder import Finder
from earmark.progress import progress

SCHEMA_VERSION = 1
BATCH = 16


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
    predictions = predict(finder, corpus, split, rows)
    vocabulary = finder.checkpoint.vocabulary
    truth = gather_truth(utterances, vocabulary)
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


@torch.no_grad()
def predict(finder: Finder, corpus: Corpus, split: str, rows: Sequence[int]) -> Predictions:
    """Detection scores and locations of the whole vocabulary in the utterances `rows` of a split."""
    features = load_features(corpus, split, finder.checkpoint.recipe.features)
    queries = finder.model.encode_queries(finder.keywords)
    scores = np.empty((len(rows), len(finder.keywords)))
    times_s = np.empty_like(scores)
    with progress(f"Searching {split}", len(rows)) as advance:
        for batch in in_order(features.lengths[rows], BATCH):
            frames, lengths = pad([features[rows[u]] for u in batch])
            located = finder.locate(frames, lengths, queries)
            scores[batch] = located.detection.double().sigmoid().cpu().numpy()
            times_s[batch] = located.locations_s().double().cpu().numpy()
            advance(len(batch))
    return Predictions(scores, times_s)
