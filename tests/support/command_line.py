"""The command line, run in the process of the test."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from earmark.cli import main


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that runs a command, which must succeed, and gives what it prints."""

    def earmark(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code in (0, None), printed.err
        return printed.out

    return earmark
