"""Searching with a place of the archive: what sounds like it is found, but not the place itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import insert

from earmark.archive import schema
from earmark.archive.archive import Archive, Position
from earmark.archive.results import Filters
from earmark.archive.search_by_example import search_like, similarity
from earmark.archive.shards import build_shard
from earmark.core.errors import EarmarkError
from earmark.recipe import Recipe
from support.synthetic_tables import add_recording, made_up_archive

Single = npt.NDArray[np.float32]


def slow_similarity(example: Single, frames: Single) -> tuple[float, int]:
    """As it is defined."""
    shorter = min(len(example), len(frames))
    means = []
    for first in range(len(frames) - shorter + 1):
        cosines = []
        for one, other in zip(example[:shorter], frames[first : first + shorter], strict=True):
            lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
            cosines.append(float(one @ other) / lengths if lengths else 0.0)
        means.append(sum(cosines) / shorter)
    return (1 + max(means)) / 2, means.index(max(means))


@pytest.mark.parametrize(("example", "frames"), [(12, 100), (1, 100), (12, 12), (12, 7), (12, 1)])
def test_similarity_is_the_best_mean_cosine_of_frames_laid_over(example: int, frames: int) -> None:
    rng = np.random.default_rng(example + frames)
    one, other = (rng.standard_normal((count, 5)).astype(np.float32) for count in (example, frames))
    other[: frames // 3] = 0
    score, first = similarity(one, other)
    expected, where = slow_similarity(one, other)
    assert score == pytest.approx(expected, abs=1e-6)
    assert first == where


@pytest.fixture
def archive(tiny_recipe: Recipe, tmp_path: Path) -> Archive:
    """Words-only model; 20.0 to 20.6 s of recording 1 sound again at 31.2 s, and in recording 2 at 7.0 s."""
    made = made_up_archive(tmp_path, tiny_recipe)
    add_recording(made, 1, 60.0, channels=2, silent_s=(40.0, 50.0), speaker="Ada")
    add_recording(made, 2, 20.0, speaker="Bayo")
    frames = [np.array(made.frames.read(f"{number:064x}", 1, 0)) for number in (1, 2)]
    spoken = frames[0][500:515].astype(np.float32)
    for sounds, first in ((frames[0], 780), (frames[1], 175)):
        noise = np.random.default_rng(first).standard_normal(spoken.shape)
        sounds[first : first + 15] = (spoken + 0.1 * noise).astype(np.float16)
    for number, sounds in enumerate(frames, start=1):
        made.frames.write(f"{number:064x}", 1, 0, sounds)
    with made.writing() as connection:
        connection.execute(
            insert(schema.postings).values(
                keyword=0, score=0.9, recording=1, channel=1, chunk=0, time_s=20.3, start_s=20.0, end_s=20.6
            )
        )
    return made


@pytest.mark.parametrize("gathered", [True, False])
def test_what_sounds_alike_is_found_first(archive: Archive, gathered: bool) -> None:
    if gathered:
        build_shard(archive)
    found = search_like(archive, Position(1, 1, 20.3), 5)
    assert [one.position.recording for one in found[:2]] in ([1, 2], [2, 1])
    starts_s = {one.position.recording: one.hit.start_s for one in found[:2]}
    assert starts_s == pytest.approx({1: 31.2, 2: 7.0})
    assert found[1].hit.score > 0.9 > found[2].hit.score
    assert not any(one.position[:2] == (1, 1) and one.hit.start_s < 20.6 and one.hit.end_s > 20.0 for one in found)
    assert all(one.hit.time_s < 40.0 or one.hit.time_s > 50.0 for one in found if one.position.recording == 1)
    assert {one.hit.query for one in found} == {"like 1:1:20.30"}


def test_the_short_way_finds_what_comparing_all_finds(archive: Archive) -> None:
    build_shard(archive)
    for position in (Position(1, 1, 20.3), Position(2, 1, 3.0), Position(1, 2, 59.9)):
        fast, slow = (search_like(archive, position, 20, exhaustive=exhaustive) for exhaustive in (False, True))
        assert [one.position for one in fast] == [one.position for one in slow]


def test_filters_choose_where_to_search_but_not_the_example(archive: Archive) -> None:
    build_shard(archive)
    found = search_like(archive, Position(1, 1, 20.3), 5, Filters(speaker="bayo"))
    assert {one.position.recording for one in found} == {2}
    assert found[0].hit.start_s == pytest.approx(7.0)


@pytest.mark.parametrize("position", [Position(9, 1, 1.0), Position(1, 3, 1.0), Position(1, 1, 61.0)])
def test_unknown_places_are_refused(archive: Archive, position: Position) -> None:
    with pytest.raises(EarmarkError, match=str(position)):
        search_like(archive, position, 5)


def test_silence_is_no_example(archive: Archive) -> None:
    with pytest.raises(EarmarkError, match="was not indexed"):
        search_like(archive, Position(1, 1, 45.0), 5)
