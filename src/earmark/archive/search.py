"""Asking an archive: with words, with pictures, or with a place in it where the thing is spoken."""

from __future__ import annotations

from dataclasses import dataclass, field

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import query_key, with_verdicts
from earmark.archive.relevance_feedback import rerank
from earmark.archive.results import ArchiveHit, Filters, image_threshold, keyword_thresholds, require_recordings
from earmark.archive.search_by_keyword import search_keywords
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery


@dataclass(frozen=True)
class SearchOptions:
    """How much of an answer is wanted.

    Attributes
    ----------
    top : int
        Hits a query, at most.
    min_score : float or None
        Detection score from which hits are shown.
    max_fa_per_hour : float or None
        The same, as the false alarms an hour that are expected.
    filters : Filters
    """

    top: int = 50
    min_score: float | None = None
    max_fa_per_hour: float | None = None
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        if self.min_score is not None and self.max_fa_per_hour is not None:
            raise EarmarkError("A score and false alarms an hour are two ways to say one thing: give one of them.")


def search(archive: Archive, query: str | ImageQuery | Position, limits: SearchOptions) -> list[ArchiveHit]:
    """The best hits of a query, with what people said of them; the rest in the order that this suggests.

    Raises
    ------
    EarmarkError
        If nothing is indexed yet, the word is unknown, a picture can't be read, there is no such place, the model is
        not asked in this way, or it can't tell false alarms.
    """
    require_recordings(archive)
    key = query_key(query)
    return rerank(archive, key, with_verdicts(archive, key, _dispatch(archive, query, limits)))


def _dispatch(archive: Archive, query: str | ImageQuery | Position, limits: SearchOptions) -> list[ArchiveHit]:
    if isinstance(query, str):
        lowest = (
            limits.min_score
            if limits.max_fa_per_hour is None
            else keyword_thresholds(archive, [query], limits.max_fa_per_hour)
        )
        return search_keywords(archive, [query], limits.top, lowest, limits.filters)
    if isinstance(query, ImageQuery):
        from earmark.archive.search_by_image import search_pictures

        score = limits.min_score if limits.max_fa_per_hour is None else image_threshold(archive, limits.max_fa_per_hour)
        return search_pictures(archive, query, limits.top, score, limits.filters)
    from earmark.archive.search_by_example import search_like

    if limits.max_fa_per_hour is not None:
        raise EarmarkError("How alike two sounds are tells nothing of false alarms an hour: give a score instead.")
    found = search_like(archive, query, limits.top, limits.filters)
    return [one for one in found if one.hit.score >= (limits.min_score or 0.0)]
