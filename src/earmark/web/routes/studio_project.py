"""Routes of a project: its settings, and how far its steps are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from earmark.archive.judgements import judgements, verdict_counts
from earmark.studio.project import MAX_WORDS, Line, Project
from earmark.studio.steps import Progress, Step, next_step, steps
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject, ServerState, State

router = APIRouter(prefix="/api/studio", tags=["studio"])


class StepResponse(BaseModel):
    """A step of the project."""

    name: str
    progress: Progress
    counts: dict[str, int]


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


class Changes(BaseModel):
    """Settings to change; those that are left out stay."""

    name: Line | None = None
    languages: list[Line] | None = Field(None, max_length=100)
    licence: Line | None = None
    consent: Line | None = None
    add_words: list[Line] = Field(default_factory=list, max_length=MAX_WORDS)
    remove_words: list[Line] = Field(default_factory=list, max_length=MAX_WORDS)


@router.get("", responses=documented())
def project(state: State, project: OfProject) -> ProjectResponse:
    """The settings of the project, and how far its steps are."""
    return _response(state, project)


@router.post("", responses=documented(400, 403))
def change(state: State, project: OfProject, changes: Changes, _: PageHeader) -> ProjectResponse:
    """Change settings of the project. Words are added and removed one by one, as several windows may be open."""

    def changed(settings: Any) -> dict[str, Any]:
        given = {name: value for name in SIMPLE if (value := getattr(changes, name)) is not None}
        words = [word for word in settings.words if word not in set(changes.remove_words)]
        return {**given, "words": [*words, *changes.add_words]}

    project.update(changed)
    return _response(state, project)


SIMPLE = ("name", "languages", "licence", "consent")


def _response(state: ServerState, project: Project) -> ProjectResponse:
    settings = project.settings()
    found = [_with_judgements(state, step) if step.name == "find" else step for step in steps(project)]
    return ProjectResponse(
        folder=project.folder.resolve().name,
        name=settings.name,
        languages=settings.languages,
        licence=settings.licence,
        consent=settings.consent,
        words=settings.words,
        steps=[StepResponse(name=step.name, progress=step.progress, counts=step.counts) for step in found],
        next=next_step(found),
    )


def _with_judgements(state: ServerState, step: Step) -> Step:
    """The step of finding, which is begun with an archive, and done when hits were accepted."""
    try:
        yes, related, no = verdict_counts(judgements(state.archive))
    except HTTPException:
        return step
    return Step(step.name, "done" if yes else "started" if related or no else "open", {"accepted": yes})
