"""What a model is asked: a keyword, or pictures of one thing."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from earmark.images import Box


class Prompt(NamedTuple):
    """A picture that is asked with, or a part of one.

    Attributes
    ----------
    path : Path
    box : tuple of int, or None
        Left, top, right and bottom of the part, in pixels of the upright picture; None for all of it.
    """

    path: Path
    box: Box | None = None


@dataclass(frozen=True)
class ImageQuery:
    """Pictures of one thing, which are one query: what they have in common is sought.

    Attributes
    ----------
    name : str
        What the query is called in hits and on pages.
    prompts : tuple of Prompt
        At least one.
    """

    name: str
    prompts: tuple[Prompt, ...]

    @classmethod
    def of(cls, *pictures: Path | str, name: str = "") -> ImageQuery:
        """Whole pictures as one query, by default called by the names of their files; each counts once.

        >>> ImageQuery.of("photos/dog.jpg", "photos/puppy.jpg").name
        'dog.jpg, puppy.jpg'
        """
        paths = distinct(Path(picture) for picture in pictures)
        return cls(name or ", ".join(path.name for path in paths), tuple(Prompt(path) for path in paths))

    def __post_init__(self) -> None:
        if not self.prompts:
            raise ValueError(f"the image query {self.name!r} has no picture")


Query = str | ImageQuery


def identity(picture: Path) -> str:
    """The same for every path to one picture: relative, through links, or in another Unicode form."""
    return unicodedata.normalize("NFC", os.path.realpath(picture))


def distinct(pictures: Iterable[Path]) -> list[Path]:
    """The first path to each picture."""
    firsts: dict[str, Path] = {}
    for picture in dict.fromkeys(pictures):
        firsts.setdefault(identity(picture), picture)
    return list(firsts.values())


WORDS_ALONE = (
    "This model is asked with words alone, not with pictures ({}): train the recipe earmark-pictures, which takes both."
)
PICTURES_ALONE = (
    "This model is asked with pictures alone, not with the word {!r}: give a picture, or train the recipe "
    "earmark-pictures, which takes both."
)


def name_of(query: Query) -> str:
    """What a query is called."""
    return query if isinstance(query, str) else query.name
