"""Exact scores of windows, from the frames that were kept of them: nothing is heard again."""

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
from earmark.archive.schema import recordings
from earmark.core.types import Hit, Query
from earmark.localisation.chunks import encoded_frames, localise_frames
from earmark.localisation.spotter import KeywordSpotter
from earmark.localisation.windows import HOP_S, WINDOW_S, chunk_windows, count_windows

AT_ONCE = 64  # windows


class Piece(NamedTuple):
    """A piece that was heard, of the table of pieces.

    Attributes
    ----------
    recording, channel, number : int
    """

    recording: int
    channel: int
    number: int


class Window(NamedTuple):
    """A window of an archive: it begins ``number * HOP_S`` seconds after its recording.

    Attributes
    ----------
    recording, channel, number : int
    """

    recording: int
    channel: int
    number: int

    @property
    def start_s(self) -> float:
        """Where it begins in the recording."""
        return self.number * HOP_S


@dataclass(frozen=True)
class Asked:
    """A query as the model takes it.

    Attributes
    ----------
    name : str
        What hits call it.
    spotter : Finder
    query : Any
        One query, of :meth:`earmark.localisation.spotter.KeywordSpotter.encode_queries`.
    """

    name: str
    spotter: KeywordSpotter
    query: Any


Recordings = Mapping[int, Row[Any]]


def searched(archive: Archive, chosen: Sequence[ColumnElement[bool]]) -> Recordings:
    """The recordings that meet some conditions, by number."""
    with archive.reading() as connection:
        return {row.id: row for row in connection.execute(select(recordings).where(*chosen))}


def all_windows(rows: Iterable[Row[Any]]) -> Iterator[Window]:
    """Every window of some recordings."""
    for row in rows:
        for channel in range(1, row.channels + 1):
            for number in range(count_windows(row.duration_s)):
                yield Window(row.id, channel, number)


def windows_from(piece: Piece, rows: Recordings) -> Iterator[Window]:
    """The windows that start in a piece."""
    for number in chunk_windows(piece.number, rows[piece.recording].duration_s):
        yield Window(piece.recording, piece.channel, number)


def windows_around(recording: int, channel: int, start_s: float, end_s: float, rows: Recordings) -> Iterator[Window]:
    """The windows that share time with a stretch of a recording."""
    first = max(0, int((start_s - WINDOW_S) // HOP_S) + 1)
    last = min(int(end_s // HOP_S), count_windows(rows[recording].duration_s) - 1)
    for number in range(min(first, last), last + 1):
        yield Window(recording, channel, number)


def score_windows(archive: Archive, asked: Asked, windows: Sequence[Window], rows: Recordings) -> list[ArchiveHit]:
    """A hit for each window, the best first; those that overlap in time are one.

    Windows that were not heard, or were skipped as silence, have none.

    Parameters
    ----------
    archive : Archive
    asked : Asked
    windows : sequence of Window
        Of the recordings in `rows`.
    rows : mapping
        Of :func:`searched`.
    """
    found: list[ArchiveHit] = []
    for first in range(0, len(windows), AT_ONCE):
        heard = [(window, frames_of(archive, window, rows)) for window in windows[first : first + AT_ONCE]]
        found += _scored(asked, [(window, frames) for window, frames in heard if frames.any()], rows)
    return merge_hits(found)


def frames_of(archive: Archive, window: Window, rows: Recordings) -> Single:
    """The frames (t, K) of a window."""
    row = rows[window.recording]
    return archive.frames.stretch(row.sha256, window.channel, window.start_s, window.start_s + WINDOW_S)


def _scored(asked: Asked, heard: Sequence[tuple[Window, Single]], rows: Recordings) -> list[ArchiveHit]:
    if not heard:
        return []
    _, _, best = localise_frames(asked.spotter, [frames for _, frames in heard], asked.query)
    return [
        _found(asked.name, window, rows[window.recording], float(best.scores[i, 0]), edges_s)
        for i, (window, _) in enumerate(heard)
        for edges_s in [(float(best.times_s[i, 0]), float(best.starts_s[i, 0]), float(best.ends_s[i, 0]))]
    ]


def _found(name: str, window: Window, row: Row[Any], score: float, edges_s: tuple[float, float, float]) -> ArchiveHit:
    time_s, start_s, end_s = (min(window.start_s + edge_s, row.duration_s) for edge_s in edges_s)
    hit = Hit(row.path, name, score, time_s, start_s, end_s)
    return ArchiveHit(Position(row.id, window.channel, time_s), hit, row.speaker, row.date, row.language)


@dataclass(frozen=True)
class Curve:
    """The localisation curve of a query in a stretch of a recording.

    Attributes
    ----------
    times_s, values : numpy.ndarray, shape = (T',)
        Times from the start of the recording, and localisation scores in [0, 1]. Empty where no frames are kept.
    """

    times_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def localisation_curve(
    archive: Archive, queries: Sequence[Query], row: Row[Any], channel: int, start_s: float, end_s: float
) -> Curve | None:
    """The localisation curve of queries in a stretch of a recording, from the frames that were kept of it.

    Nothing is decoded and the speech encoder does not run.

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
        None for a localisation method that needs features, which an archive does not keep.
    """
    spotter = archive.spotter
    if spotter.needs_features:
        return None
    frames = archive.frames.stretch(row.sha256, channel, start_s, end_s)
    if not frames.any():
        return Curve(np.zeros(0), np.zeros(0))
    located = spotter.localise(encoded_frames(spotter, [frames]), spotter.encode_queries(queries))
    times_s, curves = (part.double().cpu().numpy() for part in located.over_time())
    return Curve(times_s + archive.frames.first_frame_s(start_s), curves[0].max(axis=0))
