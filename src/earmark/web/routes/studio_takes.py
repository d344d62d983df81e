"""Routes of one speaker's recording session, on the laptop and on phones: prompts, takes, consents.

All paths begin with the speaker, so that a phone can be let into its own speaker's alone.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints

from earmark.core.errors import EarmarkError
from earmark.media.images import check_image
from earmark.studio.project import Project
from earmark.studio.prompts import Plan, PromptState, prompts, read_plan, session, skip
from earmark.studio.speakers import MOST_TEXT, Speaker, add_consent, speaker_folder
from earmark.studio.take import Kind, NewTake, Take
from earmark.studio.take_checks import check_take
from earmark.studio.takes import TakeConflictError, TakeStore
from earmark.web.errors import RefusedError, documented
from earmark.web.parameters import PageHeader
from earmark.web.recorder_state import OfSpeaker, Takes, project_id, require_project
from earmark.web.responses import PartialFile
from earmark.web.state import OfProject
from earmark.web.uploads import documented_body, receive

router = APIRouter(prefix="/api/studio/speakers/{speaker}", tags=["recording"])

MAX_SETTINGS = 20_000  # characters
MAX_CONSENT_BYTES = 50_000_000
SOUND_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}
PICTURE_TYPES = ((b"\xff\xd8\xff", ".jpg", "image/jpeg"), (b"\x89PNG", ".png", "image/png"))
OTHER_PICTURE = "Choose a JPEG or a PNG: another picture can't be shown in every browser."

Item = Annotated[str, StringConstraints(max_length=600, pattern=r"^[^\x00]*$")]
Sentence = Annotated[str, StringConstraints(max_length=MOST_TEXT, pattern=r"^[^\x00]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
BODY = documented_body(["*/*"])


class PlanResponse(BaseModel):
    """How speakers are prompted."""

    kind: Literal["describe", "name", "answer"]
    question: str
    questions: list[str]
    pictures: bool
    translation: Literal["none", "typed", "spoken"]
    order: Literal["random", "sequential"]
    seed: int

    @classmethod
    def of(cls, plan: Plan) -> PlanResponse:
        """A plan of the project."""
        return cls(
            **{name: getattr(plan, name) for name in cls.model_fields if name != "questions"},
            questions=[*plan.questions],
        )


class PromptResponse(BaseModel):
    """A prompt of a session."""

    id: str
    has_image: bool
    question: str
    takes: int
    is_skipped: bool

    @classmethod
    def of(cls, state: PromptState) -> PromptResponse:
        """A prompt with what became of it."""
        prompt = state.prompt
        return cls(
            id=prompt.id,
            has_image=bool(prompt.image),
            question=prompt.question,
            takes=state.takes,
            is_skipped=state.is_skipped,
        )


class TakeResponse(BaseModel):
    """A take that is on the disk."""

    id: str
    speaker: str
    item: str
    kind: Kind
    question: str
    of: str
    sha256: str = Field(description="Of the file: whoever has the same may delete their own.")
    samples: int
    sample_rate: int
    duration_s: float
    warnings: list[str]
    recorded_at: str
    translation: str
    version: int
    is_latest: bool

    @classmethod
    def of_take(cls, take: Take) -> TakeResponse:
        """A take of the store."""
        values = {name: getattr(take, name) for name in cls.model_fields if name != "warnings"}
        return cls(**values, warnings=[*take.warnings])


class SessionResponse(BaseModel):
    """A speaker's session: all that the recorder needs, also while the network is gone."""

    project: str = Field(description="Id of the project, to be sent with each take.")
    speaker: str
    name: str
    has_consent: bool
    consent_text: str = Field(description="Of the project, to be read out; may be empty.")
    plan: PlanResponse
    prompts: list[PromptResponse]


