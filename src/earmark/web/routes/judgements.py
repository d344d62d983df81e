"""Judging hits. When an answer is given, the judgement is on the disk."""

from __future__ import annotations

import re

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import EXAMPLE, IMAGE, judge, query_key, undo
from earmark.archive.query_aliases import resolve_query
from earmark.archive.results import ArchiveHit, Verdict
from earmark.archive.schema import postings
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.web.errors import documented, is_of_tables
from earmark.web.parameters import Number, Ours, PlaceText, QueryText, Seconds
from earmark.web.recording_files import recording_of
from earmark.web.routes.search import Judged, judged_of
from earmark.web.state import ServedHere

NEAR_S = 0.0051  # what is lost of a time when a place is written down

router = APIRouter(prefix="/api/judgements", tags=["judgements"])


class Judging(BaseModel):
    """What a person says of a hit."""

    query: QueryText
    position: PlaceText
    verdict: Verdict
    start_s: Seconds = Field(description="Of the extent, as the person set it.")
    end_s: Seconds


class JudgingAnswer(BaseModel):
    """A judgement that was kept."""

    id: int
    judged: Judged


class UndoneAnswer(BaseModel):
    """What is left after a judgement was undone."""

    judged: Judged


@router.post("", responses=documented(400, 403, 404, 413))
def judge_hit(served: ServedHere, said: Judging, _: Ours) -> JudgingAnswer:
    """Keep a judgement, instead of an earlier one of the same place."""
    key, position = _key_of(served.archive, said.query), Position.read(said.position)
    row = recording_of(served.archive, position.recording, position.channel)
    found = (
        served.shown(key, str(position))
        or _posted(served.archive, key, position, row.path)
        or _unknown(said, position, row.path)
    )
    return JudgingAnswer(
        id=judge(served.archive, key, found, said.verdict, said.start_s, said.end_s),
        judged=judged_of(served.archive, key),
    )


@router.delete("/{number}", responses=documented(403, 404))
def undo_judgement(served: ServedHere, number: Number, _: Ours) -> UndoneAnswer:
    """Undo a judgement."""
    try:
        undone = undo(served.archive, number)
    except EarmarkError as problem:
        if is_of_tables(problem):
            raise
        raise HTTPException(404, str(problem)) from problem
    return UndoneAnswer(judged=judged_of(served.archive, undone.query))


def _key_of(archive: Archive, text: str) -> str:
    """The key of a query. A picture need not be known any more: a judgement of it may come late."""
    if re.fullmatch(f"{IMAGE}[0-9a-f]+", text):
        return text
    if text.startswith(EXAMPLE):
        return query_key(Position.read(text.removeprefix(EXAMPLE)))
    return query_key(resolve_query(archive, text).word)


def _posted(archive: Archive, key: str, position: Position, path: str) -> ArchiveHit | None:
    """The hit of a word at a place, of those that are indexed."""
    if key.startswith((IMAGE, EXAMPLE)):
        return None
    keywords = [archive.vocabulary.index(keyword) for keyword in resolve_query(archive, key).keywords]
    asked = (
        select(postings)
        .where(
            postings.c.recording == position.recording,
            postings.c.channel == position.channel,
            postings.c.keyword.in_(keywords),
            func.abs(postings.c.time_s - position.time_s) < NEAR_S,
        )
        .order_by(postings.c.score.desc())
    )
    with archive.reading() as connection:
        row = connection.execute(asked).first()
    return None if row is None else ArchiveHit(position, Hit(path, key, row.score, row.time_s, row.start_s, row.end_s))


def _unknown(said: Judging, position: Position, path: str) -> ArchiveHit:
    """A hit at a place that no search has shown: a person found it."""
    return ArchiveHit(position, Hit(path, said.query, 0.0, position.time_s, said.start_s, said.end_s))
