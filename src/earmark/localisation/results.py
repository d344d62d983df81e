"""What a keyword spotter says of an utterance, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Localisation:
    """Detection and localisation scores of Q queries in one utterance.

    Attributes
    ----------
    queries : tuple of str
        Names of the queries.
    scores : numpy.ndarray, shape = (Q,)
        Detection scores in [0, 1]: p(query occurs in the utterance).
    locations_s, starts_s, ends_s : numpy.ndarray, shape = (Q,)
        The single most likely place of each query, and the extent around it; seconds from the utterance's start.
    times_s : numpy.ndarray, shape = (T,)
        Times of the curves' values.
    curves : numpy.ndarray, shape = (Q, T)
        Localisation scores over time, in [0, 1].
    """

    queries: tuple[str, ...]
    scores: Floats
    locations_s: Floats
    starts_s: Floats
    ends_s: Floats
    times_s: Floats
    curves: Floats


@dataclass(frozen=True, eq=False)
class Embedding:
    """The frames of a speech encoder: what an archive stores of a recording.

    Attributes
    ----------
    vectors : numpy.ndarray, shape = (T, K), float32
    times_s : numpy.ndarray, shape = (T,)
        The centre of each frame, in seconds from the start of the sound.
    """

    vectors: npt.NDArray[np.float32]
    times_s: Floats
