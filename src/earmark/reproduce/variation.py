"""How a reproduction varies from the paper's own: other values in recipes, other seeds, more keywords, other starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE
from earmark.core.vocabulary import Vocabulary
from earmark.models.cpc_pretraining import DESCRIPTION
from earmark.recipe import Recipe, read_recipe
from earmark.reproduce.grid import Row, Training


@dataclass(frozen=True)
class Variation:
    """What is other than in the recipes.

    Attributes
    ----------
    changes : sequence of str
        Values to set in recipes, each ``key=value``, or ``ARCHITECTURE:key=value`` for one architecture.
    seeds : sequence of int
        Random seeds, with each of which everything is trained; without any, those of the recipes.
    learned : Vocabulary, optional
        A longer list of keywords, for the models that learned more than is measured.
    start : Path, optional
        Folder of a pretrained CPC network, of a run or of a tagger, from which image-query models start.

    Raises
    ------
    EarmarkError
        If a change is no ``key=value``, or sets what has an option of its own.
    """

    changes: Sequence[str] = ()
    seeds: Sequence[int] = ()
    learned: Vocabulary | None = None
    start: Path | None = None

    def __post_init__(self) -> None:
        for change in self.changes:
            key, equals, _ = _split(change)[1].partition("=")
            if not equals:
                raise EarmarkError(f"--set takes key=value or ARCHITECTURE:key=value, not {change!r}.")
            if option := OPTIONS.get(key.strip()):
                raise EarmarkError(f"--set {change}: {option}.")

    def of(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with their changes and starts; whether recipes take the changes is not checked here.

        Raises
        ------
        EarmarkError
            If there is no such architecture, or the start fits no row.
        """
        names = dict.fromkeys(row.architecture for row in rows)
        for change in self.changes:
            architecture = _split(change)[0]
            if architecture is not None and architecture not in names:
                raise EarmarkError(
                    f"--set {change}: there is no architecture {architecture!r}; choose from {', '.join(names)}."
                )
        changed = [
            dataclasses.replace(row, changes=(*row.changes, *_changes_of(row, self.changes))) if self.changes else row
            for row in rows
        ]
        return changed if self.start is None else _started(changed, self.start)

    def words(self, training: Training, keywords: Vocabulary) -> Vocabulary:
        """What a model learns, where `keywords` are measured.

        Raises
        ------
        EarmarkError
            If the longer list lacks one that is measured.
        """
        if self.learned is None or not training.learns_more:
            return keywords
        missing = [word for word in keywords if word not in self.learned]
        if missing:
            raise EarmarkError(
                f"The list of --learned lacks {', '.join(missing[:5])}, which is measured: add it to the list."
            )
        return self.learned


OPTIONS = {
    "supervision": "every model is trained under both supervisions; choose some with --only",
    "training.epochs": "give --epochs instead",
    "training.seed": "give --seeds instead",
}


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds as a command line has them: whole numbers with commas between them.

    >>> parse_seeds("42,43")
    (42, 43)

    Raises
    ------
    EarmarkError
        If one is no whole number from 0 on.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise EarmarkError(f"--seeds takes whole numbers with commas between them, such as 1,2,3, not {text!r}.")
    return tuple(dict.fromkeys(map(int, parts)))


def _split(change: str) -> tuple[str | None, str]:
    """The architecture that a change is for, None for all, and ``key=value``."""
    head, colon, rest = change.partition(":")
    return (None, change) if not colon or "=" in head else (head.strip(), rest)


def _changes_of(row: Row, changes: Sequence[str]) -> list[str]:
    split = (_split(change) for change in changes)
    return [change for architecture, change in split if architecture in (None, row.architecture)]


def _started(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Rows of image queries that start from the networks in a folder."""
    is_cpc = (folder / DESCRIPTION).is_file()

    def started(row: Row) -> Row:
        if row.queries != IMAGE:
            return row
        if not is_cpc:
            return dataclasses.replace(row, start=None, init_from=folder)
        if not _takes_cpc(read_recipe(row.recipe, list(row.changes))):
            return row
        quoted = yaml.safe_dump(str(folder.resolve()), default_style='"', width=10_000).strip()
        change = f"model.speech.init_from={quoted}"
        return dataclasses.replace(row, changes=(*row.changes, change))

    changed = [started(row) for row in rows]
    if changed == list(rows):
        raise EarmarkError(
            f"No model starts from {folder}: a pretrained CPC network is for the networks of --recipes paper."
        )
    return changed


def _takes_cpc(recipe: Recipe) -> bool:
    return getattr(getattr(recipe.model, "speech", None), "kind", "") == "cpc"
