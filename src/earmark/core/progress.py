"""Progress with time left: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[..., None]
SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(task: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show how far `task` is on standard error while the block runs.

    Parameters
    ----------
    task : str
    total : int
        Steps of the whole task.
    done : int
        Steps that an earlier run did; they say nothing about how long the others take.

    Yields
    ------
    advance : callable
        ``advance(steps=1, note="")`` says that `steps` of the `total` are done.
    """
    if sys.stderr.isatty():
        with _bar(task, total, done) as advance:
            yield advance
    else:
        yield _lines(task, total, done)


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


def _lines(task: str, total: int, before: int) -> Advance:
    begun = last = time.monotonic()
    done = before

    def advance(steps: int = 1, note: str | None = None) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if done >= total or now - last >= SECONDS_BETWEEN_LINES:
            last = now
            left = (now - begun) / max(done - before, 1) * max(total - done, 0)
            state = f"{now - begun:.0f} s" if done >= total else f"{left:.0f} s left"
            print(f"{task}: {done}/{total}, {state} {note or ''}".rstrip(), file=sys.stderr, flush=True)

    return advance
