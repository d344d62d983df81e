from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, normalise, read_keywords, read_text, without_marks


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_spellings_that_look_the_same_are_the_same(word: str, form: str) -> None:
    assert normalise(unicodedata.normalize(form, word)) == normalise(word)


@given(st.text())
def test_normalised_is_normal(word: str) -> None:
    once = normalise(word)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dog", "dog"),
        ("STRASSE", "straße"),
        ("  two   words ", "Two Words"),
        ("two\u00a0words", "two words"),
        ("Ọmọ́", "o\u0323mo\u0323\u0301"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_the_same_word(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("ọkọ", "oko"), ("ọkọ̀", "ọkọ́"), ("dog", "dogs"), ("two words", "twowords")])
def test_not_the_same_word(one: str, other: str) -> None:
    """Tone and under-dots tell words apart: a husband (ọkọ) is no vehicle (ọkọ̀)."""
    assert normalise(one) != normalise(other)


def test_words_without_their_marks() -> None:
    assert without_marks("Ọkọ̀") == without_marks("oko") == "oko"
    assert without_marks("犬") == "犬"


def test_words_are_found_in_every_form() -> None:
    vocabulary = Vocabulary(["dog", "ọmọ", "Big Tree"])
    assert len(vocabulary) == 3
    assert list(vocabulary) == ["dog", "ọmọ", "Big Tree"]
    assert vocabulary.index(unicodedata.normalize("NFD", "ỌMỌ")) == 1
    assert "big  tree" in vocabulary
    assert "tree" not in vocabulary
    assert 3 not in vocabulary


def test_words_are_kept_as_written_but_composed() -> None:
    assert Vocabulary([" Ọ\u0300kọ "]).words == (unicodedata.normalize("NFC", "Ọ\u0300kọ"),)


def test_an_unknown_word_names_the_nearest() -> None:
    vocabulary = Vocabulary(["dog", "ọkọ̀", "water", "walking", "tree", "snow", "oak"])
    with pytest.raises(EarmarkError, match=r"'wader' is not among the 7 keywords .*: the nearest are water, "):
        vocabulary.index("wader")
    assert vocabulary.nearest("oko")[0] == "ọkọ̀"  # differs in marks alone
    assert vocabulary.nearest("trees", count=1) == ["tree"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "is empty"),
        (["dog", " "], "empty word"),
        (["dog", "cat", "Dog"], "'Dog' is listed twice"),
        (["é", "e\u0301"], "'é' is listed twice"),
    ],
)
def test_keyword_lists_that_cannot_be(words: list[str], message: str) -> None:
    with pytest.raises(EarmarkError, match=message):
        Vocabulary(words)


def test_equal_vocabularies() -> None:
    assert Vocabulary(["a", "b"]) == Vocabulary(["a", "b"])
    assert hash(Vocabulary(["a", "b"])) == hash(Vocabulary(["a", "b"]))
    assert Vocabulary(["a", "b"]) != Vocabulary(["b", "a"])


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_reading_a_keyword_list(tmp_path: Path, mark: bytes, line_end: str) -> None:
    path = tmp_path / "keywords.txt"
    path.write_bytes(mark + line_end.join(["# Words we look for", "ọmọ", "", "  two words ", "dog"]).encode())
    assert read_keywords(path).words == ("ọmọ", "two words", "dog")


def test_keyword_lists_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "keywords.txt"
    with pytest.raises(EarmarkError, match=r"There is no file .*keywords\.txt"):
        read_keywords(path)
    with pytest.raises(EarmarkError, match=rf"{re.escape(str(tmp_path))} is a folder: name a file\."):
        read_keywords(tmp_path)
    path.write_bytes("ọmọ".encode("utf-16"))
    with pytest.raises(EarmarkError, match="is not UTF-8 text"):
        read_keywords(path)
    path.write_text("dog\ndog\n")
    with pytest.raises(EarmarkError, match=r"keywords\.txt: The keyword 'dog' is listed twice"):
        read_keywords(path)
    path.write_text("# nothing\n")
    with pytest.raises(EarmarkError, match=r"keywords\.txt: The keyword list is empty"):
        read_keywords(path)


@settings(deadline=None)
@given(st.text())
def test_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode("utf-8", errors="ignore"))
    assert (
        read_text(path).splitlines()
        == text.encode("utf-8", errors="ignore").decode().removeprefix("\ufeff").splitlines()
    )
