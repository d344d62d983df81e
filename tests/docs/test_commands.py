"""The commands that the documentation shows are commands of the program, with options that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import typer
from typer.main import get_command

from earmark.cli import app
from support.pages import PAGES, ROOT, Line, commands_of

SHELL = {"|", ">", ">>", "2>", "&&", ";"}
LINES = [
    line
    for page in PAGES
    for line in commands_of(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())
    if line.words[0].rsplit("/", 1)[-1] == "earmark" or line.words[:3] == ("python", "-m", "earmark")
]


def check(words: Sequence[str]) -> None:
    """Parse a command line as the program would, without running it.

    Raises
    ------
    TyperException, AssertionError
        If there is no such command or option, a value can't be, or something is missing or too much.
    """
    command: Any = get_command(app)
    rest, path = list(words), ["earmark"]
    while hasattr(command, "list_commands"):
        if rest == ["--help"]:
            return
        name, command, rest = command.resolve_command(typer.Context(command, info_name=path[-1]), rest)
        path.append(name)
    context = typer.Context(command, info_name=path[-1])
    values, left, _ = command.make_parser(context).parse_args(rest)
    for one in command.params:
        one.callback = None
        one.handle_parse_result(context, values, [])
    assert not left, f"{left} are too many"


def arguments(line: Line) -> list[str]:
    words = line.words[1:] if line.words[0].endswith("earmark") else line.words[3:]
    ends = [number for number, word in enumerate(words) if word in SHELL]
    return list(words[: min(ends, default=len(words))])


@pytest.mark.parametrize("line", LINES, ids=str)
def test_the_program_takes_the_command(line: Line) -> None:
    check(arguments(line))


def test_there_are_commands() -> None:
    assert len(LINES) > 50


@pytest.mark.parametrize(
    "words",
    [
        ["fnid", "model", "dog", "a.wav"],
        ["find", "model", "dog", "a.wav", "--paeg", "x.html"],
        ["train", "earmark", "--corpus", "c"],
        ["corpus", "nothing", "a", "b"],
        ["corpus", "table", "a"],
        ["corpus", "table", "a", "b", "c"],
        ["train", "earmark", "--corpus", "c", "--out"],
        ["search", "archive", "dog", "--top", "many"],
    ],
)
def test_wrong_commands_are_found(words: list[str]) -> None:
    # The exceptions of some versions of typer are click's; all of them know how to show themselves.
    with pytest.raises(Exception) as caught:  # noqa: PT011
        check(words)
    assert hasattr(caught.value, "format_message") or isinstance(caught.value, AssertionError)
