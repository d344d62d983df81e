"""Routes of a project's work in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from earmark.studio import proposals
from earmark.studio.jobs import (
    JobState,
    JobStep,
    Status,
    continue_job,
    job_state,
    pause_job,
    refuse_running,
    start_job,
)
from earmark.studio.learning import learning_steps
from earmark.studio.project import Project
from earmark.studio.recordings import index_steps
from earmark.studio.teaching import JOB as TEACHING
from earmark.studio.teaching import teaching_steps
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject

router = APIRouter(prefix="/api/studio/jobs", tags=["studio"])

# What can be started from the page: the steps of each.
STEPS: dict[str, Callable[[Project], Sequence[JobStep]]] = {
    "index": index_steps,
    "learn": learning_steps,
    TEACHING: teaching_steps,
    "vectors": lambda _: proposals.steps(),
}
Name = Annotated[str, Path(pattern="^[a-z]{1,20}$", examples=["learn"])]


class JobResponse(BaseModel):
    """How far a job is."""

    name: str
    status: Status
    steps: list[str] = Field(description="Names of its steps, for the page's catalogues.")
    step: int = Field(description="Number of steps that are done.")
    done: int
    total: int = Field(description="0 where the step says nothing.")
    left_s: float | None = Field(description="Estimate for the step's present task.")
    message: str = Field(description="Why it failed.")

    @classmethod
    def of(cls, state: JobState) -> JobResponse:
        """The response for a state."""
        return cls(
            name=state.name,
            status=state.status,
            steps=[step.name for step in state.steps],
            step=state.step,
            done=state.done,
            total=state.total,
            left_s=state.left_s,
            message=state.message,
        )


@router.get("/{name}", responses=documented())
def job(project: OfProject, name: Name) -> JobResponse | None:
    """How far a job is; null where it was never started."""
    state = job_state(project, name)
    return None if state is None else JobResponse.of(state)


@router.post("/{name}/start", responses=documented(400, 403, 404))
def start(project: OfProject, name: Name, _: PageHeader) -> JobResponse:
    """Start a job from its beginning."""
    if name not in STEPS:
        raise HTTPException(404, "There is no such work: load the page again.")
    refuse_running(project, name)
    if name in ("learn", "index"):  # they write what teaching reads
        refuse_running(project, TEACHING)
    return JobResponse.of(start_job(project, name, STEPS[name](project)))


@router.post("/{name}/pause", responses=documented(400, 403))
def pause(project: OfProject, name: Name, _: PageHeader) -> JobResponse | None:
    """Pause a job: it stops at the next place from which it can go on."""
    pause_job(project, name)
    return job(project, name)


@router.post("/{name}/continue", responses=documented(400, 403))
def go_on(project: OfProject, name: Name, _: PageHeader) -> JobResponse | None:
    """Let a job go on that was paused, failed or interrupted."""
    continue_job(project, name)
    return job(project, name)
