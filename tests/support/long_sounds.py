"""Long recordings made of the tiny corpus's utterances, and archives that index them in small chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from sqlalchemy import select

from earmark.archive.archive import Archive
from earmark.archive.schema import chunks, keywords, postings, recordings
from earmark.core.corpus import Corpus
from earmark.localisation import windows as chunking

SMALL_S = 12.0  # of a chunk
SAMPLE_RATE = 16_000


def small_chunks(monkeypatch: pytest.MonkeyPatch, chunk_s: float = SMALL_S) -> None:
    """Cut recordings into chunks of some seconds instead of minutes."""
    monkeypatch.setattr(chunking, "CHUNK_S", chunk_s)


def write_long(path: Path, corpus: Corpus, duration_s: float, channels: int = 1, seed: int = 0) -> Path:
    """String utterances of a corpus together, in another order a channel."""
    rng = np.random.default_rng(seed)
    spoken = [soundfile.read(str(u.audio), dtype="float32")[0] for u in corpus.utterances("test")]
    tracks = [np.concatenate(list(_concatenated(spoken, duration_s, rng))) for _ in range(channels)]
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = round(duration_s * SAMPLE_RATE)
    soundfile.write(str(path), np.stack([track[:samples] for track in tracks], axis=1), SAMPLE_RATE)
    return path


def _concatenated(
    spoken: list[npt.NDArray[np.float32]], duration_s: float, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.float32]]:
    left = round(duration_s * SAMPLE_RATE)
    while left > 0:
        part = spoken[rng.integers(len(spoken))]
        left -= len(part)
        yield part


def contents(archive: Archive) -> dict[str, Any]:
    """All that indexing has kept, whatever order it was kept in: rows without numbers of their own, and frames."""
    by = (recordings.c.sha256, recordings.c.path, recordings.c.status, recordings.c.duration_s, recordings.c.channels)
    with archive.reading() as connection:
        indexed_chunks = connection.execute(
            select(recordings.c.sha256, chunks.c.channel, chunks.c.number, chunks.c.windows, chunks.c.peaks).join(
                recordings, recordings.c.id == chunks.c.recording
            )
        ).all()
        hits = connection.execute(
            select(
                keywords.c.word,
                recordings.c.sha256,
                *(postings.c[name] for name in ("channel", "chunk", "score", "time_s", "start_s", "end_s")),
            )
            .join(recordings, recordings.c.id == postings.c.recording)
            .join(keywords, keywords.c.id == postings.c.keyword)
        ).all()
        known = connection.execute(select(*by)).all()
    # Not hidden ones: a file that a kill left unfinished is in nobody's way.
    files = sorted((archive.folder / "frames").rglob("[!.]*.npy"))
    return {
        "recordings": sorted(map(tuple, known)),
        "chunks": sorted((*row[:4], bytes(row.peaks)) for row in indexed_chunks),
        "postings": sorted(map(tuple, hits)),
        "frames": {
            path.relative_to(archive.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        },
    }
