"""What was heard, frame by frame: one memory-mapped file a piece.

Files are written in one step and named by what they hold, so a file that is there is whole, after a power cut too, and
a stop leaves at most a file that no row of the tables speaks of, which the next run writes again.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.archive.windows import begin_s, piece_at
from earmark.errors import EarmarkError
from earmark.files import replacing

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]


class FrameStore:
    """The frames of an archive's recordings.

    Frame i of piece n has its centre at ``begin_s(n) + (i + 0.5) * step_s`` seconds.

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

    def path(self, sha256: str, channel: int, number: int) -> Path:
        """The file of a piece."""
        return self._folder(sha256) / f"{channel}-{number}.npy"

    def write(self, sha256: str, channel: int, number: int, frames: Half) -> None:
        """Keep the frames (T', K) of a piece, in one step."""
        path = self.path(sha256, channel, number)
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, frames, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        _keep_name(path)

    def read(self, sha256: str, channel: int, number: int) -> Half:
        """The frames (T', K) of a piece, memory-mapped.

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
            raise EarmarkError(f"{path} is missing or damaged ({error}): index into a new folder.") from error

    def stretch(self, sha256: str, channel: int, start_s: float, end_s: float) -> Single:
        """The frames (t, K) whose centres lie in a stretch of a recording; none where it was not heard.

        The last piece of a recording may be a little longer than the others.
        """
        parts = []
        first = piece_at(start_s)
        if not self.path(sha256, channel, first).is_file():
            first = max(0, first - 1)
        for number in range(first, piece_at(end_s) + 1):
            if self.path(sha256, channel, number).is_file():
                frames = self.read(sha256, channel, number)
                edges = (self._first_from(edge_s - begin_s(number)) for edge_s in (start_s, end_s))
                parts.append(frames[slice(*edges)])
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, 0), np.float32)

    def forget(self, sha256: str) -> None:
        """Delete all frames of a recording."""
        shutil.rmtree(self._folder(sha256), ignore_errors=True)

    def _folder(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def _first_from(self, time_s: float) -> int:
        """The first frame whose centre is not before a moment of its piece."""
        return max(0, math.ceil(time_s / self.step_s - 0.5 - 1e-6))


def _keep_name(path: Path) -> None:
    """Have the disk keep what a new file is called, so that it outlives a power cut."""
    if os.name == "posix":  # elsewhere a folder can't be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
