"""Tables and lists that people make: reading them with any delimiter, and reporting all their problems at once."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import DELIMITERS, normalise, read_list

SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)  # how Excel is told the delimiter
MOST_SAMPLED = 100  # rows
MOST_LINES = 50


def first_lines(lines: Sequence[str]) -> list[str]:
    """The first lines of a long error message, and how many more there are.

    >>> first_lines([f"row {row}" for row in range(60)])[-2:]
    ['row 49', 'and 10 more']
    """
    rest = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"and {rest} more"] if rest > 0 else [])]


class Problems:
    """What is wrong with a user's files, gathered so that it can be mended in one go."""

    def __init__(self) -> None:
        self._found: dict[Path, list[tuple[int, str]]] = {}

    def __len__(self) -> int:
        return sum(len(found) for found in self._found.values())

    def __iter__(self) -> Iterator[tuple[Path, int, str]]:
        return ((path, row, what) for path, found in self._found.items() for row, what in found)

    def add(self, path: Path, row: int, what: str) -> None:
        """Note what is wrong in a row of a file; rows count from 1, as a spreadsheet shows them."""
        self._found.setdefault(path, []).append((row, what))

    def stop(self) -> None:
        """End here if there is any problem. Call it before anything is written.

        Raises
        ------
        EarmarkError
            With one sentence for a summary, and one line a problem (the first 50).
        """
        if not self._found:
            return
        counts = [f"{path.name} has {_problems(len(found))}" for path, found in sorted(self._found.items())]
        lines = list(self._lines())
        summary = f"{' and '.join(counts)}; nothing was written:"
        raise EarmarkError("\n".join([summary, *first_lines(lines)]))

    def _lines(self) -> Iterator[str]:
        """One line a problem, by file and row."""
        for path, found in sorted(self._found.items()):
            file = f"{path.name} " if len(self._found) > 1 else ""
            for row, what in sorted(found, key=lambda problem: problem[0]):
                yield f"{file}row {row}: {what}"


def _problems(count: int) -> str:
    return "1 problem" if count == 1 else f"{count} problems"


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    number : int
        As a spreadsheet shows it: the header is row 1.
    cells : dict
        Text by column, without blanks around it; wanted columns only.
    """

    number: int
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """Text of a cell; "" where the cell is empty or the table has no such column."""
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """A table whose columns and rows are in order.

    Attributes
    ----------
    path : Path
        Where it was read from.
    columns : tuple of str
        The wanted columns that it has.
    unused : tuple of str
        Its other columns, as written.
    rows : list of Row
        Its rows, blank ones left out.
    whole : bool
        Whether it has rows, and none had to be left out for being out of order.
    """

    path: Path
    columns: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    whole: bool = True


def read_table(path: Path | str, required: Sequence[str], optional: Sequence[str], problems: Problems) -> Table:
    """Read a table whose first row names its columns, as spreadsheets save it (UTF-8, or UTF-16 with its mark).

    Cells are separated by commas, semicolons, tabs or ``|``: by what gives most of the wanted columns in the first
    row, then most columns, then rows that fit below them. Excel's first line ``sep=;`` is understood. The case of
    column names and their order do not matter, and other columns may stand beside the wanted ones.

    Parameters
    ----------
    path : Path or str
        The file.
    required, optional : sequence of str
        Columns that are wanted.
    problems : Problems
        Takes what is wrong with the columns, and rows that have more cells than the header.

    Raises
    ------
    EarmarkError
        If the file is missing or is not UTF-8.
    """
    path, text, wanted = Path(path), read_list(path), [*required, *optional]
    stated = SEPARATOR_LINE.match(text)
    text = text[stated.end() :] if stated else text
    delimiter = stated[1] if stated else max(DELIMITERS, key=lambda delimiter: _sense(text, delimiter, wanted))
    records = _records(text, delimiter)
    rows: list[Row] = []
    number, whole = (1 if stated else 0), True
    try:
        header: list[str] = []
        for cells in records:
            number += 1
            header = [cell.strip() for cell in cells]
            if any(header):
                break
        columns = [normalise(name) for name in header]
        if not _columns_in_order(path, header, required, wanted, problems):
            return Table(path, whole=False)
        for cells in records:
            number += 1
            if any(cell.strip() for cell in cells[len(columns) :]):
                whole = False
                what = f"there are {len(cells)} cells below {len(columns)} column names"
                problems.add(path, number, f"{what}: put quotes around a cell that contains {delimiter!r}")
            elif any(cell.strip() for cell in cells):
                named = dict(zip(columns, cells, strict=False))
                rows.append(Row(number, {name: named[name].strip() for name in wanted if name in named}))
    except csv.Error as error:
        problems.add(path, number + 1, f"the quotes are not in order ({error}), so the rest can't be read")
        return Table(path, whole=False)
    if whole and not rows:
        problems.add(path, 1, "there is no row below the column names")
        return Table(path, whole=False)
    return Table(
        path,
        columns=tuple(name for name in wanted if name in columns),
        unused=tuple(name for name in header if name and normalise(name) not in wanted),
        rows=rows,
        whole=whole,
    )


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)


def _sense(text: str, delimiter: str, wanted: Sequence[str]) -> tuple[int, int, int]:
    """How much sense a delimiter makes: wanted columns, columns at all, and rows among the first that fit below."""
    records = _records(text, delimiter)
    try:
        header = next((cells for cells in records if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        return (0, 0, 0)
    fitting = 0
    with contextlib.suppress(csv.Error):
        fitting = sum(not any(cell.strip() for cell in cells[len(header) :]) for cells in islice(records, MOST_SAMPLED))
    return (len({normalise(cell) for cell in header} & set(wanted)), len(header), fitting)


def split_line(line: str, sense: Callable[[list[str]], int]) -> list[str]:
    """The cells of a line of a list without a header, without blanks around them and empty cells at the end.

    Parameters
    ----------
    line : str
    sense : callable
        How much sense cells make; tabs, semicolons, commas and ``|`` are tried in this order, and the
        best ones are taken.
    """
    return max((_cells(line, delimiter) for delimiter in ("\t", ";", ",", "|")), key=sense)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _columns_in_order(
    path: Path, header: Sequence[str], required: Sequence[str], wanted: Sequence[str], problems: Problems
) -> bool:
    times = Counter(normalise(name) for name in header)
    missing = [name for name in required if name not in times]
    twice = [name for name in wanted if times[name] > 1]
    for name in missing:
        has = ", ".join(name for name in header if name) or "none"
        problems.add(path, 1, f"there is no column {name!r} (the columns are: {has})")
    for name in twice:
        problems.add(path, 1, f"there are {times[name]} columns {name!r}: keep one")
    return not missing and not twice
