"""Words from a Praat TextGrid, long or short, UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
from pathlib import Path

from earmark.corpus import Word
from earmark.errors import EarmarkError


def textgrid_words(path: Path, tier_name: str = "words") -> list[Word]:
    """The labelled intervals of the tier called `tier_name`, or else of the first interval tier.

    Labels are as written, without blanks around them.

    Raises
    ------
    EarmarkError
        If the file is missing, is damaged, or has no interval tier.
    """
    from pympi.Praat import TextGrid

    try:
        grid = TextGrid(str(path), codec=_encoding(path))
        tiers = [tier for tier in grid.get_tiers() if tier.tier_type == "IntervalTier"]
        named = [tier for tier in tiers if tier.name.strip().casefold() == tier_name]
        intervals = [(float(a), float(b), str(label).strip()) for a, b, label in (named or tiers)[0].get_intervals()]
    except Exception as error:  # the parser stumbles over a damaged file in many ways
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise EarmarkError(
            f"{path} can't be read as a TextGrid ({reason}): copy it again, or save it in Praat."
        ) from error
    return [Word(label, start_s, end_s) for start_s, end_s, label in intervals if label]


def _encoding(path: Path) -> str:
    """Praat writes UTF-16 with a byte order mark where it must go beyond ASCII, unless it is told UTF-8."""
    with open(path, "rb") as file:
        utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "utf-16" if utf16 else "utf-8-sig"
