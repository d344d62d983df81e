"""Captions and pictures that are listed in JSON files, of which any entry may be damaged."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

from earmark.corpora._entries import Entry
from earmark.errors import EarmarkError
from earmark.vocabulary import read_text


def read_listed(path: Path, key: str) -> tuple[dict[str, Any], list[Any]]:
    """A JSON file that holds an object, and the list that is under `key` in it.

    Raises
    ------
    EarmarkError
        If the file is no such JSON.
    """
    try:
        document = json.loads(read_text(path))
        if isinstance(document, dict) and isinstance(document.get(key), list):
            return document, document[key]
        problem = f"it has no list {key!r}"
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON: {error}"
    raise EarmarkError(f"{path} can't be read ({problem}): download it again.")


def text_in(item: Any, key: str) -> str:
    """The text or number under `key` of an object in a JSON file; "" where there is none.

    JSON can escape halves of characters, which no file can hold; they become question marks.
    """
    value = item.get(key) if isinstance(item, dict) else None
    return str(value).strip().encode("utf-8", "replace").decode() if isinstance(value, str | int) else ""


def caption_in(item: Any, key: str) -> str:
    """The text under `key` of an object in a JSON file; "" where there is none, for a number is no caption."""
    said = isinstance(item, dict) and isinstance(item.get(key), str)
    return unicodedata.normalize("NFC", text_in(item, key)) if said else ""


def listed_caption(row: int, name: str, audio: Path, image: Path, caption: Any, split: str) -> Entry:
    """A caption in the JSON that SpokenCOCO and Places Audio are listed in, once its media are found.

    Its ``text`` or ``asr_text`` and its ``speaker`` may be missing.
    """
    name, speaker = (unicodedata.normalize("NFC", said) for said in (name, text_in(caption, "speaker")))
    text = caption_in(caption, "text") or caption_in(caption, "asr_text")
    return Entry(row, name, audio, image, speaker or None, text or None, split)
