from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from earmark.core.progress import Advance, progress, report_progress_to


class Recorder:
    """A reporter that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    @contextmanager
    def __call__(self, task: str, total: int, done: int) -> Iterator[Advance]:
        self.events.append(("start", task, total, done))
        yield lambda steps=1, note=None: self.events.append(("step", steps, note))
        self.events.append(("end", task))


def test_progress_is_silent_without_a_reporter(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("Reading", 3) as advance:
        advance()
        advance(2, note="done")
    assert capfd.readouterr() == ("", "")


def test_a_reporter_gets_the_tasks_of_its_block_alone() -> None:
    recorder = Recorder()
    with report_progress_to(recorder), progress("Reading", 5, done=2) as advance:
        advance()
        advance(2, note="half")
    with progress("Writing", 1) as advance:
        advance()
    expected = [("start", "Reading", 5, 2), ("step", 1, None), ("step", 2, "half"), ("end", "Reading")]
    assert recorder.events == expected


def test_the_reporter_before_comes_back_after_an_error() -> None:
    outer, inner = Recorder(), Recorder()
    with report_progress_to(outer):
        with pytest.raises(ValueError, match="broken"), report_progress_to(inner):
            raise ValueError("broken")
        with progress("Reading", 1):
            pass
    assert (len(outer.events), inner.events) == (2, [])


def test_a_reporter_is_that_of_its_own_thread() -> None:
    recorder = Recorder()

    def work() -> None:
        with progress("elsewhere", 1) as advance:
            advance()

    with report_progress_to(recorder):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert recorder.events == []


def test_the_library_logs_nothing_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("earmark.corpora").propagate = True
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        logging.getLogger("earmark.corpora").warning("Something.")
    finally:
        root.handlers = handlers
    assert capfd.readouterr().err == ""
