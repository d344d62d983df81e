"""Routes of taking home: exports of what was found, and a deposit of what was recorded."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from earmark.archive.collection import collect
from earmark.archive.export import exporter
from earmark.archive.judgements import judgements
from earmark.studio import take_home
from earmark.studio.speakers import Access
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.recorder_state import Takes
from earmark.web.routes.search import VerdictCounts
from earmark.web.state import OfProject, State

router = APIRouter(prefix="/api/studio/home", tags=["studio"])

Format = Literal["elan", "praat", "flextext", "csv", "clips", "srt", "vtt", "ohms", "audacity", "json"]
Levels = Annotated[list[Access], Query(max_length=4, description="Access levels of the speakers whose takes leave.")]


class ExportRequest(BaseModel):
    """What to export."""

    format: Format
    accepted_only: bool = True


class Written(BaseModel):
    """What was written."""

    folder: str = Field(description="In the project's folder.")
    files: list[str]


class LeavingFile(BaseModel):
    """A file that would leave."""

    path: str
    source: str = Field(description="In the project; empty for one that is written for the deposit.")
    bytes: int


class PersonResponse(BaseModel):
    """A speaker, and how many takes there are of theirs."""

    id: str
    name: str
    access: Access
    takes: int
    consents: int


class PreviewResponse(BaseModel):
    """Exactly what would leave."""

    files: list[LeavingFile]
    bytes: int
    people: list[PersonResponse]
    staying: list[PersonResponse]


class DepositRequest(BaseModel):
    """What to deposit."""

    levels: list[Access] = Field(max_length=4)
    with_names: bool = False


@router.get("/judged", responses=documented(404))
def judged(state: State) -> VerdictCounts:
    """How many hits were judged, over all words."""
    return VerdictCounts.of(judgements(state.archive))


@router.post("/export", responses=documented(400, 403, 404))
def export(state: State, project: OfProject, request: ExportRequest, _: PageHeader) -> Written:
    """Write what was found into a folder of the project's exports. Files that are there are backed up."""
    collection = collect(state.archive, accepted_only=request.accepted_only)
    folder = project.exports / request.format
    written = exporter(request.format).write(collection, folder)
    return Written(
        folder=folder.relative_to(project.folder).as_posix(),
        files=[path.relative_to(folder).as_posix() for path in written],
    )


@router.get("/deposit", responses=documented(400))
def deposit_preview(
    project: OfProject,
    takes: Takes,
    level: Levels = [],  # noqa: B006
    with_names: bool = False,
) -> PreviewResponse:
    """What a deposit would hold, file by file."""
    shown = take_home.preview(project, takes, level, with_names)
    return PreviewResponse(
        files=[LeavingFile(path=file.path, source=file.source, bytes=file.bytes) for file in shown.files],
        bytes=shown.bytes,
        people=[_person(person) for person in shown.people],
        staying=[_person(person) for person in shown.staying],
    )


@router.post("/deposit", responses=documented(400, 403))
def deposit(project: OfProject, takes: Takes, request: DepositRequest, _: PageHeader) -> Written:
    """Write the deposit, in the place of a former one."""
    folder = take_home.write_deposit(project, takes, request.levels, request.with_names)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return Written(folder=folder.relative_to(project.folder).as_posix(), files=files)


def _person(person: take_home.Person) -> PersonResponse:
    speaker = person.speaker
    return PersonResponse(
        id=speaker.id,
        name=speaker.display_name,
        access=speaker.access,
        takes=person.takes,
        consents=len(speaker.consents),
    )
