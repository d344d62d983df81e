from __future__ import annotations

import re
import sys
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.cli.progress_display import SECONDS_BETWEEN_LINES
from earmark.core.progress import progress

pytestmark = pytest.mark.usefixtures("command_line")


class Clock:
    """A clock that is wound on by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_a_log_gets_a_line_now_and_then_with_counts_and_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("Reading", 10) as advance:
        for step in range(10):
            clock.now += 4.0
            advance(note=f"note {step}")
    # One step takes 4 s: after 3 steps 7 are left, after 6 steps 4.
    assert capsys.readouterr().err.splitlines() == [
        "Reading: 3/10, 28 s left note 2",
        "Reading: 6/10, 16 s left note 5",
        "Reading: 9/10, 4 s left note 8",
        "Reading: 10/10, 40 s note 9",
    ]


def test_steps_of_an_earlier_run_say_nothing_about_the_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("Training", 12, done=8) as advance:
        for _ in range(4):
            clock.now += 60.0
            advance()
    assert capsys.readouterr().err.splitlines() == [
        "Training: 9/12, 180 s left",
        "Training: 10/12, 120 s left",
        "Training: 11/12, 60 s left",
        "Training: 12/12, 240 s",
    ]


def test_quick_tasks_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Reading", 1000) as advance:
        for _ in range(250):
            advance(4)
    assert capsys.readouterr().err == "Reading: 1000/1000, 0 s\n"


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Reading", 0):
        pass
    with progress("Training", 5, done=5):
        pass
    assert capsys.readouterr().err == ""


@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=30))
def test_lines_are_never_closer_than_they_should_be_and_the_last_is_whole(durations: list[float]) -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        notes: list[tuple[float, str]] = []
        patch.setattr("builtins.print", lambda line, **_: notes.append((clock.now, line)))
        with progress("T", len(durations)) as advance:
            for duration in durations:
                clock.now += duration
                advance()
    times_s = [time_s for time_s, _ in notes[:-1]]
    assert all(b - a >= SECONDS_BETWEEN_LINES - 1e-6 for a, b in pairwise([100.0, *times_s]))
    assert notes[-1][1].startswith(f"T: {len(durations)}/{len(durations)}, ")


def test_a_terminal_gets_a_bar_with_counts_and_the_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("Reading", 8, done=2) as advance:
        advance(3)
        advance(3, note="well done")
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "Reading" in printed
    assert "8/8" in printed
    assert "well done" in printed
