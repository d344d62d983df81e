"""Keywords: how two spellings are compared, and the ordered list a model knows."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from earmark.core.errors import EarmarkError

PUNCTUATION = '.,;:!?"()[]{}«»“”„…¿¡—–'


def normalise(word: str) -> str:
    """The form in which words are compared: Unicode NFC, case folded, single spaces.

    >>> normalise("Ọmọ ") == normalise("O\\u0323mo\\u0323")
    True
    """
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", word).casefold().split()))


def plain_words(text: str) -> list[str]:
    """The normalised words of a text, without the punctuation around them."""
    return [word for word in (normalise(token.strip(PUNCTUATION)) for token in text.split()) if word]


def without_marks(word: str) -> str:
    """`word` without tone marks and other accents, for finding words that look alike."""
    decomposed = unicodedata.normalize("NFD", normalise(word))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


class Vocabulary:
    """An ordered list of keywords, looked up by normalised spelling.

    Parameters
    ----------
    words : iterable of str
        Distinct keywords; they are kept as written and compared normalised.

    Raises
    ------
    EarmarkError
        If there is no word, an empty word, or the same word twice.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: tuple[str, ...] = tuple(unicodedata.normalize("NFC", word.strip()) for word in words)
        self._index = {normalise(word): i for i, word in enumerate(self.words)}
        if not self.words:
            raise EarmarkError("The keyword list is empty: give at least one keyword.")
        if "" in self._index:
            raise EarmarkError("The keyword list holds an empty word: remove it.")
        if len(self._index) < len(self.words):
            raise EarmarkError(f"The keyword {_first_repeated(self.words)!r} is listed twice: keep it once.")

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and normalise(word) in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def index(self, word: str) -> int:
        """Position of `word`.

        Raises
        ------
        EarmarkError
            If the word is not in the vocabulary; the sentence names the nearest ones.
        """
        try:
            return self._index[normalise(word)]
        except KeyError:
            nearest = ", ".join(self.nearest(word))
            raise EarmarkError(
                f"The word {word!r} is not among the {len(self)} keywords of this model: the nearest are {nearest}."
            ) from None

    def nearest(self, word: str, count: int = 5) -> list[str]:
        """The `count` keywords spelt most like `word`, first those that differ in marks alone."""
        plain = without_marks(word)

        def likeness(keyword: str) -> float:
            return difflib.SequenceMatcher(None, plain, without_marks(keyword)).ratio()

        return sorted(self.words, key=likeness, reverse=True)[:count]


def _first_repeated(words: Iterable[str]) -> str | None:
    seen = set()
    for word in words:
        if normalise(word) in seen:
            return word
        seen.add(normalise(word))
    return None


def read_keywords(path: Path | str) -> Vocabulary:
    """Read a keyword list: UTF-8 text, one keyword a line; blank lines and lines from ``#`` on are passed over.

    Raises
    ------
    EarmarkError
        If the file is missing, is not UTF-8, or its list is empty or repeats a word.
    """
    lines = read_text(path).splitlines()
    try:
        return Vocabulary(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    except EarmarkError as error:
        raise EarmarkError(f"{path}: {error}") from None


def read_text(path: Path | str) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Raises
    ------
    EarmarkError
        If the file is missing, is a folder, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EarmarkError(f"There is no file {path}: check its name.") from None
    except IsADirectoryError:
        raise EarmarkError(f"{path} is a folder: name a file.") from None
    except UnicodeDecodeError as error:
        raise EarmarkError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
