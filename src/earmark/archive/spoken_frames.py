"""The frames of an archive, projected into a space for spoken queries, and that space, which is learned from them.

Files lie in the archive's folder ``spoken``: the space, and one file of projected frames a chunk, computed when it is
first needed. All of it can be deleted: it is made again from the stored frames.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from earmark.archive.archive import Archive
from earmark.archive.frame_store import FrameStore, Half
from earmark.archive.rescoring import ChunkKey, Recordings
from earmark.archive.schema import timeline_of
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.localisation.spoken_queries import Single, SpokenSpace, learn_space

logger = logging.getLogger(__name__)

LEARNED_S, CHUNK_LEARNED_S = 1440.0, 60.0  # to learn from, at most: in all, and of a chunk, from its middle
STRETCH_S = 2.0  # at least, of what is learned from
SEED = 0
OPEN_STORES = 8


@lru_cache(maxsize=OPEN_STORES)
def _store(folder: Path, step_s: float) -> FrameStore:
    """The projected frames of one space; it remembers where in its files frames begin."""
    return FrameStore(folder, step_s)


class SpokenFrames:
    """Projected frames of an archive.

    Parameters
    ----------
    archive : Archive
    chunks : sequence of ChunkKey
        All chunks of the archive's recordings.
    rows : mapping
        The recordings, by number.

    Raises
    ------
    EarmarkError
        If there is no speech to learn the space from.
    """

    def __init__(self, archive: Archive, chunks: Sequence[ChunkKey], rows: Recordings) -> None:
        self._archive, self.chunks, self._rows = archive, chunks, rows
        self.known = frozenset(chunks)
        self.step_s = archive.spoken.frames.step_s
        self._folder = archive.folder / "spoken"
        self.space = self._space()
        parts = (self.space.mean, self.space.projection, self.space.background)
        self.folder = self._folder / hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]
        self._store = _store(self.folder, self.step_s)

    def name(self, chunk: ChunkKey) -> tuple[str, int, int]:
        """What the files of a chunk are called by: a recording's number may have been another's once."""
        return str(self._rows[chunk.recording].sha256), chunk.channel, chunk.number

    def read(self, chunk: ChunkKey) -> Single:
        """Projected frames (t, D + 1) of a chunk; they are computed and stored where they are not yet."""
        path = self._store.path(*self.name(chunk))
        try:
            stored: Single = np.load(path, allow_pickle=False).astype(np.float32)
            return stored
        except (OSError, ValueError):  # not yet, or half a file
            frames = self._archive.spoken.frames.read(*self.name(chunk))
            projected = self.space.project(np.asarray(frames, np.float32)).astype(np.float16)
            if not self._archive.is_read_only:
                self._store.write(*self.name(chunk), projected)
            return projected.astype(np.float32)

    def span(self, chunk: ChunkKey, first: int, end: int) -> Single:
        """Projected frames from `first` to before `end`, counted from the start of a chunk.

        They may be in the chunk before or after. Where the archive has none, they are silence.
        """
        span = np.zeros((end - first, self.space.projection.shape[1] + 1), np.float32)
        own = self._part(chunk, first, end)
        begin = min(max(0, -first), len(span))
        span[begin : begin + len(own)] = own
        before, after = (chunk._replace(number=chunk.number + by) for by in (-1, 1))
        if first < 0 and before in self.known:
            length = self._length(before)
            part = self._part(before, length + first, length + min(end, 0))
            span[begin - len(part) : begin] = part
        if begin + len(own) < len(span) and after in self.known:
            missing = len(span) - begin - len(own)
            part = self._part(after, 0, missing)
            span[begin + len(own) : begin + len(own) + len(part)] = part
        return span

    def spans(self, chunks: Sequence[ChunkKey], firsts: Sequence[int], length: int) -> Single:
        """Spans of equal length, each as of :meth:`span`: (n, length, D + 1)."""
        spans = np.empty((len(chunks), length, self.space.projection.shape[1] + 1), np.float32)
        for span, chunk, first in zip(spans, chunks, firsts, strict=True):
            own = self._part(chunk, first, first + length) if first >= 0 else ()
            span[:] = own if len(own) == length else self.span(chunk, first, first + length)
        return spans

    def _part(self, chunk: ChunkKey, first: int, end: int) -> Half | Single:
        try:
            part = self._store.span(*self.name(chunk), first, end)
        except EarmarkError:  # half a file, from a power cut
            part = None
        return self.read(chunk)[max(first, 0) : max(end, 0)] if part is None else part

    def _length(self, chunk: ChunkKey) -> int:
        return self._store.length(*self.name(chunk)) or len(self.read(chunk))

    def _space(self) -> SpokenSpace:
        """The stored space, unless the archive has at least twice as much to learn from as it had then."""
        path = space_file(self._archive)
        stored = _read_space(path)
        available_s = self._available_s()
        if stored is not None and available_s < 2 * stored[1]:
            return stored[0]
        space = learn_space(self._stretches(), self._archive.spoken.frames.step_s, SEED)
        if not self._archive.is_read_only:
            shutil.rmtree(self._folder, ignore_errors=True)  # with all that was projected with another space
            _write_space(path, space, available_s)
        return space

    def _available_s(self) -> float:
        """Of how much the space can be learned."""
        total_s = 0.0
        for chunk in self.chunks:
            row = self._rows[chunk.recording]
            total_s += min(CHUNK_LEARNED_S, row.duration_s - timeline_of(row).chunk_start_s(chunk.number))
            if total_s >= LEARNED_S:
                return LEARNED_S
        return total_s

    def _stretches(self) -> list[Single]:
        """What the space is learned from."""
        rng = np.random.default_rng(SEED)
        order = rng.permutation(len(self.chunks))
        most, each, least = (round(s / self.step_s) for s in (LEARNED_S, CHUNK_LEARNED_S, STRETCH_S))
        stretches: list[Single] = []
        count = 0
        for i in order:
            chunk = self.chunks[i]
            frames = self._archive.spoken.frames.read(*self.name(chunk))
            first = max(0, (len(frames) - each) // 2)
            middle = np.asarray(frames[first : first + each], np.float32)
            # Parts, so that a word has its like in another stretch even where there is a single recording.
            parts = np.array_split(middle, min(4, max(1, len(middle) // least)))
            stretches += [part for part in parts if part.any()]
            count += len(middle)
            if count >= most:
                break
        if not stretches:
            raise EarmarkError(
                f"The archive {self._archive.folder} holds no sound but silence: index recordings first."
            )
        return stretches


def space_file(archive: Archive) -> Path:
    """Where the space of an archive is stored."""
    return archive.folder / "spoken" / f"space-{archive.spoken.identity[:16]}.safetensors"


def _read_space(path: Path) -> tuple[SpokenSpace, float] | None:
    """A stored space, and how many seconds there were to learn from."""
    try:
        parts = load_file(path)
        return SpokenSpace(parts["mean"], parts["projection"], parts["background"]), float(parts["available_s"][0])
    except (FileNotFoundError, SafetensorError, KeyError, OSError):
        return None


def _write_space(path: Path, space: SpokenSpace, available_s: float) -> None:
    parts = {"mean": space.mean, "projection": space.projection, "background": space.background}
    content = save(
        {name: np.ascontiguousarray(part) for name, part in parts.items()} | {"available_s": np.array([available_s])}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(content)
