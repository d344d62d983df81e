"""Export files: portable unique names, writes that back up existing files, and text that every format can hold.

Existing files are backed up because people correct what was exported.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from earmark.core.files import replacing

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


@contextmanager
def keeping(path: Path) -> Iterator[Path]:
    """As :func:`earmark.files.replacing`; what was there and differs stays as ``NAME.1.bak``, ``NAME.2.bak``, ..."""
    with replacing(path) as partial:
        yield partial
        if path.is_file() and path.read_bytes() != partial.read_bytes():
            _back_up(path)


def put(path: Path, content: str | bytes) -> Path:
    """Write a file at once, text as UTF-8, and keep what was there."""
    with keeping(path) as partial:
        partial.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _back_up(path: Path) -> None:
    copies = (path.with_name(f"{path.name}.{number}.bak") for number in count(1))
    with replacing(next(copy for copy in copies if not copy.exists())) as partial:
        shutil.copyfile(path, partial)


_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Halves of characters come from file names that are no UTF-8; the last two are no characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def writable(text: str) -> str:
    """`text` without what UTF-8 or XML 1.0 can't hold; its lines stay."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """`text` as one line: tabs, breaks and other control characters are blanks."""
    return writable(_BREAKS.sub(" ", text)).strip()
