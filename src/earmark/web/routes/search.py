"""Searching, and the curve that a hit was found on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import verdict_counts
from earmark.archive.query_aliases import resolve_query
from earmark.archive.recordings import NEW
from earmark.archive.rescoring import Curve, localisation_curve
from earmark.archive.results import ArchiveHit, Filters, Verdict
from earmark.archive.schema import recordings
from earmark.archive.search import SearchOptions
from earmark.archive.search import search as search_archive
from earmark.web.errors import documented
from earmark.web.parameters import Asked, Ours, PlaceText, QueryText, Text, read_query
from earmark.web.recording_files import folder_shown_as, indexed_folders, name_of, recording_of, shown_folder, stretch
from earmark.web.state import Served, ServedHere

WIDER = 4  # times as many hits as are wanted are put in a new order, once there are judgements to go by
AROUND_S = 4.0  # that a curve shows before and behind a place
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")

router = APIRouter(tags=["search"])


class Wanted(BaseModel):
    """How much of an answer is wanted, and of which recordings."""

    top: int = Field(50, ge=1, le=1000, description="Hits that nobody has judged, at most.")
    folder: Text = Field("", description="As hits show it, with all folders below.")
    speaker: Text = ""
    date: Text = Field("", description="What the date begins with: 2019 or 2019-04.")
    language: Text = ""
    fa_per_hour: float | None = Field(
        None, gt=0, le=1e6, allow_inf_nan=False, description="From the score on that so many false alarms an hour have."
    )
    min_score: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)


WantedHere = Annotated[Wanted, Query()]


class Judged(BaseModel):
    """How many hits of a query people called what."""

    yes: int
    related: int
    no: int


class HitAnswer(BaseModel):
    """A hit: a candidate to listen to, not a fact."""

    position: str
    recording: int
    name: str = Field(description="Of the file.")
    folder: str = Field(description="The one that was indexed, by its own name, and what is below it.")
    channel: int
    channels: int
    score: float
    time_s: float
    start_s: float
    end_s: float
    speaker: str
    date: str
    language: str
    verdict: Verdict | None


class SearchAnswer(BaseModel):
    """The best hits of a query; what is left to judge, in the order that the judgements so far suggest."""

    query: str = Field(description="The key of the query: it asks again, and judgements name it.")
    name: str
    hits: list[HitAnswer]
    judged: Judged
    note: str = Field(description="A sentence on what is missing from the answer; may be empty.")


class CurveAnswer(BaseModel):
    """Where in a stretch of a recording the query is likeliest, moment by moment."""

    start_s: float
    end_s: float
    times_s: list[float]
    curve: list[float] = Field(description="In [0, 1]; empty for a query that has no curve.")


@router.get("/api/search", responses=documented(400, 404))
def search(served: ServedHere, query: QueryText, wanted: WantedHere) -> SearchAnswer:
    """Where a word may be spoken, what a picture shows, or what sounds like a place of the archive."""
    return _answer(served, read_query(served, query), wanted)


async def picture_in(request: Request) -> bytes:
    """The body of a request that brings a picture."""
    kind = request.headers.get("content-type", "image/").lower()
    if not kind.startswith("image/"):
        raise HTTPException(415, "That is no picture: bring a JPEG or a PNG.")
    return await request.body()


@router.post(
    "/api/search/picture",
    responses=documented(400, 403, 413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURE_TYPES},
        }
    },
)
def search_with_picture(
    served: ServedHere, picture: Annotated[bytes, Depends(picture_in)], wanted: WantedHere, _: Ours
) -> SearchAnswer:
    """Where what a picture shows may be spoken. The body is the picture's file."""
    return _answer(served, read_query(served, served.pictures.keep(picture)), wanted)


@router.get("/api/curve", responses=documented(400, 404, 409))
def curve(served: ServedHere, query: QueryText, position: PlaceText) -> CurveAnswer:
    """The localisation curve of a query around a place."""
    asked, where = read_query(served, query), Position.read(position)
    row = recording_of(served.archive, where.recording, where.channel)
    middle_s = min(where.time_s, row.duration_s)
    start_s, end_s = max(0.0, middle_s - AROUND_S), min(row.duration_s, middle_s + AROUND_S)
    if isinstance(asked.query, Position):
        return CurveAnswer(start_s=start_s, end_s=end_s, times_s=[], curve=[])
    queries = resolve_query(served.archive, asked.query).keywords if isinstance(asked.query, str) else (asked.query,)
    with served.model:
        curve = localisation_curve(served.archive, queries, row, where.channel, start_s, end_s)
        if curve is None:
            waveform = stretch(row, where.channel, start_s, end_s)
            scored = served.archive.finder.score_utterance(waveform, queries, start_s=start_s)
            curve = Curve(scored[0].times_s, np.max([hit.curve for hit in scored], axis=0))
    return CurveAnswer(start_s=start_s, end_s=end_s, times_s=curve.times_s.tolist(), curve=curve.values.tolist())


def _answer(served: Served, asked: Asked, wanted: Wanted) -> SearchAnswer:
    archive, key = served.archive, asked.key
    judged = judged_of(archive, key)
    top = wanted.top * (WIDER if any(judged.model_dump().values()) else 1)
    folder = folder_shown_as(wanted.folder, indexed_folders(archive)) if wanted.folder else ""
    filters = Filters(folder, wanted.speaker, wanted.date, wanted.language)
    with served.model:
        found = search_archive(archive, asked.query, SearchOptions(top, wanted.min_score, wanted.fa_per_hour, filters))
    shown = list(_first_unjudged(found, wanted.top))
    served.show(key, shown)
    return SearchAnswer(query=key, name=asked.name, hits=_hits(archive, shown), judged=judged, note=_note(archive))


def judged_of(archive: Archive, key: str) -> Judged:
    """What people said of the hits of a query."""
    yes, related, no = verdict_counts(archive, key)
    return Judged(yes=yes, related=related, no=no)


def _first_unjudged(found: Iterable[ArchiveHit], top: int) -> Iterator[ArchiveHit]:
    """The judged ones, and the first of those that are left to judge."""
    left = top
    for one in found:
        if one.verdict is None:
            left -= 1
        if one.verdict is not None or left >= 0:
            yield one


def _hits(archive: Archive, found: Sequence[ArchiveHit]) -> list[HitAnswer]:
    names = indexed_folders(archive)
    rows = _rows(archive, {one.position.recording for one in found})
    return [_hit(one, rows[one.position.recording], names) for one in found if one.position.recording in rows]


def _hit(found: ArchiveHit, row: Any, names: dict[str, str]) -> HitAnswer:
    hit, position = found.hit, found.position
    return HitAnswer(
        position=str(position),
        recording=position.recording,
        name=name_of(row.path),
        folder=shown_folder(row.path, row.folder, names),
        channel=position.channel,
        channels=row.channels,
        score=hit.score,
        time_s=hit.time_s,
        start_s=hit.start_s,
        end_s=hit.end_s,
        speaker=found.speaker,
        date=found.date,
        language=found.language,
        verdict=found.verdict,
    )


def _rows(archive: Archive, numbers: set[int]) -> dict[int, Any]:
    columns = (recordings.c.id, recordings.c.path, recordings.c.folder, recordings.c.channels)
    with archive.reading() as connection:
        return {row.id: row for row in connection.execute(select(*columns).where(recordings.c.id.in_(numbers)))}


def _note(archive: Archive) -> str:
    with archive.reading() as connection:
        new = connection.execute(select(func.count()).where(recordings.c.status == NEW)).scalar_one()
    return f"{new} recordings are not heard to their end yet: there may be more hits later." if new else ""
