"""Captioned pictures: what a tagger learns from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.media import MediaFolder
from earmark.tables import Problems, read_table
from earmark.vocabulary import Vocabulary, normalise, plain_words


@dataclass(frozen=True)
class Picture:
    """A picture and what people said of it."""

    image: Path
    captions: tuple[str, ...]


def read_pictures(path: Path | str) -> list[Picture]:
    """Read captioned pictures: a table with the columns ``image`` and ``caption``, one row a caption.

    Images are named relative to the table's folder, or in full.

    Raises
    ------
    EarmarkError
        If the columns are wrong, there is no row, or images are missing: all of it at once, with row numbers.
    """
    path = Path(path)
    problems, folder = Problems(), MediaFolder(path.parent)
    captions: dict[Path, list[str]] = {}
    for row in read_table(path, ("image", "caption"), (), problems).rows:
        image = folder.find(row.get("image"))
        if image.is_file():
            captions.setdefault(image, []).append(row.get("caption"))
        else:
            problems.add(path, row.number, f"there is no image {image}")
    problems.stop()
    return [Picture(image, tuple(said)) for image, said in captions.items()]


def commonest_words(pictures: Iterable[Picture], count: int) -> Vocabulary:
    """The words that occur in the captions of the most pictures, the commonest first."""
    pictures_with: dict[str, int] = {}
    for picture in pictures:
        for word in {word for caption in picture.captions for word in plain_words(caption)}:
            pictures_with[word] = pictures_with.get(word, 0) + 1
    return Vocabulary(sorted(pictures_with, key=lambda word: (-pictures_with[word], word))[:count])


def named_in_captions(pictures: Sequence[Picture], keywords: Vocabulary) -> npt.NDArray[np.float32]:
    """For each picture and keyword, the part of the picture's captions that name it: shape (P, W)."""
    forms = [f" {normalise(word)} " for word in keywords]
    targets = np.zeros((len(pictures), len(forms)), dtype=np.float32)
    for row, picture in zip(targets, pictures, strict=True):
        said = [f" {' '.join(plain_words(caption))} " for caption in picture.captions]
        row[:] = [sum(form in caption for caption in said) / len(said) for form in forms]
    return targets
