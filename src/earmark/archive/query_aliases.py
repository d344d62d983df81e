"""Query aliases: words of the users' own language that a list maps to the model's keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, insert, select

from earmark.archive.archive import Archive
from earmark.archive.schema import words as rows
from earmark.core.csv_tables import Problems, split_line
from earmark.core.errors import EarmarkError, UnknownWordError
from earmark.core.vocabulary import Vocabulary, normalise, read_list

# First lines that name the columns.
HEADERS = (["word", "keyword"], ["word", "meaning"], ["words", "keywords"])


@dataclass(frozen=True)
class Alias:
    """A word as it was written in a query, and the keywords that it may mean.

    Attributes
    ----------
    word : str
    keywords : tuple of str
        Of the model's vocabulary, as they are written there; at least one.
    """

    word: str
    keywords: tuple[str, ...]


def read_word_list(path: Path, vocabulary: Vocabulary) -> list[Alias]:
    """Read a list of words: one a line, or in two columns followed by the model's keyword.

    The file is text or a table as spreadsheets save it; columns are separated by tabs, semicolons or commas, and cells
    may be quoted. A word that stands in several lines means several keywords; several words may mean one. Blank lines,
    those that begin with ``#`` and a first line that names the columns are passed over.

    Raises
    ------
    EarmarkError
        If the file can't be read, holds no word, or, with all of them, a keyword is not the model's.
    """
    problems = Problems()
    meant: dict[str, Alias] = {}

    def sense(cells: list[str]) -> int:
        names_keyword = bool(cells) and cells[-1] in vocabulary
        return 2 * names_keyword + (len(cells) == 2) if len(cells) in (1, 2) else 0

    for number, cells in _lines(path, sense):
        word, keyword = (cells[0], cells[-1]) if cells else ("", "")
        if number == 1 and keyword not in vocabulary and [normalise(cell) for cell in cells] in HEADERS:
            continue
        if len(cells) > 2 or not word or not keyword:
            problems.add(path, number, "write a word, or a word and the keyword that it means")
        elif keyword not in vocabulary:
            nearest = ", ".join(vocabulary.nearest(keyword))
            problems.add(path, number, f"the model has no keyword {keyword!r}; the nearest are {nearest}")
        else:
            spelt = vocabulary.words[vocabulary.index(keyword)]
            before = meant.get(normalise(word), Alias(word, ()))
            meant[normalise(word)] = Alias(before.word, tuple(dict.fromkeys((*before.keywords, spelt))))
    problems.stop()
    if not meant:
        raise EarmarkError(f"{path} holds no word: write one a line.")
    return list(meant.values())


def read_words(path: Path) -> list[str]:
    """The words of such a list, without what they mean.

    Raises
    ------
    EarmarkError
        If the file can't be read, or holds no word.
    """
    listed = _lines(path, lambda cells: len(cells) == 2)
    words = dict.fromkeys(cells[0] for _, cells in listed if cells and cells[0])
    if not words:
        raise EarmarkError(f"{path} holds no word: write one a line.")
    return list(words)


def store_words(archive: Archive, listed: Sequence[Alias]) -> None:
    """Store a list in the archive, in place of the earlier one."""
    with archive.writing() as connection:
        connection.execute(delete(rows))
        connection.execute(
            insert(rows),
            [
                {"word": normalise(meant.word), "keyword": archive.vocabulary.index(keyword), "written": meant.word}
                for meant in listed
                for keyword in meant.keywords
            ],
        )


def stored_words(archive: Archive) -> list[Alias]:
    """The archive's list, in alphabetical order."""
    with archive.reading() as connection:
        known = connection.execute(select(rows).order_by(rows.c.word, rows.c.keyword)).all()
    written = {row.word: row.written for row in known}
    return [
        Alias(written[word], tuple(archive.vocabulary.words[row.keyword] for row in known if row.word == word))
        for word in written
    ]


def resolve_query(archive: Archive, word: str) -> Alias:
    """The keywords that a word means: itself, if it is one, else those that the archive's list names.

    Raises
    ------
    UnknownWordError
        If it is neither; with the words that are spelt most like it.
    """
    if word in archive.vocabulary:
        return Alias(word, (archive.vocabulary.words[archive.vocabulary.index(word)],))
    listed: Mapping[str, Alias] = {normalise(meant.word): meant for meant in stored_words(archive)}
    if normalise(word) in listed:
        return Alias(word, listed[normalise(word)].keywords)
    own = [meant.word for meant in listed.values()]
    if not own:
        archive.vocabulary.index(word)  # raises
    nearest = Vocabulary(dict.fromkeys((*archive.vocabulary.words, *own))).nearest(word)
    raise UnknownWordError(
        f"The word {word!r} is neither among the {len(archive.vocabulary)} keywords of this model nor in the archive's "
        f"word list: the nearest are {', '.join(nearest)}.",
        nearest,
    )


def _lines(path: Path, sense: Callable[[list[str]], int]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not empty or a comment; `sense` decides between delimiters."""
    for number, line in enumerate(read_list(path).splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, split_line(line, sense)
