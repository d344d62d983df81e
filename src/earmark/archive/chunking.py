"""How a recording is cut: into pieces that are heard one by one, and these into windows, each one utterance.

Windows overlap by more than any word is long, so that none is cut in both. A piece owns the windows that start in it;
its last ones reach into the piece that follows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earmark.core.timing import s_to_samples

WINDOW_S = 4.0
HOP_S = 2.0  # between the starts of two windows
PIECE_S = 300.0  # a whole number of hops; what a stop loses is at most what is being heard

OVERLAP_S = WINDOW_S - HOP_S


def count_pieces(duration_s: float) -> int:
    """Pieces of a recording. What is left over at its end and holds no window of its own belongs to the last."""
    return max(1, math.ceil((duration_s - OVERLAP_S) / PIECE_S - 1e-9))


def begin_s(number: int) -> float:
    """Where a piece begins."""
    return number * PIECE_S


def piece_at(time_s: float) -> int:
    """The piece that a moment lies in; at the end of a recording, the one before may reach there instead."""
    return max(0, int(time_s // PIECE_S))


def bounds_s(number: int, duration_s: float) -> tuple[float, float]:
    """Start and end of a piece, without what its last windows hear of the next one."""
    last = number + 1 >= count_pieces(duration_s)
    return begin_s(number), duration_s if last else begin_s(number + 1)


def window_starts(samples: int) -> list[int]:
    """First sample of each window of a piece that has so many samples, its overlap with the next one included."""
    hop, overlap = s_to_samples(HOP_S), s_to_samples(OVERLAP_S)
    return list(range(0, max(min(samples - overlap, s_to_samples(PIECE_S)), 1), hop))


def count_windows(duration_s: float) -> int:
    """Windows of a whole recording; number n starts ``n * HOP_S`` seconds after it."""
    return max(1, math.ceil((duration_s - OVERLAP_S) / HOP_S - 1e-9))


def window_of(times_s: npt.NDArray[np.float64], windows: int) -> npt.NDArray[np.int64]:
    """Which window of a piece hears each moment farthest from its edges, of those that were cut.

    Parameters
    ----------
    times_s : numpy.ndarray, shape = (n,)
        From the start of the piece.
    windows : int
    """
    return np.clip((times_s - OVERLAP_S / 2) // HOP_S, 0, windows - 1).astype(np.int64)
