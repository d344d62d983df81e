"""Praat's TextGrids: their interval tiers, from long, short, chronological or binary files.

Of a text file Praat reads what stands free: numbers, strings in quotes, and flags such as ``<exists>``. All else, and
what follows a ``!``, is there for people (Praat's manual, "TextGrid file formats").
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.media.annotations.tiers import Annotation, Tier, written

BINARY = b"ooBinaryFile"
CHRONOLOGICAL = "Praat chronological TextGrid text file"
INTERVALS, POINTS = "IntervalTier", "TextTier"
TOKEN = re.compile(
    r'!.*|"(?P<text>(?:[^"]|"")*)"|(?<!\S)(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)', re.MULTILINE
)

Interval = tuple[float, float, str]
Named = tuple[str, list[Interval]]  # a tier's name, and its intervals


def read_textgrid(path: Path) -> list[Tier]:
    """The interval tiers of a TextGrid; intervals without a label are left out, for they are what is between others.

    Who speaks is by custom what a tier's name has after an @, or (as forced aligners write it) before a hyphen with
    blanks around it.

    Raises
    ------
    EarmarkError
        If the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
        found = _binary(path) if content.startswith(BINARY) else _text(content.decode(_encoding(content)))
    except Exception as error:  # pympi stumbles over a damaged file in many ways
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise EarmarkError(
            f"{path} can't be read as a TextGrid ({reason}): copy it again, or save it in Praat."
        ) from error
    return [_tier(number, written(name), intervals) for number, (name, intervals) in enumerate(found, start=1)]


def _binary(path: Path) -> list[Named]:
    from pympi.Praat import TextGrid

    return [
        (str(tier.name), [(float(start), float(end), str(label)) for start, end, label in tier.get_intervals()])
        for tier in TextGrid(str(path)).get_tiers()
        if tier.tier_type == INTERVALS
    ]


class _Tokens:
    """The numbers and strings of a text file, taken one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._left = deque(found for found in TOKEN.finditer(text) if found.lastgroup)

    def __bool__(self) -> bool:
        return bool(self._left)

    def number(self) -> float:
        return float(self._take("number"))

    def string(self) -> str:
        return self._take("text").replace('""', '"')

    def _take(self, kind: str) -> str:
        if not self._left:
            raise ValueError("it ends too early")
        found = self._left.popleft()
        if found.lastgroup != kind:
            line = self._text.count("\n", 0, found.start()) + 1
            raise ValueError(f"before line {line} a {kind} is missing")
        return str(found[kind])


def _text(content: str) -> list[Named]:
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    tokens = _Tokens(content)
    kind = tokens.string()
    if kind == CHRONOLOGICAL:
        return _chronological(tokens)
    if kind != "ooTextFile" or tokens.string() != "TextGrid":
        raise ValueError("it is of another kind")
    _, _, count = tokens.number(), tokens.number(), int(tokens.number())
    tiers = [_whole_tier(tokens) for _ in range(count)]
    return [(name, intervals) for kind, name, intervals in tiers if kind == INTERVALS]


def _whole_tier(tokens: _Tokens) -> tuple[str, str, list[Interval]]:
    kind, name = tokens.string(), tokens.string()
    _, _, count = tokens.number(), tokens.number(), int(tokens.number())
    if kind not in (INTERVALS, POINTS):
        raise ValueError(f"it has a tier of the kind {kind!r}")
    if kind == POINTS:
        for _ in range(count):
            tokens.number(), tokens.string()
        return kind, name, []
    return kind, name, [(tokens.number(), tokens.number(), tokens.string()) for _ in range(count)]


def _chronological(tokens: _Tokens) -> list[Named]:
    _, _, count = tokens.number(), tokens.number(), int(tokens.number())
    kinds: list[str] = []
    tiers: list[Named] = []
    for _ in range(count):
        kinds.append(tokens.string())
        tiers.append((tokens.string(), []))
        tokens.number(), tokens.number()
    while tokens:
        tier = int(tokens.number()) - 1
        if kinds[tier] == INTERVALS:
            tiers[tier][1].append((tokens.number(), tokens.number(), tokens.string()))
        else:
            tokens.number(), tokens.string()
    return [tier for kind, tier in zip(kinds, tiers, strict=True) if kind == INTERVALS]


def _tier(number: int, name: str, intervals: list[Interval]) -> Tier:
    speaker, hyphen, _ = name.rpartition(" - ")
    annotations = [
        Annotation(start_s, end_s, text, f"{number}.{place}")
        for place, (start_s, end_s, label) in enumerate(intervals, start=1)
        if (text := written(label)) and start_s < end_s
    ]
    return Tier(name, tuple(annotations), participant=speaker if hyphen else name.partition("@")[2])


def _encoding(content: bytes) -> str:
    """Praat writes UTF-16 with a byte order mark where it must go beyond ASCII, unless it is set to UTF-8."""
    return "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
