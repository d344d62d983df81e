"""Tags from a file in the format in which the tags of Flickr8k were published.

Blank lines and lines that begin with ``#`` are passed over; one line ``Tags: word1 word2 ...`` names the
columns; every other line is ``image: p1 p2 ...`` (the colon may be missing), with numbers in [0, 1]. An image is
named by its file name without the ending.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.corpus import Utterance
from earmark.errors import EarmarkError
from earmark.supervision.targets import Targets
from earmark.vocabulary import Vocabulary, read_text


def tags_from_file(path: Path | str, utterances: Iterable[Utterance]) -> Targets:
    """Tags of the utterances' images.

    Raises
    ------
    EarmarkError
        If a line is malformed (with its number), or utterances have no image or their images no line.
    """
    vocabulary, by_image = _read(path)
    rows, lacking = {}, []
    for utterance in utterances:
        key = unicodedata.normalize("NFC", utterance.image.stem) if utterance.image else ""
        if key in by_image:
            rows[utterance.id] = by_image[key]
        else:
            lacking.append(utterance)
    if lacking:
        first = lacking[0]
        which = f"the image {first.image.name} of {first.id}" if first.image else f"{first.id}, which has no image"
        raise EarmarkError(
            f"{path} has no tags for {len(lacking)} of the corpus's {len(lacking) + len(rows)} utterances "
            f"(the first: {which}): give the file that was made for these pictures, or leave the utterances out of the "
            "corpus."
        )
    return Targets(vocabulary, rows)


def _read(path: Path | str) -> tuple[Vocabulary, dict[str, npt.NDArray[np.float32]]]:
    vocabulary: Vocabulary | None = None
    rows = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if vocabulary is None:
            head, _, words = line.partition(":")
            if head.strip() != "Tags":
                raise EarmarkError(f"{path}, line {number}: the first line must be 'Tags:' and the words.")
            try:
                vocabulary = Vocabulary(words.split())
            except EarmarkError as error:
                raise EarmarkError(f"{path}, line {number}: {error}") from None
            continue
        name, numbers = _parted(line, len(vocabulary))
        rows[unicodedata.normalize("NFC", name)] = _numbers(numbers, len(vocabulary), f"{path}, line {number}")
    if vocabulary is None:
        raise EarmarkError(f"{path} holds no tags: it needs a line 'Tags:' with the words, then one line an image.")
    return vocabulary, rows


def _parted(line: str, count: int) -> tuple[str, list[str]]:
    """The image's name, which may hold spaces, and what stands where the numbers should."""
    name, colon, numbers = line.rpartition(":")
    if colon:
        return name.strip(), numbers.split()
    name, *fields = line.rsplit(maxsplit=count)
    return name.strip(), fields


def _numbers(fields: list[str], count: int, where: str) -> npt.NDArray[np.float32]:
    try:
        values = np.array(fields, dtype=np.float32)
    except ValueError:
        values = np.empty(0, dtype=np.float32)
    if len(values) != count or not ((values >= 0) & (values <= 1)).all():
        raise EarmarkError(f"{where}: there must be {count} numbers between 0 and 1 after the image's name.")
    return values
