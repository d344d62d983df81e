from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys

import pytest

from earmark.cli.console import keep_notes_out_of_stdout, print_json, print_table, show_messages

LOGGER = logging.getLogger("earmark.corpora.table")


def test_notes_go_to_standard_output_and_warnings_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with show_messages():
        LOGGER.info("%d utterances are read.", 3)
        LOGGER.warning("One is left out.")
        LOGGER.debug("Nobody needs this.")
    assert capsys.readouterr() == ("3 utterances are read.\n", "One is left out.\n")


def test_notes_leave_standard_output_to_json(capsys: pytest.CaptureFixture[str]) -> None:
    with show_messages():
        keep_notes_out_of_stdout(True)
        LOGGER.info("A note.")
    with show_messages():
        LOGGER.info("Another.")
    assert capsys.readouterr() == ("Another.\n", "A note.\n")


def test_logging_is_as_before_after_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("earmark")
    before = (logger.level, list(logger.handlers))
    with show_messages():
        pass
    assert (logger.level, logger.handlers) == before
    LOGGER.info("A note.")
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes")
def test_a_pipe_whose_reader_has_left_ends_the_command() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    note = "import earmark.cli as c, logging; c.app = lambda: logging.getLogger('earmark').info('A note.'); c.main()"
    ended = subprocess.run([sys.executable, "-c", note], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


# Encodings and widths


class Stream(io.TextIOWrapper):
    """A standard stream: its encoding, and whether it is a terminal."""

    def __init__(self, encoding: str, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", newline="")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch):
    def replace(encoding: str = "utf-8", is_terminal: bool = False, columns: int = 80) -> Stream:
        stream = Stream(encoding, is_terminal)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        return stream

    return replace


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "ascii", "cp437", "cp932"])
@pytest.mark.parametrize("text", ["ọmọ 水 🙂.wav", "caf\udce9.wav"], ids=["unicode", "surrogate"])
def test_json_is_whole_in_every_encoding(stdout, encoding: str, text: str) -> None:
    stream = stdout(encoding)
    with show_messages():
        print_json([{"recording": text, "score": 0.5}])
    assert json.loads(stream.text) == [{"recording": text, "score": 0.5}]
    assert stream.errors == "strict"  # as it was


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "ọmọ é 🙂 \\udce9"),
        ("cp1252", "\\u1ecdm\\u1ecd é \\U0001f642 \\udce9"),
        ("ascii", "\\u1ecdm\\u1ecd \\xe9 \\U0001f642 \\udce9"),
    ],
)
def test_what_an_encoding_lacks_is_escaped(stdout, encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests that run side by side send what they log as UTF-8, which has no half a pair.
    monkeypatch.setattr(logging.getLogger("earmark"), "propagate", False)
    stream = stdout(encoding)
    with show_messages():
        print_table(("query", "score"), [("ọmọ é 🙂 \udce9", "0.500")], essential=2)
        logging.getLogger("earmark").info("ọmọ é 🙂 \udce9")
    assert stream.text.splitlines()[1].startswith(shown)
    assert stream.text.splitlines()[2] == shown


COLUMNS = ("query", "score", "start", "end", "recording")
LONG = "r/interview-with-the-old-fisherman-of-the-western-bay-2019-04-13.wav"
ROWS = [("dog", "0.812", "0.50 s", "1.20 s", LONG), ("òjò dídì", "0.700", "123.45 s", "124.00 s", "水.wav")]


@pytest.mark.parametrize("columns", [1, 20, 80, 200])
def test_a_pipe_gets_one_line_a_row_whatever_the_width(stdout, columns: int) -> None:
    stream = stdout(columns=columns)
    print_table(COLUMNS, ROWS, essential=4)
    lines = stream.text.splitlines()
    assert [re.split(" {2,}", line) for line in lines] == [list(COLUMNS), *(list(row) for row in ROWS)]


def test_columns_stand_below_one_another(stdout) -> None:
    stream = stdout(is_terminal=True, columns=200)
    print_table(("a", "b"), [("水水", "x"), ("dídì", "y"), ("abcdef", "z")], essential=1)
    # Each Chinese character takes two columns of a terminal.
    assert stream.text.splitlines() == ["a       b", "水水    x", "dídì    y", "abcdef  z"]


@pytest.mark.parametrize("columns", [10, 20, 40, 79])
def test_nothing_is_lost_on_a_narrow_terminal(stdout, columns: int) -> None:
    stream = stdout(is_terminal=True, columns=columns)
    print_table(COLUMNS, ROWS, essential=4)
    for row in ROWS:
        assert all(cell in stream.text for cell in row)
    lines = stream.text.splitlines()
    assert all(len(line) <= columns for line in lines if "recording" not in line)


def test_cells_stay_on_their_line(stdout) -> None:
    stream = stdout()
    print_table(("recording",), [("a\nb\x1b[31m\u2028c\t.wav",)], essential=1)
    assert stream.text == "recording\na\\nb\\x1b[31m\\u2028c\\t.wav\n"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_help_comes_in_every_encoding(encoding: str) -> None:
    for verb in ([], ["search"], ["corpus"]):
        command = [sys.executable, "-m", "earmark", *verb, "--help"]
        done = subprocess.run(
            command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"Usage" in done.stdout
