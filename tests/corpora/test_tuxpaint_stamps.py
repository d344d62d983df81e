from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora.tuxpaint_stamps import prepare
from support.imports import DAMAGED, assert_account_is_right, assert_same_bytes, noted, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Stamps as they are installed, with what the real ones have of faults."""
    animals = tmp_path / "stamps" / "animals"
    write(
        animals / "frog.txt", "A frog.", "fr.utf8=Une grenouille.", "ca@valencia.utf8=Una granota.", "pt_BR.utf8= Rã "
    )
    write(animals / "cat_desc.txt", b"\xef\xbb\xbfA cat.", "", "fr.utf8=", "damaged")
    write(animals / "tomte.txt", b"Tomte \xff", "fr.utf8=Un lutin.")
    write(animals / "ant.txt", "An ant.", "fr.utf8=Une fourmi.")
    for stamp in ("frog", "cat_desc", "tomte", "owl"):
        write_picture(animals / f"{stamp}.png")
        write_tone(animals / f"{stamp}_desc_fr.ogg", 0.5)
    write(animals / "ant.svg", "<svg/>")
    write_tone(animals / "ant_desc_fr.ogg", 0.5)
    write_tone(animals / "yak_desc_fr.ogg", 0.5)
    write_tone(animals / "frog_desc.ogg", 0.5)
    write_tone(animals / "frog_desc_pt_BR.wav", 0.5)
    write_tone(animals / "frog_desc_ca@valencia.ogg", 0.5)
    write(animals / "frog_desc_da.ogg.ogg", DAMAGED)
    write_tone(animals / "frog.ogg", 0.5)  # its croak, which is no name
    return tmp_path / "stamps"


def test_names_in_one_language_are_utterances(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    found = {id_: utterance for id_, (_, utterance) in utterances(corpus).items()}
    assert {id_: (one.text, one.translation) for id_, one in found.items()} == {
        "animals/frog": ("Une grenouille.", "A frog."),
        "animals/cat_desc": (None, "A cat."),
        "animals/tomte": (None, None),
        "animals/owl": (None, None),
    }
    frog = found["animals/frog"]
    assert (frog.audio, frog.image) == (source / "animals/frog_desc_fr.ogg", source / "animals/frog.png")
    assert (corpus.language, corpus.licence) == ("fr", "GPL-2.0")


@pytest.mark.parametrize(
    ("language", "name", "text", "translation"),
    [
        ("en", "frog_desc.ogg", "A frog.", None),
        ("pt_BR", "frog_desc_pt_BR.wav", "Rã", "A frog."),
        ("ca@valencia", "frog_desc_ca@valencia.ogg", "Una granota.", "A frog."),
    ],
)
def test_languages_are_found_by_their_codes(
    source: Path, tmp_path: Path, language: str, name: str, text: str, translation: str | None
) -> None:
    ((_, found),) = utterances(prepare(source, tmp_path / "out", language=language)).values()
    assert (found.audio.name, found.text, found.translation) == (name, text, translation)


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    notes = {what: which for what, which in noted(corpus.folder).items() if "left out" in what[1]}
    assert notes == {
        ("utterances", "left out: their picture is a drawing in SVG, which is not read"): ["animals/ant"],
        ("utterances", "left out: there is no such picture"): ["animals/yak"],
        ("descriptions", "left out: they can't be read"): ["tomte.txt"],
    }
    assert_account_is_right(corpus, capsys.readouterr().out)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out, language="fr"), tmp_path, capsys)


def test_a_language_is_chosen_from_those_that_are_there(source: Path, tmp_path: Path) -> None:
    expected = (
        r"no stamp that is named in 'de': choose a --language of ca@valencia \(1\), en \(1\), fr \(6\), pt_BR \(1\)"
    )
    with pytest.raises(EarmarkError, match=expected):
        prepare(source, tmp_path / "out", language="de")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarmarkError, match=r"holds no spoken name .*: name the folder of the stamps"):
        prepare(tmp_path / "empty", tmp_path / "out", language="fr")
