"""Vectors of pieces of speech: their scores one by one, and that they are stored once and made again when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.archive import piece_vectors
from earmark.archive.archive import Archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.piece_vectors import Block, PieceVectors
from earmark.archive.rescoring import ChunkKey, matching_recordings
from earmark.archive.search_by_clip import stored_chunks
from earmark.archive.spoken_frames import SpokenFrames
from support.spoken_tones import tones_archive, write_recording


def opened(archive: Archive) -> PieceVectors:
    rows = matching_recordings(archive, [])
    return PieceVectors(archive, SpokenFrames(archive, stored_chunks(archive, rows), rows), rows)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    write_recording(tmp_path / "media" / "a.flac", {}, 40)
    return tones_archive(tmp_path / "archive", tmp_path / "media")


def test_scores_are_those_of_every_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_vectors, "AT_ONCE", 7)
    rng = np.random.default_rng(0)
    vectors = rng.integers(-127, 128, (40, 5)).astype(np.int8)
    vectors[12:20] = 0
    chunks = [ChunkKey(1, 1, 0), ChunkKey(1, 1, 1), ChunkKey(1, 2, 0), ChunkKey(3, 1, 4)]
    firsts = np.array([0, 10, 21, 30, 40])
    block = Block(chunks, firsts, vectors, ~vectors.any(axis=1))
    template = rng.normal(size=(4, 5)).astype(np.float32)
    scores = block.scores(template)
    whole = [(0, 21), (21, 30), (30, 40)]  # the first two chunks are one recording's
    for row in range(40):
        end = next(last for first, last in whole if first <= row < last)
        silent_at = [not vectors[i].any() for i in (row, row + 3) if i < 40]
        if row + 4 > end or all(silent_at):
            assert scores[row] == -np.inf
        else:
            slow = sum(float(template[j] @ vectors[row + j]) / 127 for j in range(4))
            assert scores[row] == pytest.approx(slow, abs=1e-4)


def test_they_are_stored_once_and_made_again_when_damaged(archive: Archive) -> None:
    first = opened(archive)
    (path,) = archive.folder.glob("spoken/*/pieces-*/*.npy")
    before = path.stat().st_mtime_ns
    again = opened(archive)
    assert path.stat().st_mtime_ns == before
    assert np.array_equal(first.blocks[0].vectors, again.blocks[0].vectors)
    assert np.array_equal(first.blocks[0].silent, again.blocks[0].silent)
    path.write_bytes(path.read_bytes()[:100])
    assert np.array_equal(opened(archive).blocks[0].vectors, first.blocks[0].vectors)


def test_new_recordings_are_added_and_many_files_become_one(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piece_vectors, "MANY_FILES", 2)
    counts = [len(opened(archive).blocks)]
    for number in (1, 2):
        write_recording(tmp_path / "media" / f"{number}.flac", {}, 15, seed=number)
        index(archive, [tmp_path / "media"], ThreadExecutor(1))
        pieces = opened(archive)
        counts.append(len(pieces.blocks))
        assert sum(len(block.chunks) for block in pieces.blocks) == number + 1
    assert counts[0] == 1
    assert max(counts) <= 2
    assert len(list(archive.folder.glob("spoken/*/pieces-*/*.npy"))) == counts[-1]


def test_a_time_is_found_again(archive: Archive) -> None:
    pieces = opened(archive)
    ((block, row),) = pieces.rows_at(1, 1, 12.0)
    chunk, start_s = pieces.place(block, row)
    assert chunk == ChunkKey(1, 1, 0)
    assert start_s == pytest.approx(12.0, abs=pieces.step_s / 2)
    assert [row for _, row in pieces.rows_at(1, 1, 12.0, 1)] == [row - 1, row, row + 1]
    assert list(pieces.rows_at(9, 1, 12.0)) == []
    stored = pieces.blocks[block].run(row, 4)
    exact = pieces.of_segment(1, 1, start_s + 2 * pieces.step_s, 4)
    assert exact is not None
    assert np.einsum("jd,jd->j", stored, exact) == pytest.approx(np.ones(4), abs=0.02)
    assert pieces.of_segment(9, 1, 3.0, 4) is None
