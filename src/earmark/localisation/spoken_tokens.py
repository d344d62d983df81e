"""Tokens of speech: a small integer for each tenth of a second, by which places for a spoken query are found fast.

Projected frames (:class:`earmark.localisation.spoken_queries.SpokenSpace`) are averaged in short groups, and each mean
is stored as the numbers of its nearest centroids, one in each of a few parts of its dimensions (product quantisation,
Jégou et al. 2011; with one part, plain k-means tokens). The similarity of a query's group with a token is read from a
table with an entry a centroid, and the query is aligned with all tokens of an archive as with frames. The best places
are then scored exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.localisation.spoken_queries import Single

GROUP_S = 0.075  # of frames that are averaged
PARTS = 2  # of the dimensions, each with its own centroids
CENTROIDS = 1024  # a part
ITERATIONS = 12  # of k-means
SILENT_SIMILARITY = -2.0
AT_ONCE = 1 << 16  # tokens, so that what is computed of them stays in the processor's cache

Tokens = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float32]


def group_size(step_s: float) -> int:
    """How many frames a token stands for."""
    return max(1, round(GROUP_S / step_s))


def pooled(projected: Single, size: int) -> Single:
    """Means of groups of `size` projected frames: (t, D + 1) to (u, D + 1)."""
    if not len(projected):
        return projected
    starts = np.arange(0, len(projected), size)
    counts = np.diff(np.append(starts, len(projected)))
    return (np.add.reduceat(projected, starts, axis=0) / counts[:, None]).astype(np.float32)


@dataclass(frozen=True)
class Codebook:
    """Centroids by which means of projected frames become tokens.

    Attributes
    ----------
    centroids : tuple of numpy.ndarray, each of shape = (K, W)
        Of each part of the dimensions, in their order.
    """

    centroids: tuple[Single, ...]

    @classmethod
    def learn(cls, means: Single, seed: int = 0) -> Codebook:
        """Cluster means (n, D + 1) of groups of frames, by Lloyd's algorithm in each part."""
        rng = np.random.default_rng(seed)
        return cls(tuple(_kmeans(part, min(CENTROIDS, len(means)), rng) for part in np.array_split(means, PARTS, 1)))

    @property
    def silence(self) -> int:
        """The token of silence: one more than there are centroids."""
        return len(self.centroids[0])

    def tokens(self, means: Single) -> Tokens:
        """Tokens (u, PARTS) of means (u, D + 1)."""
        parts = np.split(means, np.cumsum([part.shape[1] for part in self.centroids])[:-1], axis=1)
        tokens = np.stack([_nearest(part, own) for part, own in zip(parts, self.centroids, strict=True)], axis=1)
        tokens[~means.any(axis=1)] = self.silence
        return tokens.astype(np.uint16)

    def tables(self, query: Single) -> Floats:
        """Similarity of each group of a query with each token: (q, D + 1) to (PARTS, q, K + 1), to be summed."""
        # s = 2 cos - c(q) - c(x), with c the last number: see earmark.localisation.spoken_queries.
        weights = np.concatenate([2 * query[:, :-1], np.full((len(query), 1), -1, np.float32)], axis=1)
        parts = np.split(weights, np.cumsum([part.shape[1] for part in self.centroids])[:-1], axis=1)
        tables = np.full((len(parts), len(query), self.silence + 1), SILENT_SIMILARITY / len(parts), np.float32)
        for table, part, centroids in zip(tables, parts, self.centroids, strict=True):
            table[:, : self.silence] = part @ centroids.T - query[:, -1:] / len(parts)
        return tables


def align_tokens(tables: Floats, tokens: Tokens) -> Floats:
    """Score of the best alignment of a query that ends at each token: (PARTS, q, K + 1) and (u, PARTS) to (u,).

    As :func:`earmark.localisation.spoken_queries.align`, from similarities of groups of frames.
    """
    scores = np.empty(len(tokens), np.float32)
    reach = 2 * (tables.shape[1] - 1)
    for first in range(0, len(tokens), AT_ONCE):
        begin = max(0, first - reach)
        block = tokens[begin : first + AT_ONCE].T.astype(np.intp)  # converted once; numpy would for each row
        best = _similarity(tables, block, 0)
        before = np.empty_like(best)
        for row in range(1, tables.shape[1]):
            before[:] = best
            np.maximum(best[1:], before[:-1], out=best[1:])
            np.maximum(best[2:], before[:-2], out=best[2:])
            best += _similarity(tables, block, row)
        scores[first : first + AT_ONCE] = best[first - begin :]
    scores /= tables.shape[1]
    return scores


def _similarity(tables: Floats, block: npt.NDArray[np.intp], row: int) -> Floats:
    total: Floats = tables[0, row].take(block[0])
    for table, part in zip(tables[1:], block[1:], strict=True):
        total += table[row].take(part)
    return total


def _kmeans(points: Single, count: int, rng: np.random.Generator) -> Single:
    centroids = points[np.sort(rng.choice(len(points), count, replace=False))].copy()
    for _ in range(ITERATIONS if len(points) > count else 0):
        nearest = _nearest(points, centroids)
        order = np.argsort(nearest, kind="stable")
        used, firsts = np.unique(nearest[order], return_index=True)
        sizes = np.diff(np.append(firsts, len(points)))
        centroids[used] = np.add.reduceat(points[order], firsts, axis=0) / sizes[:, None].astype(np.float32)
    return centroids


def _nearest(points: Single, centroids: Single) -> npt.NDArray[np.int64]:
    halves = (centroids**2).sum(axis=1) / 2
    nearest = np.empty(len(points), np.int64)
    for first in range(0, len(points), 4096):
        nearest[first : first + 4096] = (points[first : first + 4096] @ centroids.T - halves).argmax(axis=1)
    return nearest
