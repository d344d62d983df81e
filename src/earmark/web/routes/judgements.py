"""Routes of judgements. A judgement is on disk before its response is sent."""

from __future__ import annotations

import re

from fastapi import APIRouter
from pydantic import BaseModel, Field

from earmark.archive.archive import Archive, Position
from earmark.archive.judgement_log import LONGEST
from earmark.archive.judgements import CLIP, EXAMPLE, IMAGE, judge, judgements, query_key, undo
from earmark.archive.lexicon import LexiconWord
from earmark.archive.query_aliases import Alias
from earmark.archive.results import ArchiveHit, Verdict
from earmark.archive.search import resolve_word
from earmark.archive.search_by_keyword import posting_at
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.web.errors import RefusedError, documented, is_database_error
from earmark.web.parameters import Number, PageHeader, PositionText, QueryText, Score, Seconds
from earmark.web.recording_files import recording_row
from earmark.web.routes.search import OpinionResponse, VerdictCounts, opinion_responses
from earmark.web.state import State

router = APIRouter(prefix="/api/judgements", tags=["judgements"])


class JudgementRequest(BaseModel):
    """A person's verdict on a hit. It holds all that is stored: the server does not remember which hits it returned."""

    query: QueryText
    position: PositionText
    verdict: Verdict
    start_s: Seconds = Field(description="Of the extent, as the person set it.")
    end_s: Seconds
    judge: str | None = Field(
        None, max_length=LONGEST["judge"], description="Who judged, as they call themselves; null for the server's own."
    )
    score: Score = Field(0.0, description="Detection score of the hit. For a word, the index's own is stored.")


class JudgementResponse(BaseModel):
    """A judgement that was stored."""

    id: int
    judged: VerdictCounts
    opinions: list[OpinionResponse] = Field(description="Of everybody who judged the place, where people disagree.")


class UndoResponse(BaseModel):
    """What is left after a judgement was undone."""

    judged: VerdictCounts


@router.post("", responses=documented(400, 403, 404, 413))
def judge_hit(state: State, request: JudgementRequest, _: PageHeader) -> JudgementResponse:
    """Store a judgement; it replaces an earlier one of the same hit."""
    position = Position.read(request.position)
    with state.archive.session(writing=True) as archive:
        query = _query(archive, request.query)
        key = query if isinstance(query, str) else query_key(query)
        row = recording_row(archive, position.recording, position.channel)
        extent = Hit(row.path, request.query, request.score, position.time_s, request.start_s, request.end_s)
        indexed = posting_at(archive, query, position) if isinstance(query, Alias) else None
        hit = indexed or ArchiveHit(position, extent)
        by = state.judge if request.judge is None else " ".join(request.judge.split())
        number = judge(archive, key, hit, request.verdict, request.start_s, request.end_s, by)
        judged = judgements(archive, key)
    opinions = next((one.opinions for one in judged if one.id == number), ())
    return JudgementResponse(id=number, judged=VerdictCounts.of(judged), opinions=opinion_responses(opinions))


@router.delete("/{number}", responses=documented(403, 404))
def undo_judgement(state: State, number: Number, _: PageHeader) -> UndoResponse:
    """Delete a judgement."""
    with state.archive.session(writing=True) as archive:
        try:
            undone = undo(archive, number)
        except EarmarkError as problem:
            if is_database_error(problem):
                raise
            raise RefusedError(404, str(problem), "judgementGone") from problem
        return UndoResponse(judged=VerdictCounts.of(judgements(archive, undone.query)))


def _query(archive: Archive, text: str) -> Alias | Position | str:
    """The judged query; the key itself for an image or a clip, which need not be stored: a judgement may come late."""
    if re.fullmatch(f"{IMAGE}[0-9a-f]+|{CLIP}[0-9a-f+-]+", text):
        return text
    if text.startswith(EXAMPLE):
        return Position.read(text.removeprefix(EXAMPLE))
    word = resolve_word(archive, text)
    return word.key if isinstance(word, LexiconWord) else word
