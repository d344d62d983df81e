"""Progress with time left on standard error: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from earmark.core.progress import Advance

SECONDS_BETWEEN_LINES = 10.0
BETWEEN_LINES = "EARMARK_PROGRESS_S"  # environment variable with another number, for programs that read the lines


def show_progress(task: str, total: int, done: int) -> AbstractContextManager[Advance]:
    """Show how far a task is: a :class:`~earmark.core.progress.ProgressReporter`."""
    return _bar(task, total, done) if sys.stderr.isatty() else _lines(task, total, done)


@contextmanager
def _bar(task: str, total: int, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        row = bar.add_task(task, total=total, completed=done, note="")

        def advance(steps: int = 1, note: str | None = None) -> None:
            bar.advance(row, steps)
            if note is not None:
                bar.update(row, note=note)

        yield advance


@contextmanager
def _lines(task: str, total: int, before: int) -> Iterator[Advance]:
    between_s = float(os.environ.get(BETWEEN_LINES) or SECONDS_BETWEEN_LINES)
    started = last = time.monotonic()
    done = before

    def advance(steps: int = 1, note: str | None = None) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if done >= total or now - last >= between_s:
            last = now
            left = (now - started) / max(done - before, 1) * max(total - done, 0)
            state = f"{now - started:.0f} s" if done >= total else f"{left:.0f} s left"
            print(f"{task}: {done}/{total}, {state} {note or ''}".rstrip(), file=sys.stderr, flush=True)

    yield advance
