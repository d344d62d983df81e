"""What the text of a query means: a word, a picture that was brought before, or a place where the thing is spoken."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException

from earmark.archive.archive import Place
from earmark.archive.review import IMAGE, LIKE, query_key
from earmark.archive.words import meant_by
from earmark.queries import ImageQuery
from earmark.web.served import Served


@dataclass(frozen=True)
class Asked:
    """A query.

    Attributes
    ----------
    query : str, ImageQuery or Place
    name : str
        What it is called.
    """

    query: str | ImageQuery | Place
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
    if text.startswith(LIKE):
        place = Place.read(text.removeprefix(LIKE))
        return Asked(place, f"what is spoken at {place}")
    return Asked(text, meant_by(served.archive, text).word)
