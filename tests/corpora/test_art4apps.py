from __future__ import annotations

import json
from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora.art4apps import prepare
from support.imports import DAMAGED, assert_account_is_right, assert_same_bytes, noted, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files as in the repository, with what it has of faults."""
    source = tmp_path / "art4apps"
    pictures = {word: f"{word}.png" for word in ("fawn", "air_horn", "lower_A", "baby")} | {"bad": ["x"]}
    write(source / "data" / "words.json", json.dumps(pictures))
    write(
        source / "data" / "words_fr.json", '{"fawn": "faon", "air_horn": "corne de brume", "lower_A": 1, "baby": "x"}'
    )
    for word in ("fawn", "air_horn", "lower_A"):
        write_picture(source / "images" / f"{word}.png")
    write(source / "images" / "baby.png", DAMAGED)
    for word in ("fawn", "air_horn", "lower_A", "baby", "bad", "be"):
        write_tone(source / "audio" / "fr" / f"{word}.ogg", 0.5)
    for word in ("fawn", "air_horn"):
        write_tone(source / "audio" / "en" / f"{word}.ogg", 0.5)
    return source


def test_words_are_utterances_with_pictures_texts_and_translations(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    found = {id_: utterance for id_, (_, utterance) in utterances(corpus).items()}
    assert {id_: (one.text, one.translation) for id_, one in found.items()} == {
        "fawn": ("faon", "fawn"),
        "air_horn": ("corne de brume", "air horn"),
        "lower_A": (None, "lower A"),
    }
    fawn = found["fawn"]
    assert (fawn.audio, fawn.image) == (source / "audio/fr/fawn.ogg", source / "images/fawn.png")
    assert (corpus.language, corpus.licence) == ("fr", "CC BY-SA 3.0")


def test_english_words_are_their_own_texts(source: Path, tmp_path: Path) -> None:
    found = utterances(prepare(source, tmp_path / "out"))
    assert {id_: (one.text, one.translation) for id_, (_, one) in found.items()} == {
        "fawn": ("fawn", None),
        "air_horn": ("air horn", None),
    }


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    notes = {what: which for what, which in noted(corpus.folder).items() if "left out" in what[1]}
    assert notes == {
        ("utterances", "left out: no picture is named"): ["bad", "be"],
        ("utterances", "left out: the picture can't be read"): ["baby"],
    }
    assert_account_is_right(corpus, capsys.readouterr().out)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out, language="fr"), tmp_path, capsys)


def test_texts_can_be_missing_but_recordings_can_not(source: Path, tmp_path: Path) -> None:
    (source / "data" / "words_fr.json").unlink()
    found = utterances(prepare(source, tmp_path / "out", language="fr"))
    assert {one.text for _, one in found.values()} == {None}
    with pytest.raises(EarmarkError, match=r"There is no audio/ht in .*: it holds the recordings"):
        prepare(source, tmp_path / "out", language="ht")
    for damage in (b"[]", b"{"):
        write(source / "data" / "words.json", damage)
        with pytest.raises(EarmarkError, match=r"words.json can't be read .*: copy it again"):
            prepare(source, tmp_path / "out")
