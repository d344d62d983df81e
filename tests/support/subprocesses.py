"""The command line in processes of its own that begin at once, to be stopped at any moment."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from earmark import cli
from earmark.localisation import windows as chunking
from support.long_sounds import SMALL_S

PAUSE_S = 0.05  # a chunk, so that there are moments at which it can be stopped


class Program:
    """``earmark`` with arguments, in chunks of 12 s, each processed a little slower; what it says goes into a file.

    A fork of the tests' own process: importing torch anew takes seconds each time.
    """

    def __init__(self, log: Path, *arguments: str | Path) -> None:
        self._log = log
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._become(arguments)

    def _become(self, arguments: tuple[str | Path, ...]) -> None:
        status: object = 0
        try:
            file = os.open(self._log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "w", closefd=False), "utf-8") for n in (1, 2))
            self._run(arguments)
        except SystemExit as end:
            status = end.code
        except BaseException:
            traceback.print_exc()
            status = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0)

    def _run(self, arguments: tuple[str | Path, ...]) -> None:
        chunking.CHUNK_S = SMALL_S
        _process_slowly()
        sys.argv = ["earmark", *map(str, arguments)]
        cli.main()

    def poll(self) -> int | None:
        """The exit status, if it has ended; negative for the signal that ended it."""
        if self._status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def kill(self) -> None:
        """End it as a power cut would, and wait for that."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 120.0) -> int:
        """Its exit status, once it has ended."""
        until = time.monotonic() + seconds
        while self.poll() is None:
            assert time.monotonic() < until, self.log
            time.sleep(0.005)
        assert self._status is not None
        return self._status

    @property
    def log(self) -> str:
        """What it has printed by now."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""


def _process_slowly() -> None:
    from earmark.archive import executors

    process = executors.process_chunk

    def slower(*arguments):  # type: ignore[no-untyped-def]
        time.sleep(PAUSE_S)
        return process(*arguments)

    executors.process_chunk = slower


def stored_chunks(archive: Path) -> int:
    """How many chunks an archive holds by now."""
    return sum(1 for path in (archive / "frames").rglob("*.npy") if not path.name.startswith("."))


def wait_for(program: Program, archive: Path, count: int) -> None:
    """Until so many chunks are there, or the program has ended."""
    while program.poll() is None and (stored_chunks(archive) < count if count else not archive.exists()):
        time.sleep(0.002)
