"""The page of a reproduced paper: its tables and figures, beside what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.pages.compared import Table
from earmark.pages.moment import Moment
from earmark.pages.page import write_page


@dataclass(frozen=True, eq=False)
class Scatter:
    """Named points in a square: what they say in a line, and what the axes measure."""

    caption: str
    points: Sequence[tuple[str, float, float]]
    across: str
    up: str


@dataclass(frozen=True, eq=False)
class Shown:
    """An example to look at and listen to, with a few words on what it shows."""

    moment: Moment
    facts: Sequence[str]


@dataclass(frozen=True, eq=False)
class Closeup:
    """One model with one localisation method, seen closely.

    Attributes
    ----------
    name : str
    notes : sequence of str
        Sentences that stand above the figures.
    detected : str
        A sentence on how many keywords were detected.
    bars : sequence of (label, thick, thin)
        A row a keyword, fractions in [0, 1].
    series : (str, str)
        What the thick and the thin bars measure.
    scatters : sequence of Scatter
    shown : sequence of Shown
    keywords, confusions : Table
    """

    name: str
    notes: Sequence[str]
    detected: str
    bars: Sequence[tuple[str, float | None, float | None]]
    series: tuple[str, str]
    scatters: Sequence[Scatter]
    shown: Sequence[Shown]
    keywords: Table
    confusions: Table


def write_reproduction(
    path: Path | str,
    title: str,
    lede: str,
    terms: Mapping[str, str],
    tables: Sequence[Table],
    closeups: Sequence[Closeup],
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
    closeups : sequence of Closeup
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
        "closeups": closeups,
        "differences": differences,
    }
    write_page(path, "reproduction.html", context)
