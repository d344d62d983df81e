"""Routes of imports: files of a dropped folder, what they hold, and the takes that are made of them."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from earmark.studio.dropped_files import delete_dropped, dropped_folder, dropped_path
from earmark.studio.folder_contents import FolderContents, LeftOut, Reason, read_folder
from earmark.studio.folder_import import imported_one_by_one, named_speakers
from earmark.studio.project import Project
from earmark.studio.speakers import add_speaker, speakers
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.recorder_state import Takes
from earmark.web.state import OfProject, ServerState, State
from earmark.web.uploads import ANY_FILE, documented_body, receive

MOST_LISTED = 500
AT_ONCE_S = 2.0  # of work in one request, so that the page shows how far it is

router = APIRouter(prefix="/api/studio/imports", tags=["studio"])

Token = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class LeftOutResponse(BaseModel):
    """Something that can't become a take."""

    which: str
    reason: Reason
    detail: str

    @classmethod
    def of(cls, one: LeftOut) -> LeftOutResponse:
        """From the thing itself."""
        return cls(which=one.which, reason=one.reason, detail=one.detail)


class NamedSpeakerResponse(BaseModel):
    """A speaker as the documents call them."""

    label: str
    count: int
    speaker: str = Field(description="The project's speaker of this name; may be empty.")


class ContentsResponse(BaseModel):
    """What the files of a drop hold."""

    utterances: int
    speakers: list[NamedSpeakerResponse]
    left_out: list[LeftOutResponse]


class FileResponse(BaseModel):
    """A file that has come."""

    size: int


class TakesRequest(BaseModel):
    """Whose takes are to be made, and from which utterance on."""

    speakers: dict[str, str] = Field(description="Id of a speaker by the documents' name; empty for a new one.")
    start: int = Field(0, ge=0)


class TakesResponse(BaseModel):
    """How far the import is. To go on, send `speakers` and `next` again."""

    speakers: dict[str, str]
    next: int
    total: int
    added: int
    present: int
    left_out: list[LeftOutResponse]
    without_consent: list[str] = Field(description="Ids of speakers whose takes no model learns from yet.")


@router.put("/{token}/file", responses=documented(400, 403, 413), openapi_extra=documented_body(ANY_FILE))
async def store_file(
    request: Request,
    state: State,
    project: OfProject,
    token: Token,
    name: Annotated[str, Query(min_length=1, max_length=2000)],
    _: PageHeader,
) -> FileResponse:
    """Take a file of a dropped folder; `name` is its path in it."""
    path = dropped_path(dropped_folder(project, token), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    await receive(request, path)
    state.dropped.pop(token, None)
    return FileResponse(size=path.stat().st_size)


@router.get("/{token}", responses=documented(400))
def contents(state: State, project: OfProject, token: Token) -> ContentsResponse:
    """What the files hold: utterances, speakers, and what can't be used."""
    found = _contents(state, project, token)
    named = named_speakers(project, found.utterances)
    return ContentsResponse(
        utterances=len(found.utterances),
        speakers=[NamedSpeakerResponse(label=one.label, count=one.count, speaker=one.speaker) for one in named],
        left_out=[LeftOutResponse.of(one) for one in found.left_out[:MOST_LISTED]],
    )


@router.post("/{token}/takes", responses=documented(400, 403))
def make_takes(
    state: State, project: OfProject, takes: Takes, token: Token, wanted: TakesRequest, _: PageHeader
) -> TakesResponse:
    """Make takes of the utterances, as many as two seconds allow. What is there already stays as it is."""
    utterances = _contents(state, project, token).utterances
    people = _with_new_speakers(project, wanted.speakers)
    end_s = time.monotonic() + AT_ONCE_S
    added, present, at = 0, 0, wanted.start
    left_out = []
    for outcome in imported_one_by_one(project, takes, utterances[wanted.start :], people):
        at += 1
        if isinstance(outcome, LeftOut):
            left_out.append(LeftOutResponse.of(outcome))
        else:
            added, present = added + outcome, present + (not outcome)
        if time.monotonic() > end_s:
            break
    return TakesResponse(
        speakers=people,
        next=at,
        total=len(utterances),
        added=added,
        present=present,
        left_out=left_out[:MOST_LISTED],
        without_consent=[one.id for one in speakers(project.folder) if one.id in people.values() and not one.consents],
    )


@router.delete("/{token}", responses=documented(400, 403))
def delete(state: State, project: OfProject, token: Token, _: PageHeader) -> dict[str, str]:
    """Delete the files of a drop: what was made of them stays."""
    delete_dropped(project, token)
    state.dropped.pop(token, None)
    return {}


def _with_new_speakers(project: Project, wanted: dict[str, str]) -> dict[str, str]:
    languages = project.settings().languages
    return {label: id_ or add_speaker(project.folder, label, languages).id for label, id_ in wanted.items()}


def _contents(state: ServerState, project: Project, token: str) -> FolderContents:
    """Read once for all requests of an import."""
    if token not in state.dropped:
        state.dropped = {token: read_folder(dropped_folder(project, token))}
    return state.dropped[token]
