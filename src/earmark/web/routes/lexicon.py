"""Routes of the lexicon: its words, and a query that becomes a word."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from earmark.archive.archive import Position
from earmark.archive.lexicon import LexiconWord, add_word, get_word, lexicon
from earmark.archive.search_by_example import accept_example
from earmark.core.types import SpokenQuery
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader, QueryText, Text, parse_query
from earmark.web.state import State

router = APIRouter(prefix="/api/lexicon", tags=["lexicon"])


class WordResponse(BaseModel):
    """A word of the lexicon."""

    word: str
    spellings: list[str]
    notes: str
    clips: int = Field(description="Examples that are clips.")
    accepted: int = Field(description="Examples that are accepted hits.")

    @classmethod
    def of(cls, word: LexiconWord) -> WordResponse:
        """From the word itself."""
        return cls(
            word=word.word,
            spellings=list(word.spellings),
            notes=word.notes,
            clips=len(word.clips),
            accepted=len(word.accepted),
        )


class WordRequest(BaseModel):
    """A query that gets a name."""

    word: Text = Field(min_length=1, description="New, or already in the lexicon.")
    query: QueryText = Field(description="Key of a clip or of a spoken example.")


@router.get("", responses=documented())
def words(state: State) -> list[WordResponse]:
    """All words, in alphabetical order."""
    with state.archive.session() as archive:
        return [WordResponse.of(word) for word in lexicon(archive)]


@router.post("", responses=documented(400, 403, 404, 413))
def name_query(state: State, request: WordRequest, _: PageHeader) -> WordResponse:
    """Give a query a name: its clips become examples of the word, and its judgements become the word's."""
    with state.archive.session() as archive:
        parsed = parse_query(archive, state.images, request.query)
    if not isinstance(parsed.query, (SpokenQuery, Position)):
        raise HTTPException(400, "Only a clip or a spoken example can become a word of the lexicon.")
    with state.archive.session(writing=True) as archive:
        spoken = parsed.query if isinstance(parsed.query, SpokenQuery) else SpokenQuery("", ())
        named = add_word(archive, request.word, spoken.clips, spoken.not_clips, judged_as=parsed.key)
        if isinstance(parsed.query, Position):
            accept_example(archive, named.key, parsed.query)
        return WordResponse.of(get_word(archive, named.key))
