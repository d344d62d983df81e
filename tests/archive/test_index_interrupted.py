"""Indexing that is stopped, at any moment and by anything, goes on: nothing double, nothing lost, bit for bit."""

from __future__ import annotations

import errno
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from earmark import cli
from earmark.archive import frame_store as frame_files
from earmark.archive.archive import open_archive
from earmark.archive.contents import info
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.sqlite_file import SqliteFile
from earmark.core.corpus import Corpus
from support.long_sounds import contents, small_chunks, write_long
from support.subprocesses import Program, stored_chunks, wait_for


@pytest.fixture(scope="module")
def media(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings, 11 chunks; not to be changed."""
    folder = tmp_path_factory.mktemp("media")
    write_long(folder / "a.wav", tiny_corpus, 40.0, channels=2, seed=1)
    write_long(folder / "b.wav", tiny_corpus, 30.7, seed=2)
    write_long(folder / "sub" / "Ọmọ ọ̀kan.flac", tiny_corpus, 9.0, seed=3)
    return folder


@pytest.fixture(scope="module")
def undisturbed(media: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What an archive holds that was indexed in one go."""
    with pytest.MonkeyPatch.context() as patch:
        small_chunks(patch)
        archive = make_archive(tmp_path_factory.mktemp("whole") / "archive", tiny_run)
        assert index(archive, [media], ThreadExecutor(1)).problems == []
        stored = contents(archive)
        assert len(stored["chunks"]) == len(stored["frames"]) == 12
        assert {row[2] for row in stored["recordings"]} == {"done"}
        yield stored


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_killed_again_and_again(
    seed: int, media: Path, tiny_run: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    archive, kills = tmp_path / "archive", 0
    index_it = (tmp_path / "log", "index", tiny_run, media, "--archive", archive)
    # At first while the folder is made, then among the chunks, last while the vectors are gathered.
    for count in (0, 0, *sorted(rng.choices(range(1, 12), k=4)), 12):
        program = Program(*index_it)
        wait_for(program, archive, count)
        time.sleep(rng.uniform(0, 0.06))
        kills += program.poll() is None
        program.kill()
    assert kills >= 5
    program = Program(*index_it)
    assert program.wait() == 0, program.log
    assert contents(open_archive(archive)) == undisturbed


def test_ctrl_c_ends_with_a_sentence_and_goes_on(
    media: Path, tiny_run: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    index_it = (tmp_path / "log", "index", tiny_run, media, "--archive", archive)
    program = Program(*index_it)
    wait_for(program, archive, 3)
    os.kill(program.pid, signal.SIGINT)
    assert program.wait() == 130
    assert program.log.splitlines()[-1] == "earmark: Stopped. Whole steps are kept: run the same command again."
    assert "Traceback" not in program.log
    assert stored_chunks(archive) < 12
    program = Program(*index_it)
    assert program.wait() == 0, program.log
    assert contents(open_archive(archive)) == undisturbed


def test_two_programs_at_once_and_a_search_meanwhile(
    media: Path, tiny_run: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    both = [Program(tmp_path / f"said {n}", "index", tiny_run, media, "--archive", archive) for n in range(2)]
    while not (archive / "archive.json").exists():
        assert any(program.poll() is None for program in both), both[0].log
    opened = open_archive(archive)
    searches = 0
    while any(program.poll() is None for program in both):
        scores = [found.hit.score for found in search_keywords(opened, ["dog", "ọmọ"], 20)]
        assert scores == sorted(scores, reverse=True)
        assert info(opened)["windows"] >= 0
        searches += 1
    assert searches > 10
    for program in both:
        assert program.wait() == 0, program.log
    assert contents(opened) == undisturbed


def fail_once(archive: Path, run: Path, media: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said when indexing ends with a status of 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["earmark", "index", str(run), str(media), "--archive", str(archive)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 1
    return capsys.readouterr().err.splitlines()[-1]


def test_a_disk_that_is_full_of_frames(
    media: Path,
    tiny_run: Path,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small_chunks(monkeypatch)
    written = 0

    def save(file: Any, *arguments: Any, **how: Any) -> None:
        nonlocal written
        written += 1
        if written > 4:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)
        save_all(file, *arguments, **how)

    save_all = frame_files.np.save
    with monkeypatch.context() as patch:
        patch.setattr(frame_files.np, "save", save)
        output = fail_once(tmp_path / "archive", tiny_run, media, capsys)
    assert output.startswith("earmark: The disk is full (")
    archive = open_archive(tmp_path / "archive")
    assert len(contents(archive)["chunks"]) == len(contents(archive)["frames"]) == 4
    assert index(archive, [media], ThreadExecutor(1)).problems == []
    assert contents(archive) == undisturbed


def test_a_disk_that_is_full_of_tables(
    media: Path,
    tiny_run: Path,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small_chunks(monkeypatch)
    archive = make_archive(tmp_path / "archive", tiny_run)
    with archive.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    archive.close()

    connect = SqliteFile._writing

    def limited(file: SqliteFile) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(file)
        connection.execute(f"PRAGMA max_page_count={pages + 4}")  # then SQLite says what it says of a full disk
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(SqliteFile, "_writing", limited)
        output = fail_once(tmp_path / "archive", tiny_run, media, capsys)
    assert output.startswith("earmark: The disk is full (")
    assert "archive.sqlite" in output
    archive = open_archive(tmp_path / "archive")
    assert len(contents(archive)["chunks"]) < 12
    assert index(archive, [media], ThreadExecutor(1)).problems == []
    assert contents(archive) == undisturbed


def test_frames_are_on_the_disk_before_a_row_speaks_of_them(
    media: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch)
    archive = make_archive(tmp_path / "archive", tiny_run)
    done: list[str] = []
    synced, replaced = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("sync"), synced(file)))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("replace"), replaced(*paths)))

    @event.listens_for(archive.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO chunks"):
            done.append("row")

    index(archive, [media / "sub"], ThreadExecutor(1))
    assert done == ["sync", "replace", "sync", "row"]
