"""The page of ``earmark find``: ranked hits to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.core.types import ImageQuery
from earmark.reports.example import Example
from earmark.reports.page import write_page


def write_hits_page(
    path: Path | str,
    title: str,
    examples: Sequence[Example],
    notes: Sequence[str] = (),
    queries: Sequence[ImageQuery] = (),
) -> None:
    """Write hits, in the order given, as one HTML file that opens offline.

    Parameters
    ----------
    path : path
    title : str
    examples : sequence of Example
        The best first.
    notes : sequence of str
        Sentences that stand above the hits.
    queries : sequence of ImageQuery
        Their images stand above the hits, whether anything was found or not.

    Raises
    ------
    EarmarkError
        If an image can't be read.
    """
    write_page(path, "hits.html", {"title": title, "examples": examples, "notes": notes, "queries": queries})
