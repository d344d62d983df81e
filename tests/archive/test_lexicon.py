"""The lexicon of an archive: words, their examples and what they grow by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from sqlalchemy import insert

from earmark.archive.archive import Archive, Position, open_archive
from earmark.archive.creation import make_features_archive
from earmark.archive.judgements import judge, judgements, query_key
from earmark.archive.lexicon import add_word, find_word, get_word, lexicon, remove_file, remove_word
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import lexicon_words, metadata, recordings
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import Hit
from earmark.recipe import feature_settings

RECORDING = {
    **{"sha256": "a" * 64, "path": "/a.wav", "folder": "/", "size": 1, "mtime_ns": 1, "duration_s": 60.0},
    **{"sample_rate": 16_000, "channels": 1, "status": "done"},
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    with archive.writing() as connection:
        connection.execute(insert(recordings).values(RECORDING))
    yield archive
    archive.close()


def clip(path: Path, hertz: float = 400.0) -> Path:
    soundfile.write(path, 0.3 * np.sin(np.arange(8000) * hertz / SAMPLE_RATE * 6.28), SAMPLE_RATE)
    return path


def hit_at(time_s: float, query: str) -> ArchiveHit:
    return ArchiveHit(Position(1, 1, time_s), Hit("/a.wav", query, 0.9, time_s, time_s - 0.2, time_s + 0.3))


def test_a_word_has_examples_spellings_a_picture_and_notes(archive: Archive, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "dog.png")
    made = add_word(
        archive,
        "Mbwá",
        [clip(tmp_path / "a.wav")],
        [clip(tmp_path / "b.wav", 900)],
        ["mbwa", "Imbwa", "mbwá"],
        [tmp_path / "dog.png"],
        "dog; class 9/10",
    )
    assert (made.word, made.spellings, made.notes) == ("Mbwá", ("Imbwa", "mbwa"), "dog; class 9/10")
    assert [one.origin for one in (*made.clips, *made.not_clips, *made.pictures)] == ["a.wav", "b.wav", "dog.png"]
    assert made.clips[0].path.read_bytes() == (tmp_path / "a.wav").read_bytes()
    for text in ("MBWA\u0301", " imbwa", "mbwa"):  # composed or not, in any case, by any spelling
        assert find_word(archive, text) == made
    assert find_word(archive, "mbwaa") is None
    again = add_word(archive, "imbwa", [clip(tmp_path / "c.wav", 500), tmp_path / "a.wav"])
    assert (again.word, len(again.clips), again.notes) == ("Mbwá", 2, "dog; class 9/10")
    assert lexicon(open_archive(archive.folder)) == [again]


def test_an_accepted_hit_is_an_example_until_it_is_undone(archive: Archive) -> None:
    add_word(archive, "maji")
    assert not get_word(archive, "maji").has_example
    judge(archive, query_key("Maji"), hit_at(5, "maji"), "yes")
    judge(archive, query_key("maji"), hit_at(8, "maji"), "no")
    accepted = get_word(archive, "maji").accepted
    assert [one.position.time_s for one in accepted] == [5.0]
    judge(archive, query_key("maji"), hit_at(5, "maji"), "no")
    assert not get_word(archive, "maji").has_example


def test_judgements_of_a_query_that_gets_a_name_become_the_words(archive: Archive) -> None:
    for time_s in (5, 8, 9):
        judge(archive, "example:1:1:3.00", hit_at(time_s, "x"), "yes")
    judge(archive, "maji", hit_at(8, "maji"), "no")  # earlier or later: the latest verdict on a hit counts
    judge(archive, "example:1:1:3.00", hit_at(9, "x"), "no")
    word = add_word(archive, "maji", judged_as="example:1:1:3.00")
    assert [one.position.time_s for one in word.accepted] == [5.0]
    assert {(one.query, one.position.time_s, one.verdict) for one in judgements(archive)} == {
        ("maji", 5.0, "yes"),
        ("maji", 8.0, "no"),
        ("maji", 9.0, "no"),
    }


def test_files_are_removed_with_the_last_word_that_has_them(archive: Archive, tmp_path: Path) -> None:
    shared, own = clip(tmp_path / "a.wav"), clip(tmp_path / "b.wav", 700)
    add_word(archive, "mbwa", [shared, own])
    add_word(archive, "maji", [shared])
    folder = archive.folder / "lexicon"
    assert len(list(folder.iterdir())) == 2
    remove_file(archive, "mbwa", "b.wav")
    assert len(list(folder.iterdir())) == 1
    remove_word(archive, "mbwa")
    assert len(list(folder.iterdir())) == 1
    remove_word(archive, "maji")
    assert list(folder.iterdir()) == []
    assert lexicon(archive) == []


def test_what_is_no_word_no_sound_or_no_picture_is_refused(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    for text, options, sentence in (
        (" ", {}, "can't be a word"),
        ("x" * 300, {}, "can't be a word"),
        ("mbwa", {"clips": [tmp_path / "text.wav"]}, r"text\.wav"),
        ("mbwa", {"clips": [tmp_path / "none.wav"]}, r"none\.wav"),
        ("mbwa", {"pictures": [tmp_path / "text.wav"]}, r"text\.wav"),
        ("mbwa", {"spellings": [""]}, "no spelling"),
    ):
        with pytest.raises(EarmarkError, match=sentence):
            add_word(archive, text, **options)  # type: ignore[arg-type]
    assert lexicon(archive) == []
    with pytest.raises(EarmarkError, match="lexicon has no word 'maji'"):
        remove_word(archive, "maji")


def test_an_archive_from_before_the_lexicon_gets_its_tables(archive: Archive) -> None:
    with archive.writing() as connection:
        metadata.drop_all(connection, [table for table in metadata.sorted_tables if table.name.startswith("lexicon")])
    assert lexicon(archive) == []
    opened = open_archive(archive.folder)
    add_word(opened, "maji")
    with opened.reading() as connection:
        assert connection.execute(lexicon_words.select()).one().written == "maji"
