"""Semantic labels in both of their forms, and spotting by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.semantic import read_semantic, spotting_means

COUNTS = """utt_key,transcription,counts
106_5a_4,"the boy is playing on the shore, of an ocean","boy=5|little=2|children=3|beach=6|dogs=1|Shore=1"
107_1b_0,"a dog",dog=5
108_2c_1,"snow",
"""
KEYWORDS = """utt_key,transcription,keywords
106_5a_4,"the boy is playing on the shore of an ocean","boy|children|beach"
107_1b_0,"a dog",dog
"""


def read(path: Path, text: str, encoding: str = "utf-8"):
    path.write_text(text, encoding=encoding)
    return read_semantic(path)


def test_counts_by_hand(tmp_path: Path) -> None:
    labels = read(tmp_path / "counts.csv", COUNTS)
    # Three people or more chose boy, children and beach; shore was chosen by one, but stands in the transcription.
    assert labels.labels["106_5a_4"] == {"boy", "children", "beach", "shore"}
    assert labels.labels["107_1b_0"] == {"dog"}
    assert labels.labels["108_2c_1"] == set()
    assert labels.known == {"boy", "little", "children", "beach", "dogs", "shore", "dog"}


def test_keywords_by_hand(tmp_path: Path) -> None:
    labels = read(tmp_path / "keywords.csv", KEYWORDS, "utf-8-sig")
    assert labels.labels["106_5a_4"] == {"boy", "children", "beach"}
    assert labels.known == {"boy", "children", "beach", "dog"}


def test_words_in_the_transcription_are_whole_words(tmp_path: Path) -> None:
    text = "utt_key,transcription,counts\na,Dogs! in the sun,dog=1|dogs=1|sun=2|un=2\n"
    assert read(tmp_path / "c.csv", text).labels["a"] == {"dogs", "sun"}


def test_labels_fit_utterances_by_id_or_stem(tmp_path: Path) -> None:
    labels = read(tmp_path / "counts.csv", COUNTS)
    names = ["107_1b_0.wav", "unknown", "106_5a_4"]
    rows, columns, table = labels.matrix(names, Vocabulary(["Boy", "water", "dog", "little"]))
    assert (rows, columns) == ([0, 2], [0, 2, 3])  # nobody could choose "water"
    assert table.tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize(
    ("names", "words", "missing"), [(["x"], ["dog"], "utterance"), (["107_1b_0"], ["x"], "keyword")]
)
def test_labels_of_nothing_that_is_evaluated(tmp_path: Path, names: list[str], words: list[str], missing: str) -> None:
    with pytest.raises(EarmarkError, match=f"of no {missing} that is evaluated"):
        read(tmp_path / "counts.csv", COUNTS).matrix(names, Vocabulary(words))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("utt_key,transcription\na,b\n", "one column 'counts' or 'keywords'"),
        ("utt_key,transcription,counts,keywords\na,b,c=1,c\n", "one column 'counts' or 'keywords'"),
        ("utt_key,counts\na,b=1\n", "no column 'transcription'"),
        ("utt_key,transcription,counts\na,b,c=1\na,b,d=1\n", "row 3: the utt_key 'a' is there twice"),
        ("utt_key,transcription,counts\n,b,c=1\n", "row 2: there is no utt_key"),
        ("utt_key,transcription,counts\na,b,c=1|d\n", "row 2: 'd' is not a keyword with its count"),
        ("utt_key,transcription,counts\na,b,c=many\n", "row 2: 'c=many' is not a keyword"),
    ],
)
def test_errors_name_what_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(EarmarkError) as problem:
        read(tmp_path / "labels.csv", text)
    assert sentence in str(problem.value)


def test_spotting_by_hand() -> None:
    scores = np.array([[0.9, 0.5], [0.8, 0.4], [0.1, 0.3]])
    relevant = np.array([[True, False], [False, False], [True, False]])
    found = spotting_means(scores, relevant)  # the second keyword is relevant nowhere, and so is left out
    assert found["p_at_10"] == pytest.approx(2 / 3)  # of all three
    assert found["p_at_n"] == pytest.approx(1 / 2)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    # ROC: (0, 1/2), (1, 1/2), (1, 1): misses are 1/2 up to a false alarm rate of 1
    assert found["eer"] == pytest.approx(1 / 2)
    assert all(np.isnan(value) for value in spotting_means(scores, np.zeros_like(relevant)).values())


@settings(max_examples=30)
@given(st.data())
def test_average_precision_agrees_with_scikit_learn(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(2, 15)), data.draw(st.integers(1, 4)))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    scores, relevant = rng.integers(0, 5, shape) / 5, rng.random(shape) < 0.5
    relevant[0] = True
    expected = np.mean([average_precision_score(r, s) for s, r in zip(scores.T, relevant.T, strict=True)])
    assert spotting_means(scores, relevant)["average_precision"] == pytest.approx(expected)
