"""Vectors of neighbouring frames, and which windows hold those near to something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.archive.ann_index import frames_apart, nearest_windows, pooled, write_vectors
from earmark.archive.archive import Archive
from earmark.archive.rescoring import ChunkKey, Window, matching_recordings, windows_around
from earmark.recipe import Recipe
from support.synthetic_tables import add_recording, made_up_archive, pictured

STEP_S = 0.04


@pytest.fixture
def archive(tiny_pictured_recipe: Recipe, tmp_path: Path) -> Archive:
    made = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, "keywords"))
    add_recording(made, 1, 60.0, channels=2, silent_s=(10.0, 15.0))
    add_recording(made, 2, 40.0)
    return made


def shard(archive: Archive, folder: Path, *whole: ChunkKey) -> int:
    folder.mkdir()
    return write_vectors(folder, archive, whole, matching_recordings(archive, []))


def test_a_vector_is_the_direction_of_the_mean_of_its_frames() -> None:
    frames = np.random.default_rng(0).standard_normal((23, 6)).astype(np.float16)
    frames[5:10] = 0
    vectors = pooled(frames, STEP_S)
    assert vectors.shape == (5, 6)
    for number, vector in enumerate(vectors):
        mean = np.mean([frame.astype(np.float64) for frame in frames[5 * number : 5 * number + 5]], axis=0)
        expected = mean / np.linalg.norm(mean) if number != 1 else np.zeros(6)
        np.testing.assert_allclose(vector, expected, atol=1e-3)
    assert pooled(frames[:0], STEP_S).shape == (0, 6)


@pytest.mark.parametrize(("step_s", "several"), [(0.01, 20), (0.02, 10), (0.04, 5), (0.03, 7), (0.5, 1)])
def test_vectors_are_about_a_fifth_of_a_second_apart(step_s: float, several: int) -> None:
    assert frames_apart(step_s) == several


def test_the_windows_are_those_around_the_nearest_frames(archive: Archive, tmp_path: Path) -> None:
    rows = matching_recordings(archive, [])
    chunks = [[ChunkKey(1, 1, 0), ChunkKey(1, 2, 0)], [ChunkKey(2, 1, 0)]]
    counts = [shard(archive, tmp_path / str(number), *some) for number, some in enumerate(chunks)]
    assert counts == [2 * (300 - 25), 200]
    folders = [tmp_path / "0", tmp_path / "1"]
    direction = np.random.default_rng(5).standard_normal((1, 16)).astype(np.float32)
    cosines = []
    for chunk in [one for some in chunks for one in some]:
        frames = archive.frames.read(f"{chunk.recording:064x}", chunk.channel, 0)
        for number, vector in enumerate(pooled(frames, STEP_S)):
            cosine = float(vector @ direction[0]) / float(np.linalg.norm(direction))
            cosines.append((cosine if vector.any() else -2.0, chunk, 0.2 * number))
    cosines.sort(key=lambda one: -one[0])
    slow = dict.fromkeys(
        window
        for _, chunk, start_s in cosines[:12]
        for window in windows_around(chunk.recording, chunk.channel, start_s, start_s + 0.2, rows)
    )
    fast = nearest_windows(folders, direction, rows, STEP_S, 8)
    assert len(set(fast)) == len(fast) >= 8
    assert set(fast[:8]) <= set(slow)  # vectors are kept as bytes: what is nearly as near may change places


def test_what_is_searched_for_is_found_in_the_recordings_that_are_searched(archive: Archive, tmp_path: Path) -> None:
    rows = matching_recordings(archive, [])
    shard(archive, tmp_path / "all", ChunkKey(1, 1, 0), ChunkKey(1, 2, 0), ChunkKey(2, 1, 0))
    frames = archive.frames.read(f"{1:064x}", 1, 0)[500:505]
    itself = pooled(frames, STEP_S)
    assert set(nearest_windows([tmp_path / "all"], itself, rows, STEP_S, 1)) == {Window(1, 1, 9), Window(1, 1, 10)}
    only = {2: rows[2]}
    assert {window.recording for window in nearest_windows([tmp_path / "all"], itself, only, STEP_S, 5)} == {2}
    assert len(nearest_windows([tmp_path / "all"], itself, only, STEP_S, 10**6)) == 19  # all windows of 40 s
    assert nearest_windows([tmp_path / "all"], itself, {}, STEP_S, 5) == []
    assert nearest_windows([], itself, rows, STEP_S, 5) == []


def test_directions_take_turns(archive: Archive, tmp_path: Path) -> None:
    rows = matching_recordings(archive, [])
    shard(archive, tmp_path / "all", ChunkKey(1, 1, 0), ChunkKey(2, 1, 0))
    there = [archive.frames.read(f"{number:064x}", 1, 0)[600:605] for number in (1, 2)]
    found = nearest_windows([tmp_path / "all"], np.concatenate([pooled(one, STEP_S) for one in there]), rows, STEP_S, 4)
    assert found[:4] == [Window(1, 1, 11), Window(1, 1, 12), Window(2, 1, 11), Window(2, 1, 12)]


def test_a_silent_shard_holds_nothing(archive: Archive, tmp_path: Path) -> None:
    add_recording(archive, 3, 8.0, silent_s=(0.0, 8.0))
    assert shard(archive, tmp_path / "silent", ChunkKey(3, 1, 0)) == 0
    direction = np.ones((1, 16), np.float32)
    assert nearest_windows([tmp_path / "silent"], direction, matching_recordings(archive, []), STEP_S, 5) == []
