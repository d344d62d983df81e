"""What a model is asked: a keyword, or pictures of one thing.

The one result type that leaves the library.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

# Left, top, right and bottom, in pixels.
Box = tuple[int, int, int, int]


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
        paths = unique(Path(picture) for picture in pictures)
        return cls(name or ", ".join(path.name for path in paths), tuple(Prompt(path) for path in paths))

    def __post_init__(self) -> None:
        if not self.prompts:
            raise ValueError(f"the image query {self.name!r} has no picture")


Query = str | ImageQuery
QueryKind = Literal["keyword", "image"]


def canonical_path(picture: Path) -> str:
    """The same for every path to one picture: relative, through links, or in another Unicode form."""
    return unicodedata.normalize("NFC", os.path.realpath(picture))


def unique(pictures: Iterable[Path]) -> list[Path]:
    """The first path to each picture."""
    firsts: dict[str, Path] = {}
    for picture in dict.fromkeys(pictures):
        firsts.setdefault(canonical_path(picture), picture)
    return list(firsts.values())


@dataclass(frozen=True)
class SpokenQuery:
    """Clips of one word or phrase, in anybody's voice.

    Attributes
    ----------
    name : str
        What its hits are called.
    clips : tuple of Path
        Audio files, one example each.
    not_clips : tuple of Path
        Examples of what is not meant.
    """

    name: str
    clips: tuple[Path, ...]
    not_clips: tuple[Path, ...] = ()


WORDS_ALONE = "This model takes words alone, not pictures ({}): train the recipe earmark-pictures, which takes both."
PICTURES_ALONE = (
    "This model takes pictures alone, not the word {!r}: give a picture, or train the recipe "
    "earmark-pictures, which takes both."
)


def name_of(query: Query) -> str:
    """What a query is called."""
    return query if isinstance(query, str) else query.name


@dataclass(frozen=True, order=False)
class Hit:
    """A moment where a query may be spoken: a candidate to listen to, not a fact.

    Attributes
    ----------
    recording : str
        Path of the audio file, as it was given.
    query : str
        The keyword as it was asked for, or the name of the pictures.
    score : float
        Detection score in [0, 1]: p(query occurs here).
    time_s : float
        The location: the single most likely moment, in seconds from the start of the recording.
    start_s, end_s : float
        Extent of the hit around the location, in seconds.
    """

    recording: str
    query: str
    score: float
    time_s: float
    start_s: float
    end_s: float

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values, in the form of ``schemas/hits.schema.json``."""
        return asdict(self)
