from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.corpus import Corpus, Utterance, Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.targets import Targets, read_targets, tags_from_file, targets_path, write_targets
from earmark.supervision.transcripts import bag_of_words, occurrences, plain_words

NFD = unicodedata.normalize("NFD", "ọmọ")


def spoken(text: str | None = None, words: tuple[Word, ...] | None = None, image: str | None = None) -> Utterance:
    picture = Path(image) if image else None
    return Utterance("u", Path("u.wav"), 16_000, 16_000, image=picture, text=text, words=words)


def bag(text: str, *keywords: str) -> list[float]:
    return [float(value) for value in bag_of_words([spoken(text)], Vocabulary(keywords)).rows["u"]]


# Bags of words


@pytest.mark.parametrize(
    ("text", "keyword", "named"),
    [
        ("A dog runs.", "dog", True),
        ("A dog runs.", "Dog", True),
        ("DOG", "dog", True),
        ("“Dog!”, she said", "dog", True),
        ("¿dónde está el perro?", "perro", True),
        ("two dogs run", "dog", False),
        ("a dog runs", "dogs", False),
        ("a hotdog stand", "dog", False),
        ("a dog-house", "dog", False),
        ("a dog's bone", "dog", False),
        ("", "dog", False),
        ("... — ...", "dog", False),
        (f"àwọn {NFD} náà", "ọmọ", True),
        ("àwọn ọmọ náà", NFD, True),
        ("àwọn omo náà", "ọmọ", False),
        ("a fire truck", "fire truck", True),
        ("a Fire,  Truck!", "fire truck", True),
        ("a truck on fire", "fire truck", False),
        ("a fire red truck", "fire truck", False),
        ("a fire trucks", "fire truck", False),
        ("wide\tnew\nlines", "new", True),
    ],
)
def test_a_bag_of_words_has_whole_words_alone(text: str, keyword: str, named: bool) -> None:
    assert bag(text, keyword) == [float(named)]


def test_a_bag_of_words_has_a_column_a_keyword_and_neither_order_nor_number() -> None:
    assert bag("snow and a dog and a dog", "dog", "cat", "snow") == [1, 0, 1]
    assert bag_of_words([spoken("x")], Vocabulary(["x"])).rows["u"].dtype == np.float32


@pytest.mark.parametrize("text", [None, "A cat in the snow."])
def test_words_of_the_alignment_go_before_the_text(text: str | None) -> None:
    words = (Word("Dog,", 0.1, 0.2), Word("snow", 0.3, 0.4))
    assert list(bag_of_words([spoken(text, words)], Vocabulary(["snow", "cat", "dog"])).rows["u"]) == [1, 0, 1]
    assert list(bag_of_words([spoken(text, ())], Vocabulary(["snow"])).rows["u"]) == [0]


def test_no_transcript_no_bag() -> None:
    with pytest.raises(EarmarkError, match="Utterance u has no text"):
        bag_of_words([spoken()], Vocabulary(["dog"]))


def test_plain_words_lose_their_punctuation_but_not_their_inner_signs() -> None:
    assert plain_words("«L'été», (so-called) o’clock — …") == ["l'été", "so-called", "o'clock"]


# Occurrences


ALIGNED = (
    Word("The", 0.0, 0.1),
    Word("fire", 0.1, 0.3),
    Word(",", 0.3, 0.3),
    Word("truck", 0.3, 0.6),
    Word("fire", 0.7, 0.9),
    Word("Fire truck", 0.9, 1.4),
)


@pytest.mark.parametrize(
    ("keyword", "places"),
    [
        ("fire", [(0.1, 0.3), (0.7, 0.9), (0.9, 1.4)]),
        ("FIRE  truck", [(0.1, 0.6), (0.9, 1.4)]),
        ("truck fire", [(0.3, 0.9)]),
        ("the", [(0.0, 0.1)]),
        ("fir", []),
        ("truck truck", []),
        ("the fire truck fire fire truck", [(0.0, 1.4)]),
        ("the fire truck fire fire truck fire", []),
    ],
)
def test_occurrences_are_where_the_words_stand_in_a_row(keyword: str, places: list[tuple[float, float]]) -> None:
    found = occurrences(ALIGNED, keyword)
    assert [(word.start_s, word.end_s) for word in found] == places
    assert {word.word for word in found} <= {keyword}


def test_nothing_occurs_in_silence() -> None:
    assert occurrences((), "dog") == []


TOKENS = st.lists(st.sampled_from(["dog", "dogs", "Dog.", "fire", "truck", NFD, "ọmọ", ",", "the"]), max_size=8)


