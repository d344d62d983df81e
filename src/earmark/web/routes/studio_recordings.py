"""Routes of the recordings that are to be searched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from earmark.studio.recordings import add_folder, folders, read_problems, remove_folder
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject

router = APIRouter(prefix="/api/studio/recordings", tags=["studio"])

FolderPath = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00\n\r]+$")]


class FolderResponse(BaseModel):
    """A folder of recordings."""

    path: str
    is_there: bool = Field(description="False for one on a disk that is not plugged in.")
    files: int = Field(description="Recordings in it and below, by their endings.")


class RecordingsResponse(BaseModel):
    """The folders, and what could not be read when they were last indexed."""

    folders: list[FolderResponse]
    problems: list[str]


class FolderChoice(BaseModel):
    """A folder to add or to leave out."""

    path: FolderPath


@router.get("", responses=documented(400))
def listed(project: OfProject) -> RecordingsResponse:
    """All folders."""
    found = [FolderResponse(path=one.path, is_there=one.is_there, files=one.files) for one in folders(project)]
    return RecordingsResponse(folders=found, problems=read_problems(project))


@router.post("/add", responses=documented(400, 403))
def add(project: OfProject, folder: FolderChoice, _: PageHeader) -> RecordingsResponse:
    """Add a folder of this machine."""
    add_folder(project, folder.path)
    return listed(project)


@router.post("/remove", responses=documented(400, 403))
def remove(project: OfProject, folder: FolderChoice, _: PageHeader) -> RecordingsResponse:
    """Leave a folder out; its recordings stay where they are."""
    remove_folder(project, folder.path)
    return listed(project)
