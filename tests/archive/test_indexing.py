"""What becomes of files: new, changed, moved, copied, gone, back again, broken, mended, and strangely named."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from earmark import cli
from earmark.archive.archive import Archive, open_archive
from earmark.archive.contents import info
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import Report, index
from earmark.archive.recordings import forget_files, forget_missing
from earmark.archive.schema import recordings, shard_chunks
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.shards import build_shard
from earmark.archive.worker import ChunkResult, ChunkTask
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.types import canonical_path
from support.long_sounds import contents, small_chunks, write_long
from support.media import write_tone


@pytest.fixture
def media(tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two recordings of 14 and 9 s."""
    small_chunks(monkeypatch)
    write_long(tmp_path / "media" / "a.wav", tiny_corpus, 14.5, seed=1)
    write_long(tmp_path / "media" / "sub" / "b.wav", tiny_corpus, 9.0, seed=2)
    return tmp_path / "media"


@pytest.fixture
def archive(media: Path, tiny_run: Path, tmp_path: Path) -> Archive:
    """An archive in which they are indexed."""
    archive = make_archive(tmp_path / "archive", tiny_run)
    report = run_index(archive, media)
    assert report.problems == []
    assert report.changes == {"new": 2}
    assert report.processed_s == 23.5
    return archive


def run_index(archive: Archive, *folders: Path, metadata: Path | None = None) -> Report:
    """What indexing did."""
    return index(archive, folders, ThreadExecutor(1), metadata)