@given(TOKENS, st.sampled_from(["dog", "ọmọ", "fire truck", "dog dog", "the"]))
def test_a_bag_names_a_keyword_just_where_it_occurs(tokens: list[str], keyword: str) -> None:
    words = tuple(Word(token, i / 10, i / 10 + 0.1) for i, token in enumerate(tokens))
    target = bag_of_words([spoken(words=words)], Vocabulary([keyword])).rows["u"][0]
    assert bool(target) == bool(occurrences(words, keyword))


# Targets on disk


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@given(
    st.dictionaries(IDS, st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2), max_size=5),
)
def test_targets_come_back(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[float]]) -> None:
    path = tmp_path_factory.getbasetemp() / "tags.csv"
    vocabulary = Vocabulary(["fire, truck", "ọmọ"])
    write_targets(path, Targets(vocabulary, {name: np.array(row, np.float32) for name, row in rows.items()}))
    back = read_targets(path)
    assert back.vocabulary == vocabulary
    assert list(back.rows) == list(rows)
    for name, row in rows.items():
        np.testing.assert_allclose(back.rows[name], row, rtol=1e-5)
        assert back.rows[name].dtype == np.float32


def test_the_file_is_a_table_that_people_can_read(tmp_path: Path) -> None:
    write_targets(tmp_path / "t.csv", Targets(Vocabulary(["dog", "ọmọ"]), {"à b, c": np.array([0.25, 1], np.float32)}))
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines() == ["utterance_id,dog,ọmọ", '"à b, c",0.25,1']


def test_a_matrix_has_the_rows_and_columns_that_are_requested() -> None:
    rows = {"a": np.array([0.1, 0.2, 0.3], np.float32), "b": np.array([0.4, 0.5, 0.6], np.float32)}
    targets = Targets(Vocabulary(["dog", "ọmọ", "snow"]), rows)
    matrix = targets.matrix(["b", "a", "b"], Vocabulary(["Snow", NFD]))
    np.testing.assert_array_equal(matrix, np.array([[0.6, 0.5], [0.3, 0.2], [0.6, 0.5]], np.float32))


def test_what_a_matrix_lacks_is_named() -> None:
    targets = Targets(Vocabulary(["dog"]), {"a": np.zeros(1, np.float32)})
    with pytest.raises(EarmarkError, match="no column for snow, cat: tag with these words"):
        targets.matrix(["a"], Vocabulary(["snow", "dog", "cat"]))
    with pytest.raises(EarmarkError, match="no row for b: run 'earmark tag' again"):
        targets.matrix(["a", "b"], Vocabulary(["dog"]))
    with pytest.raises(EarmarkError, match="no row for 0, 1, 2, 3, 4 and 7 more"):
        targets.matrix([str(i) for i in range(12)], Vocabulary(["dog"]))


def test_there_are_no_tags_yet(tmp_path: Path) -> None:
    path = targets_path(Corpus(tmp_path, "c"), "vgs")
    assert path == tmp_path / "tags" / "vgs.csv"
    with pytest.raises(EarmarkError, match=r"no tags 'vgs' .*: make them with 'earmark tag'"):
        read_targets(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"utterance_id\n",
        b"utterance_id,dog,Dog\na,1,0\n",
        b"utterance_id,dog\na\n",
        b"utterance_id,dog\na,1\n\nb,1\n",
        b"utterance_id,dog\na,1,0\n",
        b"utterance_id,dog\na,much\n",
        b"utterance_id,dog\na,nan\n",
        b"utterance_id,dog\na,1.5\n",
        b"utterance_id,dog\na,-0.1\n",
        b"utterance_id,d\xff\xfeg\na,1\n",
        b"utterance_id,dog\n" + b"a" * 200_000 + b",1\n",
    ],
)
def test_damaged_tags_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vgs.csv").write_bytes(content)
    with pytest.raises(EarmarkError, match=r"vgs\.csv is damaged \(.*\): run 'earmark tag' again"):
        read_targets(tmp_path / "vgs.csv")


# The published tag format


def tags(tmp_path: Path, lines: str, *images: str) -> Targets:
    (tmp_path / "tags.txt").write_text(lines, encoding="utf-8")
    utterances = [
        Utterance(f"u{i}", Path("u.wav"), 16_000, 16_000, image=Path(image)) for i, image in enumerate(images)
    ]
    return tags_from_file(tmp_path / "tags.txt", utterances)


