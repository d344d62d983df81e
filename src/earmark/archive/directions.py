"""Where vectors point: each brought to length 1."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vectors = TypeVar("Vectors", npt.NDArray[np.float32], npt.NDArray[np.float64])


def directed(vectors: Vectors) -> Vectors:
    """The same vectors (n, K), each of length 1; one of zeros, as silence has, stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    pointing: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return pointing
