"""Praat's TextGrids: their interval tiers, from long or short text files in UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.media.annotations.tiers import Annotation, Tier, written


def read_textgrid(path: Path) -> list[Tier]:
    """The interval tiers of a TextGrid; intervals without a label are left out, for they are what is between others.

    Who speaks is by custom what a tier's name has after an @, or (as forced aligners write it) before a hyphen with
    blanks around it.

    Raises
    ------
    EarmarkError
        If the file is missing or damaged.
    """
    from pympi.Praat import TextGrid

    try:
        grid = TextGrid(str(path), codec=_encoding(path))
        found = [
            (str(tier.name), [(float(start), float(end), str(label)) for start, end, label in tier.get_intervals()])
            for tier in grid.get_tiers()
            if tier.tier_type == "IntervalTier"
        ]
    except Exception as error:  # the parser stumbles over a damaged file in many ways
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise EarmarkError(
            f"{path} can't be read as a TextGrid ({reason}): copy it again, or save it in Praat."
        ) from error
    return [_tier(number, written(name), intervals) for number, (name, intervals) in enumerate(found, start=1)]


def _tier(number: int, name: str, intervals: list[tuple[float, float, str]]) -> Tier:
    speaker, hyphen, _ = name.rpartition(" - ")
    annotations = [
        Annotation(start_s, end_s, text, f"{number}.{place}")
        for place, (start_s, end_s, label) in enumerate(intervals, start=1)
        if (text := written(label)) and start_s < end_s
    ]
    return Tier(name, tuple(annotations), participant=speaker if hyphen else name.partition("@")[2])


def _encoding(path: Path) -> str:
    """Praat writes UTF-16 with a byte order mark where it must go beyond ASCII, unless it is set to UTF-8."""
    with open(path, "rb") as file:
        utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "utf-16" if utf16 else "utf-8-sig"
