"""Searching an archive for keywords: the postings of each are a ranked list already."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, false, func, or_, select

from earmark.archive.archive import Archive, Place
from earmark.archive.found import Filters, Found, merged
from earmark.archive.registry import SEARCHED
from earmark.archive.tables import postings, recordings
from earmark.archive.words import meant_by
from earmark.errors import EarmarkError
from earmark.hits import Hit
from earmark.vocabulary import normalise

ABOUT = (recordings.c.path, recordings.c.speaker, recordings.c.date, recordings.c.language)


def search_words(
    archive: Archive,
    words: Sequence[str],
    top: int,
    min_score: Mapping[str, float] | float | None = None,
    filters: Filters | None = None,
) -> list[Found]:
    """Where words may be spoken, the likeliest first.

    Parameters
    ----------
    archive : Archive
    words : sequence of str
        Keywords, or words that the archive's list maps to keywords; hits are called as they are written here.
    top : int
        Hits a word, at most.
    min_score : mapping or float, optional
        Detection scores from which hits are shown; by keyword of the model, or for all.
    filters : Filters, optional

    Raises
    ------
    EarmarkError
        If a word is unknown; the sentence names the nearest ones.
    """
    asked = [meant_by(archive, word) for word in words]
    chosen = recordings_that(archive, filters or Filters())
    found: list[Found] = []
    with archive.reading() as connection:
        for meant in asked:
            several = [
                _found(row, meant.word)
                for keyword in meant.keywords
                for row in _best(
                    connection, archive.vocabulary.index(keyword), top, _lowest(min_score, keyword), chosen
                )
            ]
            found += merged(several)[:top] if len(meant.keywords) > 1 else several
    return sorted(found, key=lambda one: -one.hit.score)


def _lowest(min_score: Mapping[str, float] | float | None, keyword: str) -> float:
    return min_score.get(keyword, 0.0) if isinstance(min_score, Mapping) else min_score or 0.0


def recordings_that(archive: Archive, filters: Filters) -> list[ColumnElement[bool]]:
    """Conditions on the table of recordings: those that can be searched, and meet the filters.

    Databases differ in what they know of case and of Unicode; so the spellings that are meant are found here, and the
    database compares them letter by letter.
    """
    conditions: list[ColumnElement[bool]] = [recordings.c.status.in_(SEARCHED)]
    if filters.folder:
        spellings = _spellings(archive, filters.folder)
        conditions.append(or_(false(), *(_begins(recordings.c.path, spelling) for spelling in spellings)))
    if filters.date:
        conditions.append(_begins(recordings.c.date, filters.date))
    for column, text in ((recordings.c.speaker, filters.speaker), (recordings.c.language, filters.language)):
        if text:
            known = _distinct(archive, column)
            conditions.append(column.in_([one for one in known if normalise(one) == normalise(text)]))
    return conditions


def _spellings(archive: Archive, folder: str) -> set[str]:
    """What is before the names of all recordings in a folder and below, as they spell it on disk."""
    wanted = Path(os.path.abspath(folder))
    asked = unicodedata.normalize("NFC", os.fspath(wanted))
    found = set()
    for path in _distinct(archive, recordings.c.path):
        above = os.path.join(*Path(path).parts[: len(wanted.parts)], "")
        if unicodedata.normalize("NFC", above) == os.path.join(asked, ""):
            found.add(above)
    return found


def _distinct(archive: Archive, column: Column[str]) -> Sequence[str]:
    with archive.reading() as connection:
        return connection.execute(select(column).distinct()).scalars().all()


def _begins(column: Column[str], text: str) -> ColumnElement[bool]:
    # Not LIKE: SQLite's takes a and A for one.
    return func.substr(column, 1, len(text)) == text


def _best(
    connection: Connection, keyword: int, top: int, lowest: float, chosen: Sequence[ColumnElement[bool]]
) -> Sequence[Row[Any]]:
    asked = (
        select(postings, *ABOUT)
        .join(recordings, recordings.c.id == postings.c.recording)
        .where(postings.c.keyword == keyword, postings.c.score >= lowest, *chosen)
        .order_by(postings.c.score.desc())
        .limit(top)
    )
    return connection.execute(asked).all()


def _found(row: Row[Any], word: str) -> Found:
    hit = Hit(row.path, word, row.score, row.time_s, row.start_s, row.end_s)
    return Found(Place(row.recording, row.channel, row.time_s), hit, row.speaker, row.date, row.language)


def require_recordings(archive: Archive) -> None:
    """Raise an EarmarkError if there is nothing to search."""
    with archive.reading() as connection:
        if connection.execute(select(recordings.c.id).where(recordings.c.status.in_(SEARCHED))).first() is None:
            raise EarmarkError(f"The archive {archive.folder} holds no recording yet: index a folder of them.")
