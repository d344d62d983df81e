"""What windows are looked up in: whole or not there, whoever is stopped and whenever."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from earmark.archive import ann_index, schema, shards, window_summaries
from earmark.archive.archive import Archive, open_archive
from earmark.archive.rescoring import Window, all_windows, matching_recordings
from earmark.archive.shards import build_shard, lookup
from earmark.recipe import Recipe
from support.synthetic_tables import add_recording, made_up_archive, pictured, random_frames, store_frames


@pytest.fixture
def archive(tiny_pictured_recipe: Recipe, tmp_path: Path) -> Archive:
    made = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, "keywords"))
    add_recording(made, 1, 20.0, channels=2)
    add_recording(made, 2, 15.0)
    return made


def shard_sizes(archive: Archive) -> dict[str, int]:
    with archive.reading() as connection:
        rows = connection.execute(select(schema.shards.c.name, schema.shards.c.chunks)).all()
    for name, _ in rows:
        found = {path.name for path in (archive.folder / "vectors" / name).iterdir()}
        assert found == {
            window_summaries.WINDOWS,
            window_summaries.SUMMARIES,
            window_summaries.CODEBOOK,
            ann_index.VECTORS,
        }
    return dict(rows)


def folders(archive: Archive) -> set[str]:
    return {path.name for path in (archive.folder / "vectors").glob("*")}


def loose(archive: Archive) -> set[Window]:
    return set(lookup(archive, matching_recordings(archive, []))[1])


def every(archive: Archive) -> set[Window]:
    return set(all_windows(matching_recordings(archive, []).values()))


def test_what_was_not_gathered_is_searched_whole(archive: Archive) -> None:
    assert loose(archive) == every(archive)
    build_shard(archive)
    assert list(shard_sizes(archive).values()) == [3]
    assert loose(archive) == set()
    assert folders(archive) == set(shard_sizes(archive))


def test_gathering_twice_changes_nothing(archive: Archive) -> None:
    build_shard(archive)
    before = shard_sizes(archive)
    build_shard(archive)
    assert shard_sizes(archive) == before


def test_an_empty_archive_has_nothing_to_gather(tiny_pictured_recipe: Recipe, tmp_path: Path) -> None:
    empty = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, "keywords"))
    build_shard(empty)
    assert shard_sizes(empty) == {}
    assert lookup(empty, {}) == ([], [])


def test_a_new_shard_takes_in_those_that_are_no_larger(archive: Archive) -> None:
    build_shard(archive)
    add_recording(archive, 3, 8.0)
    assert {window.recording for window in loose(archive)} == {3}
    build_shard(archive)
    assert sorted(shard_sizes(archive).values()) == [1, 3]
    add_recording(archive, 4, 8.0)
    build_shard(archive)
    assert sorted(shard_sizes(archive).values()) == [2, 3]
    add_recording(archive, 5, 8.0)
    build_shard(archive)  # 1 is smaller than 2, which is taken in; then 3 are no larger than 3
    assert sorted(shard_sizes(archive).values()) in ([6], [1, 2, 3])
    add_recording(archive, 6, 8.0, channels=4)
    build_shard(archive)
    assert sum(shard_sizes(archive).values()) == 10
    assert loose(archive) == set()
    assert folders(archive) == set(shard_sizes(archive))


class Killed(BaseException):
    """As Ctrl-C comes: not an Exception."""


@pytest.mark.parametrize("step", ["write_summaries", "write_vectors", "_rename", "_record", "_remove_orphans"])
@pytest.mark.parametrize("before", [True, False])
def test_a_stop_loses_nothing_and_duplicates_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, step: str, before: bool
) -> None:
    build_shard(archive)
    add_recording(archive, 3, 10.0, channels=3)
    honest = getattr(shards, step)

    def stopped(*arguments: object) -> None:
        if not before:
            honest(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(shards, step, stopped)
        with pytest.raises(Killed):
            build_shard(archive)
    again = open_archive(archive.folder)
    gone = {window.recording for window in loose(again)}
    assert gone in (set(), {3})
    assert {name for name in folders(again) if name.startswith(".")} == set()
    build_shard(again)
    assert list(shard_sizes(again).values()) == [6]
    assert loose(again) == set()


def test_two_programs_may_gather_at_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second does all of it while the first is at work."""
    other = open_archive(archive.folder)
    honest = shards.write_vectors
    busy = []

    def meanwhile(*arguments: object) -> int:
        if not busy:
            busy.append(True)
            build_shard(other)
            busy.append(True)
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(shards, "write_vectors", meanwhile)
    monkeypatch.setattr(shards.os, "getpid", lambda: len(busy))
    build_shard(archive)
    assert list(shard_sizes(archive).values()) == [3]
    assert loose(archive) == set()
    assert folders(archive) == set(shard_sizes(archive))


def test_forgotten_recordings_leave_their_shard(archive: Archive) -> None:
    build_shard(archive)
    with archive.writing() as connection:
        connection.execute(delete(schema.recordings).where(schema.recordings.c.id == 2))
    build_shard(archive)
    assert list(shard_sizes(archive).values()) == [2]
    assert loose(archive) == set()
    assert folders(archive) == set(shard_sizes(archive))


def test_a_number_that_another_recording_had_is_no_muddle(archive: Archive) -> None:
    build_shard(archive)
    (before,) = shard_sizes(archive)
    with archive.writing() as connection:
        connection.execute(delete(schema.recordings).where(schema.recordings.c.id == 2))
    add_recording(archive, 2, 15.0)
    other = archive.frames.path("e" * 64, 1, 0).parent
    other.parent.mkdir()
    archive.frames.path(f"{2:064x}", 1, 0).parent.rename(other)
    with archive.writing() as connection:
        connection.execute(update(schema.recordings).where(schema.recordings.c.id == 2).values(sha256="e" * 64))
    assert {window.recording for window in loose(archive)} == {2}
    build_shard(archive)
    assert list(shard_sizes(archive).values()) == [3]
    assert list(shard_sizes(archive)) != [before]


def test_shards_whose_files_are_gone_are_made_anew(archive: Archive) -> None:
    build_shard(archive)
    (name,) = shard_sizes(archive)
    shutil.rmtree(archive.folder / "vectors" / name)
    assert loose(archive) == every(archive)
    build_shard(archive)
    assert list(shard_sizes(archive)) == [name]
    assert loose(archive) == set()


def test_only_recordings_that_are_searched_have_loose_windows(archive: Archive) -> None:
    rows = matching_recordings(archive, [schema.recordings.c.id == 2])
    _, windows = lookup(archive, rows)
    assert set(windows) == set(all_windows(rows.values()))


def test_old_folders_that_nobody_speaks_of_are_removed(archive: Archive) -> None:
    build_shard(archive)
    for name, age_s in (("stray", 7200), ("fresh", 60)):
        folder = archive.folder / "vectors" / name
        folder.mkdir()
        now = folder.stat().st_mtime
        os.utime(folder, (now - age_s, now - age_s))
    build_shard(archive)
    assert folders(archive) == {*shard_sizes(archive), "fresh"}


def test_a_border_window_is_loose_while_the_next_chunk_is(archive: Archive) -> None:
    duration_s = 320.0
    frames = random_frames(archive, duration_s, 7)
    add_recording(archive, 3, duration_s, stored=[0])
    build_shard(archive)
    store_frames(archive, 3, 1, 1, frames, duration_s)
    assert Window(3, 1, 149) in loose(archive)
    assert Window(3, 1, 100) not in loose(archive)
