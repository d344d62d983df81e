"""What is left to judge, in the order that the judgements so far suggest.

Rocchio's relevance feedback (1971) on frame embeddings: hits that sound like what was accepted come first, those that
sound like what was rejected come last. With z_i the standardised log odds of a hit's detection score, x_i the mean of
its frames, less the mean of all hits, and directions y and n of the accepted and the rejected ones, in [0, 1] the trust
t(k) = k / (k + 2) in k judgements,

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
from earmark.archive.judgements import Judgement, judgements
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import recordings

WEIGHT = 3.0  # standard deviations of the log odds that one unit of likeness is worth
DOUBT = 2.0  # judgements that weigh as much as none
ACCEPTED = {"yes": 1.0, "related": 0.5, "no": 0.0}  # what is related sounds half like it
SURE = 1e-9

Floats = npt.NDArray[np.float64]


def rerank(archive: Archive, key: str, found: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """The same hits: the judged ones in their order, then the others, those first that judgements speak for.

    Parameters
    ----------
    archive : Archive
    key : str
        Of :func:`earmark.archive.review.query_key`.
    found : sequence of Found
        With their verdicts, the best first.
    """
    said = judgements(archive, key)
    left = [one for one in found if one.verdict is None]
    if not said or not left:
        return list(found)
    positions = [(one.position.recording, one.position.channel, one.hit.start_s, one.hit.end_s) for one in left]
    judged = [(one.position.recording, one.position.channel, one.start_s, one.end_s) for one in said]
    vectors = embeddings(archive, [*positions, *judged])
    scores = np.array([one.hit.score for one in left])
    order = in_order(scores, vectors[: len(left)], vectors[len(left) :], _accepted(said))
    return [one for one in found if one.verdict is not None] + [left[i] for i in order]


def in_order(scores: Floats, left: Floats, judged: Floats, accepted: Floats) -> list[int]:
    """The order of what is left.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (n,)
        Detection scores.
    left, judged : numpy.ndarray, shape = (n, K) and (m, K)
        Embeddings of the hits that are left, and of those that were judged; not all zero.
    accepted : numpy.ndarray, shape = (m,)
        How far each of these was accepted, in [0, 1].

    Returns
    -------
    list of int
        Hits that tie keep their order.
    """
    odds = np.clip(scores, SURE, 1 - SURE)
    logits = np.log(odds) - np.log1p(-odds)
    usual = np.concatenate([left, judged]).mean(axis=0)
    likeness = _likeness(left - usual, judged - usual, accepted) - _likeness(left - usual, judged - usual, 1 - accepted)
    total = (logits - logits.mean()) / max(float(logits.std()), SURE) + WEIGHT * likeness
    return [int(i) for i in np.argsort(-total, kind="stable")]


def embeddings(archive: Archive, stretches: Sequence[tuple[int, int, float, float]]) -> Floats:
    """The mean frame of each stretch, of length 1: recording, channel, start and end in seconds to (n, K)."""
    with archive.reading() as connection:
        hashes = {row.id: row.sha256 for row in connection.execute(select(recordings.c.id, recordings.c.sha256))}
    means: list[Single | None] = []
    for recording, channel, start_s, end_s in stretches:
        middle_s, half_s = (start_s + end_s) / 2, max((end_s - start_s) / 2, archive.frames.step_s)
        frames = archive.frames.stretch(hashes[recording], channel, max(0.0, middle_s - half_s), middle_s + half_s)
        means.append(frames.mean(axis=0) if len(frames) else None)
    width = next((len(mean) for mean in means if mean is not None), 0)
    return l2_normalise(np.array([np.zeros(width) if mean is None else mean for mean in means], dtype=np.float64))


def _likeness(left: Floats, judged: Floats, weights: Floats) -> Floats:
    """How far each hit sounds like the judged ones, by their weights: cosines, as far as these can be trusted."""
    trust = float(weights.sum() / (weights.sum() + DOUBT))
    cosines: Floats = l2_normalise(left) @ l2_normalise((weights @ judged)[None])[0]
    return trust * cosines


def _accepted(said: Sequence[Judgement]) -> Floats:
    return np.array([ACCEPTED[one.verdict] for one in said])
