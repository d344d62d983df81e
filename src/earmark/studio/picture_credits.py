"""Whose the pictures of a project are that came from a set: ``pictures/credits.csv``, with licence and caption."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from earmark.core.csv_tables import Problems, read_table
from earmark.core.files import append_durably, write_text
from earmark.studio.project import Project

TABLE = "credits.csv"


@dataclass(frozen=True)
class Credit:
    """Where a picture is from.

    Attributes
    ----------
    image : str
        Name of its file in ``pictures/``.
    set : str
        Name of the set.
    source : str
        Its path in the set.
    licence, credit, caption : str
        As the set says; may be empty.
    """

    image: str
    set: str
    source: str
    licence: str = ""
    credit: str = ""
    caption: str = ""


COLUMNS = tuple(field.name for field in fields(Credit))


def picture_credits(project: Project) -> dict[str, Credit]:
    """Where pictures are from, by image; those that people added themselves are not in it."""
    path = _path(project)
    if not path.is_file():
        return {}
    rows = read_table(path, COLUMNS, (), Problems()).rows  # a damaged row only costs a credit
    return {row.get("image"): Credit(*(row.get(column) for column in COLUMNS)) for row in rows}


def note_credit(project: Project, credit: Credit) -> None:
    """Write down where a picture is from. When this returns, it outlives a power cut."""
    path = _path(project)
    if not path.is_file():
        write_text(path, ",".join(COLUMNS) + "\n")
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(astuple(credit))
    append_durably(path, line.getvalue())


def credits_table(credits: Iterable[Credit]) -> str:
    """The text of a table of credits."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(map(astuple, credits))
    return text.getvalue()


def _path(project: Project) -> Path:
    return project.pictures / TABLE
