"""Route of the archive: its name, its model, and what it holds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Column, Connection, func, select

from earmark.archive.archive import Archive
from earmark.archive.query_aliases import stored_words
from earmark.archive.results import note_on_hits, operating_points_of, right_of_hundred, warning_on
from earmark.archive.schema import NEW, SEARCHED, chunks, postings, recordings
from earmark.web.errors import documented
from earmark.web.state import State

router = APIRouter(tags=["archive"])


class ArchiveResponse(BaseModel):
    """An archive."""

    name: str
    judge: str = Field(description="Who judges, where the page does not say; may be empty.")
    model: str = Field(description="Name of the model that indexed the recordings.")
    keywords: list[str] = Field(description="Of the model, then the words of the archive's own list.")
    licence: str
    consent: str
    languages: list[str]
    speakers: list[str]
    recordings: int
    hours: float
    windows: int
    postings: int
    indexing: bool = Field(description="Whether some recordings are not indexed to their end yet.")
    accepts_images: bool
    accepts_keywords: bool
    expected: str = Field(description="A sentence on how far hits can be trusted; may be empty.")
    learned_nothing: bool = Field(description="Whether the model's hits mean nothing.")
    right_of_hundred: int | None = Field(
        description="Of 100 hits above the model's own thresholds, how many are expected to be right, by its dev set."
    )
    has_fa_per_hour: bool = Field(description="Whether a threshold can be given as false alarms an hour.")


@router.get("/api/archive", responses=documented())
def archive(state: State) -> ArchiveResponse:
    """The archive's name, model, keywords and size."""
    with state.model:
        spotter = state.archive.spotter
    with state.archive.session() as session:
        settings = session.settings()
        counts = _counts(session)
        own = [alias.word for alias in stored_words(session)] if spotter.accepts_keywords else []
    keywords = [*state.archive.vocabulary, *own] if spotter.accepts_keywords else []
    return ArchiveResponse(
        name=state.name,
        judge=state.judge,
        model=state.archive.encoding.name,
        keywords=list(dict.fromkeys(keywords)),
        licence=settings.get("licence", ""),
        consent=settings.get("consent", ""),
        accepts_images=spotter.accepts_images,
        accepts_keywords=spotter.accepts_keywords,
        expected=note_on_hits(state.archive),
        learned_nothing=warning_on(state.archive) != "",
        right_of_hundred=right_of_hundred(state.archive),
        has_fa_per_hour=operating_points_of(state.archive) is not None,
        **counts,
    )


def _counts(archive: Archive) -> dict[str, Any]:
    with archive.reading() as connection:
        searched = recordings.c.status.in_(SEARCHED)
        count, seconds = connection.execute(
            select(func.count(), func.sum(recordings.c.duration_s)).where(searched)
        ).one()
        new = connection.execute(select(func.count()).where(recordings.c.status == NEW)).scalar_one()
        return {
            "recordings": count,
            "hours": (seconds or 0.0) / 3600,
            "windows": connection.execute(select(func.sum(chunks.c.windows))).scalar_one() or 0,
            "postings": connection.execute(select(func.count()).select_from(postings)).scalar_one(),
            "indexing": new > 0,
            "languages": _distinct(connection, recordings.c.language),
            "speakers": _distinct(connection, recordings.c.speaker),
        }


def _distinct(connection: Connection, column: Column[str]) -> list[str]:
    values = select(column).distinct().where(column != "", recordings.c.status.in_(SEARCHED)).order_by(column)
    return list(connection.execute(values).scalars())
