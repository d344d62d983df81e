from __future__ import annotations

import logging
import unicodedata

import pytest

from earmark.core.lookalikes import lookalikes, warn_of_lookalikes
from earmark.core.vocabulary import Vocabulary


def test_words_that_differ_in_marks_alone_are_counted_by_text() -> None:
    texts = ["Bisi lọ.", "bisi, bisi", "Bísí!", "bisis"]
    found = lookalikes(["bísí", "lọ"], texts)
    assert {keyword: dict(counts) for keyword, counts in found.items()} == {"bísí": {"bisi": 2, "bísí": 1}}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_case_unicode_form_and_quotes_are_no_difference(form: str) -> None:
    texts = [unicodedata.normalize(form, text) for text in ("BÍSÍ", "'bísí'", "“Bísí”.")]
    assert lookalikes(["bísí"], texts) == {}


@pytest.mark.parametrize(
    ("keyword", "text", "other"),
    [
        ("resume", "a résumé", "résumé"),
        ("kaꞌa", "ka'a", "ka'a"),
        ("kaꞌa", "kaʼa", "kaʼa"),
        ("big tree", "a bíg trèe", "bíg trèe"),
        ("e-mail", "email", "email"),
    ],
)
def test_marks_of_many_kinds(keyword: str, text: str, other: str) -> None:
    assert dict(lookalikes([keyword], [text])[keyword]) == {other: 1}


def test_the_warning_names_keywords_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "earmark"):
        warn_of_lookalikes(Vocabulary(["bísí", "dog"]), ["bisi", "bisi dog", "bísí"])
    assert "'bísí' 1 ('bisi' 2)." in caplog.text
    assert "dog" not in caplog.text.replace("bisi dog", "")


def test_many_keywords_make_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    keywords = Vocabulary([f"ká{letter}" for letter in "bcdefghijklmnop"])
    with caplog.at_level(logging.WARNING, "earmark"):
        warn_of_lookalikes(keywords, [" ".join(keywords).replace("á", "a")])
    assert len(caplog.records) == 1
    assert "and 5 more keywords" in caplog.text


def test_without_lookalikes_nothing_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_lookalikes(Vocabulary(["dog"]), ["a dog", "cats"])
    assert caplog.records == []
