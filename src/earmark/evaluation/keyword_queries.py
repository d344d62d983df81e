"""Predictions for written queries: detection scores of the whole vocabulary, and locations where they count.

A method whose cost does not grow with the number of queries gives scores and locations of all keywords from one
encoding of each batch. For the others (input masking) all utterances are scored first, and then only those cells are
localised that a measure or a report can use: where the keyword is spoken, or ranks high.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from earmark.core.progress import progress
from earmark.evaluation.agreement import BEST_RANKED
from earmark.evaluation.data import Bools, Floats, Predictions
from earmark.evaluation.location_cache import Locate, LocationCache, cache_key
from earmark.evaluation.predictions import SplitFeatures, clip_to_end
from earmark.localisation.spotter import KeywordSpotter


def predict_keywords(
    spotter: KeywordSpotter, split: SplitFeatures, present: Bools, cache: Path | None = None
) -> Predictions:
    """Detection scores and locations of the W keywords in U utterances.

    Parameters
    ----------
    spotter : KeywordSpotter
    split : SplitFeatures
    present : numpy.ndarray, shape = (U, W), bool
        Where the keywords are spoken.
    cache : Path, optional
        File in which a method whose cost grows with the number of queries stores locations, to resume from.
    """
    if not spotter.cost_grows_with_queries:
        scores, times_s = scores_and_locations(spotter, split)
        return Predictions(scores, np.where(cells_to_localise(present, scores), times_s, np.nan))
    scores = detection_scores(spotter, split)
    locate: Locate = partial(locate_batch, spotter, split)
    if cache:
        locate = LocationCache(cache, cache_key(spotter, split.utterances)).cached(locate)
    return Predictions(scores, locations(spotter, split, cells_to_localise(present, scores), locate))


def cells_to_localise(present: Bools, scores: Floats) -> Bools:
    """The cells whose location can count: where the keyword is spoken, or ranks high.

    A location is right only where the keyword is spoken; the words in which a keyword is commonly located are counted
    over the utterances that rank high.

    Parameters
    ----------
    present : numpy.ndarray, shape = (U, W), bool
    scores : numpy.ndarray, shape = (U, W)

    Returns
    -------
    numpy.ndarray, shape = (U, W), bool
    """
    rank = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0)
    return present | (rank < BEST_RANKED)


@torch.no_grad()
def scores_and_locations(spotter: KeywordSpotter, split: SplitFeatures) -> tuple[Floats, Floats]:
    """Detection scores and locations of all keywords, each of shape (U, W), from one encoding of each batch."""
    queries = spotter.model.encode_queries(spotter.keywords)
    scores, times_s = (np.empty((len(split), len(spotter.keywords))) for _ in range(2))
    with progress(f"Detecting, and locating by {spotter.localisation}", len(split)) as advance:
        for batch in split.batches():
            features, lengths = split.padded(batch)
            found = spotter.localise_encoded(spotter.encode(features, lengths), queries)
            scores[batch] = found.detection.double().sigmoid().cpu().numpy()
            times_s[batch] = clip_to_end(spotter, found.locations_s().double().cpu().numpy(), lengths)
            advance(len(batch))
    return scores, times_s


@torch.no_grad()
def detection_scores(spotter: KeywordSpotter, split: SplitFeatures) -> Floats:
    """Detection scores of all keywords, shape = (U, W)."""
    queries = spotter.model.encode_queries(spotter.keywords)
    scores = np.empty((len(split), len(spotter.keywords)))
    with progress("Detecting", len(split)) as advance:
        for batch in split.batches():
            logits = spotter.detect(spotter.encode(*split.padded(batch)), queries)
            scores[batch] = logits.double().sigmoid().cpu().numpy()
            advance(len(batch))
    return scores


def locations(spotter: KeywordSpotter, split: SplitFeatures, cells: Bools, locate: Locate) -> Floats:
    """Locations in seconds in some cells (U, W), NaN elsewhere: shape = (U, W).

    A method whose cost grows with the number of queries gets one utterance at a time, and only the keywords that are to
    be localised in it.
    """
    times_s = np.full(cells.shape, np.nan)
    with progress(f"Locating by {spotter.localisation}", len(split)) as advance:
        for batch in split.batches(1) if spotter.cost_grows_with_queries else split.batches():
            keywords = np.flatnonzero(cells[batch].any(axis=0))
            times_s[np.ix_(np.array(batch), keywords)] = locate(batch, keywords.tolist())
            advance(len(batch))
    return np.where(cells, times_s, np.nan)


@torch.no_grad()
def locate_batch(
    spotter: KeywordSpotter, split: SplitFeatures, batch: Sequence[int], keywords: Sequence[int]
) -> Floats:
    """Locations (B, Q) of some keywords in a batch, in seconds, none after an utterance's end."""
    features, lengths = split.padded(batch)
    queries = spotter.model.encode_queries([spotter.keywords[w] for w in keywords])
    found = spotter.localise_encoded(spotter.encode(features, lengths), queries)
    times_s: Floats = found.locations_s().double().cpu().numpy()
    return clip_to_end(spotter, times_s, lengths)
