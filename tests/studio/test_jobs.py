"""Background jobs: run, paused, killed at any point, and gone on with."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from earmark.core.errors import EarmarkError
from earmark.studio.jobs import (
    JobState,
    JobStep,
    continue_interrupted,
    continue_job,
    job_state,
    pause_job,
    start_job,
)
from earmark.studio.project import Project, open_project

# A program that counts in a file, resumes there, and reports its progress as the command line does.
COUNT = """
import sys, time, pathlib
name, last, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
file = pathlib.Path(name)
for number in range(int(file.read_text() or 0) if file.exists() else 0, last):
    time.sleep(seconds)
    with open(name + ".log", "a") as log: log.write(f"{number + 1}\\n")
    partial = file.with_suffix(".partial")
    partial.write_text(str(number + 1))
    partial.replace(file)
    print(f"Counting: {number + 1}/{last}, {last - number} s left", file=sys.stderr, flush=True)
print("counted to", last)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "count_up.py").write_text(COUNT)
    problem = "earmark: The disk is full: make room."
    (modules / "fail.py").write_text(f"import sys; print({problem!r}, file=sys.stderr); sys.exit(1)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(modules), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return open_project(tmp_path / "project")


def counting(name: str, last: int, seconds: float = 0.0, output: str = "") -> JobStep:
    return JobStep(name, "count_up", (name, str(last), str(seconds)), output=output)


def until(project: Project, *statuses: str, step: int = 0, done: int = 0) -> JobState:
    for _ in range(600):
        state = job_state(project, "work")
        if state is not None and state.status in statuses and (state.step, state.done) >= (step, done):
            return state
        time.sleep(0.05)
    pytest.fail(f"not {statuses}: {job_state(project, 'work')}")


def test_steps_run_one_after_the_other(project: Project) -> None:
    start_job(project, "work", [counting("a", 3), counting("b", 2, output="b.txt")])
    assert until(project, "done").step == 2
    assert (project.folder / "b.txt").read_text() == "counted to 2\n"
    assert "counted to 3" in (project.jobs / "work" / "log.txt").read_text()


def test_a_failure_says_why_and_can_be_gone_on_with(project: Project) -> None:
    start_job(project, "work", [counting("a", 1), JobStep("f", "fail", ())])
    failed = until(project, "failed")
    assert (failed.step, failed.message) == (1, "The disk is full: make room.")
    start_job(project, "work", [JobStep("f", "fail", (), also_fine="disk is full")])
    until(project, "done")


def test_pause_and_go_on(project: Project) -> None:
    start_job(project, "work", [counting("a", 40, 0.05)])
    until(project, "running", done=2)
    with pytest.raises(EarmarkError, match="under way"):
        start_job(project, "work", [])
    pause_job(project, "work")
    paused = until(project, "paused")
    assert paused.step == 0
    assert continue_interrupted(project) == []  # who paused wants it so
    continue_job(project, "work")
    until(project, "done")
    assert (project.folder / "a.log").read_text().split() == [str(number) for number in range(1, 41)]


def runner(project: Project) -> psutil.Process:
    [found] = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "earmark.studio.job_runner" in (process.info["cmdline"] or ())
        and str(project.folder.resolve()) in process.info["cmdline"]
    ]
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="kills with POSIX signals")
def test_a_killed_runner_is_interrupted_and_its_command_does_not_run_twice(project: Project) -> None:
    start_job(project, "work", [counting("a", 60, 0.05), counting("b", 2)])
    state = until(project, "running", done=2)
    assert state.total == 60
    os.kill(runner(project).pid, signal.SIGKILL)
    assert until(project, "interrupted").child is not None
    assert continue_interrupted(project) == ["work"]
    until(project, "done")
    counted = [int(number) for number in (project.folder / "a.log").read_text().split()]
    assert counted == sorted(counted)  # two at once would mix
    assert set(counted) == set(range(1, 61))


def test_a_moved_project_goes_on(project: Project, tmp_path: Path) -> None:
    start_job(project, "work", [counting("a", 30, 0.05)])
    until(project, "running", done=2)
    pause_job(project, "work")
    until(project, "paused")
    project.folder.rename(tmp_path / "elsewhere")
    moved = open_project(tmp_path / "elsewhere")
    continue_job(moved, "work")
    until(moved, "done")
    assert len((moved.folder / "a.log").read_text().split()) == 30
