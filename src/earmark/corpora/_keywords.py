"""Keyword lists of the papers, which come with Earmark, or a user's own."""

from __future__ import annotations

from pathlib import Path

from earmark.vocabulary import read_keywords

LISTS = Path(__file__).parent / "keyword_lists"


def keyword_list(choice: str) -> tuple[str, ...]:
    """The list of the papers that is called `choice` (``67`` or ``34``), else the one in the file `choice`.

    Raises
    ------
    EarmarkError
        If it is a file that is missing or damaged.
    """
    named = LISTS / f"{choice}.txt"
    return read_keywords(named if choice in {path.stem for path in LISTS.iterdir()} else choice).words
