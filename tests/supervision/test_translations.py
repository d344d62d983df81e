"""Tags from translations, and truth across languages by a map of keywords."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus, write_keyword_map
from earmark.core.errors import EarmarkError
from earmark.core.keyword_map import KeywordMap, read_keyword_map
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import ground_truth
from earmark.supervision.targets import read_targets, write_targets
from earmark.supervision.transcripts import bag_of_words
from earmark.supervision.translations import commonest_in_translations, tags_from_translations


def utterance(name: str, translation: str | None, text: str | None = None) -> Utterance:
    return Utterance(name, Path(f"{name}.wav"), 16_000, 16_000, text=text, translation=translation)


SPOKEN = [
    utterance("a", "The dog chases a fire truck.", "Mbwa anafukuza gari la zima moto."),
    utterance("b", "Two DOGS and a cat", "dog dog dog"),
    utterance("c", None, "a dog and a cat"),
]


# Targets


def test_targets_are_the_words_of_the_translations_and_unknown_without_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        targets = tags_from_translations(SPOKEN, Vocabulary(["dog", "fire truck", "cat"]))
    assert list(targets.rows["a"]) == [1, 1, 0]
    assert list(targets.rows["b"]) == [0, 0, 1]
    assert np.isnan(targets.rows["c"]).all()
    assert caplog.messages == ["1 of 3 utterances have no translation: nothing is learned from them."]


def test_no_transcript_enters() -> None:
    keywords = Vocabulary(["dog", "cat"])
    aligned = (Word("dog", 0.1, 0.2), Word("cat", 0.3, 0.4))
    for other in (
        [replace(one, text=None) for one in SPOKEN],
        [replace(one, text="cat cat dog") for one in SPOKEN],
        [replace(one, words=aligned) for one in SPOKEN],
    ):
        for words in (keywords, commonest_in_translations(SPOKEN, 4)):
            known, changed = tags_from_translations(SPOKEN, words), tags_from_translations(other, words)
            assert all((np.nan_to_num(known.rows[name], nan=9) == np.nan_to_num(row, nan=9)).all()
                       for name, row in changed.rows.items())  # fmt: skip
        assert commonest_in_translations(other, 4) == commonest_in_translations(SPOKEN, 4)


def test_the_commonest_words_are_content_words_of_translations() -> None:
    spoken = [utterance("a", "A dog, a dog! x 12"), utterance("b", "The cat and a dog"), utterance("c", "the cat 犬")]
    assert commonest_in_translations(spoken, 10).words == ("cat", "dog", "犬")
    assert commonest_in_translations(spoken, 1).words == ("cat",)


def test_without_translations_or_their_keywords_there_are_no_tags() -> None:
    with pytest.raises(EarmarkError, match="No utterance of the corpus has a translation"):
        tags_from_translations([utterance("a", None, "dog")], Vocabulary(["dog"]))
    with pytest.raises(EarmarkError, match="No translation says any of the keywords"):
        tags_from_translations(SPOKEN, Vocabulary(["mbwa"]))


def test_unknown_targets_come_back(tmp_path: Path) -> None:
    targets = tags_from_translations(SPOKEN, Vocabulary(["dog", "cat"]))
    write_targets(tmp_path / "t.csv", targets)
    assert (tmp_path / "t.csv").read_text().splitlines() == ["utterance_id,dog,cat", "a,1,0", "b,0,1", "c,,"]
    back = read_targets(tmp_path / "t.csv").matrix(["c", "a"], targets.vocabulary)
    assert np.isnan(back[0]).all()
    assert list(back[1]) == [1, 0]


def test_translations_come_back(tmp_path: Path) -> None:
    write_corpus(Corpus(tmp_path, "c"), {"train": [replace(one, audio=tmp_path / one.audio) for one in SPOKEN]})
    assert [u.translation for u in read_corpus(tmp_path).utterances("train")] == [u.translation for u in SPOKEN]


# Keywords of another language


def test_a_keyword_is_spoken_where_any_of_its_words_is() -> None:
    spoken = [
        replace(SPOKEN[0], words=(Word("paka", 0.5, 0.7), Word("mbwa", 0.1, 0.4), Word("pusi", 0.0, 0.1))),
        replace(SPOKEN[1], words=(Word("dog", 0.1, 0.2), Word("snow", 0.4, 0.5))),
    ]
    keywords = Vocabulary(["dog", "cat", "snow"])
    mapped = KeywordMap.of([("Dog", ["mbwa"]), ("cat", ["paka", "pusi"])])
    truth = ground_truth(spoken, keywords, mapped)
    assert truth.present.tolist() == [[True, True, False], [False, False, True]]
    found = list(zip(truth.utterance, truth.keyword, truth.start_s, truth.end_s, strict=True))
    assert found == [(0, 0, 0.1, 0.4), (0, 1, 0.0, 0.1), (0, 1, 0.5, 0.7), (1, 2, 0.4, 0.5)]
    written = [replace(one, words=None) for one in spoken]
    assert ground_truth(written, keywords, mapped).present.tolist() == [[True, False, False], [False, False, False]]
    assert [list(row) for row in bag_of_words(written, keywords, mapped).rows.values()] == [[1, 0, 0], [0, 0, 0]]


def test_a_map_is_read_from_a_table_and_stored_with_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("\ufeffkeyword;word\ndog;mbwa\ncat;paka\nDOG;jibwa\ndog;mbwa\n", encoding="utf-8")
    mapped = read_keyword_map(tmp_path / "map.csv")
    assert mapped.entries == (("dog", ("mbwa", "jibwa")), ("cat", ("paka",)))
    assert mapped.spoken_for("cat") == ("paka",)
    assert mapped.spoken_for("snow") == ("snow",)
    corpus = write_corpus(Corpus(tmp_path, "c"), {"train": []})
    assert write_keyword_map(corpus, mapped) == read_corpus(tmp_path)
    assert read_corpus(tmp_path).keywords == ("dog", "cat")
    listed = write_corpus(Corpus(tmp_path, "c", keywords=("cat",)), {"train": []})
    assert write_keyword_map(listed, mapped).keywords == ("cat",)


def test_a_map_with_holes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("keyword,word\ndog,\n,paka\n")
    with pytest.raises(
        EarmarkError, match=r"2 problems(.|\n)*row 2: there is no word(.|\n)*row 3: there is no keyword"
    ):
        read_keyword_map(tmp_path / "map.csv")
    (tmp_path / "map.csv").write_text("keyword,word\n")
    with pytest.raises(EarmarkError, match="there is no row below the column names"):
        read_keyword_map(tmp_path / "map.csv")