class TakeParameters(BaseModel):
    """What the recorder states about a take."""

    sha256: Sha256
    project: str = Field("", max_length=40, description="Id of the project for which it was recorded.")
    item: Item = ""
    kind: Kind = "describe"
    samples: int | None = Field(None, ge=1, le=2**40)
    sample_rate: int | None = Field(None, ge=1, le=10_000_000)
    clock_s: float = Field(0.0, ge=0, le=1e6, allow_inf_nan=False)
    recorded_at: str = Field("", max_length=40, pattern=r"^[0-9TZ:.+-]*$")
    question: Item = ""
    of: str = Field("", pattern=r"^([0-9a-f]{32})?$")
    settings: str = Field("{}", max_length=MAX_SETTINGS, description="JSON: what the browser really applied.")


class SkipRequest(BaseModel):
    """A prompt that the speaker does not want, or wants again."""

    item: Item
    is_skipped: bool = True


class TranslationRequest(BaseModel):
    """A typed translation of a take."""

    text: Sentence


class TextConsentRequest(BaseModel):
    """A text that was read out, and agreed to."""

    text: Sentence


class ConsentResponse(BaseModel):
    """How many consents the speaker has given."""

    consents: int
    sha256: str = Field("", description="Of the file that was stored.")


@router.get("/session", responses=documented(404))
def session_of(project: OfProject, takes: Takes, speaker: OfSpeaker) -> SessionResponse:
    """The speaker's prompts in order, and what became of each."""
    states = session(project.folder, speaker.id, takes.takes(speaker.id))
    return SessionResponse(
        project=project_id(project),
        speaker=speaker.id,
        name=speaker.name,
        has_consent=bool(speaker.consents),
        consent_text=project.settings().consent,
        plan=PlanResponse.of(read_plan(project.folder)),
        prompts=[PromptResponse.of(state) for state in states],
    )


@router.get("/picture", response_class=FileResponse, responses=documented(404))
def picture(project: OfProject, speaker: OfSpeaker, item: Annotated[Item, Query()]) -> FileResponse:
    """The picture of a prompt of this speaker."""
    known = {prompt.image for prompt in prompts(project.folder, read_plan(project.folder))}
    path = project.folder / item if item and item in known else None
    if path is None or not path.is_file():
        raise RefusedError(404, "That picture is no longer in the project: go on to the next.", "pictureRemoved")
    return FileResponse(
        path, media_type=_picture_type(path.read_bytes()[:8]), headers={"Cache-Control": "private, max-age=3600"}
    )


@router.post("/skips", responses=documented(400, 403, 404))
def skip_prompt(
    project: OfProject, takes: Takes, speaker: OfSpeaker, request: SkipRequest, _: PageHeader
) -> SkipRequest:
    """Note that the speaker does not want a prompt."""
    skip(project.folder, speaker.id, request.item, is_skipped=request.is_skipped)
    return request


@router.get("/takes", responses=documented(404))
def takes_of(takes: Takes, speaker: OfSpeaker) -> list[TakeResponse]:
    """All takes of the speaker, in the order in which they were recorded."""
    return [TakeResponse.of_take(take) for take in takes.takes(speaker.id)]


@router.put("/takes/{take}", responses=documented(400, 403, 404, 409, 413), openapi_extra=BODY)
async def store_take(
    request: Request,
    project: OfProject,
    store: Takes,
    speaker: OfSpeaker,
    take: str,
    parameters: Annotated[TakeParameters, Query()],
    _: PageHeader,
) -> TakeResponse:
    """Store a take. It is on the disk before the answer is sent; sending it again changes nothing."""
    require_project(project, parameters.project)
    stated = parameters.model_dump(exclude={"project"}) | {"settings": _settings(parameters.settings)}
    new = NewTake(id=take, speaker=speaker.id, **stated)
    with store.receive() as path:
        await receive(request, path)
        try:
            stored = await run_in_threadpool(store.add, new, path)
        except TakeConflictError as problem:
            raise HTTPException(409, str(problem)) from problem
    return TakeResponse.of_take(stored)


@router.get("/takes/{take}/sound", response_class=PartialFile, responses=documented(404, 416))
def sound(store: Takes, speaker: OfSpeaker, take: str) -> PartialFile:
    """The sound of a take, as it was recorded."""
    path = store.path(_own_take(store, speaker, take))
    kind = SOUND_TYPES.get(path.suffix, "application/octet-stream")
    return PartialFile(
        path, media_type=kind, stat_result=path.stat(), filename=path.name, content_disposition_type="inline"
    )


