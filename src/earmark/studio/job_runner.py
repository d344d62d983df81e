"""The program that runs a job's steps: ``python -m earmark.studio.job_runner PROJECT NAME``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import psutil
from filelock import FileLock, Timeout

from earmark.studio.jobs import (
    LOCK,
    LOG,
    PAUSE,
    JobState,
    JobStep,
    job_folder,
    program_environment,
    read_state,
    write_state,
)
from earmark.studio.project import Project

TICK_S = 0.25
WRITE_EVERY_S = 1.0
STOP_TIMEOUT_S = 120.0  # for a step that is to stop: it may be in the middle of writing
STARTED_WITHIN_S = 2.0  # by which start times of one process may differ
LAST_LINES = 12
# As earmark.cli.progress_display prints it.
PROGRESS = re.compile(r"^.+: (?P<done>\d+)/(?P<total>\d+), (?P<seconds>\d+) s(?P<left> left)?")


class Runner:
    """Runs a job from the step that is next.

    Parameters
    ----------
    project : Project
    state : JobState
    """

    def __init__(self, project: Project, state: JobState) -> None:
        self.project = project
        self.state = state
        self.folder = job_folder(project, state.name)
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._written_s = 0.0

    def run(self) -> None:
        """Run all steps that are left, until one fails or a pause is wanted."""
        _stop_former(self.state)
        while self.state.step < len(self.state.steps):
            status = self._run_step(self.state.steps[self.state.step])
            if status is not None:
                self._write(status=status, child=None, message=self._message() if status == "failed" else "")
                return
            self._write(step=self.state.step + 1, done=0, total=0, left_s=None, child=None)
        self._write(status="done")

    def _run_step(self, step: JobStep) -> str | None:
        """None where the step is done, else the status of the job."""
        self._lines.clear()
        arguments = [sys.executable, "-m", step.module, *step.arguments]
        partial = self.project.folder / f"{step.output}.partial" if step.output else None
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(f"$ {step.module} {' '.join(step.arguments)}\n")
            log.flush()
            with open(partial, "wb") if partial else nullcontext(log) as output:
                process = subprocess.Popen(
                    arguments,
                    cwd=self.project.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                    env=dict(program_environment()),
                )
                self._write(child=(process.pid, _start_time(process.pid)))
                reader = threading.Thread(target=self._read, args=(process, log), daemon=True)
                reader.start()
                is_paused = self._wait(process)
                reader.join(STOP_TIMEOUT_S)
        if is_paused:
            return "paused"
        if process.returncode == 0 or (step.also_fine and step.also_fine in "\n".join(self._lines)):
            if partial:
                os.replace(partial, self.project.folder / step.output)
            return None
        return "failed"

    def _wait(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the end of a step; whether it was stopped for a pause."""
        while process.poll() is None:
            if (self.folder / PAUSE).exists():
                _stop(process)
                return True
            if time.monotonic() - self._written_s > WRITE_EVERY_S:
                self._write()
            time.sleep(TICK_S)
        return False

    def _read(self, process: subprocess.Popen[str], log: TextIO) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            log.write(line)
            log.flush()
            if (found := PROGRESS.match(line)) is not None:
                left_s = float(found["seconds"]) if found["left"] else 0.0
                self.state = replace(self.state, done=int(found["done"]), total=int(found["total"]), left_s=left_s)
            elif line.strip():
                self._lines.append(line.rstrip())

    def _message(self) -> str:
        """The sentence with which a step ended; the last line of a traceback otherwise."""
        lines = list(self._lines)
        own = [line.removeprefix("earmark: ") for line in lines if line.startswith("earmark: ")]
        return own[-1] if own else lines[-1] if lines else "The program ended without a word: see the log."

    def _write(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        write_state(self.project, self.state)
        self._written_s = time.monotonic()


def _stop(process: subprocess.Popen[str]) -> None:
    """End a step as Ctrl-C does, so that it keeps what it has done."""
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
    else:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop_former(state: JobState) -> None:
    """End a command that outlived its runner: two must not write to one folder."""
    if state.child is None:
        return
    number, started = state.child
    with suppress(psutil.Error):
        process = psutil.Process(number)
        if abs(process.create_time() - started) < STARTED_WITHIN_S:
            process.terminate()
            _, alive = psutil.wait_procs([process], STOP_TIMEOUT_S)
            for one in alive:
                one.kill()
                one.wait()


def _start_time(number: int) -> float:
    try:
        return float(psutil.Process(number).create_time())
    except psutil.Error:
        return 0.0


def main(folder: str, name: str) -> int:
    """Run a job, unless another runner does."""
    project = Project(Path(folder))
    lock = FileLock(job_folder(project, name) / LOCK)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        return 0
    with suppress(OSError, AttributeError):
        os.nice(5)  # recording and the page go first
    try:
        state = read_state(project, name)
        if state is not None and state.status == "running":
            Runner(project, state).run()
    finally:
        lock.release()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
