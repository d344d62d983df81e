"""Tokens of an archive's projected frames, in which places for a spoken query are found without reading the frames.

The tokens of a chunk are a small file beside its projected frames (:mod:`earmark.archive.spoken_frames`); those of a
hundred hours are 20 MB, and stay in memory while a program runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from earmark.archive.archive import Archive
from earmark.archive.rescoring import ChunkKey
from earmark.archive.spoken_frames import SpokenFrames
from earmark.core.files import replacing
from earmark.core.progress import progress
from earmark.localisation.spoken_queries import Single
from earmark.localisation.spoken_tokens import Codebook, Tokens, align_tokens, group_size, pooled

CODEBOOK = "codebook.safetensors"
SAMPLE = 40_000  # groups of frames that are clustered
SAMPLED_CHUNKS = 60
BLOCK_S = 0.6  # of which one place at most is a candidate
SEED = 0


class Candidate(NamedTuple):
    """Where a query may end: a chunk, and about which frame of it."""

    chunk: ChunkKey
    frame: int


class SpokenIndex:
    """The tokens of an archive.

    Parameters
    ----------
    frames : SpokenFrames
    archive : Archive
        Its owner: tokens that are missing are computed, and stored if it may be written to.
    """

    def __init__(self, frames: SpokenFrames, archive: Archive) -> None:
        self._frames, self._writes = frames, not archive.is_read_only
        self._size = group_size(frames.step_s)
        self._open = _open(frames.folder)
        self._codebook = self._read_codebook()
        content = b"".join(part.tobytes() for part in self._codebook.centroids)
        self._name = f"tokens-{hashlib.sha256(content).hexdigest()[:16]}"

    def prepare(self) -> None:
        """Compute and store the tokens of all chunks, and the projected frames that they need."""
        missing = [chunk for chunk in self._frames.chunks if self._frames.name(chunk) not in self._open.tokens]
        missing = [chunk for chunk in missing if not self._load(chunk)]
        if missing:
            with progress("Preparing for spoken queries, chunks", len(missing)) as advance:
                for chunk in missing:
                    self._compute(chunk)
                    advance()

    def candidates(self, query: Single, chunks: Sequence[ChunkKey], limit: int) -> list[Candidate]:
        """The places of some chunks where a query (m, D + 1) may end, the likeliest first."""
        tokens, firsts = self._joined(chunks)
        scores = align_tokens(self._codebook.tables(pooled(query, self._size)), tokens)
        scores[tokens[:, 0] == self._codebook.silence] = -np.inf
        block = max(1, round(BLOCK_S / self._frames.step_s / self._size))
        padded = np.pad(scores, (0, -len(scores) % block), constant_values=-np.inf).reshape(-1, block)
        best = padded.max(axis=1)
        chosen = np.argpartition(-best, limit)[:limit] if len(best) > limit else np.arange(len(best))
        chosen = chosen[np.isfinite(best[chosen])]
        chosen = chosen[np.argsort(-best[chosen], kind="stable")]
        places = chosen * block + padded[chosen].argmax(axis=1)
        owners = np.searchsorted(firsts, places, side="right") - 1
        frames = (places - firsts[owners]) * self._size + self._size // 2
        return [Candidate(chunks[owner], int(frame)) for owner, frame in zip(owners, frames, strict=True)]

    def _joined(self, chunks: Sequence[ChunkKey]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """The tokens of some chunks after one another, and the first of each."""
        names = tuple(map(self._frames.name, chunks))
        if self._open.joined is None or self._open.joined[0] != names:
            parts = [self._open.tokens[name] for name in names]
            firsts = np.cumsum([0, *map(len, parts)])[:-1]
            self._open.joined = names, np.concatenate(parts), firsts
        return self._open.joined[1:]

    def _load(self, chunk: ChunkKey) -> bool:
        try:
            tokens = np.load(self._path(chunk), allow_pickle=False)
        except (OSError, ValueError):  # not yet, or half a file
            return False
        self._open.tokens[self._frames.name(chunk)] = tokens
        return True

    def _compute(self, chunk: ChunkKey) -> None:
        tokens = self._codebook.tokens(pooled(self._frames.read(chunk), self._size))
        self._open.tokens[self._frames.name(chunk)] = tokens
        if self._writes:
            with replacing(self._path(chunk)) as partial, partial.open("wb") as file:
                np.save(file, tokens, allow_pickle=False)

    def _path(self, chunk: ChunkKey) -> Path:
        sha256, channel, number = self._frames.name(chunk)
        return self._frames.folder / self._name / sha256[:2] / sha256 / f"{channel}-{number}.npy"

    def _read_codebook(self) -> Codebook:
        path = self._frames.folder / CODEBOOK
        if self._open.codebook is None:
            try:
                stored = load_file(path)
                self._open.codebook = Codebook(tuple(stored[str(part)] for part in range(len(stored))))
            except (OSError, SafetensorError, KeyError):
                self._open.codebook = Codebook.learn(self._sample())
                parts = {str(part): one for part, one in enumerate(self._open.codebook.centroids)}
                if self._writes:
                    with replacing(path) as partial:
                        partial.write_bytes(save(parts))
        return self._open.codebook

    def _sample(self) -> Single:
        """Means of groups of frames from some chunks."""
        rng = np.random.default_rng(SEED)
        chunks = [self._frames.chunks[i] for i in rng.permutation(len(self._frames.chunks))[:SAMPLED_CHUNKS]]
        means = [pooled(self._frames.read(chunk), self._size) for chunk in chunks]
        audible = np.concatenate([part[part.any(axis=1)] for part in means])
        return audible[rng.choice(len(audible), min(SAMPLE, len(audible)), replace=False)]


class _Open:
    """What stays in memory of the tokens of one space."""

    def __init__(self) -> None:
        self.codebook: Codebook | None = None
        self.tokens: dict[tuple[str, int, int], Tokens] = {}
        self.joined: tuple[tuple[tuple[str, int, int], ...], Tokens, npt.NDArray[np.int64]] | None = None


@lru_cache(maxsize=4)
def _open(folder: Path) -> _Open:
    return _Open()
