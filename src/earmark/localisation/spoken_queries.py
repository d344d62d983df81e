"""Spoken queries: where in a recording are frames like those of an example?

Frames are compared in a *space* that is learned from untranscribed speech of the collection itself, without any labels
(:func:`learn_space`). In it the similarity of a query's frame q with a frame x is their cosine, less how similar each
of them is to speech at large,

    s(q, x) = w(q) (cos(q, x) - c(q) - c(x)),

with c the mean cosine with the nearest twentieth of a sample of the collection's frames: what resembles everything is
no evidence (hubness; after the cross-domain similarity local scaling of Conneau et al. 2018). Frames of a query that
are rare weigh more: w(q) is 0.9 - c(q), at least 0.05, over its mean in the query. An example of m frames is aligned
with the recording by dynamic programming. Each of its frames takes part once; from one to the next, the recording
stands still or advances by one or two frames:

    A[i, t] = s(q_i, x_t) + max(A[i - 1, t], A[i - 1, t - 1], A[i - 1, t - 2]),    score at end t = A[m - 1, t] / m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Single = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FEW = 64  # dimensions, of cepstra and energies: these are standardised and nothing else, which is better for them
PRINCIPAL = 250  # components that are kept of the frames, scaled by the square root of their deviations
DIMENSION = 128  # of the space
SEGMENT_S = 0.29  # of the segments that are paired with one another
QUERIES, SEGMENTS = 3000, 20_000  # segments that are paired, and those among which their pairs are sought
BEST_PAIRS = 0.3  # of the pairs, the most similar are taken to be the same sounds
SHRINKAGE = 0.1  # of the covariance within pairs, towards a multiple of the identity
BACKGROUND = 2000  # frames of speech at large
NEAREST = 0.05  # of these, how many count
RARE, LEAST = 0.9, 0.05  # a frame of a query weighs RARE less how common it is, and at least LEAST
TINY = 1e-6


@dataclass(frozen=True)
class SpokenSpace:
    """A linear map of frames under which the same sounds are near, and speech at large.

    Attributes
    ----------
    mean : numpy.ndarray, shape = (K,)
    projection : numpy.ndarray, shape = (K, D)
    background : numpy.ndarray, shape = (B, D)
        Unit vectors of frames of the collection.
    """

    mean: Single
    projection: Single
    background: Single

    def project(self, frames: Single) -> Single:
        """Frames (t, K) to unit vectors with their commonness c as a last number, (t, D + 1); silence to zeros."""
        vectors = _unit((frames - self.mean) @ self.projection)
        projected = np.concatenate([vectors, self._commonness(vectors)[:, None]], axis=1)
        projected[~frames.any(axis=1)] = 0
        return projected

    def _commonness(self, vectors: Single) -> Single:
        """Mean cosine with the nearest of the background, shape = (t,)."""
        count = max(1, round(NEAREST * len(self.background)))
        parts = [np.zeros(0, np.float32)]
        for first in range(0, len(vectors), 4096):
            cosines = vectors[first : first + 4096] @ self.background.T
            parts.append(np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1))
        return np.concatenate(parts)


def learn_space(stretches: Sequence[Single], step_s: float, seed: int = 0) -> SpokenSpace:
    """Learn a space from stretches of untranscribed speech.

    Principal components of the frames come first, each scaled by the square root of its deviation. Short segments are
    then paired with the most similar segment of another stretch; the most similar pairs are taken to be the same
    sounds, and what differs within them is voice, context and chance. The space is the linear discriminant analysis of
    frames against that. Frames of few dimensions, such as MFCC, are standardised alone.

    Parameters
    ----------
    stretches : sequence of numpy.ndarray, each of shape = (t, K)
        Frames; those of skipped silence are zero and are left out.
    step_s : float
        Seconds between two frames.
    seed : int
        Of the segments that are drawn.
    """
    rng = np.random.default_rng(seed)
    spoken = [frames[frames.any(axis=1)].astype(np.float32) for frames in stretches]
    frames = np.concatenate(spoken)
    if frames.shape[1] <= FEW:
        mean, scale = frames.mean(axis=0), frames.std(axis=0) + TINY
        return _with_background(mean, np.diag(1 / scale).astype(np.float32), frames, rng)
    mean, whitening = _principal_components(frames)
    reduced = [_unit((part - mean) @ whitening) for part in spoken]
    within = _covariance_within_pairs(reduced, max(2, round(SEGMENT_S / step_s)), rng)
    if within is None:
        discriminant = np.eye(whitening.shape[1], dtype=np.float32)[:, :DIMENSION]
    else:
        discriminant = _discriminant(np.concatenate(reduced), within)
    # The second map is linear on unit vectors; without their lengths, which vary little, it is applied to the first's.
    projection = (whitening @ discriminant).astype(np.float32)
    return _with_background(mean, projection, frames, rng)


def _with_background(mean: Single, projection: Single, frames: Single, rng: np.random.Generator) -> SpokenSpace:
    sample = frames[rng.choice(len(frames), min(BACKGROUND, len(frames)), replace=False)]
    return SpokenSpace(mean, projection, _unit((sample - mean) @ projection))


def _principal_components(frames: Single) -> tuple[Single, Single]:
    """Mean frame (K,), and the map (K, P) to standardised principal components, each over the root of its deviation."""
    mean, deviation = frames.mean(axis=0), frames.std(axis=0) + TINY
    standard = (frames - mean) / deviation
    variances, directions = np.linalg.eigh(standard.T @ standard / len(standard))
    order = np.argsort(-variances)[: min(PRINCIPAL, len(variances))]
    scale = np.maximum(variances[order], TINY) ** -0.25
    return mean, (directions[:, order] * scale / deviation[:, None]).astype(np.float32)


def _covariance_within_pairs(stretches: Sequence[Single], length: int, rng: np.random.Generator) -> Single | None:
    """Covariance (P, P) of frames about the middle of their pair; None of too little speech."""
    places = [(i, first) for i, part in enumerate(stretches) for first in range(0, len(part) - length, 3)]
    if len({i for i, _ in places}) < 2 or len(places) < 50:
        return None
    chosen = rng.choice(len(places), min(SEGMENTS, len(places)), replace=False)
    segments = _unit(np.stack([_segment(stretches, places[i], length).ravel() for i in chosen]))
    owner = np.array([places[i][0] for i in chosen])
    queries = np.arange(min(QUERIES, len(chosen)))
    similarity, partner = np.empty(len(queries), np.float32), np.empty(len(queries), np.int64)
    for first in range(0, len(queries), 500):
        some = queries[first : first + 500]
        cosines = segments[some] @ segments.T
        cosines[owner[some][:, None] == owner[None]] = -2
        partner[some] = cosines.argmax(axis=1)
        similarity[some] = cosines.max(axis=1)
    best = np.argsort(-similarity)[: max(1, round(BEST_PAIRS * len(queries)))]
    differences = np.concatenate(
        [
            _segment(stretches, places[chosen[q]], length) - _segment(stretches, places[chosen[partner[q]]], length)
            for q in best
        ]
    )
    within: Single = differences.T @ differences / len(differences) / 2
    return within


def _segment(stretches: Sequence[Single], place: tuple[int, int], length: int) -> Single:
    stretch, first = place
    return stretches[stretch][first : first + length]


def _discriminant(frames: Single, within: Single) -> Single:
    """Directions (P, D) in which frames differ most for how much they differ within pairs, at unit variance there."""
    centred = frames - frames.mean(axis=0)
    total = centred.T @ centred / len(centred)
    size = len(within)
    shrunk = within + SHRINKAGE * np.trace(within) / size * np.eye(size)
    inverse = np.linalg.inv(np.linalg.cholesky(shrunk))
    variances, directions = np.linalg.eigh(inverse @ total @ inverse.T)
    order = np.argsort(-variances)[:DIMENSION]
    discriminant: Single = (inverse.T @ directions[:, order]).astype(np.float32)
    return discriminant


def similarities(query: Single, frames: Single) -> Single:
    """Similarity s of each frame of a query with each of a recording, both projected: (m, D + 1), (t, D + 1) to (m, t).

    Silence is like nothing.
    """
    coefficients = similarity_coefficients(query)
    result: Single = coefficients[:, :-1] @ frames.T
    result += coefficients[:, -1:]
    result[:, is_silent(frames)] = -2
    return result


def similarity_coefficients(query: Single) -> Single:
    """Coefficients by which s is linear in projected frames x, and its constant: (m, D + 1) to (m, D + 2).

    s(q, x) is the product of all but the last coefficient of q with x, plus the last.
    """
    commonness = query[:, -1:]
    weights = np.maximum(LEAST, RARE - commonness)
    weights /= weights.mean()
    return np.concatenate([weights * query[:, :-1], -weights, -weights * commonness], axis=1)


def is_silent(frames: Single) -> npt.NDArray[np.bool_]:
    """Which of some projected frames are silence, all zeros: (..., D + 1) to (...)."""
    silent: npt.NDArray[np.bool_] = frames[..., -1] == 0  # of speech hardly ever: the rest of few frames is read
    silent[silent] = ~frames[silent].any(axis=-1)
    return silent


def align(similarity: Single) -> Single:
    """Score of the best alignment that ends at each frame of recordings: (m, ..., t) to (..., t)."""
    best = similarity[0].copy()
    for row in similarity[1:]:
        before = best.copy()
        np.maximum(best[..., 1:], before[..., :-1], out=best[..., 1:])
        np.maximum(best[..., 2:], before[..., :-2], out=best[..., 2:])
        best += row
    scores: Single = best / np.float32(len(similarity))
    return scores


def align_with_starts(similarity: Single) -> tuple[Single, Ints]:
    """Scores as of :func:`align`, and the frames at which those alignments start: (m, ..., t) to (..., t) twice.

    Of equally good alignments it is the one that, traced back from its end, advances by less.
    """
    best = similarity[0].copy()
    starts = np.broadcast_to(np.arange(best.shape[-1]), best.shape).copy()
    for row in similarity[1:]:
        before, starts_before = best.copy(), starts.copy()
        for by in (1, 2):
            better = before[..., :-by] > best[..., by:]
            np.copyto(best[..., by:], before[..., :-by], where=better)
            np.copyto(starts[..., by:], starts_before[..., :-by], where=better)
        best += row
    scores: Single = best / np.float32(len(similarity))
    return scores, starts


def _unit(vectors: npt.NDArray[np.floating]) -> Single:
    """Vectors (n, D) of length 1."""
    unit: Single = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), TINY)).astype(np.float32)
    return unit
