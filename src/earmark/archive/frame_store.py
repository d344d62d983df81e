"""Store of the speech encoder's frames: one memory-mapped file a chunk.

Files are written atomically and named by their content, so that a file is complete, after a power cut too. An
interrupted run leaves at most a file that no row of the tables refers to, which the next run writes again.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.files import flush_folder, replacing
from earmark.localisation.windows import Timeline, frames_between

SIZE = np.dtype(np.float16).itemsize  # bytes of a number

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]


class FrameStore:
    """The frames of an archive's recordings.

    Frame i of chunk n has its centre at ``timeline.chunk_start_s(n) + (i + 0.5) * step_s`` seconds.

    Parameters
    ----------
    folder : Path
        ``frames`` in the archive's folder.
    step_s : float
        Seconds between two frames.
    """

    def __init__(self, folder: Path, step_s: float) -> None:
        self.folder = folder
        self.step_s = step_s
        self._headers: dict[str, tuple[int, int, int]] = {}

    def path(self, sha256: str, channel: int, number: int) -> Path:
        """The file of a chunk."""
        return self.folder.joinpath(*_names(sha256, channel, number))

    def write(self, sha256: str, channel: int, number: int, frames: Half) -> None:
        """Write the frames (T', K) of a chunk atomically."""
        path = self.path(sha256, channel, number)
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, frames, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        flush_folder(path.parent)

    def read(self, sha256: str, channel: int, number: int) -> Half:
        """The frames (T', K) of a chunk, memory-mapped.

        Raises
        ------
        EarmarkError
            If the file is missing or damaged.
        """
        path = self.path(sha256, channel, number)
        try:
            frames: Half = np.load(path, mmap_mode="r", allow_pickle=False)
            return frames
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error

    def segment(self, sha256: str, timeline: Timeline, channel: int, start_s: float, end_s: float) -> Single:
        """The frames (t, K) whose centres lie in a segment of a recording; none where it was not indexed.

        The last chunk of a recording may be a little longer than the others.
        """
        first = timeline.chunk_at(start_s)
        numbers = range(first, timeline.chunk_at(end_s) + 1)
        parts = [self._part(sha256, timeline, channel, n, start_s, end_s) for n in numbers]
        if parts[0] is None and first > 0:
            parts.insert(0, self._part(sha256, timeline, channel, first - 1, start_s, end_s))
        stored = [part for part in parts if part is not None]
        return np.concatenate(stored).astype(np.float32) if stored else np.zeros((0, 0), np.float32)

    def _part(
        self, sha256: str, timeline: Timeline, channel: int, number: int, start_s: float, end_s: float
    ) -> Half | None:
        """The frames of a chunk whose centres lie in a segment of its recording; None if it was not indexed.

        A search reads many short segments: mapping a file for each would take five times as long.
        """
        begin_s = timeline.chunk_start_s(number)
        between = (start_s - begin_s, end_s - begin_s, self.step_s)
        return self._span(sha256, channel, number, lambda count: frames_between(*between, count))

    def span(self, sha256: str, channel: int, number: int, first: int, end: int) -> Half | None:
        """The frames from `first` to before `end` of a chunk, as far as there are; None if it was not indexed."""
        return self._span(sha256, channel, number, lambda count: (min(max(first, 0), count), min(max(end, 0), count)))

    def length(self, sha256: str, channel: int, number: int) -> int | None:
        """How many frames a chunk has; None if it was not indexed."""
        if self.span(sha256, channel, number, 0, 0) is None:
            return None
        return self._headers[os.path.join(self.folder, *_names(sha256, channel, number))][1]

    def _span(self, sha256: str, channel: int, number: int, bounds: Callable[[int], tuple[int, int]]) -> Half | None:
        path = os.path.join(self.folder, *_names(sha256, channel, number))
        try:
            with open(path, "rb", buffering=0) as file:
                if path not in self._headers:
                    self._headers[path] = _header(file)
                offset, count, width = self._headers[path]
                first, end = bounds(count)
                file.seek(offset + first * width * SIZE)
                content = file.read((end - first) * width * SIZE)
                return np.frombuffer(content, np.float16).reshape(-1, width)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error

    def first_frame_s(self, timeline: Timeline, start_s: float) -> float:
        """Where the first frame begins whose centre is at or after `start_s`, in seconds from the recording's start."""
        begin_s = timeline.chunk_start_s(timeline.chunk_at(start_s))
        return begin_s + max(0, math.ceil((start_s - begin_s) / self.step_s - 0.5 - 1e-6)) * self.step_s

    def forget(self, sha256: str) -> None:
        """Delete all frames of a recording."""
        shutil.rmtree(self.path(sha256, 1, 0).parent, ignore_errors=True)


def _names(sha256: str, channel: int, number: int) -> tuple[str, str, str]:
    return sha256[:2], sha256, f"{channel}-{number}.npy"


def _header(file: FileIO) -> tuple[int, int, int]:
    """Offset of the frames in a file, their number, and K. A file of the same name always has the same."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("of another form")
    (count, width), by_columns, kind = np.lib.format.read_array_header_1_0(file)
    if by_columns or kind != np.float16:
        raise ValueError("of another form")
    return file.tell(), count, width


def _damaged(path: Path | str, error: Exception) -> EarmarkError:
    return EarmarkError(f"{path} is missing or damaged ({error}): index into a new folder.")
