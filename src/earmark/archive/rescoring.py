"""Exact scores of windows from their stored frames, without decoding or encoding anything again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Row, select

from earmark.archive.archive import Archive, Position
from earmark.archive.frame_store import Single
from earmark.archive.results import ArchiveHit, merge_hits
from earmark.archive.schema import recordings, timeline_of
from earmark.core.types import Hit, Query
from earmark.localisation.chunks import encoded_frames, localise_frames
from earmark.localisation.spotter import KeywordSpotter
from earmark.localisation.windows import WINDOW_S
from earmark.models.base import EncodedQueries

AT_ONCE = 64  # windows


class ChunkKey(NamedTuple):
    """The key of a stored chunk, in the table of chunks.

    Attributes
    ----------
    recording, channel, number : int
    """

    recording: int
    channel: int
    number: int


class Window(NamedTuple):
    """The key of a window; its :class:`earmark.localisation.windows.Timeline` says where it begins.

    Attributes
    ----------
    recording, channel, number : int
    """

    recording: int
    channel: int
    number: int


@dataclass(frozen=True)
class EncodedQuery:
    """One query, encoded, with the spotter that encoded it.

    Attributes
    ----------
    name : str
        The `query` of its hits.
    spotter : KeywordSpotter
    encoded : EncodedQueries
        A batch of one, of :meth:`earmark.localisation.spotter.KeywordSpotter.encode_queries`.
    """

    name: str
    spotter: KeywordSpotter
    encoded: EncodedQueries


Recordings = Mapping[int, Row[Any]]


def matching_recordings(archive: Archive, conditions: Sequence[ColumnElement[bool]]) -> Recordings:
    """The recordings that meet some conditions, by number."""
    with archive.reading() as connection:
        return {row.id: row for row in connection.execute(select(recordings).where(*conditions))}


def all_windows(rows: Iterable[Row[Any]]) -> Iterator[Window]:
    """Every window of some recordings."""
    for row in rows:
        for channel in range(1, row.channels + 1):
            for number in range(timeline_of(row).windows):
                yield Window(row.id, channel, number)


def windows_from(chunk: ChunkKey, rows: Recordings) -> Iterator[Window]:
    """The windows that start in a chunk."""
    for number in timeline_of(rows[chunk.recording]).chunk_windows(chunk.number):
        yield Window(chunk.recording, chunk.channel, number)


def windows_around(recording: int, channel: int, start_s: float, end_s: float, rows: Recordings) -> Iterator[Window]:
    """The windows that overlap a segment of a recording."""
    for number in timeline_of(rows[recording]).windows_around(start_s, end_s):
        yield Window(recording, channel, number)


def score_windows(
    archive: Archive, query: EncodedQuery, windows: Sequence[Window], rows: Recordings
) -> list[ArchiveHit]:
    """A hit for each window, the best first, after non-maximum suppression.

    Windows that were not indexed, or were skipped as silence, have none.

    Parameters
    ----------
    archive : Archive
    query : EncodedQuery
    windows : sequence of Window
        Of the recordings in `rows`.
    rows : mapping
        Of :func:`matching_recordings`.
    """
    found: list[ArchiveHit] = []
    for first in range(0, len(windows), AT_ONCE):
        batch = [(window, frames_of(archive, window, rows)) for window in windows[first : first + AT_ONCE]]
        found += _score_batch(query, [(window, frames) for window, frames in batch if frames.any()], rows)
    return merge_hits(found)


def frames_of(archive: Archive, window: Window, rows: Recordings) -> Single:
    """The frames (t, K) of a window."""
    row = rows[window.recording]
    timeline = timeline_of(row)
    start_s = timeline.window_start_s(window.number)
    return archive.frames.segment(row.sha256, timeline, window.channel, start_s, start_s + WINDOW_S)


def _score_batch(query: EncodedQuery, batch: Sequence[tuple[Window, Single]], rows: Recordings) -> list[ArchiveHit]:
    if not batch:
        return []
    _, _, best = localise_frames(query.spotter, [frames for _, frames in batch], query.encoded)
    return [
        _hit(query.name, window, rows[window.recording], float(best.scores[i, 0]), edges_s)
        for i, (window, _) in enumerate(batch)
        for edges_s in [(float(best.times_s[i, 0]), float(best.starts_s[i, 0]), float(best.ends_s[i, 0]))]
    ]


def _hit(name: str, window: Window, row: Row[Any], score: float, edges_s: tuple[float, float, float]) -> ArchiveHit:
    begin_s = timeline_of(row).window_start_s(window.number)
    time_s, start_s, end_s = (min(begin_s + edge_s, row.duration_s) for edge_s in edges_s)
    hit = Hit(row.path, name, score, time_s, start_s, end_s)
    return ArchiveHit(Position(row.id, window.channel, time_s), hit, row.speaker, row.date, row.language)


@dataclass(frozen=True)
class Curve:
    """The localisation curve of a query in a segment of a recording.

    Attributes
    ----------
    times_s, values : numpy.ndarray, shape = (T',)
        Times from the start of the recording, and localisation scores in [0, 1]. Empty where no frames are stored.
    """

    times_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def localisation_curve(
    archive: Archive, queries: Sequence[Query], row: Row[Any], channel: int, start_s: float, end_s: float
) -> Curve | None:
    """The localisation curve of queries in a segment of a recording, from its stored frames.

    No sound is decoded and the speech encoder does not run.

    Parameters
    ----------
    archive : Archive
    queries : sequence of str or ImageQuery
        At each time the curve is that of the best of them.
    row : sqlalchemy.Row
        Of the table of recordings.
    channel : int
    start_s, end_s : float

    Returns
    -------
    Curve or None
        None for a localisation method that needs features, which an archive does not store.
    """
    spotter = archive.spotter
    if spotter.needs_features:
        return None
    timeline = timeline_of(row)
    frames = archive.frames.segment(row.sha256, timeline, channel, start_s, end_s)
    if not frames.any():
        return Curve(np.zeros(0), np.zeros(0))
    located = spotter.localise_encoded(encoded_frames(spotter, [frames]), spotter.encode_queries(queries))
    times_s, curves = (part.double().cpu().numpy() for part in located.over_time())
    return Curve(times_s + archive.frames.first_frame_s(timeline, start_s), curves[0].max(axis=0))
