"""Where pieces are heard: in threads of this program."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import torch

from earmark.archive.archive import Archive
from earmark.archive.indexer import Engine
from earmark.archive.pieces import Heard, Task, hear
from earmark.errors import EarmarkError
from earmark.finder import Finder

AHEAD = 1  # pieces that wait for each thread, so that none is idle while results are kept


class Threads:
    """Hears on all cores of this machine.

    Parameters
    ----------
    workers : int, optional
        Threads; else one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def hear(self, archive: Archive, tasks: Iterator[Task]) -> Generator[tuple[Task, Heard | EarmarkError]]:
        """Hear pieces side by side; each on one core, which makes sums come out the same on every machine."""
        torch.set_num_threads(1)
        pool = ThreadPoolExecutor(self.workers)
        waiting: dict[Future[Heard | EarmarkError], Task] = {}
        try:
            for task in tasks:
                waiting[pool.submit(outcome, archive.finder, task)] = task
                if len(waiting) >= self.workers * (1 + AHEAD):
                    yield from _finished(waiting)
            while waiting:
                yield from _finished(waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def engine_called(name: str) -> Engine:
    """The engine of that name.

    Raises
    ------
    EarmarkError
        If there is no such engine, or what it needs is not installed.
    """
    if name == "local":
        return Threads()
    if name == "ray":
        from earmark.archive.on_ray import Ray

        return Ray()
    raise EarmarkError(f"There is no engine {name!r}: choose from local and ray.")


def outcome(finder: Finder, task: Task) -> Heard | EarmarkError:
    """What was heard, or why it could not be."""
    try:
        return hear(finder, task)
    except EarmarkError as problem:
        return problem


def _finished(
    waiting: dict[Future[Heard | EarmarkError], Task],
) -> Iterator[tuple[Task, Heard | EarmarkError]]:
    """Those that are done; waits for the first."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()
