"""The grid of a paper: architectures, localisation methods and supervisions, and selecting cells of it by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import WRITTEN
from earmark.recipe import Recipe, read_recipe

SUPERVISIONS = {"vgs": "VGS", "bow": "BoW"}


@dataclass(frozen=True)
class Row:
    """A row of the grid: an architecture and its localisation method.

    Attributes
    ----------
    architecture : str
        The first part of the row's name, and of the names of its runs.
    localisation : str
        Localisation method.
    recipe : str
        File or name of the recipe that trains the architecture.
    title : str
        The architecture as the paper calls it.
    number : int or None
        The row in the paper; None for what is not in it, or where rows have none.
    queries : str
        Query modality: "written" or "image".
    start : str or None
        The architecture that its training is initialised from, under the same supervision.
    changes : tuple of str
        Values to set in the recipe, each ``key=value``.
    learns_more : bool
        Whether it learns the longer list of keywords, where one is given beside those that are measured.
    init_from : Path or None
        Folder of networks that its training is initialised from, instead of `start`.
    """

    architecture: str
    localisation: str
    recipe: str
    title: str
    number: int | None = None
    queries: str = WRITTEN
    start: str | None = None
    changes: tuple[str, ...] = ()
    learns_more: bool = False
    init_from: Path | None = None

    @property
    def name(self) -> str:
        """Such as ``cnn-attend/masked-in``."""
        return f"{self.architecture}/{self.localisation}"


@dataclass(frozen=True)
class Training:
    """A model of the grid, which all localisation methods of its architecture share."""

    architecture: str
    recipe: str
    supervision: str
    start: str | None = None
    changes: tuple[str, ...] = ()
    learns_more: bool = False
    init_from: Path | None = None
    seed: int | None = None

    @property
    def start_name(self) -> str | None:
        """The folder of the run that it is initialised from."""
        return self.start and f"{self.start}-{self.supervision}{self._seed_suffix}"

    @property
    def name(self) -> str:
        """The folder of its run, such as ``cnn-attend-vgs``, or with a seed ``cnn-attend-vgs-seed-7``."""
        return f"{self.architecture}-{self.supervision}{self._seed_suffix}"

    @property
    def _seed_suffix(self) -> str:
        return "" if self.seed is None else f"-seed-{self.seed}"

    def read_recipe(self, epochs: int | None = None) -> Recipe:
        """The recipe with its changes, for this supervision and so many epochs (by default its own)."""
        changes = [f"supervision={self.supervision}", *self.changes]
        changes += [f"training.epochs={epochs}"] if epochs else []
        return read_recipe(self.recipe, changes + ([] if self.seed is None else [f"training.seed={self.seed}"]))


@dataclass(frozen=True)
class Cell:
    """A row under one supervision, and with one random seed: what is evaluated.

    Without a seed it has that of its recipe.
    """

    row: Row
    supervision: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """Such as ``cnn-attend/masked-in/vgs``, or with a seed ``cnn-attend/masked-in/vgs/seed-7``."""
        seed = "" if self.seed is None else f"/seed-{self.seed}"
        return f"{self.row.name}/{self.supervision}{seed}"

    @property
    def training(self) -> Training:
        """The model that it needs."""
        row = self.row
        return Training(
            row.architecture,
            row.recipe,
            self.supervision,
            row.start,
            row.changes,
            row.learns_more,
            row.init_from,
            self.seed,
        )


def cells(rows: Iterable[Row], seeds: Sequence[int] = ()) -> list[Cell]:
    """Every row under every supervision and with every seed, those of one training together.

    Without seeds, each with that of its recipe. A seed that is the recipe's own has no name of its own, so that one
    training is never counted as two.
    """
    rows = list(rows)
    architectures = dict.fromkeys(row.architecture for row in rows)
    own = {row: read_recipe(row.recipe).training.seed for row in rows} if seeds else {}
    return [
        Cell(row, supervision, None if seed == own.get(row) else seed)
        for architecture in architectures
        for supervision in SUPERVISIONS
        for seed in dict.fromkeys(seeds or (None,))
        for row in rows
        if row.architecture == architecture
    ]


def select_cells(among: Sequence[Cell], patterns: Sequence[str]) -> list[Cell]:
    """The cells whose names, or the beginnings of them up to a slash, match one of the patterns; all without any.

    ``cnn-attend`` means all of that architecture, ``cnn-attend/masked-in/vgs`` one cell, ``*/vgs`` all with tags of
    images.

    Raises
    ------
    EarmarkError
        If a pattern matches nothing.
    """
    for pattern in patterns:
        if not any(_matches(cell, pattern) for cell in among):
            raise EarmarkError(f"There is no cell {pattern!r}: {_advice(pattern, [cell.name for cell in among])}")
    return [cell for cell in among if not patterns or any(_matches(cell, pattern) for pattern in patterns)]


def _advice(pattern: str, names: Sequence[str]) -> str:
    """The closest name to a pattern, or where none is close, the names to choose from."""
    near = difflib.get_close_matches(pattern, _beginnings(names), 1)
    if near:
        return f"did you mean {near[0]}?"
    first = ", ".join(dict.fromkeys(name.split("/")[0] for name in names))
    return f"choose one of {first}, alone or as in {names[0]}, with * for any part."


def _beginnings(names: Iterable[str]) -> list[str]:
    """Every name and every part of one up to a slash, once."""
    parts = (name.split("/") for name in names)
    return list(dict.fromkeys("/".join(part[:length]) for part in parts for length in range(1, len(part) + 1)))


def _matches(cell: Cell, pattern: str) -> bool:
    return fnmatchcase(cell.name, pattern) or fnmatchcase(cell.name, f"{pattern}/*")
