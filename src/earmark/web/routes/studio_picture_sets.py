"""Routes of ready sets of pictures: those on this machine, and taking one into the project."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from earmark.studio.picture_sets import PictureSet, installed_sets, read_set, spread, take_pictures
from earmark.studio.recordings import typed_folder
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject

AT_ONCE_S = 2.0  # of work in one request, so that the page shows how far it is
MOST_PROBLEMS = 200

router = APIRouter(prefix="/api/studio/picture-sets", tags=["studio"])

FolderText = Annotated[str, Query(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
Language = Annotated[str, Query(max_length=20)]


class PictureSetResponse(BaseModel):
    """A set of pictures on this machine."""

    name: str
    folder: str
    count: int
    licences: dict[str, int] = Field(description="Number of pictures by licence; empty where none is stated.")

    @classmethod
    def of(cls, one: PictureSet) -> PictureSetResponse:
        """From the set itself."""
        return cls(name=one.name, folder=str(one.folder), count=len(one.pictures), licences=one.licences)


class TakeRequest(BaseModel):
    """How many pictures of a set are to be taken, and how many of them were already."""

    folder: str = Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")
    language: str = Field("", max_length=20)
    count: int = Field(ge=1, le=100_000)
    start: int = Field(0, ge=0)


class TakenResponse(BaseModel):
    """How far it is. To go on, send the same with `next` as the start."""

    next: int
    total: int
    added: int
    present: int
    problems: list[str]


@router.get("", responses=documented())
def sets(language: Language = "") -> list[PictureSetResponse]:
    """The sets that are installed on this machine."""
    return [PictureSetResponse.of(one) for one in installed_sets(language)]


@router.get("/of", responses=documented(400))
def set_of(project: OfProject, folder: FolderText, language: Language = "") -> PictureSetResponse:
    """The set of a folder."""
    return PictureSetResponse.of(read_set(typed_folder(project, folder), language))


@router.post("/taken", responses=documented(400, 403))
def take(project: OfProject, wanted: TakeRequest, _: PageHeader) -> TakenResponse:
    """Take pictures of a set, as many as two seconds allow. What is there already stays as it is."""
    chosen = read_set(typed_folder(project, wanted.folder), wanted.language)
    end_s = time.monotonic() + AT_ONCE_S
    added, present, at = 0, 0, wanted.start
    problems: list[str] = []
    for outcome in take_pictures(project, chosen, wanted.count, wanted.start):
        at += 1
        if isinstance(outcome, str):
            problems.append(outcome)
        else:
            added, present = added + outcome, present + (not outcome)
        if time.monotonic() > end_s:
            break
    total = len(spread(chosen.pictures, wanted.count))
    return TakenResponse(next=at, total=total, added=added, present=present, problems=problems[:MOST_PROBLEMS])
