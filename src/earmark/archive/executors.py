"""Where pieces are heard: on all machines of a Ray cluster, or on this one's cores where there is no cluster.

All machines see the recordings and the archive's folder under the same paths. They hear; this program alone writes.
Ray itself keeps logs in the system's folder for temporary files, and in ``~/.ray`` the secret by which its processes
know one another.

Where pieces are heard: in threads of this program.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import torch

from earmark.archive.archive import Archive
from earmark.archive.indexer import Executor
from earmark.archive.worker import ChunkResult, ChunkTask, process_chunk
from earmark.core.errors import EarmarkError
from earmark.localisation.spotter import KeywordSpotter, load_model

TRIES = 5  # of one piece; a worker that dies may have died of that piece
# Ray would report home, and ask on a terminal whether it may. It is told not to before it is first imported.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
}


class RayExecutor:
    """Hears on a Ray cluster: that of ``RAY_ADDRESS``, or one that runs on this machine, or a new one for the while.

    Parameters
    ----------
    workers : int, optional
        Workers of a new cluster; else one a core.

    Raises
    ------
    EarmarkError
        If Ray is not installed.
    """

    def __init__(self, workers: int | None = None) -> None:
        os.environ.update(QUIET)
        try:
            import ray
        except ModuleNotFoundError:
            raise EarmarkError("The engine ray needs Ray: 'pip install earmark[ray]'.") from None
        self._ray: Any = ray
        self.workers = workers

    def hear(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Hear pieces side by side, each on one core. A piece whose worker died is heard by another.

        Raises
        ------
        EarmarkError
            If the cluster can't be reached.
        """
        begun = self._join()
        waiting: dict[Any, ChunkTask] = {}
        try:
            hear = self._ray.remote(num_cpus=1, max_retries=TRIES - 1)(_hear)
            model = os.path.abspath(archive.folder / "model")
            most = self._cores() * (1 + AHEAD)
            for task in tasks:
                waiting[hear.remote(model, task)] = task
                if len(waiting) >= most:
                    yield self._first_of(waiting)
            while waiting:
                yield self._first_of(waiting)
        finally:
            for result in waiting:
                self._ray.cancel(result, force=True)
            if begun:
                self._ray.shutdown()

    def _join(self) -> bool:
        """Whether a connection was made, and is to be ended."""
        if self._ray.is_initialized():
            return False
        try:
            self._ray.init(
                num_cpus=None if os.environ.get("RAY_ADDRESS") else self.workers,
                include_dashboard=False,
                configure_logging=True,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = os.environ.get("RAY_ADDRESS", "on this machine")
            reason = " ".join(str(error).split())
            raise EarmarkError(
                f"The Ray cluster {where} can't be reached ({reason}): start it, or mend RAY_ADDRESS."
            ) from error
        return True

    def _cores(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _first_of(self, waiting: dict[Any, ChunkTask]) -> tuple[ChunkTask, ChunkResult | EarmarkError]:
        """The first that is done; waits for it."""
        (result, *_), _ = self._ray.wait(list(waiting), num_returns=1)
        task = waiting.pop(result)
        try:
            heard: ChunkResult | EarmarkError = self._ray.get(result)
        except self._ray.exceptions.WorkerCrashedError:
            heard = EarmarkError(
                f"{task.path} can't be heard: {TRIES} workers died of it, for want of memory perhaps; see Ray's logs."
            )
        return task, heard


def _hear(model: str, task: ChunkTask) -> ChunkResult | EarmarkError:
    return outcome(_finder(model), task)


@functools.cache
def _finder(model: str) -> KeywordSpotter:
    """The model, which a worker loads once."""
    torch.set_num_threads(1)
    return load_model(model)


AHEAD = 1  # pieces that wait for each thread, so that none is idle while results are kept


class ThreadExecutor:
    """Hears on all cores of this machine.

    Parameters
    ----------
    workers : int, optional
        Threads; else one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def hear(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Hear pieces side by side; each on one core, which makes sums come out the same on every machine."""
        waiting: dict[Future[ChunkResult | EarmarkError], ChunkTask] = {}
        pool = ThreadPoolExecutor(self.workers)
        with one_torch_thread():
            try:
                for task in tasks:
                    waiting[pool.submit(outcome, archive.spotter, task)] = task
                    if len(waiting) >= self.workers * (1 + AHEAD):
                        yield from _finished(waiting)
                while waiting:
                    yield from _finished(waiting)
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Compute each sum on one core meanwhile; the number of threads before is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def engine_called(name: str) -> Executor:
    """The engine of that name.

    Raises
    ------
    EarmarkError
        If there is no such engine, or what it needs is not installed.
    """
    if name == "local":
        return ThreadExecutor()
    if name == "ray":
        pass

        return RayExecutor()
    raise EarmarkError(f"There is no engine {name!r}: choose from local and ray.")


def outcome(spotter: KeywordSpotter, task: ChunkTask) -> ChunkResult | EarmarkError:
    """What was heard, or why it could not be."""
    try:
        return process_chunk(spotter, task)
    except EarmarkError as problem:
        return problem


def _finished(
    waiting: dict[Future[ChunkResult | EarmarkError], ChunkTask],
) -> Iterator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
    """Those that are done; waits for the first."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()
