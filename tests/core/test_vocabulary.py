from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError, UnknownWordError
from earmark.core.vocabulary import (
    KeywordForm,
    Transcript,
    Vocabulary,
    keyword_line,
    normalise,
    plain_words,
    read_keywords,
    read_text,
    without_marks,
)


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_spellings_that_appear_the_same_are_the_same(word: str, form: str) -> None:
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
        ("İnek", "inek"),
        ("\ufeffdog\u200b", "dog"),
        ("dog\u200e", "do\u00adg"),
        ("كـلب", "كلب"),
        ("dog\ufe0f", "ｄｏｇ"),
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
    assert without_marks("ɓarawo ƙofa ƴa") == "barawo kofa ya"
    assert without_marks("ısı") == "isi"
    assert without_marks("kɔɖɛ") == "kode"
    assert without_marks("ｲﾇ") == without_marks("イヌ")


def test_words_are_found_in_every_form() -> None:
    vocabulary = Vocabulary(["dog", "ọmọ", "Big Tree"])
    assert len(vocabulary) == 3
    assert list(vocabulary) == ["dog", "ọmọ", "Big Tree"]
    assert vocabulary.index(unicodedata.normalize("NFD", "ỌMỌ")) == 1
    assert "big  tree" in vocabulary
    assert "tree" not in vocabulary
    assert 3 not in vocabulary


def test_words_stay_as_written_but_composed() -> None:
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
    for content, problem in (
        ("é".encode("latin-1"), "is not UTF-8 text"),
        ("dog".encode("utf-16-le"), r"is not UTF-8 text \(line 1 holds a zero\)"),
        (b"PK\3\4" + bytes(50), "spreadsheet"),
    ):
        path.write_bytes(content)
        with pytest.raises(EarmarkError, match=problem):
            read_keywords(path)
    for line in ("dog, cat", "dog;3", "dog\tcat", "dog|cat"):
        path.write_text(f"fish\n{line}\n")
        with pytest.raises(EarmarkError, match=r"keywords\.txt: The line 'dog.*' holds several cells"):
            read_keywords(path)
    words = ("red, white", '"so"', "ọmọ")
    path.write_text("".join(map(keyword_line, words)), encoding="utf-8")
    assert read_keywords(path).words == words
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("line", ["big tree", '"big tree"', "big tree;", "big tree,,", "big tree\t", '"big tree";;'])
def test_a_keyword_list_from_a_spreadsheet(tmp_path: Path, encoding: str, line: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / "keywords.csv").write_bytes(mark + f"ọmọ\r\n{line}\r\n".encode(encoding))
    assert read_keywords(tmp_path / "keywords.csv").words == ("ọmọ", "big tree")


