"""File names that every system takes, a different one for each recording."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from earmark.export._text import one_line

LONGEST = 180  # bytes; systems take 255, with endings and what a file is called while it is written
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}


def file_names(paths: Iterable[Path]) -> dict[Path, str]:
    """A file name without its ending for each path: its own, with its folder's in brackets where two are the same."""
    stems = {path: safe(path.stem) for path in sorted(paths, key=str)}
    times = Counter(map(_folded, stems.values()))
    taken: set[str] = set()
    return {
        path: distinct(stem if times[_folded(stem)] == 1 else safe(stem, f" ({safe(path.parent.name)[:40]})"), taken)
        for path, stem in stems.items()
    }


def safe(text: str, end: str = "") -> str:
    """`text` as a file name on Windows, macOS and Linux; letters of all scripts stay.

    Where it is too long, it is cut before `end`, which is safe itself.
    """
    name = _FORBIDDEN.sub("_", one_line(text)).strip(". ")
    name = name.encode()[: LONGEST - len(end.encode())].decode(errors="ignore").rstrip(". ")
    device = name.partition(".")[0].rstrip().upper() in _DEVICES
    return f"_{name}{end}" if device or not name else f"{name}{end}"


def distinct(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where it is taken already; it is then taken as well.

    Names that differ by case or Unicode form alone are one name, as they are on Windows and macOS.
    """
    name, number = wanted, 1
    while _folded(name) in taken:
        number += 1
        name = f"{wanted} ({number})"
    taken.add(_folded(name))
    return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