@router.put("/takes/{take}/translation", responses=documented(403, 404))
def translate(store: Takes, speaker: OfSpeaker, take: str, request: TranslationRequest, _: PageHeader) -> TakeResponse:
    """Set the typed translation of a take."""
    return TakeResponse.of_take(store.translate(_own_take(store, speaker, take).id, request.text))


@router.post("/consents", responses=documented(400, 403, 404))
def consent_in_text(
    project: OfProject, takes: Takes, speaker: OfSpeaker, request: TextConsentRequest, _: PageHeader
) -> ConsentResponse:
    """Add a text that the speaker agreed to."""
    changed = add_consent(project.folder, speaker.id, "text", request.text)
    takes.write_table()
    return ConsentResponse(consents=len(changed.consents))


@router.put("/consents/{kind}", responses=documented(400, 403, 404, 413, 415), openapi_extra=BODY)
async def consent_as_file(
    request: Request,
    project: OfProject,
    store: Takes,
    speaker: OfSpeaker,
    kind: Literal["speech", "picture"],
    _: PageHeader,
    of_project: Annotated[str, Query(alias="project", max_length=40)] = "",
) -> ConsentResponse:
    """Add a spoken consent, or a picture of a form. It is on the disk before the answer is sent."""
    require_project(project, of_project)
    with store.receive() as path:
        await receive(request, path, MAX_CONSENT_BYTES)
        changed, sha256 = await run_in_threadpool(_add_consent_file, project, speaker, kind, path)
        await run_in_threadpool(store.write_table)
    return ConsentResponse(consents=len(changed.consents), sha256=sha256)


@router.get("/consents/{number}/file", response_class=Response, responses=documented(404))
def consent_file(project: OfProject, speaker: OfSpeaker, number: int) -> Response:
    """The file of a consent: number 1 is the first."""
    if not 1 <= number <= len(speaker.consents) or not (file := speaker.consents[number - 1].file):
        raise RefusedError(404, "There is no file of this consent.", "consentGone")
    path = speaker_folder(project.folder, speaker.id) / file
    if path.parent != speaker_folder(project.folder, speaker.id) or not path.is_file():
        raise RefusedError(404, "The file of this consent is missing: take it from a backup.", "consentGone")
    kind = SOUND_TYPES.get(path.suffix) or _picture_type(path.read_bytes()[:8])
    return PartialFile(
        path, media_type=kind, stat_result=path.stat(), filename=path.name, content_disposition_type="inline"
    )


def _add_consent_file(
    project: Project, speaker: Speaker, kind: Literal["speech", "picture"], path: Path
) -> tuple[Speaker, str]:
    content = path.read_bytes()
    if kind == "speech":
        suffix = check_take(path).suffix
    else:
        suffix = _picture_suffix(content)
        _check_picture(path)
    changed = add_consent(project.folder, speaker.id, kind, content=content, suffix=suffix)
    return changed, hashlib.sha256(content).hexdigest()


def _own_take(store: TakeStore, speaker: Speaker, id_: str) -> Take:
    try:
        take = store.take(id_)
    except EarmarkError as problem:
        raise RefusedError(404, str(problem), "takeGone") from problem
    if take.speaker != speaker.id:
        raise RefusedError(404, "There is no such take: open the list again.", "takeGone")
    return take


def _settings(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise HTTPException(422, "The settings are not a JSON object: load the page again.")
    return settings


def _picture_type(head: bytes) -> str:
    return next((kind for magic, _, kind in PICTURE_TYPES if head.startswith(magic)), "application/octet-stream")


def _picture_suffix(head: bytes) -> str:
    suffix = next((suffix for magic, suffix, _ in PICTURE_TYPES if head.startswith(magic)), None)
    if suffix is None:
        raise RefusedError(415, OTHER_PICTURE, "noPicture")
    return suffix


def _check_picture(path: Path) -> None:
    try:
        check_image(path)
    except EarmarkError as problem:
        raise RefusedError(415, OTHER_PICTURE, "noPicture") from problem
