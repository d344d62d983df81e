"""Progress of long tasks, reported to whoever wants to show it.

Library code says ``with progress("Reading", 100) as advance`` and calls ``advance()`` as it goes. Nothing is shown
unless the caller has chosen a reporter with :func:`report_progress_to`; the command line does so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

Advance = Callable[..., None]


class ProgressReporter(Protocol):
    """What shows the progress of a task: a callable that is given the task and gives a context.

    The context lasts as long as the task, and yields ``advance(steps=1, note=None)``.
    """

    def __call__(self, task: str, total: int, done: int) -> AbstractContextManager[Advance]:
        """Begin to show a task of `total` steps, of which an earlier run did `done`."""


def _advance_silently(steps: int = 1, note: str | None = None) -> None:
    """Show nothing."""


def silent(task: str, total: int, done: int) -> AbstractContextManager[Advance]:
    """Report nothing: the reporter where none was chosen."""
    return nullcontext(_advance_silently)


_reporter: ContextVar[ProgressReporter] = ContextVar("earmark_progress_reporter", default=silent)


@contextmanager
def report_progress_to(reporter: ProgressReporter) -> Iterator[None]:
    """Report the progress of all tasks to `reporter` while the block runs, in this thread or asynchronous task."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


@contextmanager
def progress(task: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Report how far `task` is while the block runs.

    Parameters
    ----------
    task : str
        Its name, as people read it.
    total : int
        Steps of the whole task.
    done : int
        Steps that an earlier run did; they say nothing about how long the others take.

    Yields
    ------
    advance : callable
        ``advance(steps=1, note=None)`` reports that `steps` more of the `total` are done.
    """
    with _reporter.get()(task, total, done) as advance:
        yield advance
