"""What the archive is and holds."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Column, Connection, func, select

from earmark.archive.query_aliases import kept_words
from earmark.archive.recordings import NEW, SEARCHED
from earmark.archive.results import expected_precision_note, operating_points_of
from earmark.archive.schema import pieces, postings, recordings
from earmark.web.errors import documented
from earmark.web.state import Served, ServedHere

router = APIRouter(tags=["archive"])


class ArchiveAnswer(BaseModel):
    """An archive."""

    name: str
    model: str = Field(description="Name of the model that heard the recordings.")
    keywords: list[str] = Field(description="The model's, and the words of the users' own language.")
    licence: str
    consent: str
    languages: list[str]
    speakers: list[str]
    recordings: int
    hours: float
    windows: int
    postings: int
    indexing: bool = Field(description="Whether some recordings are not heard to their end yet.")
    accepts_images: bool
    accepts_keywords: bool
    expected: str = Field(description="What to expect of hits, in a sentence; may be empty.")
    has_fa_per_hour: bool = Field(description="Whether a threshold can be given as false alarms an hour.")


@router.get("/api/archive", responses=documented())
def archive(served: ServedHere) -> ArchiveAnswer:
    """What the archive is and holds."""
    opened = served.archive
    with served.model:
        finder = served.archive.finder
    words = [*opened.vocabulary, *(meant.word for meant in kept_words(opened))] if finder.accepts_keywords else []
    return ArchiveAnswer(
        name=served.name,
        model=opened.setting("model_name"),
        keywords=list(dict.fromkeys(words)),
        licence=opened.setting("licence"),
        consent=opened.setting("consent"),
        accepts_images=finder.accepts_images,
        accepts_keywords=finder.accepts_keywords,
        expected=expected_precision_note(opened),
        has_fa_per_hour=operating_points_of(opened) is not None,
        **_counts(served),
    )


def _counts(served: Served) -> dict[str, object]:
    with served.archive.reading() as connection:
        searched = recordings.c.status.in_(SEARCHED)
        count, seconds = connection.execute(
            select(func.count(), func.sum(recordings.c.duration_s)).where(searched)
        ).one()
        waiting = connection.execute(select(func.count()).where(recordings.c.status == NEW)).scalar_one()
        return {
            "recordings": count,
            "hours": (seconds or 0.0) / 3600,
            "windows": connection.execute(select(func.sum(pieces.c.windows))).scalar_one() or 0,
            "postings": connection.execute(select(func.count()).select_from(postings)).scalar_one(),
            "indexing": waiting > 0,
            "languages": _values(connection, recordings.c.language),
            "speakers": _values(connection, recordings.c.speaker),
        }


def _values(connection: Connection, column: Column[str]) -> list[str]:
    asked = select(column).distinct().where(column != "", recordings.c.status.in_(SEARCHED)).order_by(column)
    return list(connection.execute(asked).scalars())
