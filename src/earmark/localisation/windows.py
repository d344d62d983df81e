"""How a recording is cut: into chunks that are processed one by one, and these into windows, each one utterance.

`find` and archives share this policy, so both give the same hits for a recording. Windows overlap by more than any word
is long, so each word lies whole in at least one. A chunk owns the windows that start in it; its last window reaches
into the next chunk.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earmark.core.timing import s_to_samples

WINDOW_S = 4.0
HOP_S = 2.0  # between the starts of two windows
CHUNK_S = 300.0  # a whole number of hops; an interrupted run loses at most the chunks in progress

OVERLAP_S = WINDOW_S - HOP_S


def count_chunks(duration_s: float) -> int:
    """Chunks of a recording. A rest at its end that holds no window of its own belongs to the last."""
    return max(1, math.ceil((duration_s - OVERLAP_S) / CHUNK_S - 1e-9))


def chunk_start_s(number: int) -> float:
    """Start of a chunk in its recording."""
    return number * CHUNK_S


def chunk_at(time_s: float) -> int:
    """Number of the chunk in which a time lies; at the end of a recording, the chunk before may reach there instead."""
    return max(0, int(time_s // CHUNK_S))


def chunk_bounds_s(number: int, duration_s: float) -> tuple[float, float]:
    """Start and end of a chunk, without the part of the next one that its last window covers."""
    last = number + 1 >= count_chunks(duration_s)
    return chunk_start_s(number), duration_s if last else chunk_start_s(number + 1)


def window_starts(samples: int) -> list[int]:
    """First sample of each window of a chunk that has so many samples, its overlap with the next one included."""
    hop, overlap = s_to_samples(HOP_S), s_to_samples(OVERLAP_S)
    return list(range(0, max(min(samples - overlap, s_to_samples(CHUNK_S)), 1), hop))


def count_windows(duration_s: float) -> int:
    """Windows of a whole recording; number n starts at ``n * HOP_S`` seconds."""
    return max(1, math.ceil((duration_s - OVERLAP_S) / HOP_S - 1e-9))


def chunk_windows(number: int, duration_s: float) -> range:
    """Numbers of a recording's windows that start in a chunk."""
    first, end = (round(edge_s / HOP_S) for edge_s in (chunk_start_s(number), chunk_start_s(number + 1)))
    return range(first, min(end, count_windows(duration_s)))


def window_of(times_s: npt.NDArray[np.float64], windows: int) -> npt.NDArray[np.int64]:
    """Which window of a chunk covers each time with the most context on both sides.

    Parameters
    ----------
    times_s : numpy.ndarray, shape = (n,)
        From the start of the chunk.
    windows : int
        Windows of the chunk.
    """
    return np.clip((times_s - OVERLAP_S / 2) // HOP_S, 0, windows - 1).astype(np.int64)


def frames_between(start_s: float, end_s: float, step_s: float, count: int) -> tuple[int, int]:
    """First frame, and the one after the last, whose centres lie from `start_s` to `end_s` of their chunk.

    Frame i of a chunk has its centre at ``(i + 0.5) * step_s`` seconds from the chunk's start.
    """
    first, end = (max(0, math.ceil(edge_s / step_s - 0.5 - 1e-6)) for edge_s in (start_s, end_s))
    return min(first, count), min(end, count)
