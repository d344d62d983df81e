"""Relevance feedback: re-rank the unjudged hits of a query by the judgements so far.

Rocchio's method (1971) on frame embeddings: hits that sound like accepted ones move up, hits that sound like rejected
ones move down. With z_i the standardised log odds of a hit's detection score, x_i the mean of its frames less the mean
of all hits, y and n the directions of the accepted and the rejected hits, and t(k) = k / (k + 2), in [0, 1], the
confidence in k judgements,

    z_i + WEIGHT * (t(accepted) cos(x_i, y) - t(rejected) cos(x_i, n)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from earmark.archive.ann_index import l2_normalise
from earmark.archive.archive import Archive
from earmark.archive.frame_store import Single
from earmark.archive.judgements import Judgement
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import recordings

WEIGHT = 3.0  # standard deviations of the log odds that a similarity of 1 is worth
PRIOR_JUDGEMENTS = 2.0  # pseudo-count: so many judgements have a confidence of one half
RELEVANCE = {"yes": 1.0, "related": 0.5, "no": 0.0}
EPSILON = 1e-9

Floats = npt.NDArray[np.float64]


def rerank(archive: Archive, hits: Sequence[ArchiveHit], judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """Put the judged hits first, in their order, then the others by relevance feedback.

    Parameters
    ----------
    archive : Archive
    hits : sequence of ArchiveHit
        With their verdicts, by falling detection score.
    judged : sequence of Judgement
        All judgements of the query.
    """
    unjudged = [hit for hit in hits if hit.verdict is None]
    if not judged or not unjudged:
        return list(hits)
    segments = [(*hit.position[:2], hit.hit.start_s, hit.hit.end_s) for hit in unjudged]
    segments += [(*judgement.position[:2], judgement.start_s, judgement.end_s) for judgement in judged]
    vectors = mean_embeddings(archive, segments)
    scores = np.array([hit.hit.score for hit in unjudged])
    relevance = np.array([RELEVANCE[judgement.verdict] for judgement in judged])
    order = rocchio_order(scores, vectors[: len(unjudged)], vectors[len(unjudged) :], relevance)
    return [hit for hit in hits if hit.verdict is not None] + [unjudged[i] for i in order]


def rocchio_order(scores: Floats, unjudged: Floats, judged: Floats, relevance: Floats) -> list[int]:
    """Indices of the unjudged hits by falling relevance; hits that tie keep their order.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (n,)
        Detection scores of the unjudged hits.
    unjudged, judged : numpy.ndarray, shape = (n, K) and (m, K)
        Embeddings of the hits; not all zero.
    relevance : numpy.ndarray, shape = (m,)
        Of each judged hit, in [0, 1].
    """
    clipped = np.clip(scores, EPSILON, 1 - EPSILON)
    logits = np.log(clipped) - np.log1p(-clipped)
    mean = np.concatenate([unjudged, judged]).mean(axis=0)
    centred, examples = unjudged - mean, judged - mean
    feedback = _similarity(centred, examples, relevance) - _similarity(centred, examples, 1 - relevance)
    total = (logits - logits.mean()) / max(float(logits.std()), EPSILON) + WEIGHT * feedback
    return [int(i) for i in np.argsort(-total, kind="stable")]


def mean_embeddings(archive: Archive, segments: Sequence[tuple[int, int, float, float]]) -> Floats:
    """L2-normalised mean frame (n, K) of n segments, given as recording, channel, start and end in seconds."""
    statement = select(recordings.c.id, recordings.c.sha256)
    numbers = {recording for recording, *_ in segments}
    with archive.reading() as connection:
        hashes = {row.id: row.sha256 for row in connection.execute(statement.where(recordings.c.id.in_(numbers)))}
    means: list[Single | None] = []
    for recording, channel, start_s, end_s in segments:
        centre_s, half_s = (start_s + end_s) / 2, max((end_s - start_s) / 2, archive.frames.step_s)
        frames = archive.frames.segment(hashes[recording], channel, max(0.0, centre_s - half_s), centre_s + half_s)
        means.append(frames.mean(axis=0) if len(frames) else None)
    width = next((len(mean) for mean in means if mean is not None), 0)
    return l2_normalise(np.array([np.zeros(width) if mean is None else mean for mean in means], dtype=np.float64))


def _similarity(unjudged: Floats, judged: Floats, weights: Floats) -> Floats:
    """Cosine (n,) to the weighted sum of the judged embeddings, scaled by the confidence in so many judgements."""
    confidence = float(weights.sum() / (weights.sum() + PRIOR_JUDGEMENTS))
    cosines: Floats = l2_normalise(unjudged) @ l2_normalise((weights @ judged)[None])[0]
    return confidence * cosines