# Words of a text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("कुत्ता। बिल्ली॥", ["कुत्ता", "बिल्ली"]),  # danda
        ("হাতি। হাতি৷", ["হাতি", "হাতি"]),
        ("كلب؟ كلب، كلب؛ كلب۔", ["كلب"] * 4),
        ("犬。「犬」、犬！『犬』・犬…", ["犬"] * 5),
        ("ውሻ። ውሻ፣ ውሻ፡ውሻ", ["ውሻ"] * 4),  # Ethiopic
        ("ի՞նչ։", ["ինչ"]),  # the question mark stands over the vowel
        ("ខ្មែរ។", ["ខ្មែរ"]),
        ("ཁྱི་ཆེན།", ["ཁྱི", "ཆེན"]),
        ("שלום־עולם, צה״ל ג׳ירף", ["שלום", "עולם", "צה״ל", "ג׳ירף"]),
        ("¿Perro? ¡perro!", ["perro", "perro"]),
        ("‘dog’ 'dog' “dog” \"dog\" „dog“ ‚dog‘ «dog» ‹dog› 「dog」 `dog` ``dog'' 〝dog〟", ["dog"] * 12),
        ("dog. dog, dog; dog: dog! dog? dog… (dog) [dog] {dog} <dog> *dog* _dog_ dog", ["dog"] * 14),
        ("dog—cat dog–cat dog/cat dog,cat dog.Cat", ["dog", "cat"] * 5),
        ("don't don’t don＇t", ["don't"] * 3),
        ("rock-n-roll rock‑n‐roll well-- -known", ["rock-n-roll"] * 2 + ["well", "known"]),
        ("col·lecció", ["col·lecció"]),
        ("3.14, 1,000.", ["3.14", "1,000"]),
        ("Ọmọ. o\u0323mo\u0323!", ["ọmọ", "ọmọ"]),
        ("ꞌa ʼa ka\ua78c bá˥tu pa꞉ ma꞊", ["ꞌa", "ʼa", "kaꞌ", "bá˥tu", "pa꞉", "ma꞊"]),  # tones and glottal stops
        ("mi\u200cravam. നന്\u200d.", ["mi\u200cravam", "നന്\u200d"]),  # joiners
        ("\ufeffdog \u200edog\u200f do\u00adg", ["dog"] * 3),
        ("หมา\u200bแมว", ["หมา", "แมว"]),
        ("🙂 ₦5 #dog @dog R&B", ["5", "dog", "dog", "r", "b"]),
        (" … — ' - ", []),
        ("", []),
    ],
)
def test_words_of_texts_in_many_scripts(text: str, words: list[str]) -> None:
    expected = [unicodedata.normalize("NFC", word) for word in words]
    assert plain_words(text) == expected
    assert plain_words(unicodedata.normalize("NFD", text)) == expected


@given(st.text())
def test_plain_words_are_plain(text: str) -> None:
    words = plain_words(text)
    assert plain_words(" ".join(words)) == words
    for word in words:
        assert word == normalise(word) != ""
        assert unicodedata.category(word[0])[0] not in "ZC" or unicodedata.category(word[0]) in ("Cf", "Cn", "Co")


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Po", "Ps", "Pe", "Pi", "Pf", "Sm", "Sc"])))
def test_no_letter_is_lost(text: str) -> None:
    """An oracle that knows no rule: what str.isalnum calls letters and digits is in the words, in order."""
    letters = "".join(c for c in normalise(text) if c.isalnum() and c not in "\u055b\u055c\u055e")
    assert "".join(c for c in "".join(plain_words(text)) if c.isalnum()) == letters


@pytest.mark.parametrize(
    ("text", "keyword", "occurs"),
    [
        ("A dog, barking.", "Dog", True),
        ("Dogs bark", "dog", False),
        ("a hot 'dog'", "hot dog", True),
        ("a hot big dog", "hot dog", False),
        ("犬が走る。", "犬", True),
        ("犬が走る。", "走る", True),
        ("白いTシャツ", "Tシャツ", True),
        ("白いXTシャツ", "Tシャツ", False),
        ("หมากินข้าว", "กิน", True),
        ("มี", "ม", False),  # with its vowel it is another syllable
        ("ak' ak", "ak'", True),
        ("ak", "ak'", False),
        ("a dog", "?", False),
        ("bísí", "bisi", False),
        ("b\u0069\u0301si\u0301", "BÍSÍ", True),
    ],
)
def test_keywords_are_found_in_texts(text: str, keyword: str, occurs: bool) -> None:
    assert Transcript(text).says(KeywordForm(keyword)) is occurs


def test_words_of_an_alignment_are_whole() -> None:
    assert not Transcript("犬小屋 猫", segmented=True).says(KeywordForm("犬"))
    assert Transcript("犬小屋 猫", segmented=True).says(KeywordForm("猫"))


def test_a_vocabulary_without_words_says_how_to_search() -> None:
    empty = Vocabulary.empty()
    assert len(empty) == 0
    assert "dog" not in empty
    with pytest.raises(UnknownWordError, match="knows no keywords: search with a clip"):
        empty.index("dog")
