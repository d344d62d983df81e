from __future__ import annotations

import json
from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora.gcompris import prepare
from support.imports import assert_account_is_right, assert_same_bytes, noted, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The voices as in the repository, with the texts of one language beside them."""
    source = tmp_path / "GCompris-voices"
    for name in ("words/fire_extinguisher", "words/ate", "colors/blue", "alphabet/10", "alphabet/U0061", "misc/click"):
        write_tone(source / "fr" / f"{name}.ogg", 0.5)
    write_tone(source / "en" / "words" / "apple_tree.ogg", 0.5)
    write(source / "fr" / "words" / "README", "Voices of ...")
    texts = {"fire_extinguisher.ogg": "un extincteur", "blue.ogg": "bleu", "10.ogg": "dix", "ate.ogg": ""}
    write(source / "content-fr.json", json.dumps(texts))
    return source


def test_words_colours_and_numbers_are_utterances(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    found = {id_: (one.text, one.translation) for id_, (_, one) in utterances(corpus).items()}
    assert found == {
        "words/fire_extinguisher": ("un extincteur", "fire extinguisher"),
        "words/ate": (None, "ate"),
        "colors/blue": ("bleu", "blue"),
        "alphabet/10": ("dix", None),
    }
    assert corpus.language == "fr"


def test_words_with_pictures_are_those_that_are_imported(source: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "words-webp"
    image = write_picture(pictures / "fire_extinguisher.webp")
    ((id_, (_, one)),) = utterances(prepare(source, tmp_path / "out", language="fr", images=pictures)).items()
    assert (id_, one.image) == ("words/fire_extinguisher", image)


def test_english_names_are_english_texts(source: Path, tmp_path: Path) -> None:
    ((_, one),) = utterances(prepare(source, tmp_path / "out", language="en")).values()
    assert (one.text, one.translation) == ("apple tree", None)


def test_texts_may_lie_elsewhere(source: Path, tmp_path: Path) -> None:
    texts = (source / "content-fr.json").rename(tmp_path / "texts.json")
    before = utterances(prepare(source, tmp_path / "out", language="fr"))
    assert {one.text for _, one in before.values()} == {None}
    after = utterances(prepare(source, tmp_path / "out", language="fr", texts=texts))
    assert after["colors/blue"][1].text == "bleu"


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out", language="fr")
    notes = {what: which for what, which in noted(corpus.folder).items() if "left out" in what[1]}
    assert notes == {("utterances", "left out: nothing says what they name"): ["alphabet/U0061"]}
    assert_account_is_right(corpus, capsys.readouterr().out)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out, language="fr"), tmp_path, capsys)


def test_a_language_is_chosen_from_those_that_are_there(source: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"has no voices in '': choose a --language of en, fr"):
        prepare(source, tmp_path / "out")
    with pytest.raises(EarmarkError, match=r"holds no voices \(LANGUAGE/words\): name the folder of the voices"):
        prepare(source / "fr", tmp_path / "out", language="fr")
