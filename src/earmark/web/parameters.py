"""What the text of a query means: a word, a picture that was brought before, or a place where the thing is spoken.

Kinds of parameters: what a request may say at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, HTTPException, Path, Query
from pydantic import Field, StringConstraints

from earmark.archive.archive import Position
from earmark.archive.judgements import EXAMPLE, IMAGE, query_key
from earmark.archive.query_aliases import resolve_query
from earmark.core.types import ImageQuery
from earmark.web.state import Served


@dataclass(frozen=True)
class Asked:
    """A query.

    Attributes
    ----------
    query : str, ImageQuery or Place
    name : str
        What it is called.
    """

    query: str | ImageQuery | Position
    name: str

    @property
    def key(self) -> str:
        """What its judgements are kept under."""
        return query_key(self.query)


def read_query(served: Served, text: str) -> Asked:
    """The query that a text means.

    Raises
    ------
    EarmarkError
        If it is a word that nobody knows, or names no place.
    HTTPException
        404 for a picture that is not kept any more.
    """
    if text.startswith(IMAGE):
        picture = served.pictures.query(text)
        if picture is None:
            raise HTTPException(404, "That picture is not known any more: drop it on the page again.")
        return Asked(picture, picture.name)
    if text.startswith(EXAMPLE):
        position = Position.read(text.removeprefix(EXAMPLE))
        return Asked(position, f"what is spoken at {position}")
    return Asked(text, resolve_query(served.archive, text).word)


LONGEST_S = 10_000_000.0  # a third of a year

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
QueryText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
    Field(
        description="A word, the key of a picture (image:...), or a spoken example (example:12:1:345.20).",
        examples=["dog", "example:1:1:2.50"],
    ),
]
PlaceText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,9}:[0-9]{1,4}:[0-9]{1,7}(\.[0-9]{1,6})?$"),
    Field(description="Recording, channel and seconds.", examples=["1:1:2.50"]),
]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
Channel = Annotated[int, Query(ge=1, le=1000, description="From 1 on.")]
# That it is there is checked before anything is read; here it is told.
Ours = Annotated[str, Header(alias="X-Earmark", pattern="^1$", description="Says that the request is the page's own.")]
