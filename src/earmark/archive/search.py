"""Search of an archive: by keyword, by image, by clips of a word, or by a spoken example in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from earmark.archive.annotated_time import AnnotatedTime
from earmark.archive.archive import Archive, Position
from earmark.archive.frame_store import Single
from earmark.archive.judged_calibration import calibration_of
from earmark.archive.judgements import Judgement, judgements, query_key, with_verdicts
from earmark.archive.lexicon import LexiconWord, find_word, get_word, lexicon
from earmark.archive.query_aliases import Alias, resolve_query
from earmark.archive.rescoring import matching_recordings
from earmark.archive.results import (
    ArchiveHit,
    Filters,
    image_threshold,
    keyword_thresholds,
    recording_conditions,
    require_recordings,
)
from earmark.archive.search_by_clip import encode_clip, search_clips
from earmark.archive.search_by_example import frames_at, search_like
from earmark.archive.search_by_image import search_pictures
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.search_lexicon import search_word
from earmark.archive.word_ranking import rank_by_judgements
from earmark.archive.word_scorer import OF_CLIPS, OF_KEYWORDS
from earmark.core.errors import EarmarkError, UnknownWordError
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.models.features_model import NO_QUERIES

RANKED_BY_MODEL = 500  # hits of a keyword whose scores are a prior of what its judgements teach
DEEPER = 4  # times as many hits are searched, where too few of them are admitted

ArchiveQuery = str | Alias | LexiconWord | ImageQuery | SpokenQuery | Position


@dataclass(frozen=True)
class SearchOptions:
    """Which hits of a query to return.

    Attributes
    ----------
    top : int
        Hits a query, at most.
    min_score : float or None
        Lowest detection score of a hit.
    max_fa_per_hour : float or None
        The same, as the expected number of false alarms an hour.
    filters : Filters
    within, outside : AnnotatedTime or None
        Only hits whose location is in, or is not in, what somebody has annotated.
    """

    top: int = 50
    min_score: float | None = None
    max_fa_per_hour: float | None = None
    filters: Filters = field(default_factory=Filters)
    within: AnnotatedTime | None = None
    outside: AnnotatedTime | None = None

    def __post_init__(self) -> None:
        if self.min_score is not None and self.max_fa_per_hour is not None:
            raise EarmarkError("A score and false alarms an hour are two ways to set one threshold: give one of them.")


def search(
    archive: Archive, query: ArchiveQuery, options: SearchOptions, judged: Sequence[Judgement] | None = None
) -> list[ArchiveHit]:
    """The best hits of a query with their verdicts; those without one are re-ranked by the judgements so far.

    Parameters
    ----------
    archive : Archive
        Bound to a session, if the answer has to show one state of the archive.
    query : str, Alias, LexiconWord, ImageQuery, SpokenQuery or Position
        A keyword, a word of the archive's list or of its lexicon, that word as it was resolved, images of one thing,
        clips of a word, or the position of a spoken example.
    options : SearchOptions
    judged : sequence of Judgement, optional
        Judgements of this query, if they were read already.

    Raises
    ------
    EarmarkError
        If nothing is indexed, the word is unknown, an image can't be read, there is no such position, the model does
        not accept this type of query, or it has no operating points to choose by.
    """
    require_recordings(archive)
    if isinstance(query, str):
        query = resolve_word(archive, query)
    if isinstance(query, (Alias, ImageQuery)) and not archive.vocabulary.words:
        raise EarmarkError(NO_QUERIES)
    if judged is None:
        judged = judgements(archive, judgement_key(archive, query))
    if not judged:
        return ranked_by_model(archive, query, options)
    return _taught(archive, query, options, judged)


def _taught(
    archive: Archive, query: ArchiveQuery, options: SearchOptions, judged: Sequence[Judgement]
) -> list[ArchiveHit]:
    """Judged hits, then the others by what the judgements teach."""
    deep = options.top
    if isinstance(query, (str, Alias)):
        deep = max(deep, RANKED_BY_MODEL)
    hits = _calibrated(with_verdicts(ranked_by_model(archive, query, replace(options, top=deep)), judged))
    rows = matching_recordings(archive, recording_conditions(archive, _filters(options)))
    ranked = rank_by_judgements(
        archive,
        _name(query),
        hits,
        judged,
        options.top,
        rows,
        _examples(archive, query),
        lambda found: (
            options.max_fa_per_hour is None
            and found.hit.score >= (options.min_score or 0.0)
            and _admits(options, found.position)
        ),
        OF_KEYWORDS if isinstance(query, (str, Alias)) else OF_CLIPS,
    )
    return ranked[: sum(hit.verdict is not None for hit in ranked) + options.top]


def _calibrated(hits: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """The model's hits, those that nobody has judged with the probability that judgements give their scores."""
    calibration = calibration_of(hits)
    if calibration is None:
        return list(hits)
    probabilities = calibration.probabilities(np.array([hit.hit.score for hit in hits]))
    return [
        replace(hit, probability=float(probability)) if hit.verdict is None else hit
        for hit, probability in zip(hits, probabilities, strict=True)
    ]


