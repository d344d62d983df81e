"""Truth across languages: which words are spoken for a keyword, such as English keywords of Swahili speech."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.core.csv_tables import Problems, read_table
from earmark.core.vocabulary import normalise


@dataclass(frozen=True)
class KeywordMap:
    """Keywords and the words that are spoken for them; an empty map says that every keyword is spoken as written.

    Attributes
    ----------
    entries : tuple of (str, tuple of str)
        Each keyword once, with its words.
    """

    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, words: Iterable[tuple[str, Iterable[str]]]) -> KeywordMap:
        """The map of some keywords and their words; the words of one keyword may come in several parts."""
        spelt: dict[str, str] = {}
        spoken: dict[str, dict[str, str]] = {}
        for keyword, forms in words:
            key = normalise(keyword)
            spelt.setdefault(key, unicodedata.normalize("NFC", keyword.strip()))
            for form in forms:
                spoken.setdefault(key, {}).setdefault(normalise(form), unicodedata.normalize("NFC", form.strip()))
        return cls(tuple((spelt[key], tuple(forms.values())) for key, forms in spoken.items()))

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def keywords(self) -> tuple[str, ...]:
        """Its keywords, in their order."""
        return tuple(keyword for keyword, _ in self.entries)

    def spoken_for(self, keyword: str) -> tuple[str, ...]:
        """The words that are spoken for a keyword; one that the map has no entry for is spoken as written."""
        return next((words for known, words in self.entries if normalise(known) == normalise(keyword)), (keyword,))

    def to_json(self) -> dict[str, list[str]]:
        """As a dictionary of plain values."""
        return {keyword: list(words) for keyword, words in self.entries}


SPOKEN_AS_WRITTEN = KeywordMap()


def read_keyword_map(path: Path | str) -> KeywordMap:
    """Read a table with the columns ``keyword`` and ``word``, one pair a row.

    A keyword with several words, and a word with several keywords, have several rows.

    Raises
    ------
    EarmarkError
        If the file is missing or has no row, or a row lacks either: all such rows at once.
    """
    problems = Problems()
    table = read_table(path, ("keyword", "word"), (), problems)
    for row in table.rows:
        for column in ("keyword", "word"):
            if not row.get(column):
                problems.add(table.path, row.number, f"there is no {column} in this row")
    problems.stop()
    return KeywordMap.of((row.get("keyword"), [row.get("word")]) for row in table.rows)
