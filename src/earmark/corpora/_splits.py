"""Splits where a corpus does not name its own: by a hash, or by Karpathy's lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from earmark.corpora._json import read_listed, text_in

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
