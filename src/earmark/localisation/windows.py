"""How a recording is cut: into chunks that are processed one by one, and these into windows, each one utterance.

`find` and archives share this policy, so both give the same hits for a recording. Windows overlap by more than any word
is long, so each word lies whole in at least one. A chunk owns the windows that start in it; its last window reaches
into the next chunk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.core.timing import s_to_samples

WINDOW_S = 4.0
HOP_S = 2.0  # between the starts of two windows
CHUNK_S = 300.0  # a whole number of hops; an interrupted run loses at most the chunks in progress

OVERLAP_S = WINDOW_S - HOP_S


@dataclass(frozen=True)
class Timeline:
    """Where the sound of a recording lies in it, and so its chunks and windows.

    Both are counted from where the sound begins, so that the same sound is cut in the same way wherever it begins in
    its film.

    Attributes
    ----------
    duration_s : float
        Of the recording.
    start_s : float
        Where its sound begins.
    """

    duration_s: float
    start_s: float = 0.0

    @property
    def chunks(self) -> int:
        """Number of chunks. A rest at the end that holds no window of its own belongs to the last."""
        return max(1, math.ceil((self._sound_s - OVERLAP_S) / CHUNK_S - 1e-9))

    @property
    def windows(self) -> int:
        """Number of windows."""
        return max(1, math.ceil((self._sound_s - OVERLAP_S) / HOP_S - 1e-9))

    @property
    def _sound_s(self) -> float:
        return self.duration_s - self.start_s

    def chunk_start_s(self, number: int) -> float:
        """Start of a chunk in the recording."""
        return self.start_s + number * CHUNK_S

    def chunk_bounds_s(self, number: int) -> tuple[float, float]:
        """Start and end of a chunk, without the part of the next one that its last window covers."""
        last = number + 1 >= self.chunks
        return self.chunk_start_s(number), self.duration_s if last else self.chunk_start_s(number + 1)

    def chunk_at(self, time_s: float) -> int:
        """Number of the chunk in which a time lies; at the end, the chunk before may reach there instead."""
        return max(0, int((time_s - self.start_s) // CHUNK_S))

    def chunk_windows(self, number: int) -> range:
        """Numbers of the windows that start in a chunk."""
        first, end = (round(edge * CHUNK_S / HOP_S) for edge in (number, number + 1))
        return range(first, min(end, self.windows))

    def window_start_s(self, number: int) -> float:
        """Start of a window in the recording."""
        return self.start_s + number * HOP_S

    def windows_around(self, start_s: float, end_s: float) -> range:
        """Numbers of the windows that overlap a segment of the recording."""
        first = max(0, int((start_s - self.start_s - WINDOW_S) // HOP_S) + 1)
        last = max(0, min(int((end_s - self.start_s) // HOP_S), self.windows - 1))
        return range(min(first, last), last + 1)


def window_starts(samples: int) -> list[int]:
    """First sample of each window of a chunk that has so many samples, its overlap with the next one included."""
    hop, overlap = s_to_samples(HOP_S), s_to_samples(OVERLAP_S)
    return list(range(0, max(min(samples - overlap, s_to_samples(CHUNK_S)), 1), hop))


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
