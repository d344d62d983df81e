"""Tags that people give to the project's pictures: ``pictures/tags.csv``, as ``earmark tag --table`` reads it.

A row names a picture and, of every word of the project, whether the picture shows it: ``word``, ``word:0`` for no, and
``?word`` for not decided yet, which teaches nothing. Pictures of which nothing is decided have no row.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earmark.core.errors import EarmarkError
from earmark.core.files import write_durably
from earmark.core.vocabulary import normalise
from earmark.studio.pictures import list_pictures
from earmark.studio.project import Project
from earmark.supervision.hand_tags import read_hand_tags

TABLE = "tags.csv"
Verdict = Literal["yes", "no", "undecided"]
VALUES: dict[Verdict, float | None] = {"yes": 1.0, "no": 0.0, "undecided": None}
TagsByImage = dict[str, dict[str, float]]  # decided tags in [0, 1] by word, by image


@dataclass(frozen=True)
class TagChange:
    """Whether a picture shows a word, as somebody decided."""

    image: str
    word: str
    verdict: Verdict


def read_tags(project: Project) -> TagsByImage:
    """What is decided: tags by word of the project, by image.

    Raises
    ------
    EarmarkError
        If the table is damaged.
    """
    path = project.pictures / TABLE
    if not path.is_file():
        return {}
    spelling = {normalise(word): word for word in project.settings().words}
    return {
        parts[-1]: {spelling.get(normalise(word), word): value for word, value in row.items() if not math.isnan(value)}
        for parts, row in read_hand_tags(path).by_image.items()
    }


def change_tags(project: Project, changes: Iterable[TagChange]) -> None:
    """Store decisions; the last one about a picture and a word counts. When this returns, they outlive a power cut.

    Raises
    ------
    EarmarkError
        If a word is none of the project's, or a picture is not there; then nothing is stored.
    """
    changes = list(changes)
    with project.lock():
        words = project.settings().words
        images = {picture.image for picture in list_pictures(project)}
        for change in changes:
            if change.word not in words:
                raise EarmarkError(f"{change.word!r} is no word of this project: add it first.", code="reload")
            if change.image not in images:
                raise EarmarkError("There is no such picture in this project: open the list again.", code="reload")
        tags = read_tags(project)
        for change in changes:
            row = tags.setdefault(change.image, {})
            value = VALUES[change.verdict]
            if value is None:
                row.pop(change.word, None)
            else:
                row[change.word] = value
        _write(project.pictures / TABLE, tags, words)


def write_tag_table(project: Project, path: Path) -> int:
    """Write the table with the words that the project has now; the number of pictures in it."""
    tags = read_tags(project)
    _write(path, tags, project.settings().words)
    return sum(any(row.values()) or bool(row) for row in tags.values())


def _write(path: Path, tags: TagsByImage, words: list[str]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "tags"))
    for image, row in tags.items():
        if row:
            table.writerow((image, "; ".join(_cells(row, words))))
    path.parent.mkdir(exist_ok=True)
    write_durably(path, text.getvalue().encode())


def _cells(row: Mapping[str, float], words: list[str]) -> Iterable[str]:
    for word in dict.fromkeys((*words, *row)):
        value = row.get(word)
        yield f"?{word}" if value is None else word if value == 1 else f"{word}:{value:g}"
