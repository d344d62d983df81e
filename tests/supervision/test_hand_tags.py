"""Tags that people give to pictures."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.hand_tags import add_hand_tags, read_hand_tags, tags_by_hand
from earmark.supervision.targets import Targets

UNKNOWN = math.nan


def table(folder: Path, *rows: str) -> Path:
    path = folder / "tags.csv"
    path.write_text("\n".join(["image,tags", *rows]) + "\n", encoding="utf-8")
    return path


def described(name: str, image: str | None) -> Utterance:
    return Utterance(name, Path(f"{name}.wav"), 16_000, 16_000, image=Path(image) if image else None)


UTTERANCES = [described("a", "/p/x.jpg"), described("b", "/p/x.jpg"), described("c", "/p/y.jpg"), described("d", None)]


def rows(targets: Targets) -> dict[str, list[float | None]]:
    """With None where a tag is unknown, for NaN equals nothing."""
    return {name: [None if math.isnan(v) else round(float(v), 6) for v in row] for name, row in targets.rows.items()}


# Reading


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("dog", {"dog": 1.0}),
        ("dog; fire truck", {"dog": 1.0, "fire truck": 1.0}),
        ('"dog, grass:0.7"', {"dog": 1.0, "grass": 0.7}),
        ("dog :.5;cat: 1; snow:0", {"dog": 0.5, "cat": 1.0, "snow": 0.0}),
        ("?dog; cat:?", {"dog": UNKNOWN, "cat": UNKNOWN}),
        ("ka:ti; ka:ti:0.5x", None),
        ("ka:ti; ọmọ:0.25", {"ka:ti": 1.0, "ọmọ": 0.25}),
        ("dog; dog; DOG:1", {"dog": 1.0}),
        ("dog; dog:0.3", None),
        ("dog:1.5", None),
        ("dog:-1", None),
        ("dog:", None),
        ("dog:nan", {"dog:nan": 1.0}),
        (":0.5", None),
        ("?", None),
        ('"dog:0,7"', None),
        ("", {}),
    ],
)
def test_cells_by_hand(tmp_path: Path, cell: str, tags: dict[str, float] | None) -> None:
    path = table(tmp_path, f"x.jpg,{cell}", "y.jpg,dog")
    if tags is None:
        with pytest.raises(EarmarkError, match=r"row 2: the tag"):
            read_hand_tags(path)
        return
    found = read_hand_tags(path).by_image[("x.jpg",)]
    assert str(found) == str(tags)  # where NaN is like NaN


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    path = table(tmp_path, ",dog", "x.jpg,dog:2", "y.jpg,dog", "y.jpg,cat")
    with pytest.raises(EarmarkError) as error:
        read_hand_tags(path)
    assert str(error.value).splitlines()[1:] == [
        "row 2: there is no image in this row",
        "row 3: the tag 'dog:2' is no word, 'word:number from 0 to 1', '?word' or 'word:?'",
        "row 5: the image 'y.jpg' is that of row 4 too",
    ]
    with pytest.raises(EarmarkError, match="has no tag"):
        read_hand_tags(table(tmp_path, "x.jpg,"))


# Targets


def test_what_a_row_does_not_name_is_not_shown_and_what_has_no_row_is_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tags = read_hand_tags(table(tmp_path, "p\\x.jpg,dog; grass:0.7; ?cat", "elsewhere.jpg,snow"))
    with caplog.at_level(logging.WARNING):
        found = tags_by_hand(tags, UTTERANCES)
    assert found.vocabulary.words == ("dog", "grass", "cat", "snow")
    tagged, nothing = [1.0, 0.7, None, 0.0], [None] * 4
    assert rows(found) == {"a": tagged, "b": tagged, "c": nothing, "d": nothing}
    assert caplog.messages == [
        "tags.csv: 1 of its pictures are not in the corpus.",
        "tags.csv: 2 utterances have no picture in it; nothing is learned from them.",
        "tags.csv: no picture shows 2 of the keywords, such as 'cat', 'snow'.",
    ]


def test_tags_that_are_no_keywords_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = read_hand_tags(table(tmp_path, "x.jpg,dog; grass", "y.jpg,dog"))
    with caplog.at_level(logging.WARNING):
        assert rows(tags_by_hand(tags, UTTERANCES[:3], Vocabulary(["dog"])))["a"] == [1.0]
    assert caplog.messages == ["tags.csv: 1 tags are no keywords and are not used, such as 'grass'."]
    with pytest.raises(EarmarkError, match=r"No tag of .* is a keyword"):
        tags_by_hand(tags, UTTERANCES, Vocabulary(["cat"]))


def test_a_hand_goes_over_a_tagger_where_it_says_something(tmp_path: Path) -> None:
    words = Vocabulary(["dog", "grass", "cat"])
    row = np.array([0.5, 0.25, 0.125], dtype=np.float32)
    tagger = Targets(words, {utterance.id: row for utterance in UTTERANCES})
    found = add_hand_tags(tagger, read_hand_tags(table(tmp_path, "x.jpg,dog; ?cat", "p/y.jpg,dog:0")), UTTERANCES)
    assert rows(found) == {
        "a": [1.0, 0.25, None],
        "b": [1.0, 0.25, None],
        "c": [0.0, 0.25, 0.125],
        "d": [0.5, 0.25, 0.125],
    }
    assert list(row) == [0.5, 0.25, 0.125]


def test_a_name_must_be_that_of_one_picture_of_the_corpus(tmp_path: Path) -> None:
    two = [described("a", "/p/x.jpg"), described("b", "/q/x.jpg")]
    with pytest.raises(EarmarkError, match=r"names x\.jpg, but several pictures of the corpus are called so"):
        tags_by_hand(read_hand_tags(table(tmp_path, "x.jpg,dog")), two)
    found = tags_by_hand(read_hand_tags(table(tmp_path, "p/x.jpg,dog", "q/x.jpg,cat")), two)
    assert rows(found) == {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    with pytest.raises(EarmarkError, match=r"names no picture of the corpus \(its first: z\.jpg\)"):
        tags_by_hand(read_hand_tags(table(tmp_path, "z.jpg,dog")), two)
