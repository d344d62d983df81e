"""The page of a reproduced paper: tables of measured and published values, also in Markdown, and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.reports.example import Example
from earmark.reports.page import percent, write_page


@dataclass(frozen=True, eq=False)
class Scatter:
    """Labelled points in a square: a caption, and what the axes measure."""

    caption: str
    points: Sequence[tuple[str, float, float]]
    across: str
    up: str


@dataclass(frozen=True, eq=False)
class BarChart:
    """Bars of keywords: a caption, a row a keyword (label, thick, thin; fractions in [0, 1]), what the two measure."""

    caption: str
    bars: Sequence[tuple[str, float | None, float | None]]
    series: tuple[str, str]


@dataclass(frozen=True, eq=False)
class ShownExample:
    """An example with short facts about it."""

    example: Example
    facts: Sequence[str]


@dataclass(frozen=True, eq=False)
class DetailSection:
    """One model with one localisation method in detail.

    Attributes
    ----------
    name : str
    notes : sequence of str
        Sentences that stand above the figures.
    detected : str
        A sentence on how many keywords were detected.
    charts : sequence of BarChart
    scatters : sequence of Scatter
    examples : sequence of ShownExample
    keywords : Table
    confusions : Table or None
    titles : (str, str, str)
        Of charts, scatters and examples: which figures of the paper they are.
    """

    name: str
    notes: Sequence[str]
    detected: str
    charts: Sequence[BarChart]
    scatters: Sequence[Scatter]
    examples: Sequence[ShownExample]
    keywords: Table
    confusions: Table | None = None
    titles: tuple[str, str, str] = (
        "Figure 5: actual localisation, keyword by keyword",
        "Figure 6: localisation against tagging",
        "Figure 7: top-ranked utterances",
    )

    @property
    def examples_table(self) -> Table:
        """The examples in words: for readers without pictures and sound."""
        body = [
            ((it.example.hit.query, f"{it.example.hit.score:.3f}", it.example.caption, "; ".join(it.facts)), ())
            for it in self.examples
        ]
        return Table(self.titles[2], ("Query", "Score", "What is said", "How it was found"), body)


def write_reproduction(
    path: Path | str,
    title: str,
    lede: str,
    terms: Mapping[str, str],
    tables: Sequence[Table],
    details: Sequence[DetailSection],
    differences: Mapping[str, str],
) -> None:
    """Write the page as one HTML file that opens offline.

    Parameters
    ----------
    path : path
    title, lede : str
        Heading, and a sentence or two below it.
    terms : mapping of str to str
        What the names in tables and figures mean.
    tables : sequence of Table
    details : sequence of DetailSection
    differences : mapping of str to str
        What differs from the paper's own work, by what it is about.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    """
    context = {
        "title": title,
        "lede": lede,
        "terms": terms,
        "tables": tables,
        "details": details,
        "differences": differences,
    }
    write_page(path, "reproduction.html", context)


@dataclass(frozen=True)
class Pair:
    """A figure, and a second one in parentheses: fractions in [0, 1]; None or NaN where a figure is undefined.

    Without `bound` there are no parentheses; `spread` is the figure's standard deviation, where there is one.
    """

    value: float | None
    bound: float | None = None
    spread: float | None = None

    def __str__(self) -> str:
        """In percent: "28.3 ± 0.4 (38.9)"; a dash for what is not there."""
        spread = "" if self.spread is None else f" ± {percent(self.spread)}"
        bound = "" if self.bound is None else f" ({percent(self.bound)})"
        return percent(self.value) + spread + bound


@dataclass(frozen=True)
class Entry:
    """A cell of a table: what was measured here, and what was published (None where nothing was)."""

    here: Pair
    published: Pair | None = None

    def __str__(self) -> str:
        """With a slash before what was published: "49.9 / 57.3"."""
        return str(self.here) if self.published is None else f"{self.here} / {self.published}"


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes
    ----------
    title : str
    columns : tuple of str
        Names of all columns: first those of the labels, then those of the entries.
    rows : sequence of (tuple of str, sequence of Entry)
        Each row's labels, and its entries.
    notes : tuple of str
        What must be known to read it.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[tuple[str, ...], Sequence[Entry]]]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> int:
        """How many of the columns are labels."""
        return len(self.rows[0][0]) if self.rows else len(self.columns)


def to_markdown(table: Table) -> str:
    """The table with its title above and its notes below."""
    rulers = ["---" if i < table.labels else "---:" for i in range(len(table.columns))]
    body = [_line([*labels, *map(str, entries)]) for labels, entries in table.rows]
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([f"### {table.title}", "", _line(table.columns), _line(rulers), *body, *notes, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
