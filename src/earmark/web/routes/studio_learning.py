"""Routes of learning: what can be expected, and what was learned."""

from __future__ import annotations

import mimetypes
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response
from pydantic import BaseModel, Field

from earmark.core.errors import EarmarkError
from earmark.studio import held_out
from earmark.studio.held_out import Verdict, held_out_file, results
from earmark.studio.learning import expectation
from earmark.web.errors import documented
from earmark.web.responses import PartialFile
from earmark.web.state import OfProject

router = APIRouter(prefix="/api/studio", tags=["studio"])


class ExpectedWord(BaseModel):
    """A word that can be learned, or not yet."""

    word: str
    takes: int
    outlook: str = Field(description="none, poor, fair or good.")


class ExpectationResponse(BaseModel):
    """What can be expected of learning now."""

    takes: int
    pictures: int
    speakers: int
    speech_s: float
    words: list[ExpectedWord]
    time_s: float = Field(description="Estimate for this machine.")
    obstacle: str = Field(description="words, takes or tags, if these have to be added first; else empty.")


class ExampleResponse(BaseModel):
    """A take to listen to."""

    number: int
    image: str
    start_s: float
    end_s: float
    is_right: bool


class LearnedWord(BaseModel):
    """How well a word is recognised on takes that were not learned from."""

    word: str
    verdict: Verdict
    shown: int
    right: int
    decided: int
    by_luck: float
    examples: list[ExampleResponse]


class LearnedResponse(BaseModel):
    """What the model recognises."""

    words: list[LearnedWord]


@router.get("/expectation", responses=documented(400))
def expected(project: OfProject) -> ExpectationResponse:
    """What can be expected of learning, before it begins."""
    now = expectation(project)
    return ExpectationResponse(
        takes=now.takes,
        pictures=now.pictures,
        speakers=now.speakers,
        speech_s=now.speech_s,
        words=[ExpectedWord(word=word.word, takes=word.takes, outlook=word.outlook) for word in now.words],
        time_s=now.time_s,
        obstacle=now.obstacle,
    )


@router.get("/learned", responses=documented(400))
def learned(project: OfProject) -> LearnedResponse | None:
    """How well each word is recognised on held-out takes; null without a model."""
    found = results(project)
    return None if found is None else LearnedResponse(words=[_word(one) for one in found])


@router.get("/learned/takes/{number}/sound", response_class=PartialFile, responses=documented(404, 416))
def sound(project: OfProject, number: Annotated[int, Path(ge=0, le=1_000_000)]) -> Response:
    """The sound of a held-out take."""
    try:
        path = held_out_file(project, number)
    except EarmarkError as problem:
        raise HTTPException(404, str(problem)) from problem
    kind = mimetypes.guess_type(path.name)[0] or ""
    safe = kind if kind.startswith(("audio/", "video/")) else "application/octet-stream"
    return PartialFile(path, media_type=safe, stat_result=path.stat())


def _word(one: held_out.WordResult) -> LearnedWord:
    examples = [
        ExampleResponse(
            number=take.number, image=take.image, start_s=take.start_s, end_s=take.end_s, is_right=take.is_right
        )
        for take in one.examples
    ]
    return LearnedWord(
        word=one.word,
        verdict=one.verdict,
        shown=one.shown,
        right=one.right,
        decided=one.decided,
        by_luck=one.by_luck,
        examples=examples,
    )
