"""What importers read beside media: JSON caption lists, splits and keyword lists.

Any entry of a JSON list may be damaged. A corpus without splits of its own gets them from Karpathy's lists or from a
hash. The papers' keyword lists come with Earmark; a user may give another.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_keywords, read_text
from earmark.corpora._assemble import Entry


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


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    EarmarkError
        If the file holds none.
    """
    try:
        words = json.loads(read_text(path))
        if isinstance(words, dict):
            return words
        problem = "it holds no object"
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON: {error}"
    raise EarmarkError(f"{path} can't be read ({problem}): copy it again.")


def text_in(item: Any, key: str) -> str:
    """The text or number under `key` of an object in a JSON file; "" where there is none.

    JSON can escape halves of characters, which no file can hold; they become question marks.
    """
    value = item.get(key) if isinstance(item, dict) else None
    return str(value).strip().encode("utf-8", "replace").decode() if isinstance(value, str | int) else ""


def caption_in(item: Any, key: str) -> str:
    """The text under `key` of an object in a JSON file; "" where there is none, for a number is no caption."""
    is_text = isinstance(item, dict) and isinstance(item.get(key), str)
    return unicodedata.normalize("NFC", text_in(item, key)) if is_text else ""


def listed_caption(row: int, name: str, audio: Path, image: Path, caption: Any, split: str) -> Entry:
    """A caption in the JSON that SpokenCOCO and Places Audio are listed in, once its media are found.

    Its ``text`` or ``asr_text`` and its ``speaker`` may be missing.
    """
    name, speaker = (unicodedata.normalize("NFC", value) for value in (name, text_in(caption, "speaker")))
    text = caption_in(caption, "text") or caption_in(caption, "asr_text")
    return Entry(row, name, audio, image, speaker or None, text or None, split)


SHARES_END = {"train": 0.8, "dev": 0.9, "test": 1.0}  # of corpora that have no splits of their own
KARPATHY_SPLITS = {"train": "train", "restval": "train", "val": "dev", "test": "test"}


def hashed_split(key: str, ends: Mapping[str, float]) -> str:
    """The split that a hash of `key` decides: always the same, whatever else is in the corpus.

    Parameters
    ----------
    key : str
        What must stay together, such as a picture's name.
    ends : mapping
        Where the share of each split ends, from 0 up to 1.
    """
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48
    return next(split for split, end in ends.items() if place < end)


def karpathy_splits(path: Path) -> dict[str, str]:
    """Split by picture file, from a list of pictures as Karpathy made them for Flickr8k and COCO; restval is train.

    Raises
    ------
    EarmarkError
        If the file is no such list.
    """
    images = read_listed(path, "images")[1]
    named = {text_in(image, "filename"): KARPATHY_SPLITS.get(text_in(image, "split")) for image in images}
    return {name: split for name, split in named.items() if name and split}


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
