"""The lexicon of an archive: named words with their examples, spellings, pictures and notes.

A word is a spoken query that stays. Its examples are clips, and every hit that somebody accepted under its key
(:func:`earmark.archive.judgements.query_key` of the word), so it grows as hits are judged. Clips and pictures lie in
the archive's folder ``lexicon``, named by their content.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, delete, insert, inspect, select, update

from earmark.archive.archive import Archive
from earmark.archive.judgement_log import give_judgements
from earmark.archive.judgements import Judgement, judgements, query_key
from earmark.archive.schema import lexicon_files, lexicon_spellings, lexicon_words
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, sha256_of
from earmark.media.audio import check_audio
from earmark.media.images import read_image

FOLDER = "lexicon"
LONGEST_WORD, LONGEST_NOTES = 200, 20_000  # characters

Role = Literal["clip", "not", "picture"]


@dataclass(frozen=True)
class WordFile:
    """A clip or a picture of a word.

    Attributes
    ----------
    path : Path
        In the archive.
    origin : str
        The name of the file that was given.
    """

    path: Path
    origin: str


@dataclass(frozen=True)
class LexiconWord:
    """A word of the lexicon.

    Attributes
    ----------
    id : int
    word : str
        As it was written first.
    key : str
        Under which its hits are judged.
    spellings : tuple of str
        Other spellings, by any of which it is found.
    notes : str
    clips, not_clips, pictures : tuple of WordFile
        Examples, examples of what is not meant, and pictures.
    accepted : tuple of Judgement
        Hits that somebody accepted and nobody rejected, each an example; the latest last.
    searched : str
        What its stored hits depend on, see :mod:`earmark.archive.search_lexicon`.
    """

    id: int
    word: str
    key: str
    spellings: tuple[str, ...]
    notes: str
    clips: tuple[WordFile, ...]
    not_clips: tuple[WordFile, ...]
    pictures: tuple[WordFile, ...]
    accepted: tuple[Judgement, ...]
    searched: str

    @property
    def has_example(self) -> bool:
        """Whether there is anything to search with."""
        return bool(self.clips or self.accepted)


def lexicon(archive: Archive) -> list[LexiconWord]:
    """All words, in alphabetical order."""
    with archive.reading() as connection:
        if not inspect(connection).has_table(lexicon_words.name):  # made before there was a lexicon, and read-only
            return []
        words = connection.execute(select(lexicon_words).order_by(lexicon_words.c.key)).all()
        spellings = connection.execute(select(lexicon_spellings).order_by(lexicon_spellings.c.written)).all()
        files = connection.execute(select(lexicon_files).order_by(lexicon_files.c.file)).all()
    accepted: dict[str, list[Judgement]] = {}
    for judgement in judgements(archive) if words else ():
        if judgement.verdict == "yes" and not judgement.opinions:
            accepted.setdefault(judgement.query, []).append(judgement)

    def files_of(word: int, role: Role) -> tuple[WordFile, ...]:
        return tuple(
            WordFile(archive.folder / FOLDER / one.file, one.origin)
            for one in files
            if one.word == word and one.role == role
        )

    return [
        LexiconWord(
            row.id,
            row.written,
            row.key,
            tuple(one.written for one in spellings if one.word == row.id),
            row.notes,
            files_of(row.id, "clip"),
            files_of(row.id, "not"),
            files_of(row.id, "picture"),
            tuple(accepted.get(row.key, ())),
            row.searched,
        )
        for row in words
    ]


def find_word(archive: Archive, text: str) -> LexiconWord | None:
    """The word that is written or spelt so; None where there is none."""
    key = query_key(text)
    words = lexicon(archive)
    by_name = next((word for word in words if word.key == key), None)
    return by_name or next((word for word in words if key in map(query_key, word.spellings)), None)


def get_word(archive: Archive, text: str) -> LexiconWord:
    """As :func:`find_word`.

    Raises
    ------
    EarmarkError
        If there is no such word.
    """
    word = find_word(archive, text)
    if word is None:
        raise EarmarkError(f"The lexicon has no word {text!r}: add it with 'earmark lexicon add', or see its list.")
    return word


def add_word(
    archive: Archive,
    text: str,
    clips: Iterable[Path | WordFile] = (),
    not_clips: Iterable[Path | WordFile] = (),
    spellings: Iterable[str] = (),
    pictures: Iterable[Path | WordFile] = (),
    notes: str | None = None,
    judged_as: str | None = None,
) -> LexiconWord:
    """Add a word to the lexicon, or add to what is known of it.

    Parameters
    ----------
    archive : Archive
    text : str
        The word, or one of its spellings.
    clips, not_clips, pictures : iterable of Path or WordFile
        Files, which are copied.
    spellings : iterable of str
    notes : str, optional
        In place of the earlier notes.
    judged_as : str, optional
        Key of another query, such as a clip or a position: judgements under it become the word's own, so that its
        accepted hits are examples.

    Raises
    ------
    EarmarkError
        If the word is empty or too long, or a file can't be read as sound or as a picture.
    """
    key = query_key(text)
    if not key or len(text) > LONGEST_WORD:
        raise EarmarkError(f"{text!r} can't be a word of the lexicon: give 1 to {LONGEST_WORD} characters.")
    if notes is not None and len(notes) > LONGEST_NOTES:
        raise EarmarkError(f"The notes on {text!r} are too long: shorten them to {LONGEST_NOTES} characters.")
    known = find_word(archive, text)
    key = known.key if known else key
    given: tuple[tuple[Role, Iterable[Path | WordFile]], ...]
    given = (("clip", clips), ("not", not_clips), ("picture", pictures))
    named = [
        (role, one if isinstance(one, WordFile) else WordFile(one, one.name)) for role, some in given for one in some
    ]
    stored = [(role, store_file(archive, one.path, role), one.origin) for role, one in named]
    with archive.writing() as connection:
        word = _word_id(connection, key, " ".join(text.split()))
        for role, file, origin in stored:
            add_file(connection, word, role, file, origin)
        for spelling in spellings:
            _add_spelling(connection, word, key, " ".join(spelling.split()))
        if notes is not None:
            connection.execute(update(lexicon_words).where(lexicon_words.c.id == word).values(notes=notes))
        if judged_as is not None:
            give_judgements(connection, judged_as, key)
    return get_word(archive, key)


def remove_word(archive: Archive, text: str) -> None:
    """Remove a word with its clips and pictures. Judgements of its hits stay.

    Raises
    ------
    EarmarkError
        If there is no such word.
    """
    word = get_word(archive, text)
    with archive.writing() as connection:
        connection.execute(delete(lexicon_words).where(lexicon_words.c.id == word.id))
    _remove_unused_files(archive)


def remove_file(archive: Archive, text: str, file: str) -> None:
    """Remove a clip or a picture of a word, given the name of the file in the archive or the name it came with.

    Raises
    ------
    EarmarkError
        If there is no such word or file.
    """
    word = get_word(archive, text)
    named = [one for one in (*word.clips, *word.not_clips, *word.pictures) if file in (one.path.name, one.origin)]
    if not named:
        raise EarmarkError(f"The word {word.word!r} has no file {file!r}: see 'earmark lexicon list'.")
    with archive.writing() as connection:
        for one in named:
            connection.execute(
                delete(lexicon_files).where(lexicon_files.c.word == word.id, lexicon_files.c.file == one.path.name)
            )
    _remove_unused_files(archive)


def store_file(archive: Archive, path: Path, role: Role) -> str:
    """Copy a file into the archive; its name there.

    Raises
    ------
    EarmarkError
        If it can't be read as what its role says.
    """
    if role == "picture":
        read_image(path)
    else:
        check_audio(path)
    name = content_name(path)
    goal = archive.folder / FOLDER / name
    if not goal.is_file():
        with replacing(goal) as partial:
            shutil.copyfile(path, partial)
    return name


def content_name(path: Path) -> str:
    """The name of a file in the archive: the hash of its content, with its own ending."""
    digest = sha256_of(path)[:32]
    ending = path.suffix.lower()
    return digest + (ending if ending[1:].isascii() and ending[1:].isalnum() and len(ending) < 8 else "")


def add_file(connection: Connection, word: int, role: str, file: str, origin: str) -> None:
    """Note that a stored file belongs to a word."""
    columns = lexicon_files.c
    same = select(columns.word).where(columns.word == word, columns.role == role, columns.file == file)
    if connection.execute(same).first() is None:
        connection.execute(insert(lexicon_files).values(word=word, role=role, file=file, origin=origin))


def _word_id(connection: Connection, key: str, written: str) -> int:
    known = connection.execute(select(lexicon_words.c.id).where(lexicon_words.c.key == key)).scalar_one_or_none()
    if known is not None:
        return int(known)
    values = {"key": key, "written": written, "notes": "", "searched": ""}
    made = connection.execute(insert(lexicon_words).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _add_spelling(connection: Connection, word: int, key: str, spelling: str) -> None:
    own = query_key(spelling)
    if not own or len(spelling) > LONGEST_WORD:
        raise EarmarkError(f"{spelling!r} is no spelling: give 1 to {LONGEST_WORD} characters.")
    columns = lexicon_spellings.c
    known = connection.execute(select(columns.word).where(columns.word == word, columns.key == own)).first()
    if own != key and known is None:
        connection.execute(insert(lexicon_spellings).values(word=word, key=own, written=spelling))


def _remove_unused_files(archive: Archive) -> None:
    with archive.reading() as connection:
        used = set(connection.execute(select(lexicon_files.c.file)).scalars())
    folder = archive.folder / FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in used and not path.name.startswith("."):
            path.unlink(missing_ok=True)