@pytest.mark.parametrize(
    "line", ["my picture: 0.5 1", "my picture 0.5 1", "my picture :0.5\t1", "  my picture:0.5   1.0e0  "]
)
def test_a_line_of_tags(tmp_path: Path, line: str) -> None:
    found = tags(tmp_path, f"# words\n\nTags: dog ọmọ\n  # more\nother: 0 0\n{line}\n", "some/my picture.jpg")
    assert found.vocabulary == Vocabulary(["dog", "ọmọ"])
    np.testing.assert_array_equal(found.rows["u0"], np.array([0.5, 1], np.float32))


def test_utterances_share_the_tags_of_their_image(tmp_path: Path) -> None:
    found = tags(tmp_path, "Tags: dog\na: 0.1\nb: 0.2\n", "b.jpg", "a.png", "x/b.jpeg")
    assert {name: round(float(row[0]), 3) for name, row in found.rows.items()} == {"u0": 0.2, "u1": 0.1, "u2": 0.2}


def test_image_names_are_compared_in_one_unicode_form(tmp_path: Path) -> None:
    found = tags(tmp_path, f"Tags: dog\n{NFD} 1: 0.5\nọmọ 2: 0.25\n", "ọmọ 1.jpg", f"{NFD} 2.jpg")
    assert [float(row[0]) for row in found.rows.values()] == [0.5, 0.25]


@pytest.mark.parametrize(
    "line",
    ["a: 0.1", "a: 0.1 0.2 0.3", "a:", "a", "a: 0.1 much", "a: 0.1 1.01", "a: -0.1 0.2", "a: nan 0.1", "a 0.1 inf"],
)
def test_wrong_numbers_are_named_with_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(EarmarkError, match=r"tags\.txt, line 4: there must be 2 numbers between 0 and 1"):
        tags(tmp_path, f"# head\nTags: dog cat\n\n{line}\n", "a.jpg")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("", "holds no tags"),
        ("# nothing\n\n", "holds no tags"),
        ("a: 0.1\n", "line 1: the first line must be 'Tags:'"),
        ("\nWords: dog\n", "line 2: the first line must be 'Tags:'"),
        ("\nTags:\n", "line 2: The keyword list is empty"),
        ("Tags: dog Dog\n", "line 1: The keyword 'Dog' is listed twice"),
        (
            "Tags: dog\nb: 0.1\n",
            r"has no tags for 1 of the corpus's 1 utterances \(the first: the image a.jpg of u0\): give the",
        ),
    ],
)
def test_a_wrong_tag_file_is_one_sentence(tmp_path: Path, lines: str, sentence: str) -> None:
    with pytest.raises(EarmarkError, match=r"tags\.txt.*" + sentence):
        tags(tmp_path, lines, "a.jpg")


def test_an_utterance_without_an_image_has_no_tags(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("Tags: dog\na: 1\n")
    with pytest.raises(EarmarkError, match=r"the first: u, which has no image\)"):
        tags_from_file(tmp_path / "tags.txt", [spoken("dog")])
    with pytest.raises(EarmarkError, match=r"no tags for 3 of the corpus's 4 utterances \(the first: the image b.jpg"):
        tags(tmp_path, "Tags: dog\na: 1\n", "a.jpg", "b.jpg", "c.jpg", "d.jpg")


def test_only_the_columns_that_are_needed_are_read(tmp_path: Path) -> None:
    """In the file's order; a keyword without a column is missed where it is looked up; others are not checked."""
    words = Vocabulary(f"word{number}" for number in range(6))
    rows = {f"u{n}": np.linspace(0, 1, 6, dtype=np.float32) * n / 4 for n in range(1, 5)}
    write_targets(tmp_path / "tags.csv", Targets(words, rows))
    some = Vocabulary(["word4", "word1", "nothing"])
    found, whole = read_targets(tmp_path / "tags.csv", some), read_targets(tmp_path / "tags.csv")
    assert found.vocabulary.words == ("word1", "word4")
    wanted = Vocabulary(["word4", "word1"])
    np.testing.assert_array_equal(found.matrix(list(rows), wanted), whole.matrix(list(rows), wanted))
    with pytest.raises(EarmarkError, match="no column for nothing"):
        found.matrix(list(rows), some)
    text = (tmp_path / "tags.csv").read_text(encoding="utf-8")
    (tmp_path / "cut.csv").write_text(text.rsplit(",", 1)[0], encoding="utf-8")
    with pytest.raises(EarmarkError, match="is damaged"):
        read_targets(tmp_path / "cut.csv", some)
