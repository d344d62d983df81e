"""Errors that a user is meant to read."""

from __future__ import annotations

from collections.abc import Iterable


class EarmarkError(Exception):
    """Something the user can mend, said in one sentence: what is wrong, where, and what to do about it.

    Parameters
    ----------
    sentence : object
    code : str
        For pages that are translated: ``error.CODE`` is the key of a sentence in their catalogues; "" for none.
    """

    def __init__(self, *sentence: object, code: str = "") -> None:
        super().__init__(*sentence)
        self.code = code


class UnknownWordError(EarmarkError):
    """A word that is not in a vocabulary.

    Attributes
    ----------
    suggestions : tuple of str
        Known words that are spelt most like it, the nearest first.
    """

    def __init__(self, sentence: str, suggestions: Iterable[str]) -> None:
        super().__init__(sentence, code="unknownWord")
        self.suggestions = tuple(suggestions)
