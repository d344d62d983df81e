"""Executors of the indexer: threads of this program, or the workers of a Ray cluster.

All machines of a cluster see the recordings and the archive's folder under the same paths. Workers only process chunks;
this program alone writes. Ray itself keeps logs in the system's folder for temporary files, and in ``~/.ray`` the
secret with which its processes authenticate each other.
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

TRIES = 5  # of one chunk, which may itself be what ends a worker
AHEAD = 1  # chunks that wait for each worker, so that none is idle while results are stored
# Ray would send usage statistics, after a prompt on a terminal. The variables are read when it is first imported.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
}


class RayExecutor:
    """Processes chunks on a Ray cluster: that of ``RAY_ADDRESS``, one that runs on this machine, or a temporary one.

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

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Process chunks in parallel, each on one core. A chunk whose worker died is given to another.

        Raises
        ------
        EarmarkError
            If the cluster can't be reached.
        """
        is_connected = self._join()
        waiting: dict[Any, ChunkTask] = {}
        try:
            remote = self._ray.remote(num_cpus=1, max_retries=TRIES - 1)(_process_remotely)
            limit = self._cores() * (1 + AHEAD)
            for task in tasks:
                waiting[remote.remote(os.path.abspath(archive.encodings[task.encoding].folder), task)] = task
                if len(waiting) >= limit:
                    yield self._first_of(waiting)
            while waiting:
                yield self._first_of(waiting)
        finally:
            for result in waiting:
                self._ray.cancel(result, force=True)
            if is_connected:
                self._ray.shutdown()

    def _join(self) -> bool:
        """Connect to the cluster; whether a connection was made here, which is to be ended."""
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
                f"The Ray cluster {where} can't be reached ({reason}): start it, or correct RAY_ADDRESS."
            ) from error
        return True

    def _cores(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _first_of(self, waiting: dict[Any, ChunkTask]) -> tuple[ChunkTask, ChunkResult | EarmarkError]:
        """The first that is done; waits for it."""
        (result, *_), _ = self._ray.wait(list(waiting), num_returns=1)
        task = waiting.pop(result)
        try:
            outcome: ChunkResult | EarmarkError = self._ray.get(result)
        except self._ray.exceptions.WorkerCrashedError:
            outcome = EarmarkError(
                f"{task.path} can't be processed: {TRIES} workers died of it, perhaps out of memory; see Ray's logs."
            )
        return task, outcome


def _process_remotely(model: str, task: ChunkTask) -> ChunkResult | EarmarkError:
    return try_chunk(_spotter(model), task)


@functools.cache
def _spotter(model: str) -> KeywordSpotter:
    """The model; each worker loads it once."""
    torch.set_num_threads(1)
    return load_model(model)


class ThreadExecutor:
    """Processes chunks in threads, on all cores of this machine.

    Parameters
    ----------
    workers : int, optional
        Threads; else one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Process chunks in parallel; each on one core, so that sums are the same on every machine."""
        waiting: dict[Future[ChunkResult | EarmarkError], ChunkTask] = {}
        pool = ThreadPoolExecutor(self.workers)
        with one_torch_thread():
            try:
                for task in tasks:
                    waiting[pool.submit(try_chunk, archive.encodings[task.encoding].spotter, task)] = task
                    if len(waiting) >= self.workers * (1 + AHEAD):
                        yield from _finished(waiting)
                while waiting:
                    yield from _finished(waiting)
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Have torch compute on one thread meanwhile; the number of threads before is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_executor(name: str) -> Executor:
    """The executor of that name: local or ray.

    Raises
    ------
    EarmarkError
        If there is no such executor, or what it needs is not installed.
    """
    if name == "local":
        return ThreadExecutor()
    if name == "ray":
        return RayExecutor()
    raise EarmarkError(f"There is no engine {name!r}: choose from local and ray.")


def try_chunk(spotter: KeywordSpotter, task: ChunkTask) -> ChunkResult | EarmarkError:
    """The result of a chunk, or the error that it raised."""
    try:
        return process_chunk(spotter, task)
    except EarmarkError as problem:
        return problem


def _finished(
    waiting: dict[Future[ChunkResult | EarmarkError], ChunkTask],
) -> Iterator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
    """The tasks that are done, with their results; waits for the first."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()
