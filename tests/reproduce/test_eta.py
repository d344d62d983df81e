"""Estimates of the time left."""

from __future__ import annotations

import pytest

from earmark.reproduce import runner
from earmark.reproduce.runner import ProgressEstimate, duration_text

pytestmark = pytest.mark.usefixtures("command_line")


def test_time_left_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, 100.0, 100.0, 120.0, 120.0, 160.0, 160.0, 160.0])
    monkeypatch.setattr(runner.time, "monotonic", lambda: next(now))
    estimate = ProgressEstimate({"training": 2, "evaluation": 3}, {})
    for kind, name in (("training", "a"), ("evaluation", "a/1"), ("evaluation", "a/2"), ("training", "b")):
        with estimate.step(kind, name):
            if name == "b":
                break
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/5] training a; time left not known yet for 2 trainings and 3 evaluations."
    assert lines[1] == "[2/5] evaluation a/1; about 2 min left, not known yet for 3 evaluations."
    assert lines[2] == "[3/5] evaluation a/2; about 2 min left in all."  # 100 + 2 x 20
    assert lines[3] == "[4/5] training b; about 2 min left in all."  # 100 + 30


def test_minutes_give_the_time_left_from_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressEstimate({"training": 3}, {"training": 3000.0}).step("training", "a"):
        pass
    assert "about 2 h 30 min left" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (7199, "2 h 0 min")])
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
