"""Search by keyword: the postings of each keyword are its ranked list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from earmark.archive.archive import Archive, Position
from earmark.archive.query_aliases import Alias, resolve_query
from earmark.archive.results import RECORDING_COLUMNS, ArchiveHit, Filters, merge_hits, recording_conditions
from earmark.archive.schema import postings, recordings
from earmark.core.types import Hit

ROUNDING_S = 0.0051  # by which the time of a written position may differ from the posting's


def search_keywords(
    archive: Archive,
    words: Sequence[str | Alias],
    top: int,
    min_score: Mapping[str, float] | float | None = None,
    filters: Filters | None = None,
) -> list[ArchiveHit]:
    """The best hits of keywords, by falling detection score.

    Parameters
    ----------
    archive : Archive
    words : sequence of str or Alias
        Keywords, or words of the archive's list that map to keywords; hits are named as they are written here.
    top : int
        Hits a word, at most.
    min_score : mapping or float, optional
        Lowest detection score of a hit; by keyword of the model, or for all.
    filters : Filters, optional

    Raises
    ------
    UnknownWordError
        If a word is neither a keyword nor in the archive's list.
    """
    aliases = [resolve_query(archive, word) if isinstance(word, str) else word for word in words]
    conditions = recording_conditions(archive, filters or Filters())
    hits: list[ArchiveHit] = []
    with archive.reading() as connection:
        for alias in aliases:
            same = [
                _hit(row, alias.word)
                for keyword in alias.keywords
                for row in _best(
                    connection, archive.vocabulary.index(keyword), top, _threshold(min_score, keyword), conditions
                )
            ]
            hits += merge_hits(same)[:top] if len(alias.keywords) > 1 else same
    return sorted(hits, key=lambda hit: -hit.hit.score)


def posting_at(archive: Archive, alias: Alias, position: Position) -> ArchiveHit | None:
    """The indexed hit of a word at a written position; None where there is none."""
    keywords = [archive.vocabulary.index(keyword) for keyword in alias.keywords]
    statement = (
        select(postings, *RECORDING_COLUMNS)
        .join(recordings, recordings.c.id == postings.c.recording)
        .where(
            postings.c.recording == position.recording,
            postings.c.channel == position.channel,
            postings.c.keyword.in_(keywords),
            func.abs(postings.c.time_s - position.time_s) < ROUNDING_S,
        )
        .order_by(postings.c.score.desc())
    )
    with archive.reading() as connection:
        row = connection.execute(statement).first()
    return None if row is None else _hit(row, alias.word)


def _threshold(min_score: Mapping[str, float] | float | None, keyword: str) -> float:
    return min_score.get(keyword, 0.0) if isinstance(min_score, Mapping) else min_score or 0.0


def _best(
    connection: Connection, keyword: int, top: int, threshold: float, conditions: Sequence[ColumnElement[bool]]
) -> Sequence[Row[Any]]:
    statement = (
        select(postings, *RECORDING_COLUMNS)
        .join(recordings, recordings.c.id == postings.c.recording)
        .where(postings.c.keyword == keyword, postings.c.score >= threshold, *conditions)
        .order_by(postings.c.score.desc())
        .limit(top)
    )
    return connection.execute(statement).all()


def _hit(row: Row[Any], word: str) -> ArchiveHit:
    hit = Hit(row.path, word, row.score, row.time_s, row.start_s, row.end_s)
    return ArchiveHit(Position(row.recording, row.channel, row.time_s), hit, row.speaker, row.date, row.language)
