"""Small vectors of speech, eight a second, by which places for a spoken query are found fast.

Projected frames (:class:`earmark.localisation.spoken_queries.SpokenSpace`) are averaged in short groups; the first
dimensions of each mean, which tell sounds apart best, and how common it is are stored as bytes. A query is averaged in
the same way and aligned with all vectors of an archive as with frames. The best places are then scored exactly.

Tokens (k-means of the same means, also by product quantisation) are smaller, but lost several times as many of the
places that an alignment with all frames finds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.core.threads import on_all_cores
from earmark.localisation.spoken_queries import Single, SpokenSpace, align, similarity_coefficients

GROUP_S = 0.12  # of frames that are averaged
DIMENSION = 64  # of them that are stored
COMMON_SCALE = 127 / 2  # of a commonness, which is at most 1; silence is stored as 2
AT_ONCE = 8192  # vectors, so that what is computed of them stays in the processor's cache

Bytes = npt.NDArray[np.int8]


def group_size(step_s: float) -> int:
    """How many frames a vector stands for."""
    return max(1, round(GROUP_S / step_s))


def pooled(projected: Single, size: int) -> Single:
    """Means of groups of `size` projected frames: (t, D + 1) to (u, D + 1)."""
    if not len(projected):
        return projected
    starts = np.arange(0, len(projected), size)
    counts = np.diff(np.append(starts, len(projected)))
    return (np.add.reduceat(projected, starts, axis=0) / counts[:, None]).astype(np.float32)


class SmallVectors:
    """What small vectors of a space are made and compared by.

    Parameters
    ----------
    space : SpokenSpace
    step_s : float
        Seconds between two frames.
    """

    def __init__(self, space: SpokenSpace, step_s: float) -> None:
        self.size = group_size(step_s)
        self._dimension = min(DIMENSION, space.projection.shape[1])
        self._scale = 127 / max(float(np.abs(space.background[:, : self._dimension]).max()), 1e-6)

    def of(self, projected: Single) -> Bytes:
        """Projected frames (t, D + 1) to vectors (u, DIMENSION + 1)."""
        means = pooled(projected, self.size)
        scaled = np.concatenate([means[:, : self._dimension] * self._scale, means[:, -1:] * COMMON_SCALE], axis=1)
        scaled[~means.any(axis=1), -1] = 127
        vectors: Bytes = np.clip(np.round(scaled), -127, 127).astype(np.int8)
        return vectors

    def align(self, query: Single, vectors: Bytes) -> Single:
        """Score of the best alignment of a query (m, D + 1) that ends at each vector (u, DIMENSION + 1): (u,)."""
        whole = np.pad(similarity_coefficients(query), ((0, -len(query) % self.size), (0, 0)))
        means = pooled(whole, self.size)  # of which the last counts by how many frames it has
        of_cosines, of_commonness = means[:, : self._dimension] / self._scale, means[:, -2:-1] / COMMON_SCALE
        coefficients = np.concatenate([of_cosines, of_commonness], axis=1)
        scores = np.empty(len(vectors), np.float32)
        reach = 2 * (len(means) - 1)

        def fill(first: int) -> None:
            begin = max(0, first - reach)
            # With the few rows of the query on the right, the product takes half as long.
            products = vectors[begin : first + AT_ONCE].astype(np.float32) @ coefficients.T
            similarity = np.add(products.T, means[:, -1:], order="C")
            scores[first : first + AT_ONCE] = align(similarity)[first - begin :]

        on_all_cores(fill, range(0, len(vectors), AT_ONCE))
        return scores
