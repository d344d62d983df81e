"""Work in the background: plain programs, one after the other, with a state file. Nothing depends on the server.

A job is a list of steps, each a command of Earmark's command line or a module of this package. A runner
(:mod:`earmark.studio.job_runner`), a process of its own, runs them and writes how far they are to
``jobs/NAME/state.json``; what they print goes to ``jobs/NAME/log.txt``. The runner holds ``jobs/NAME/running.lock`` for
as long as it lives, which the system releases however it ends: a job whose state says that it is running while nobody
holds the lock was interrupted, and whoever opens the project starts it again at the step that was not finished.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from earmark.core.errors import EarmarkError
from earmark.core.files import write_durably
from earmark.studio.project import Project

STATE, LOG, LOCK, PAUSE = "state.json", "log.txt", "running.lock", "pause"
Status = Literal["running", "interrupted", "pausing", "paused", "done", "failed"]
ENDING_S = 5.0  # in which a runner ends after its last state
NAME = re.compile(r"[a-z]{1,20}")


@dataclass(frozen=True)
class JobStep:
    """A step of a job.

    Attributes
    ----------
    name : str
        For the page's catalogues.
    module : str
        That Python runs, in the project folder.
    arguments : tuple of str
        Paths among them are relative to the project folder, so that a job goes on after the project was moved.
    output : str
        File for what the step prints to standard output; "" for the log.
    also_fine : str
        A text in the last messages of a step that ended with 1 by which it is done all the same; "" for none.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    output: str = ""
    also_fine: str = ""


@dataclass(frozen=True)
class JobState:
    """How far a job is.

    Attributes
    ----------
    name : str
    status : str
        "interrupted" is never written: it is "running" without a runner.
    steps : tuple of JobStep
    step : int
        Number of steps that are done.
    done, total : int
        Of the step's present task; 0 of 0 where it says nothing.
    left_s : float or None
        Estimate for the task.
    message : str
        Why it failed: what the program printed.
    child : tuple of int and float, or None
        Process and its start time, of the command that runs.
    """

    name: str
    status: Status
    steps: tuple[JobStep, ...]
    step: int = 0
    done: int = 0
    total: int = 0
    left_s: float | None = None
    message: str = ""
    child: tuple[int, float] | None = None


def start_job(project: Project, name: str, steps: Sequence[JobStep]) -> JobState:
    """Start a job from its first step.

    Raises
    ------
    EarmarkError
        If it runs already.
    """
    refuse_running(project, name)
    folder = job_folder(project, name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAUSE).unlink(missing_ok=True)
    (folder / LOG).unlink(missing_ok=True)
    state = JobState(name, "running", tuple(steps))
    write_state(project, state)
    _start_runner(project, name)
    return state


def refuse_running(project: Project, name: str) -> None:
    """Raise an EarmarkError if a job runs."""
    state = read_state(project, name)
    is_ending = state is not None and state.status != "running"  # its runner lets go of the lock a moment later
    if _has_runner(job_folder(project, name), ENDING_S if is_ending else 0.0):
        raise EarmarkError("This work is under way already: wait for its end, or pause it.", code="underWay")


def job_state(project: Project, name: str) -> JobState | None:
    """The state of a job; None where it was never started."""
    state = read_state(project, name)
    if state is None:
        return None
    folder = job_folder(project, name)
    if state.status == "running" and not _is_starting(project, name) and not _has_runner(folder):
        again = read_state(project, name)  # it may have come to its end in between
        return replace(again, status="interrupted") if again and again.status == "running" else again
    if state.status == "running" and (folder / PAUSE).exists():
        return replace(state, status="pausing")
    return state


def pause_job(project: Project, name: str) -> None:
    """Let a job stop; what it has done of a step is kept where the step can go on."""
    folder = job_folder(project, name)
    if folder.is_dir():
        (folder / PAUSE).touch()


def continue_job(project: Project, name: str) -> None:
    """Let a paused, failed or interrupted job go on."""
    state = job_state(project, name)
    if state is None:
        raise EarmarkError("This work was never started: start it.", code="reload")
    (job_folder(project, name) / PAUSE).unlink(missing_ok=True)
    if state.status in ("paused", "failed", "interrupted"):
        write_state(project, replace(state, status="running", message=""))
        _start_runner(project, name)


def continue_interrupted(project: Project) -> list[str]:
    """Start again what a power cut or a kill interrupted; the names of these jobs."""
    folders = sorted(path for path in project.jobs.glob("*") if NAME.fullmatch(path.name))
    names = [
        path.name for path in folders if (state := job_state(project, path.name)) and state.status == "interrupted"
    ]
    for name in names:
        continue_job(project, name)
    return names


def job_folder(project: Project, name: str) -> Path:
    """Folder of a job."""
    if not NAME.fullmatch(name):
        raise EarmarkError("There is no such work: load the page again.", code="reload")
    return project.jobs / name


def read_state(project: Project, name: str) -> JobState | None:
    """The state as it was last written; None where there is none that can be read."""
    try:
        content = json.loads((job_folder(project, name) / STATE).read_text(encoding="utf-8"))
        steps = tuple(JobStep(**{**step, "arguments": tuple(step["arguments"])}) for step in content.pop("steps"))
        child = content.pop("child")
        return JobState(**content, steps=steps, child=None if child is None else (child[0], child[1]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_state(project: Project, state: JobState) -> None:
    """Write a state in one step."""
    content = json.dumps(asdict(state), ensure_ascii=False, indent=1)
    write_durably(job_folder(project, state.name) / STATE, f"{content}\n".encode())


def program_environment() -> Mapping[str, str]:
    """Environment of a step: UTF-8, and progress every second."""
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "EARMARK_PROGRESS_S": "1"}


def _has_runner(folder: Path, wait_s: float = 0.0) -> bool:
    if not folder.is_dir():
        return False
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        return True
    lock.release()
    return False


def _is_starting(project: Project, name: str) -> bool:
    """Whether a runner that this process started is alive: until it has the lock, nothing else says so."""
    runner = _RUNNERS.get((project.folder.resolve(), name))
    return runner is not None and runner.poll() is None


def _start_runner(project: Project, name: str) -> None:
    detached: dict[str, Any] = (
        {"start_new_session": True}  # neither Ctrl-C of the server nor its end reaches it
        if os.name == "posix"
        else {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "earmark.studio.job_runner", str(project.folder.resolve()), name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(program_environment()),
        **detached,
    )
    for key, runner in list(_RUNNERS.items()):
        if runner.poll() is not None:  # polled, so that none stays behind as a zombie
            _RUNNERS.pop(key, None)
    _RUNNERS[project.folder.resolve(), name] = process


_RUNNERS: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}
