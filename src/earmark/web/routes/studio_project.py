"""Routes of a project: its settings, and how far its steps are."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from earmark.studio.project import MAX_WORDS, Line, Project
from earmark.studio.steps import Progress, next_step, steps
from earmark.web.catalogues import page_languages
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject

router = APIRouter(prefix="/api/studio", tags=["studio"])


class StepResponse(BaseModel):
    """A step of the project."""

    name: str
    progress: Progress
    counts: dict[str, int]


class LanguageResponse(BaseModel):
    """A language of the page."""

    code: str
    name: str
    direction: Literal["ltr", "rtl"]


class ProjectResponse(BaseModel):
    """A project."""

    folder: str = Field(description="Name of its folder.")
    name: str
    languages: list[str]
    licence: str
    consent: str
    words: list[str]
    steps: list[StepResponse]
    next: str = Field(description="The step that is next.")
    page_languages: list[LanguageResponse]


class Changes(BaseModel):
    """Settings to change; those that are left out stay."""

    name: Line | None = None
    languages: list[Line] | None = Field(None, max_length=100)
    licence: Line | None = None
    consent: Line | None = None
    add_words: list[Line] = Field(default_factory=list, max_length=MAX_WORDS)
    remove_words: list[Line] = Field(default_factory=list, max_length=MAX_WORDS)


@router.get("", responses=documented())
def project(project: OfProject) -> ProjectResponse:
    """The settings of the project, and how far its steps are."""
    return _response(project)


@router.post("", responses=documented(400, 403))
def change(project: OfProject, changes: Changes, _: PageHeader) -> ProjectResponse:
    """Change settings of the project. Words are added and removed one by one, as several windows may be open."""

    def changed(settings: Any) -> dict[str, Any]:
        given = {name: value for name in SIMPLE if (value := getattr(changes, name)) is not None}
        words = [word for word in settings.words if word not in set(changes.remove_words)]
        return {**given, "words": [*words, *changes.add_words]}

    project.update(changed)
    return _response(project)


SIMPLE = ("name", "languages", "licence", "consent")


def _response(project: Project) -> ProjectResponse:
    settings, found = project.settings(), steps(project)
    return ProjectResponse(
        folder=project.folder.resolve().name,
        name=settings.name,
        languages=settings.languages,
        licence=settings.licence,
        consent=settings.consent,
        words=settings.words,
        steps=[StepResponse(name=step.name, progress=step.progress, counts=step.counts) for step in found],
        next=next_step(found),
        page_languages=[
            LanguageResponse(code=language.code, name=language.name, direction=language.direction)
            for language in page_languages()
        ],
    )
