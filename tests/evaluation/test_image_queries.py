"""The images of each keyword's query, and which part of each."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import QueryImage
from earmark.core.types import ImageQuery, Prompt
from earmark.core.vocabulary import Vocabulary, normalise
from earmark.evaluation.image_queries import other_prompts
from earmark.evaluation.query_images import IMAGES_PER_KEYWORD, image_queries_of, read_boxes, select_images
from support.media import write_picture

HEADER = "keyword,image,left,top,right,bottom\n"
DOG_AND_CAT = Vocabulary(["dog", "cat"])


def spoken(number: int, text: str | None, image: str | None, words: str | None = None) -> Utterance:
    aligned = None if words is None else tuple(Word(word, 0.1, 0.2) for word in words.split())
    picture = None if image is None else Path(image)
    return Utterance(f"u{number}", Path("a.wav"), 16_000, 16_000, image=picture, text=text, words=aligned)


def test_images_of_the_first_utterances_by_hand() -> None:
    utterances = [
        spoken(0, "A dog.", "b.png"),
        spoken(1, "no dog is aligned here", "c.png", words="a cat"),  # the word times go before the text
        spoken(2, "The dog!", "a.png"),
        spoken(3, "Dog and cat", "b.png"),  # another caption of a picture that is there
        spoken(4, "dogs", "d.png"),
        spoken(5, "a dog nobody has drawn", None),
        spoken(6, None, "e.png"),
    ]
    selection = select_images(utterances, Vocabulary(["dog", "cat", "cow"]), (), {})
    assert {query.name: [str(prompt.path) for prompt in query.prompts] for query in selection.queries} == {
        "dog": ["b.png", "a.png"],
        "cat": ["c.png", "b.png"],
    }
    assert selection.without_image == ("cow",)
    assert selection.training_images == 0


def test_training_images_are_not_used() -> None:
    utterances = [spoken(0, "dog cat", "a.png"), spoken(1, "dog", "b.png"), spoken(2, "cow", "c.png")]
    selection = select_images(utterances, DOG_AND_CAT, {Path("a.png"), Path("c.png")}, {})
    assert [(query.name, query.prompts) for query in selection.queries] == [("dog", (Prompt(Path("b.png")),))]
    assert selection.without_image == ("cat",)
    assert selection.training_images == 1  # c.png shows no keyword


@given(st.lists(st.tuples(st.integers(0, 14), st.booleans(), st.booleans()), max_size=40), st.sets(st.integers(0, 14)))
def test_images_are_selected_by_the_rules(drawn: list[tuple[int, bool, bool]], training: set[int]) -> None:
    utterances = [
        spoken(number, " ".join(word for word, is_so in (("dog", dog), ("cat", cat)) if is_so), f"{picture}.png")
        for number, (picture, dog, cat) in enumerate(drawn)
    ]
    selection = select_images(utterances, DOG_AND_CAT, {Path(f"{picture}.png") for picture in training}, {})
    images = {query.name: [int(prompt.path.stem) for prompt in query.prompts] for query in selection.queries}
    for word, column in (("dog", 1), ("cat", 2)):
        expected: list[int] = []
        for picture, *_ in (row for row in drawn if row[column]):
            if picture not in training and picture not in expected and len(expected) < IMAGES_PER_KEYWORD:
                expected.append(picture)
        assert images.get(word, []) == expected
        assert (word in selection.without_image) == (not expected)


def test_a_picture_is_one_by_whatever_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, through a linked file or folder, or in another Unicode form: used once, excluded, and own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png", "ọmọ.png"):
        write_picture(folder / name)
    (tmp_path / "linked").symlink_to(folder)
    (tmp_path / "link.png").symlink_to(folder / "a.png")
    decomposed = unicodedata.normalize("NFD", "photos/ọmọ.png")
    names = ["photos/a.png", "linked/a.png", "link.png", f"{folder}/b.png", f"{folder}/ọmọ.png", decomposed]
    selection = select_images(
        [spoken(i, "dog", name) for i, name in enumerate(names)], DOG_AND_CAT, {Path("linked/b.png")}, {}
    )
    [query] = selection.queries
    assert [str(prompt.path) for prompt in query.prompts] == ["photos/a.png", f"{folder}/ọmọ.png"]
    assert selection.training_images == 1
    for own in (folder / "a.png", Path("link.png"), Path("photos/../linked/a.png")):
        assert [str(prompt.path) for prompt in other_prompts(query, own)] == [f"{folder}/ọmọ.png"]
    assert other_prompts(query, None) == query.prompts
    alone = replace(selection, queries=(ImageQuery("dog", query.prompts[:1]),))
    images = [Path("link.png"), folder / "a.png", folder / "b.png", None]
    assert alone.usable(images).tolist() == [[False], [False], [True], [True]]


def test_usable_cells_by_hand() -> None:
    utterances = [
        spoken(0, "dog cat", "a.png"),
        spoken(1, "dog", "b.png"),
        spoken(2, "x", None),
        spoken(3, "x", "a.png"),
    ]
    selection = select_images(utterances, DOG_AND_CAT, (), {})
    table = selection.usable([utterance.image for utterance in utterances])
    # "cat" has but a.png, which two utterances describe
    assert table.tolist() == [[True, False], [True, True], [True, True], [True, False]]
    assert selection.usable([None] * 4).all()
    assert selection.usable([]).shape == (0, 2)


# The corpus


def test_image_queries_of_the_tiny_corpus(tiny_corpus: Corpus) -> None:
    selection = image_queries_of(tiny_corpus, "test", Vocabulary(tiny_corpus.keywords))
    texts = {utterance.image: utterance.text for utterance in tiny_corpus.utterances("test")}
    for query in selection.queries:
        for prompt in query.prompts:
            assert normalise(query.name) in normalise(texts[prompt.path] or "")
            assert prompt.box is None


def test_images_of_the_training_split_are_not_used(own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    training = splits["test"][0].image
    splits["train"][0] = replace(splits["train"][0], image=training)
    write_corpus(own_corpus, splits)
    selection = image_queries_of(own_corpus, "test", Vocabulary(own_corpus.keywords))
    assert selection.training_images == 1
    assert training not in {prompt.path for query in selection.queries for prompt in query.prompts}
    with pytest.raises(EarmarkError, match=r"no query image .*split train.*which the model learned from"):
        image_queries_of(own_corpus, "train", Vocabulary(own_corpus.keywords))


def test_a_split_without_pictures_is_one_sentence(own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(utterance, image=None) for utterance in splits["test"]]
    write_corpus(own_corpus, splits)
    with pytest.raises(EarmarkError, match=r"no query image .*split test.* none has one"):
        image_queries_of(own_corpus, "test", Vocabulary(own_corpus.keywords))


# Parts of pictures


def test_crops_of_the_table_are_used(own_corpus: Corpus) -> None:
    keywords = Vocabulary(own_corpus.keywords)
    dog = next(query for query in image_queries_of(own_corpus, "test", keywords).queries if query.name == "dog")
    first, second = (prompt.path for prompt in dog.prompts[:2])
    rows = f"DOG,./images/{first.name},1,2,30,40\ndog,images/{second.name},,,,\n"
    (own_corpus.folder / "queries.csv").write_text("\ufeff" + HEADER + rows, encoding="utf-8")
    selection = image_queries_of(own_corpus, "test", keywords)
    assert [query.prompts for query in selection.queries if query.name == "dog"] == [
        (Prompt(first, (1, 2, 30, 40)), *dog.prompts[1:])
    ]
    assert all(prompt.box is None for query in selection.queries for prompt in query.prompts if query.name != "dog")
    assert selection.by_keyword(own_corpus.folder)["dog"][:2] == (
        QueryImage(f"images/{first.name}", (1, 2, 30, 40)),
        QueryImage(f"images/{second.name}", None),
    )


def test_names_in_another_unicode_form_are_known(own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    image = own_corpus.folder / "images" / "ọmọ.png"
    assert splits["test"][0].image is not None
    splits["test"][0].image.rename(image)
    splits["test"][0] = replace(splits["test"][0], image=image)
    write_corpus(own_corpus, splits)
    row = unicodedata.normalize("NFD", "ọmọ,images/ọmọ.png,1,1,4,4\n")
    (own_corpus.folder / "queries.csv").write_text(HEADER + row, encoding="utf-8")
    assert list(read_boxes(own_corpus).values()) == [(1, 1, 4, 4)]
    assert list(read_boxes(own_corpus)) == [(normalise("ọmọ"), str(image))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",images/test 0.png,,,,", "row 3: there is no keyword"),
        ("dog,images/nowhere.png,,,,", r"row 3: no utterance of the corpus has the image 'images/nowhere\.png'"),
        ("dog,,,,,", "row 3: no utterance of the corpus has the image ''"),
        ("dog,images/test 0.png,1,2,3,", "row 3: 1,2,3, is no part of an image: give four whole numbers"),
        ("dog,images/test 0.png,1,2,3.5,9", r"row 3: 1,2,3\.5,9 is no part of an image"),
        ("dog,images/test 0.png,-1,2,3,9", "row 3: -1,2,3,9 is no part of an image"),
        ("dog,images/test 0.png,5,2,5,9", "row 3: 5,2,5,9 .*left must be less than right"),
        ("Ball,images/test 1.png,1,2,3,4", r"row 3: Ball and images/test 1\.png are listed above"),
    ],
)
def test_a_bad_row_is_reported_with_file_and_number(own_corpus: Corpus, row: str, message: str) -> None:
    (own_corpus.folder / "queries.csv").write_text(f"{HEADER}ball,images/test 1.png,0,0,9,9\n{row}\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match=rf"(?s)queries\.csv has 1 problem.*{message}"):
        read_boxes(own_corpus)


def test_a_table_without_its_columns_is_reported(own_corpus: Corpus) -> None:
    (own_corpus.folder / "queries.csv").write_text("keyword,image\nball,images/test 1.png\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"(?s)queries\.csv has 4 problems.*no column 'left'"):
        read_boxes(own_corpus)


def test_without_a_table_there_are_no_crops(tiny_corpus: Corpus) -> None:
    assert read_boxes(tiny_corpus) == {}
    assert np.all([p.box is None for q in image_queries_of(tiny_corpus, "dev", DOG_AND_CAT).queries for p in q.prompts])
