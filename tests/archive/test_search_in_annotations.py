"""Searches that what people have annotated limits, against a slow search in Python."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from earmark import cli
from earmark.archive.annotated_time import AnnotatedTime, AnnotationLimit, annotated_time, left_by, merged
from earmark.archive.archive import Archive, Position
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.schema import chunks, keywords, postings, recordings
from earmark.archive.search import SearchOptions, search
from earmark.core.errors import EarmarkError
from support.annotated import eaf, textgrid, tier, write
from support.media import write_tone
from support.small_archive import unindexed_archive

WORDS = ("dog", "cat")
SLOTS = {"a": 1000, "b": 2500, "c": 2500, "d": 4000, "e": 50_000, "f": 60_000}
ROWS = [("x", ("a", "b"), "mbwa"), ("y", ("c", "d"), ""), ("z", ("e", "f"), "paka")]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Three recordings of a minute, each with a hundred hits of two words."""
    made = unindexed_archive(tmp_path / "archive", recordings=3)
    folder = made.folder / "model"
    folder.mkdir()
    (folder / "vocabulary.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    rng = np.random.default_rng(0)
    hits: list[dict[str, Any]] = []
    for recording in (1, 2, 3):
        for word in (0, 1):
            for number in range(50):
                time_s = round(float(rng.uniform(0, 60)), 2)
                times = {"start_s": time_s - 0.2, "time_s": time_s, "end_s": time_s + 0.2}
                place = {"recording": recording, "channel": 1, "chunk": number}
                hits.append({"keyword": word, "score": float(rng.random()), **place, **times})
    with made.writing() as connection:
        connection.execute(insert(keywords), [{"id": i, "word": word} for i, word in enumerate(WORDS)])
        connection.execute(insert(postings), hits)
    return made


def slow(archive: Archive, word: str, top: int, admitted: Any) -> list[tuple[int, float]]:
    """The best positions of a word that are `admitted`."""
    with archive.reading() as connection:
        rows = connection.execute(select(postings).where(postings.c.keyword == WORDS.index(word))).all()
    ranked = sorted((row for row in rows if admitted(row.recording, row.time_s)), key=lambda row: -row.score)
    return [(row.recording, row.time_s) for row in ranked[:top]]


def places(archive: Archive, word: str, options: SearchOptions) -> list[tuple[int, float]]:
    return [(hit.position.recording, hit.position.time_s) for hit in search(archive, word, options)]


def annotated(folder: Path, name: str = "d.eaf") -> Path:
    """A document of recording 2 whose time 0 is at half a second."""
    media = [{"MEDIA_URL": "file:///media/2.wav", "TIME_ORIGIN": "500"}]
    exported = (tier("earmark: dog", "earmark"), [("h", ("c", "d"), "dog 0.9")])
    other = (tier("note", "notes"), [("n", ("c", "d"), "cough")])
    return write(folder / name, eaf(SLOTS, [(tier("tx"), ROWS), exported, other], media))


@pytest.mark.parametrize("top", [1, 5, 40, 1000])
@pytest.mark.parametrize("word", WORDS)
def test_hits_within_and_outside_are_those_of_a_slow_search(
    archive: Archive, tmp_path: Path, word: str, top: int
) -> None:
    stretches_s = annotated_time(archive, [annotated(tmp_path)], ["tx"])

    def is_inside(recording: int, time_s: float) -> bool:
        return recording == 2 and (1.5 <= time_s <= 3.0 or 50.5 <= time_s <= 60.5)

    inside = places(archive, word, SearchOptions(top, within=stretches_s))
    assert inside == slow(archive, word, top, is_inside)
    beyond = places(archive, word, SearchOptions(top, outside=stretches_s))
    assert beyond == slow(archive, word, top, lambda *at: not is_inside(*at))
    both = SearchOptions(top, within=stretches_s, outside=stretches_s)
    assert places(archive, word, both) == []


def test_tiers_that_count(archive: Archive, tmp_path: Path) -> None:
    document = annotated(tmp_path)
    assert annotated_time(archive, [document]).stretches_s == {2: [(1.5, 4.5), (50.5, 60.5)]}
    assert annotated_time(archive, [document], ["NOTES"]).stretches_s == {2: [(3.0, 4.5)]}
    assert annotated_time(archive, [document], ["earmark: *"]).stretches_s == {2: [(3.0, 4.5)]}
    with pytest.raises(EarmarkError, match="No document has annotations in a tier that is called ft or gl"):
        annotated_time(archive, [document], ["ft", "gl"])


def test_a_folder_of_documents_of_all_kinds(archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "in" / "sub" / "1.TextGrid", textgrid(60, {"words": [(0, 1, ""), (1, 2, "mbwa"), (2, 3, "paka")]}))
    times = 'begin-time-offset="100" end-time-offset="900" media-file="m"'
    phrase = f'<phrase {times}><item type="txt" lang="s">x</item></phrase>'
    flextext = f'<document><interlinear-text>{phrase}<media guid="m" location="3.wav"/></interlinear-text></document>'
    write(tmp_path / "in" / "t.flextext", flextext)
    write(tmp_path / "in" / "broken.eaf", "<ANNOTATION_DOCUMENT>")
    write(tmp_path / "in" / "stray.eaf", eaf(SLOTS, [(tier("tx"), ROWS)]))
    with caplog.at_level(logging.WARNING):
        found = annotated_time(archive, [tmp_path / "in"])
    assert found.stretches_s == {1: [(1.0, 3.0)], 3: [(0.1, 0.9)]}
    assert len(caplog.messages) == 2
    assert "broken.eaf can't be read as an ELAN document" in caplog.messages[0]
    assert caplog.messages[1].startswith("1 documents are of no recording of the archive; the first: ")


def test_documents_that_can_not_be_used_are_an_error(archive: Archive, tmp_path: Path) -> None:
    for place, why in (
        (write(tmp_path / "in" / "stray.eaf", eaf({}, [])), "No document in .* is of a recording"),
        (write(tmp_path / "broken.eaf", ""), "can't be read as an ELAN document"),
        (tmp_path / "none.eaf", "There is no file"),
        (write(tmp_path / "x.txt", ""), r"ends in none of \.eaf, \.textgrid, \.flextext"),
        (archive.folder / "model", "holds no document"),
    ):
        with pytest.raises(EarmarkError, match=why):
            annotated_time(archive, [place])


def test_a_name_that_several_recordings_have_says_nothing(archive: Archive, tmp_path: Path) -> None:
    with archive.writing() as connection:
        about = {"sha256": "f" * 64, "path": "/elsewhere/2.wav", "folder": "/elsewhere", "status": "done"}
        sound = {"size": 1, "mtime_ns": 1, "duration_s": 60.0, "sample_rate": 16_000, "channels": 1}
        connection.execute(insert(recordings).values(**about, **sound))
    media = [{"MEDIA_URL": "file:///D:/2.wav"}]
    document = write(tmp_path / "d.eaf", eaf(SLOTS, [(tier("tx"), ROWS)], media))
    with pytest.raises(EarmarkError, match="is of a recording"):
        annotated_time(archive, [document])
    assert annotated_time(archive, [annotated(tmp_path)]).recordings == {2}


STRETCHES = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda s: (s[0] / 2, (s[0] + s[1]) / 2)))


