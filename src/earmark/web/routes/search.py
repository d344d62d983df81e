"""Routes of search: ranked hits, and the localisation curve around one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import Judgement, judgements, verdict_counts
from earmark.archive.lexicon import LexiconWord
from earmark.archive.query_aliases import Alias
from earmark.archive.rescoring import Curve, localisation_curve
from earmark.archive.results import ArchiveHit, Filters, Opinion, Verdict
from earmark.archive.schema import NEW, recordings
from earmark.archive.search import SearchOptions
from earmark.archive.what_to_judge import judging_list
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader, PositionText, QueryText, Score, Text, parse_query
from earmark.web.recording_files import (
    display_folder,
    file_name,
    indexed_folders,
    read_segment,
    recording_row,
    resolve_folder,
)
from earmark.web.state import ServerState, State
from earmark.web.uploads import body_of, documented_body

OVERFETCH = 4  # times `top` hits are re-ranked, once there are judgements
CURVE_MARGIN_S = 4.0  # of a curve, before and after a position
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")

CLIP_TYPES = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/webm")

router = APIRouter(tags=["search"])


class SearchParameters(BaseModel):
    """How many hits to return, and of which recordings."""

    top: int = Field(50, ge=1, le=1000, description="Unjudged hits, at most.")
    folder: Text = Field("", description="As hits display it, with all folders below.")
    speaker: Text = ""
    date: Text = Field("", description="A prefix of the date: 2019 or 2019-04.")
    language: Text = ""
    fa_per_hour: float | None = Field(
        None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Threshold, as expected false alarms an hour.",
    )
    min_score: Score | None = None
    mixed: bool = Field(
        True, description="Whether a few hits whose judgement would teach most are among the likeliest."
    )


SearchQuery = Annotated[SearchParameters, Query()]


class VerdictCounts(BaseModel):
    """Number of judgements of a query, by verdict."""

    yes: int
    related: int
    no: int

    @classmethod
    def of(cls, judged: Iterable[Judgement]) -> VerdictCounts:
        """Count judgements."""
        yes, related, no = verdict_counts(judged)
        return cls(yes=yes, related=related, no=no)


class OpinionResponse(BaseModel):
    """One person's verdict on a place where people disagree."""

    judge: str = Field(description="As they call themselves; empty where nobody said.")
    verdict: Verdict


class HitResponse(BaseModel):
    """A hit: a candidate to listen to, not a fact."""

    position: str
    recording: int
    name: str = Field(description="Of the file.")
    folder: str = Field(description="Label of the indexed folder, and the folders below.")
    channel: int
    channels: int
    score: float
    time_s: float
    start_s: float
    end_s: float
    speaker: str
    date: str
    language: str
    verdict: Verdict | None
    probability: float | None = Field(
        description="That it is right, calibrated by the judgements of the query; null where these are too few."
    )
    teaches: bool = Field(description="Whether it is there because its judgement would teach most.")
    opinions: list[OpinionResponse] = Field(description="Of everybody who judged it, where people disagree.")


class HitsLeftResponse(BaseModel):
    """An estimate of how many right hits nobody has judged yet, from a random sample of the judgements."""

    expected: float
    low: float = Field(description="Of an interval that holds the truth in nine of ten cases.")
    high: float
    sampled: int = Field(description="Judgements that it rests on.")


class ThresholdResponse(BaseModel):
    """A detection threshold of a query, and the false alarms above it."""

    score: float
    false_alarms_per_hour: float
    low: float | None = Field(description="Of an interval that holds the rate in nine of ten cases; null of dev's.")
    high: float | None
    precision: float | None = Field(description="Expected share of right ones among the hits above; null of dev's.")
    judged: int = Field(description="Judgements that it rests on; 0 if it is the model's own, from its dev set.")


class SearchResponse(BaseModel):
    """The best hits of a query: first the judged ones, then the others, re-ranked by the judgements."""

    query: str = Field(description="Key of the query, for further requests and for judgements.")
    name: str
    hits: list[HitResponse]
    judged: VerdictCounts
    left: HitsLeftResponse | None = Field(description="Of the model's hits; null where too little was judged to say.")
    pays: bool = Field(description="Whether judging more is likely to find more.")
    threshold: ThresholdResponse | None = Field(description="Null where neither judgements nor dev give one.")
    unfinished: int = Field(description="Recordings that are not indexed to their end: there may be more hits later.")


class CurveResponse(BaseModel):
    """The localisation score of a query over time, around a position."""

    start_s: float
    end_s: float
    times_s: list[float]
    curve: list[float] = Field(description="In [0, 1]; empty for a query without localisation scores.")


@router.get("/api/search", responses=documented(400, 404))
def search(state: State, query: QueryText, parameters: SearchQuery) -> SearchResponse:
    """Search for a word, for a stored image or clip, or for what sounds like a position of the archive."""
    return _search(state, query, parameters)


image_body = body_of("image/", "The body is no picture: upload a JPEG or a PNG.", "noPicture")
clip_body = body_of("audio/", "The body is no sound: upload a WAV, FLAC, Ogg, MP3 or M4A file.", "noSound")


@router.post(
    "/api/search/picture", responses=documented(400, 403, 413, 415), openapi_extra=documented_body(IMAGE_TYPES)
)
def search_with_image(
    state: State, image: Annotated[bytes, Depends(image_body)], parameters: SearchQuery, _: PageHeader
) -> SearchResponse:
    """Search for what an image shows. The body is the image file; it is stored under the key of the answer."""
    return _search(state, state.images.add(image), parameters)