def _name(query: ArchiveQuery) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, (Alias, LexiconWord)):
        return query.word
    return f"like {query}" if isinstance(query, Position) else query.name


def _examples(archive: Archive, query: ArchiveQuery) -> list[Single]:
    """Frames of the word that a query holds itself."""
    if isinstance(query, SpokenQuery):
        return [encode_clip(archive.spoken.spotter, clip) for clip in query.clips]
    return [frames_at(archive, query)] if isinstance(query, Position) else []


def _filters(options: SearchOptions) -> Filters:
    within = options.within
    return options.filters if within is None else replace(options.filters, recordings=within.recordings)


def _admits(options: SearchOptions, position: Position) -> bool:
    within, outside = options.within, options.outside
    return (within is None or within.holds(position)) and (outside is None or not outside.holds(position))


def judgement_key(archive: Archive, query: ArchiveQuery) -> str:
    """Key that judgements of a query are stored under; a spelling of a word of the lexicon has that word's.

    Raises
    ------
    EarmarkError
        If a written word is unknown, or a file can't be read.
    """
    resolved = resolve_word(archive, query) if isinstance(query, str) else query
    return resolved.key if isinstance(resolved, LexiconWord) else query_key(resolved)


def resolve_word(archive: Archive, text: str) -> Alias | LexiconWord:
    """What a written word means: a keyword of the model, a word of the archive's list, or one of its lexicon.

    Raises
    ------
    EarmarkError
        If it is none of these.
    """
    if archive.vocabulary.words:
        try:
            return resolve_query(archive, text)
        except UnknownWordError:
            word = find_word(archive, text)
            if word is None:
                raise
            return word
    if not lexicon(archive):
        raise EarmarkError(NO_QUERIES)
    return get_word(archive, text)


def ranked_by_model(archive: Archive, query: ArchiveQuery, options: SearchOptions) -> list[ArchiveHit]:
    """Hits by falling detection score, where they are admitted, as if nothing had been judged.

    More are searched than are wanted, until enough of them are admitted or there are no more.
    """
    before, searched = -1, options.top
    while True:
        hits = _best(archive, query, replace(options, top=searched, filters=_filters(options)))
        admitted = [hit for hit in hits if _admits(options, hit.position)]
        if len(admitted) >= options.top or len(admitted) == len(hits) or len(hits) == before:
            return admitted[: options.top]
        before, searched = len(hits), DEEPER * searched


def _best(archive: Archive, query: ArchiveQuery, options: SearchOptions) -> list[ArchiveHit]:
    """Hits of whole recordings by falling detection score."""
    top, per_hour, filters = options.top, options.max_fa_per_hour, options.filters
    if isinstance(query, (str, Alias)):
        alias = resolve_query(archive, query) if isinstance(query, str) else query
        thresholds = options.min_score if per_hour is None else keyword_thresholds(archive, [alias], per_hour)
        return search_keywords(archive, [alias], top, thresholds, filters)
    if isinstance(query, ImageQuery):
        threshold = options.min_score if per_hour is None else image_threshold(archive, per_hour)
        return search_pictures(archive, query, top, threshold, filters)
    if per_hour is not None:
        raise EarmarkError("Similarity to a spoken example has no rate of false alarms: give a score instead.")
    if isinstance(query, SpokenQuery):
        return search_clips(archive, query, top, options.min_score or 0.0, filters)
    if isinstance(query, LexiconWord):
        return search_word(archive, query, top, options.min_score or 0.0, filters)
    return [hit for hit in search_like(archive, query, top, filters) if hit.hit.score >= (options.min_score or 0.0)]
