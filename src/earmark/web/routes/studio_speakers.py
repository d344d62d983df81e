"""Routes of a project's speakers, and of how they are prompted. Phones have none of these."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, StringConstraints

from earmark.archive.recordings import forget_files
from earmark.core.errors import EarmarkError
from earmark.core.types import canonical_path
from earmark.studio.prompts import change_plan, count_states, prompts, read_plan
from earmark.studio.speakers import MOST_TEXT, Access, Speaker, add_speaker, change_speaker, speakers
from earmark.studio.take import Take
from earmark.studio.withdrawal import withdraw
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.recorder_state import OfSpeaker, Takes
from earmark.web.routes.studio_takes import PlanResponse
from earmark.web.state import OfProject, State

router = APIRouter(prefix="/api/studio", tags=["speakers"])

Name = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Note = Annotated[str, StringConstraints(max_length=MOST_TEXT, pattern=r"^[^\x00]*$")]


class ConsentResponse(BaseModel):
    """A consent of a speaker."""

    kind: Literal["speech", "picture", "text"]
    given_on: str
    text: str
    has_file: bool


class SpeakerResponse(BaseModel):
    """A speaker, and how far the recording is."""

    id: str
    name: str
    languages: list[str]
    access: Access
    licence: str
    note: str
    added_on: str
    consents: list[ConsentResponse]
    takes: int
    minutes: float
    prompts: int = Field(description="That there are for this speaker.")
    recorded: int = Field(description="Prompts that have a take.")
    skipped: int


class SpeakerRequest(BaseModel):
    """What is known of a speaker; what is left out stays."""

    name: Name | None = None
    languages: list[Name] | None = Field(None, max_length=50)
    access: Access | None = None
    licence: Name | None = None
    note: Note | None = None

    def given(self) -> dict[str, Any]:
        """The values that are there."""
        return self.model_dump(exclude_none=True)


class PlanRequest(BaseModel):
    """How speakers are prompted; what is left out stays."""

    kind: Literal["describe", "name", "answer"] | None = None
    question: Name | None = None
    questions: list[Note] | None = Field(None, max_length=500)
    pictures: bool | None = None
    translation: Literal["none", "typed", "spoken"] | None = None
    order: Literal["random", "sequential"] | None = None
    seed: int | None = Field(None, ge=0, le=2**31 - 1)


class WithdrawalResponse(BaseModel):
    """What a withdrawal deleted, and what is left to do by hand."""

    takes: int
    utterances: int = Field(description="Of the corpus.")
    recordings: int = Field(description="Of the archive, with all that was derived from them.")
    model_learned: bool = Field(description="Whether a model learned from the takes: train it again, or delete it.")
    exports: list[str] = Field(description="Files that name the speaker. Copies that were given away are like them.")


@router.get("/speakers", responses=documented(400))
def all_speakers(project: OfProject, takes: Takes) -> list[SpeakerResponse]:
    """All speakers, and how far the recording is."""
    return _responses(project, takes, speakers(project.folder))


@router.post("/speakers", responses=documented(400, 403))
def new_speaker(project: OfProject, takes: Takes, request: SpeakerRequest, _: PageHeader) -> SpeakerResponse:
    """Add a speaker; a name is not needed."""
    return _responses(project, takes, [add_speaker(project.folder, **request.given())])[0]


@router.post("/speakers/{speaker}", responses=documented(400, 403, 404))
def changed_speaker(
    project: OfProject, takes: Takes, speaker: OfSpeaker, request: SpeakerRequest, _: PageHeader
) -> SpeakerResponse:
    """Change what is known of a speaker."""
    changed = change_speaker(project.folder, speaker.id, **request.given())
    takes.write_table()
    return _responses(project, takes, [changed])[0]


@router.delete("/speakers/{speaker}", responses=documented(403, 404))
def withdraw_speaker(
    state: State, project: OfProject, takes: Takes, speaker: OfSpeaker, _: PageHeader
) -> WithdrawalResponse:
    """The speaker takes the consent back: delete what the project reaches, and name the rest."""
    files = [canonical_path(takes.path(take)) for take in takes.takes(speaker.id)]
    done = withdraw(takes, speaker.id)
    recordings = 0
    with suppress(HTTPException, EarmarkError):  # without an archive there is nothing to delete
        recordings = forget_files(state.archive, files)
    return WithdrawalResponse(
        takes=done.takes,
        utterances=done.utterances,
        recordings=recordings,
        model_learned=done.model_learned,
        exports=[*done.exports],
    )


@router.get("/plan", responses=documented(400))
def plan(project: OfProject) -> PlanResponse:
    """How speakers are prompted."""
    return PlanResponse.of(read_plan(project.folder))


@router.post("/plan", responses=documented(400, 403))
def changed_plan(project: OfProject, request: PlanRequest, _: PageHeader) -> PlanResponse:
    """Change how speakers are prompted."""
    values = request.model_dump(exclude_none=True)
    if "questions" in values:
        values["questions"] = tuple(values["questions"])
    return PlanResponse.of(change_plan(project.folder, **values))


def _responses(project: OfProject, store: Takes, listed: list[Speaker]) -> list[SpeakerResponse]:
    takes: dict[str, list[Take]] = {speaker.id: [] for speaker in listed}
    for take in store.takes():
        if take.speaker in takes:
            takes[take.speaker].append(take)
    prompted = prompts(project.folder, read_plan(project.folder))
    counts = count_states(project.folder, prompted, takes)
    return [_response(speaker, takes[speaker.id], len(prompted), *counts[speaker.id]) for speaker in listed]


def _response(speaker: Speaker, takes: list[Take], prompted: int, recorded: int, skipped: int) -> SpeakerResponse:
    return SpeakerResponse(
        id=speaker.id,
        name=speaker.name,
        languages=[*speaker.languages],
        access=speaker.access,
        licence=speaker.licence,
        note=speaker.note,
        added_on=speaker.added_on,
        consents=[
            ConsentResponse(kind=given.kind, given_on=given.given_on, text=given.text, has_file=bool(given.file))
            for given in speaker.consents
        ],
        takes=len(takes),
        minutes=sum(take.duration_s for take in takes) / 60,
        prompts=prompted,
        recorded=recorded,
        skipped=skipped,
    )