class ClipResponse(BaseModel):
    """A stored clip."""

    query: str = Field(description="Key of a query with this clip alone.", examples=["clip:1f9c0a7be2d34c56"])


@router.post("/api/clips", responses=documented(400, 403, 413, 415), openapi_extra=documented_body(CLIP_TYPES))
def store_clip(state: State, clip: Annotated[bytes, Depends(clip_body)], _: PageHeader) -> ClipResponse:
    """Store a clip of a word, to search with it. The body is an audio file."""
    return ClipResponse(query=state.images.add_clip(clip))


@router.get("/api/curve", responses=documented(400, 404, 409))
def curve(state: State, query: QueryText, position: PositionText) -> CurveResponse:
    """The localisation curve of a query around a position, from the archive's stored frames."""
    where = Position.read(position)
    with state.archive.session() as archive:
        parsed = parse_query(archive, state.images, query).query
        row = recording_row(archive, where.recording, where.channel)
    centre_s = min(where.time_s, row.duration_s)
    start_s, end_s = max(0.0, centre_s - CURVE_MARGIN_S), min(row.duration_s, centre_s + CURVE_MARGIN_S)
    if isinstance(parsed, (Position, SpokenQuery, LexiconWord)):
        return CurveResponse(start_s=start_s, end_s=end_s, times_s=[], curve=[])
    queries = parsed.keywords if isinstance(parsed, Alias) else (parsed,)
    with state.model:
        curve = localisation_curve(state.archive, queries, row, where.channel, start_s, end_s)
        if curve is None:  # the model's localisation method needs more than the stored frames
            waveform = read_segment(row, where.channel, start_s, end_s)
            scored = state.archive.spotter.score_utterance(waveform, queries, start_s=start_s)
            curve = Curve(scored[0].times_s, np.max([hit.curve for hit in scored], axis=0))
    return CurveResponse(start_s=start_s, end_s=end_s, times_s=curve.times_s.tolist(), curve=curve.values.tolist())


def _search(state: ServerState, query: str, parameters: SearchParameters) -> SearchResponse:
    with state.archive.session() as archive:
        parsed = parse_query(archive, state.images, query)
        judged = judgements(archive, parsed.key)
        labels = indexed_folders(archive)
        options = SearchOptions(
            parameters.top * (OVERFETCH if judged else 1),
            parameters.min_score,
            parameters.fa_per_hour,
            Filters(
                resolve_folder(parameters.folder, labels) if parameters.folder else "",
                parameters.speaker,
                parameters.date,
                parameters.language,
            ),
        )
        encoded = isinstance(parsed.query, (ImageQuery, SpokenQuery, LexiconWord))
        with state.model if encoded else nullcontext():
            found = judging_list(archive, parsed.query, options, judged, parameters.mixed)
        hits = list(_limit_unjudged(found.hits, parameters.top))
        return SearchResponse(
            query=parsed.key,
            name=parsed.name,
            hits=_hit_responses(archive, hits, labels),
            judged=VerdictCounts.of(judged),
            left=None if found.left is None else HitsLeftResponse(**asdict(found.left)),
            pays=found.pays,
            threshold=None if found.threshold is None else ThresholdResponse(**asdict(found.threshold)),
            unfinished=_count_unfinished(archive),
        )


def _limit_unjudged(hits: Iterable[ArchiveHit], top: int) -> Iterator[ArchiveHit]:
    """All judged hits, and the first `top` of the others."""
    left = top
    for hit in hits:
        if hit.verdict is None:
            left -= 1
        if hit.verdict is not None or left >= 0:
            yield hit


def _hit_responses(archive: Archive, hits: Sequence[ArchiveHit], labels: dict[str, str]) -> list[HitResponse]:
    columns = (recordings.c.id, recordings.c.path, recordings.c.folder, recordings.c.channels)
    numbers = {hit.position.recording for hit in hits}
    with archive.reading() as connection:
        rows = {row.id: row for row in connection.execute(select(*columns).where(recordings.c.id.in_(numbers)))}
    return [_hit_response(hit, rows[hit.position.recording], labels) for hit in hits]


def _hit_response(found: ArchiveHit, row: Any, labels: dict[str, str]) -> HitResponse:
    hit, position = found.hit, found.position
    return HitResponse(
        position=str(position),
        recording=position.recording,
        name=file_name(row.path),
        folder=display_folder(row.path, row.folder, labels),
        channel=position.channel,
        channels=row.channels,
        score=hit.score,
        time_s=hit.time_s,
        start_s=hit.start_s,
        end_s=hit.end_s,
        speaker=found.speaker,
        date=found.date,
        language=found.language,
        verdict=found.verdict,
        probability=found.probability,
        teaches=found.teaches,
        opinions=opinion_responses(found.opinions),
    )


def opinion_responses(opinions: Iterable[Opinion]) -> list[OpinionResponse]:
    """Opinions, as responses have them."""
    return [OpinionResponse(judge=one.judge, verdict=one.verdict) for one in opinions]


def _count_unfinished(archive: Archive) -> int:
    with archive.reading() as connection:
        count: int = connection.execute(select(func.count()).where(recordings.c.status == NEW)).scalar_one()
    return count
