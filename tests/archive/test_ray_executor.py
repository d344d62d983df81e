"""Hearing on a Ray cluster: bit for bit what one machine hears, whatever happens to its workers."""

from __future__ import annotations

import builtins
import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.archive.archive import Archive
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor, make_executor
from earmark.archive.indexer import index
from earmark.archive.worker import ChunkResult, ChunkTask
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from support.long_sounds import contents, write_long


def workers() -> list[int]:
    """Processes below this one that work for Ray."""
    parents, names = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
                names[int(folder.name)] = (folder / "cmdline").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and is_ours(parents[pid]))

    return [pid for pid, name in names.items() if name.startswith("ray::_process_remotely") and is_ours(pid)]


class Murderous:
    """An executor whose workers are killed while they work."""

    def __init__(self, executor: Any) -> None:
        self.executor = executor
        self.killed: list[int] = []

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        for outcome in self.executor.process(archive, tasks):
            if not self.killed:
                until = time.monotonic() + 10
                while not self.killed and time.monotonic() < until:
                    for pid in workers()[:1]:
                        os.kill(pid, signal.SIGKILL)
                        self.killed.append(pid)
            yield outcome


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc")
def test_two_workers_of_which_one_is_killed(tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs earmark[ray]")
    from earmark.archive.executors import RayExecutor

    # Chunks of the real length: the workers know of no other.
    write_long(tmp_path / "media" / "a.wav", tiny_corpus, 630.0, channels=2)
    here = make_archive(tmp_path / "here", tiny_run)
    assert index(here, [tmp_path / "media"], ThreadExecutor(1)).problems == []
    there = make_archive(tmp_path / "there", tiny_run)
    executor = Murderous(RayExecutor(workers=2))
    assert index(there, [tmp_path / "media"], executor).problems == []
    assert len(executor.killed) == 1
    assert contents(there) == contents(here)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert workers() == []  # the cluster is gone with what it was for


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EarmarkError, match=r"needs Ray: 'pip install earmark\[ray\]'"):
        make_executor("ray")
    with pytest.raises(EarmarkError, match="choose from local and ray"):
        make_executor("cloud")