@given(STRETCHES, st.integers(-2, 60))
def test_a_position_is_annotated_where_any_stretch_holds_it(stretches_s: list[tuple[float, float]], place: int) -> None:
    time_s = place / 4
    known = AnnotatedTime({1: merged(stretches_s)})
    assert known.holds(Position(1, 1, time_s)) == any(start_s <= time_s <= end_s for start_s, end_s in stretches_s)
    assert not known.holds(Position(2, 1, time_s))
    edges = [edge for stretch in known.stretches_s[1] for edge in stretch]
    assert edges == sorted(set(edges))


def test_the_command_line(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def earmark(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["earmark", "search", *map(str, (archive.folder, "dog", *arguments))])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    document = annotated(tmp_path)
    assert earmark("--within", document, "--tier", "tx", "--top", 3, "--json") == 0
    hits = json.loads(capsys.readouterr().out)
    assert len(hits) == 3
    assert {hit["recording"] for hit in hits} == {"/media/2.wav"}
    assert earmark("--tier", "tx") == 1
    assert "give --within or --outside" in capsys.readouterr().err


# Indexing


SOME = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda s: (s[0] / 2, (s[0] + s[1]) / 2)), max_size=5
)


@given(st.none() | SOME, st.none() | SOME)
def test_what_is_left_is_annotated_within_and_not_outside(
    within: list[tuple[float, float]] | None, outside: list[tuple[float, float]] | None
) -> None:
    sides = [None if side is None else AnnotatedTime({1: merged(side)}) for side in (within, outside)]
    left = left_by(*sides, 1, 20.0)
    if within is None and outside is None:
        assert left is None
        return
    assert left is not None
    for quarter in range(80):  # the middle of each quarter of a second
        time_s = quarter / 4 + 0.125
        wanted = (within is None or any(s < time_s < e for s, e in within)) and not any(
            s < time_s < e for s, e in outside or ()
        )
        assert any(s < time_s < e for s, e in left) == wanted


def test_gaps_that_hold_no_word_are_not_left() -> None:
    outside = AnnotatedTime({1: [(1.0, 2.0), (2.1, 3.0)]})
    assert left_by(None, outside, 1, 3.15) == ((0.0, 1.0),)
    assert left_by(outside, None, 2, 3.15) == ()


def test_only_windows_that_share_time_with_what_is_left_are_indexed(tiny_run: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "media" / "a.wav", 20.0)
    slots = {"a": 7000, "b": 8000}
    document = write(tmp_path / "a.eaf", eaf(slots, [(tier("tx"), [("x", ("a", "b"), "mbwa")])]))
    counts = {}
    for name, limit in (
        ("all", AnnotationLimit()),
        ("within", AnnotationLimit(within=[document])),
        ("outside", AnnotationLimit(outside=[document])),
    ):
        made = make_archive(tmp_path / name, tiny_run)
        report = index(made, [tmp_path / "media"], ThreadExecutor(1), limit=limit)
        assert report.problems == []
        with made.reading() as connection:
            counts[name] = connection.execute(select(chunks.c.windows)).scalars().all()
    # Windows of 4 s from 0, 2, ..., 16 s on: those from 4 and 6 s on share time with 7 to 8 s, and all with the rest.
    assert counts == {"all": [9], "within": [2], "outside": [9]}


def test_tiers_without_documents_are_refused() -> None:
    with pytest.raises(EarmarkError, match="give --within or --outside"):
        AnnotationLimit(tiers=["tx"])
