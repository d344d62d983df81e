"""What people see: notes and warnings of the library, and its progress."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
        with report_progress_to(show_progress):
            yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(_handler)


def keep_notes_out_of_stdout(result_is_data: bool) -> bool:
    """Send notes to standard error where standard output is for JSON; a callback for the option ``--json``."""
    _handler.notes_to_stderr |= result_is_data
    return result_is_data
