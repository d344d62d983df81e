"""Catalogues of the pages' strings: one JSON file a language, in ``static/strings``."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

FOLDER = Path(str(files("earmark.web"))) / "static" / "strings"


@dataclass(frozen=True)
class PageLanguage:
    """A language of the pages.

    Attributes
    ----------
    code : str
        Name of its file.
    name : str
        In the language itself.
    direction : {"ltr", "rtl"}
    """

    code: str
    name: str
    direction: Literal["ltr", "rtl"]


@functools.cache
def page_languages() -> tuple[PageLanguage, ...]:
    """All languages that have a catalogue, by code."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        strings = json.loads(path.read_text(encoding="utf-8"))
        found.append(PageLanguage(path.stem, strings["language.name"], strings["language.direction"]))
    return tuple(found)
