"""Parsing of queries, and the types of request parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import Field, StringConstraints

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import CLIP, EXAMPLE, IMAGE, query_key
from earmark.archive.lexicon import LexiconWord
from earmark.archive.query_aliases import Alias
from earmark.archive.search import resolve_word
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.web.errors import RefusedError
from earmark.web.state import QueryFiles

MAX_S = 10_000_000.0  # a third of a year

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
QueryText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
    Field(
        description="A word, the key of an image (image:...) or a clip (clip:...; several are clip:A+B, with what is "
        "not meant clip:A+B-C), or a spoken example (example:12:1:345.20).",
        examples=["dog", "example:1:1:2.50"],
    ),
]
PositionText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,9}:[0-9]{1,4}:[0-9]{1,7}(\.[0-9]{1,6})?$"),
    Field(description="Recording, channel and seconds.", examples=["1:1:2.50"]),
]
Seconds = Annotated[float, Field(ge=0, le=MAX_S, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
Channel = Annotated[int, Query(ge=1, le=1000, description="From 1 on.")]
# The security middleware checks it before anything is read; here it is only described.
PageHeader = Annotated[str, Header(alias="X-Earmark", pattern="^1$", description="Marks requests of the page itself.")]


@dataclass(frozen=True)
class ParsedQuery:
    """A query of the API.

    Attributes
    ----------
    query : Alias, LexiconWord, ImageQuery, SpokenQuery or Position
        A resolved word, an uploaded image or clip, or the position of a spoken example.
    name : str
        Name for people.
    key : str
        Key of its judgements.
    """

    query: Alias | LexiconWord | ImageQuery | SpokenQuery | Position
    name: str
    key: str


def parse_query(archive: Archive, files: QueryFiles, text: str) -> ParsedQuery:
    """Parse the text of a query.

    Raises
    ------
    EarmarkError
        If it is an unknown word, or a spoken example without a valid position.
    HTTPException
        404 for an image or a clip that is no longer stored.
    """
    if text.startswith(IMAGE):
        image = files.query(text)
        if image is None:
            raise RefusedError(404, "That picture is no longer stored: drop it on the page again.", "pictureGone")
        return ParsedQuery(image, image.name, query_key(image))
    if text.startswith(CLIP):
        clip = files.spoken(text)
        if clip is None:
            raise RefusedError(
                404, "That clip is no longer stored: record it or drop it on the page again.", "clipGone"
            )
        return ParsedQuery(clip, clip.name, query_key(clip))
    if text.startswith(EXAMPLE):
        position = Position.read(text.removeprefix(EXAMPLE))
        return ParsedQuery(position, f"the example at {position}", query_key(position))
    word = resolve_word(archive, text)
    return ParsedQuery(word, word.word, word.key if isinstance(word, LexiconWord) else query_key(word))
