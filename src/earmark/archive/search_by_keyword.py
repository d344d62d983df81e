"""Searching an archive for keywords: the postings of each are a ranked list already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from earmark.archive.archive import Archive, Position
from earmark.archive.query_aliases import resolve_query
from earmark.archive.results import ABOUT, ArchiveHit, Filters, merge_hits, recording_conditions
from earmark.archive.schema import postings, recordings
from earmark.core.types import Hit


def search_keywords(
    archive: Archive,
    words: Sequence[str],
    top: int,
    min_score: Mapping[str, float] | float | None = None,
    filters: Filters | None = None,
) -> list[ArchiveHit]:
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
    asked = [resolve_query(archive, word) for word in words]
    chosen = recording_conditions(archive, filters or Filters())
    found: list[ArchiveHit] = []
    with archive.reading() as connection:
        for meant in asked:
            several = [
                _found(row, meant.word)
                for keyword in meant.keywords
                for row in _best(
                    connection, archive.vocabulary.index(keyword), top, _lowest(min_score, keyword), chosen
                )
            ]
            found += merge_hits(several)[:top] if len(meant.keywords) > 1 else several
    return sorted(found, key=lambda one: -one.hit.score)


def _lowest(min_score: Mapping[str, float] | float | None, keyword: str) -> float:
    return min_score.get(keyword, 0.0) if isinstance(min_score, Mapping) else min_score or 0.0


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


def _found(row: Row[Any], word: str) -> ArchiveHit:
    hit = Hit(row.path, word, row.score, row.time_s, row.start_s, row.end_s)
    return ArchiveHit(Position(row.recording, row.channel, row.time_s), hit, row.speaker, row.date, row.language)
