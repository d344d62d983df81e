from __future__ import annotations

import logging

import pytest

from earmark.cli.console import keep_notes_out_of_stdout, show_messages

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