def test_a_recordings_stored_chunks_are_read_once_however_many_they_are(
    tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements on the table of chunks while one recording of 30 s is indexed, but for those that insert a chunk."""
    path = write_long(tmp_path / "media" / "a.wav", tiny_corpus, 30.0)
    counts = []
    for chunk_s in (4.0, 12.0):
        small_chunks(monkeypatch, chunk_s)
        archive = make_archive(tmp_path / f"archive {chunk_s}", tiny_run)
        statements: list[str] = []
        event.listen(archive.engine, "before_cursor_execute", lambda *a, to=statements: to.append(a[2]))
        run_index(archive, path)
        counts.append(sum("chunks" in one and not one.startswith("INSERT") for one in statements))
    assert counts[0] == counts[1]


def statuses(archive: Archive) -> dict[str, str]:
    """By the name of a file."""
    with archive.reading() as connection:
        return {Path(row.path).name: row.status for row in connection.execute(recordings.select())}


def found_in(archive: Archive) -> set[str]:
    """Names of recordings that a search finds something in."""
    return {Path(found.hit.recording).name for found in search_keywords(archive, ["dog"], 1000)}


def test_nothing_new(archive: Archive, media: Path) -> None:
    before = contents(archive)
    os.utime(media / "a.wav", (1, 1))  # touched: read again, and found to be the same
    report = run_index(archive, media)
    assert (report.changes, report.problems, report.processed_s) == ({}, [], 0.0)
    assert contents(archive) == before


def test_new_and_changed(archive: Archive, media: Path, tiny_corpus: Corpus) -> None:
    write_long(media / "a.wav", tiny_corpus, 16.0, seed=3)
    write_long(media / "c.wav", tiny_corpus, 5.0, seed=4)
    report = run_index(archive, media)
    assert (report.changes, report.processed_s) == ({"changed": 1, "new": 1}, 21.0)
    stored = Counter((Path(row[1]).name, row[2]) for row in contents(archive)["recordings"])
    assert stored == {("a.wav", "done"): 1, ("a.wav", "missing"): 1, ("b.wav", "done"): 1, ("c.wav", "done"): 1}
    done = {row[0] for row in contents(archive)["recordings"] if row[2] == "done"}
    dog_postings = [row for row in contents(archive)["postings"] if row[0] == "dog" and row[1] in done]
    assert len(search_keywords(archive, ["dog"], 1000)) == len(dog_postings)
    assert forget_missing(archive) == 1
    assert run_index(archive, media).processed_s == 0.0
    assert len(contents(archive)["frames"]) == 4


def test_moved_and_copied(archive: Archive, media: Path, tmp_path: Path) -> None:
    chunks = contents(archive)["chunks"]
    (media / "a.wav").rename(media / "sub" / "moved.wav")
    shutil.copy(media / "sub" / "b.wav", media / "copy.wav")
    report = run_index(archive, media)
    assert (report.changes, report.processed_s) == ({"copies": 1, "moved": 1}, 0.0)
    assert statuses(archive) == {"moved.wav": "done", "b.wav": "done"}
    (media / "sub" / "b.wav").unlink()  # its copy takes its place
    assert run_index(archive, media).changes == {"moved": 1}
    assert statuses(archive) == {"moved.wav": "done", "copy.wav": "done"}
    assert contents(archive)["chunks"] == chunks


def test_gone_and_back_again(archive: Archive, media: Path, tmp_path: Path) -> None:
    before = contents(archive)
    (media / "sub" / "b.wav").rename(tmp_path / "moved")
    assert run_index(archive, media).changes == {"gone": 1}
    assert statuses(archive) == {"a.wav": "done", "b.wav": "missing"}
    assert found_in(archive) == {"a.wav"}
    assert run_index(archive, media).changes == {}  # said once
    (tmp_path / "moved").rename(media / "sub" / "b.wav")
    report = run_index(archive, media)
    assert (report.problems, report.processed_s) == ([], 0.0)
    assert contents(archive) == before


def test_all_of_a_folder_is_gone(archive: Archive, media: Path) -> None:
    (media / "sub" / "b.wav").unlink()
    run_index(archive, media / "sub")  # which holds nothing any more
    assert statuses(archive) == {"a.wav": "done", "b.wav": "missing"}
    (media / "a.wav").unlink()
    assert run_index(archive, media).changes == {"gone": 1}
    assert forget_missing(archive) == 2
    assert contents(archive) == {"recordings": [], "chunks": [], "postings": [], "frames": {}}


def test_some_files_are_forgotten_whether_they_are_there_or_not(archive: Archive, media: Path) -> None:
    before = contents(archive)
    (media / "sub" / "b.wav").unlink()
    gone = [canonical_path(media / "sub" / "b.wav"), canonical_path(media / "another.wav")]
    assert forget_files(archive, gone) == 1
    assert statuses(archive) == {"a.wav": "done"}
    assert found_in(archive) == {"a.wav"}
    left = contents(archive)
    assert {row[0] for row in left["chunks"]} == {row[0] for row in left["recordings"]}
    assert len(left["frames"]) < len(before["frames"])
    assert forget_files(archive, gone) == 0


def test_forgetting_leaves_no_trace(archive: Archive, media: Path) -> None:
    before = {path.name for path in (archive.folder / "vectors").iterdir()}
    (media / "a.wav").unlink()
    report = index(archive, [media], ThreadExecutor(1), forget=True)
    assert report.changes == {"gone": 1, "forgotten": 1}
    assert statuses(archive) == {"b.wav": "done"}
    after = {path.name for path in (archive.folder / "vectors").iterdir()}
    assert len(after) == 1
    assert not after & before
    with archive.reading() as connection:
        (left,) = connection.execute(recordings.select()).all()
        assert {row.recording for row in connection.execute(shard_chunks.select())} == {left.id}


def test_one_file_or_folder_says_nothing_of_the_others(archive: Archive, media: Path) -> None:
    assert run_index(archive, media / "a.wav").changes == {}
    assert run_index(archive, media / "sub").changes == {}
    assert set(statuses(archive).values()) == {"done"}
    (media / "sub" / "b.wav").unlink()
    assert run_index(archive, media).changes == {"gone": 1}  # though it was last seen through another folder


def test_broken_then_mended(archive: Archive, media: Path) -> None:
    (media / "text.mp3").write_text("no sound at all")
    (media / "empty.flac").touch()
    os.mkfifo(media / "pipe.wav")  # reading it would wait for ever
    (media / "lost.ogg").symlink_to(media / "nowhere.ogg")
    for _ in range(2):  # the next run tries again
        report = run_index(archive, media)
        assert len(report.problems) == 4
        for name in ("text.mp3", "empty.flac", "pipe.wav", "lost.ogg"):
            assert sum(name in problem for problem in report.problems) == 1
        assert found_in(archive) == {"a.wav", "b.wav"}
    (media / "text.mp3").write_bytes((media / "a.wav").read_bytes() + b"\0\0")
    for name in ("empty.flac", "pipe.wav", "lost.ogg"):
        (media / name).unlink()
    assert run_index(archive, media).problems == []
    assert found_in(archive) == {"a.wav", "b.wav", "text.mp3"}


def test_a_recording_that_was_cut_short_is_indexed_as_far_as_it_goes(
    archive: Archive, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = (media / "a.wav").read_bytes()
    (media / "cut.wav").write_bytes(whole[: len(whole) * 2 // 3])
    with caplog.at_level("INFO", "earmark"):
        assert run_index(archive, media).problems == []
    assert any("cut.wav" in record.getMessage() for record in caplog.records)
    assert found_in(archive) == {"a.wav", "b.wav", "cut.wav"}


class Vanishing:
    """An executor during whose work something happens to the files."""

    def __init__(self, happens: Any) -> None:
        self.happens = happens

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        for number, outcome in enumerate(ThreadExecutor(1).process(archive, tasks)):
            yield outcome
            if number == 0:
                self.happens()


def test_a_file_that_vanishes_meanwhile(media: Path, tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    write_long(media / "a.wav", tiny_corpus, 100.0)
    archive = make_archive(tmp_path / "archive", tiny_run)
    report = index(archive, [media], Vanishing(lambda: (media / "a.wav").rename(tmp_path / "moved")))
    assert len(report.problems) == 1
    assert "There is no audio file" in report.problems[0]
    assert statuses(archive) == {"a.wav": "broken", "b.wav": "done"}
    (tmp_path / "moved").rename(media / "a.wav")
    report = run_index(archive, media)
    assert report.problems == []
    assert report.processed_s < 100  # what was processed of it was not lost
    assert set(statuses(archive).values()) == {"done"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_for_real(archive: Archive, media: Path) -> None:
    (media / "sub").chmod(0)
    try:
        report = run_index(archive, media)
    finally:
        (media / "sub").chmod(0o755)
    assert len(report.problems) == 1
    assert statuses(archive)["b.wav"] == "done"


def test_what_may_not_be_read_is_not_gone(archive: Archive, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    report = run_index(archive, media)
    assert report.problems == [f"The folder {media / 'sub'} can't be read (Permission denied)."]
    assert report.changes == {}
    assert statuses(archive) == {"a.wav": "done", "b.wav": "done"}
    monkeypatch.undo()

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: refuse(f"{self}/sub") if self.name == "a.wav" else opened(self, *a, **k)
    )
    os.utime(media / "a.wav", (1, 1))
    report = run_index(archive, media)
    assert report.problems == [f"{media / 'a.wav'} can't be read (Permission denied)."]
    assert set(statuses(archive).values()) == {"done"}
    assert forget_missing(archive) == 0


NAMES = [
    unicodedata.normalize("NFC", "ọmọ̀ ilé.wav"),
    unicodedata.normalize("NFD", "ẹ̀kọ́.wav"),
    'it\'s "quoted" 100%_.wav',
    "new\nline.wav",
    "'); DROP TABLE recordings; --.wav",
    "<script>alert(1)</script>.wav".replace("/", "\u2044"),
    "-rf.wav",
    " .wav",
]


def test_strange_names(media: Path, tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    shutil.rmtree(media)
    for seed, name in enumerate(NAMES):
        write_long(media / name, tiny_corpus, 3.0, seed=seed)
    (media / os.fsdecode(b"latin \xe9.wav")).write_bytes(b"RIFF")
    write_tone(media / ".hidden.wav")
    write_tone(media / "._a.wav")
    archive = make_archive(tmp_path / "archive", tiny_run)
    report = run_index(archive, media)
    assert report.problems == [f"The name of {media}/latin \\xe9.wav is not UTF-8: rename the file."]
    assert sorted(statuses(archive)) == sorted(NAMES)
    assert found_in(archive) == set(NAMES)
    assert run_index(archive, media).processed_s == 0.0


def test_what_the_owner_says(archive: Archive, media: Path, tmp_path: Path) -> None:
    table = tmp_path / "about.csv"
    table.write_text("\ufeffAudio;speaker;licence\nmedia/a.wav;Ọlá;CC0\nmedia\\sub\\b.wav;;\n", encoding="utf-8")
    run_index(archive, media, metadata=table)
    with archive.reading() as connection:
        rows = {Path(row.path).name: row for row in connection.execute(recordings.select())}
    assert (rows["a.wav"].speaker, rows["a.wav"].licence, rows["a.wav"].date) == ("Ọlá", "CC0", "")
    run_index(archive, media)  # what a table does not speak of stays as it is
    with archive.reading() as connection:
        assert connection.execute(recordings.select()).first().speaker == "Ọlá"
    table.write_text("audio,speaker\nmedia/a.wav,x\nmedia/none.wav,y\n./media/a.wav,z\n", encoding="utf-8")
    with pytest.raises(
        EarmarkError,
        match=r"(?s)about.csv has 2 problems.*row 3: there is no audio file 'media/none.wav'.*row 4: .* of row 2 too",
    ):
        run_index(archive, media, metadata=table)


def test_the_verb_lists_what_is_broken(
    media: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (media / "text.mp3").write_text("no sound at all")

    def go(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    index_it = ("index", tiny_run, media, "--archive", tmp_path / "archive")
    assert go(*index_it) == 1
    captured = capsys.readouterr()
    assert "Recordings: 2 new." in captured.out
    assert captured.err.splitlines()[-2] == "earmark: 1 could not be indexed:"
    assert "text.mp3 can't be read as audio" in captured.err.splitlines()[-1]
    (media / "text.mp3").unlink()
    assert go(*index_it) == 0
    (media / "sub" / "b.wav").unlink()
    assert go(*index_it, "--forget") == 0
    assert "1 no longer there" in (out := capsys.readouterr().out)
    assert "1 forgotten" in out
    assert go("info", tmp_path / "archive", "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    archive = open_archive(tmp_path / "archive")
    stored = contents(archive)
    assert counts["recordings"] == {"done": 1}
    assert counts["windows"] == sum(row[3] for row in stored["chunks"]) == 7
    assert counts["postings"] == len(stored["postings"])
    assert counts["hours"] == pytest.approx(14.5 / 3600)
    on_disk = sum(path.stat().st_size for path in archive.folder.rglob("*") if path.is_file())
    assert sum(counts["files"].values()) == on_disk
    assert go("info", tmp_path / "archive") == 0
    printed = capsys.readouterr().out
    assert "1 recordings (1 done)" in printed
    assert "7 windows" in printed
    assert go(*index_it[:2], tmp_path / "none", *index_it[3:]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_folders_that_are_no_archive(media: Path, tiny_run: Path, tiny_pictured_run: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="is there and is no archive: name a new folder"):
        make_archive(media, tiny_run)
    assert sorted(path.name for path in media.iterdir()) == ["a.wav", "sub"]
    with pytest.raises(EarmarkError, match=r"is no archive .*make one with 'earmark index'"):
        open_archive(media)
    archive = make_archive(tmp_path / "archive", tiny_run)
    with pytest.raises(EarmarkError, match="was indexed with another model"):
        make_archive(tmp_path / "archive", tiny_pictured_run)
    again = make_archive(tmp_path / "archive", tiny_run)
    assert again.setting("model") == archive.setting("model")
    description = tmp_path / "archive" / "archive.json"
    captured = description.read_text()
    for damaged in ("", "[]", "{}", "null", '{"form": 1}', '{"form": 1, "database": 3}', "\x00"):
        description.write_text(damaged)
        with pytest.raises(EarmarkError, match="is damaged"):
            open_archive(tmp_path / "archive")
    description.write_text('{"form": 9, "database": null}')
    with pytest.raises(EarmarkError, match="has form 9"):
        open_archive(tmp_path / "archive")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "archive.json").write_text(captured)
    (tmp_path / "damaged" / "archive.sqlite").write_bytes(b"no tables" * 1000)
    with pytest.raises(EarmarkError, match=r"archive.sqlite can't be used \(file is not a database\)"):
        open_archive(tmp_path / "damaged")


def test_an_interrupted_creation_starts_again(tiny_run: Path, tiny_pictured_run: Path, tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "archive", tiny_pictured_run)
    archive.close()
    (tmp_path / "archive" / "archive.json").rename(tmp_path / "archive" / ".archive.1.partial.json")
    archive = make_archive(tmp_path / "archive", tiny_run)
    assert archive.setting("model_name") == "tiny"
    assert archive.spotter.keywords == archive.vocabulary.words
    assert build_shard(archive) is None
    assert info(archive)["recordings"] == {}
