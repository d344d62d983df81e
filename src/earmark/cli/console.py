"""What people see: tables, JSON, the library's notes and warnings, and its progress.

Terminals and files differ in encoding and width. What an encoding lacks is written as an escape, so that nothing ends
in a traceback. A table that is wider than its terminal becomes a few lines a row; in a pipe or a file it is one line a
row, whole, however long.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from earmark.cli.progress_display import show_progress
from earmark.core.progress import report_progress_to


class LineHandler(logging.Handler):
    """Shows each record as a plain line: notes on standard output, warnings and errors on standard error.

    The streams are looked up anew for each line, because a test or a caller may have put others in their place.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.notes_to_stderr = False

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        try:
            to_stderr = self.notes_to_stderr or record.levelno >= logging.WARNING
            print(self.format(record), file=sys.stderr if to_stderr else sys.stdout, flush=True)
        except OSError:  # the reader of a pipe has left, or the disk is full
            raise
        except Exception:
            self.handleError(record)


_handler = LineHandler()


@contextmanager
def show_messages() -> Iterator[None]:
    """Show the notes, warnings and progress of the library while the block runs."""
    logger = logging.getLogger("earmark")
    level = logger.level
    logger.addHandler(_handler)
    logger.setLevel(logging.INFO)
    _handler.notes_to_stderr = False
    try:
        with _unwritable_escaped(), report_progress_to(show_progress):
            yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(_handler)


def keep_notes_out_of_stdout(result_is_data: bool) -> bool:
    """Send notes to standard error where standard output is for JSON; a callback for the option ``--json``."""
    _handler.notes_to_stderr |= result_is_data
    return result_is_data


@contextmanager
def _unwritable_escaped() -> Iterator[None]:
    """Write as an escape, such as ``\\u1ecd``, what the encoding of a standard stream lacks."""
    changed = []
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            changed.append((stream, stream.errors))
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in changed:
            if not stream.closed:
                with suppress(BrokenPipeError):
                    stream.reconfigure(errors=errors)


def print_json(data: Any) -> None:
    """Print data as JSON: in its own letters where the encoding of the output has them, else in ASCII."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(data, indent=1)
    print(text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], essential: int) -> None:
    """Print a table.

    Parameters
    ----------
    columns : sequence of str
        Their names.
    rows : sequence of sequence of str
        A cell a column; control characters in them are escaped.
    essential : int
        How many of the first columns stand in the first line of a row where the terminal is too narrow for the table.
    """
    escaped = [[_visible(cell) for cell in row] for row in rows]
    table = [list(columns), *escaped]
    widths = [max(_width(row[column]) for row in table) for column in range(len(columns))]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) - 2 > shutil.get_terminal_size().columns:
        _print_records(columns, escaped, essential)
        return
    for row in table:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _print_records(columns: Sequence[str], rows: Sequence[Sequence[str]], essential: int) -> None:
    """Print the first cells of a row on one line, or a line each where that is too narrow, and the others below."""
    columns_wide = shutil.get_terminal_size().columns
    for row in rows:
        first = "  ".join(row[:essential])
        print(first if _width(first) <= columns_wide else "\n".join(row[:essential]))
        for name, cell in zip(columns[essential:], row[essential:], strict=True):
            if cell:
                # A terminal breaks what is longer than its lines; nothing is cut off.
                print(f" {name}: {cell}")


def _visible(text: str) -> str:
    """`text` in one line: control characters, and halves of characters, are escaped."""
    hidden = ("Cc", "Cs", "Zl", "Zp")
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in hidden else c for c in text)


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
