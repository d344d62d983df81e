"""A tagger that may have learned from the corpus that it tags is noticed."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.captions import Picture, with_commonest
from earmark.supervision.cnn_tagger import CnnTaggerSettings
from earmark.supervision.learned_pictures import FILE, Overlap, overlap, write_learned_pictures
from earmark.supervision.tagging import tags_from_tagger
from earmark.training.taggers import train_cnn_tagger


def utterance(image: str | None, text: str | None) -> Utterance:
    return Utterance("u", Path("u.wav"), 16000, 16000, image=None if image is None else Path(image), text=text)


LEARNED = [
    Picture(Path("coco/COCO_train2014_000000000009.jpg"), ("A dog runs over the snow.", "Snow!")),
    Picture(Path("flickr30k/1000268201.jpg"), ("A child in a pink dress.",)),
]


@pytest.mark.parametrize(
    ("utterances", "expected"),
    [
        ([utterance("other/x.png", "a cat sleeps in the sun")], Overlap(0, 1, 0, 1)),
        ([utterance("flickr8k/1000268201_693b08cb0e.jpg", None)], Overlap(1, 1, 0, 0)),  # its Flickr30k name
        ([utterance("x/1000268201.png", None)] * 5, Overlap(1, 1, 0, 0)),
        ([utterance("y.jpg", "a DOG runs, over the snow")], Overlap(0, 1, 1, 1)),
        ([utterance("y.jpg", "snow")], Overlap(0, 1, 0, 0)),  # a word says nothing of where it comes from
        (
            [utterance(None, "A child in a pink dress"), utterance(None, "nothing of this kind here")],
            Overlap(0, 0, 1, 2),
        ),
    ],
)
def test_pictures_are_known_by_name_and_captions_by_their_words(
    tmp_path: Path, utterances: list[Utterance], expected: Overlap
) -> None:
    write_learned_pictures(tmp_path, LEARNED)
    assert overlap(tmp_path, utterances) == expected


def test_what_is_stored_can_not_be_read(tmp_path: Path) -> None:
    write_learned_pictures(tmp_path, LEARNED)
    with np.load(tmp_path / FILE) as arrays:
        assert {name: arrays[name].dtype for name in arrays.files} == {"names": np.uint64, "captions": np.uint64}
    assert b"dress" not in (tmp_path / FILE).read_bytes()


def test_the_warning_is_one_sentence_with_what_to_do() -> None:
    assert Overlap(0, 8000, 0, 40000).warning == ""
    assert Overlap(6000, 8000, 30000, 40000).warning == (
        "The tagger may have learned from this very corpus: 6,000 of its 8,000 pictures are called like some, and "
        "30,000 of its 40,000 texts are captions of some that it learned from. Then a model learns transcripts through "
        "its tags, and no longer without text: train the tagger with --exclude and a list of the corpus's pictures."
    )


def test_an_older_tagger_keeps_nothing_and_a_damaged_record_is_one_sentence(tmp_path: Path) -> None:
    assert overlap(tmp_path, [utterance("x.jpg", "a b c d")]) is None
    (tmp_path / FILE).write_bytes(b"no archive")
    with pytest.raises(EarmarkError, match=r"learned-from\.npz is damaged .*train the tagger again"):
        overlap(tmp_path, [utterance("x.jpg", "a b c d")])


def test_tagging_the_pictures_that_taught_the_tagger_warns(
    own_corpus: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, test = own_corpus.utterances("train"), own_corpus.utterances("test")
    pictures = [Picture(u.image, (u.text,)) for u in train if u.image and u.text]
    settings = CnnTaggerSettings(side=32, epochs=1)
    train_cnn_tagger(pictures, Vocabulary(own_corpus.keywords), settings, tmp_path / "tagger")
    with caplog.at_level(logging.WARNING):
        tags_from_tagger(tmp_path / "tagger", test)
        assert "may have learned from this very corpus" not in caplog.text
        tags_from_tagger(tmp_path / "tagger", [*train, *test])
    assert f"{len(train)} of its {len(train) + len(test)} pictures are called like some that it learned" in caplog.text


def test_listed_keywords_come_before_the_commonest_words() -> None:
    listed, commonest = Vocabulary(["snowboarder", "dog"]), Vocabulary(["man", "Dog", "snow", "girl"])
    assert with_commonest(listed, commonest, 4).words == ("snowboarder", "dog", "man", "snow")
    assert with_commonest(listed, commonest, 1).words == ("snowboarder", "dog")
    assert with_commonest(listed, commonest, 9).words == ("snowboarder", "dog", "man", "snow", "girl")
