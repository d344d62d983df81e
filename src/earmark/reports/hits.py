"""The page of what ``earmark find`` found: ranked moments to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.core.types import ImageQuery
from earmark.reports.example import Example
from earmark.reports.page import write_page


def write_found(
    path: Path | str,
    title: str,
    moments: Sequence[Example],
    notes: Sequence[str] = (),
    queries: Sequence[ImageQuery] = (),
) -> None:
    """Write found moments, in the order given, as one HTML file that opens offline.

    Parameters
    ----------
    path : path
    title : str
    moments : sequence of Moment
        The likeliest first.
    notes : sequence of str
        Sentences that stand above the moments.
    queries : sequence of ImageQuery
        What was asked with pictures: these stand above the moments, whether anything was found or not.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    """
    write_page(path, "hits.html", {"title": title, "moments": moments, "notes": notes, "queries": queries})
