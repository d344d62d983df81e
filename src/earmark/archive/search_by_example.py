"""Search by a spoken example in the archive: segments whose frames are like those of the example.

The example e is compared with every segment of equal length. Their similarity is the mean cosine of their frames, one
by one, after the mean frame of the example's surroundings is subtracted from all, as it is common to everything there.

    score = (1 + max_t mean_i cos(e_i, x_{t + i})) / 2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row, select

from earmark.archive.ann_index import l2_normalise, nearest_windows, pooled
from earmark.archive.archive import Archive, Position
from earmark.archive.encoding import FEATURES
from earmark.archive.frame_store import Single
from earmark.archive.judgements import judge
from earmark.archive.judgements import judgements as judgements_of
from earmark.archive.rescoring import Recordings, Window, all_windows, frames_of, matching_recordings
from earmark.archive.results import ArchiveHit, Filters, merge_hits, recording_conditions
from earmark.archive.schema import judgements, postings, timeline_of
from earmark.archive.search_by_clip import search_frames
from earmark.archive.shards import lookup
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.localisation.windows import WINDOW_S

MIN_EXAMPLE_S = 0.3  # less is a sound, not a word
DEFAULT_EXAMPLE_S = 0.5  # where no hit or judgement gives an extent
CANDIDATE_MULTIPLIER = 10  # windows compared for each hit that is wanted
MIN_CANDIDATES = 500
MAX_DISTANCE_S = 0.3  # between a position and its hit


def search_like(
    archive: Archive, position: Position, top: int, filters: Filters | None = None, exhaustive: bool = False
) -> list[ArchiveHit]:
    """Hits like a spoken example, by falling similarity; the example itself is left out.

    Parameters
    ----------
    archive : Archive
    position : Position
        The middle of the example. Its extent is that of the hit or the judgement there, else half a second.
    top : int
        The largest number of hits.
    filters : Filters, optional
    exhaustive : bool
        Compare with every window, as a reference.

    Raises
    ------
    EarmarkError
        If there is no such position, or it was not indexed.
    """
    row, start_s, end_s, example = _example(archive, position)
    name = f"like {position}"
    if archive.spoken.kind == FEATURES:
        like = search_frames(archive, name, [example], [], top + 1, 0.0, filters)
        return [one for one in like if not _is_at(one, position, start_s, end_s)][:top]
    around = archive.frames.segment(
        row.sha256, timeline_of(row), position.channel, max(0.0, start_s - WINDOW_S), end_s + WINDOW_S
    )
    mean_frame = around[around.any(axis=1)].mean(axis=0)
    rows = matching_recordings(archive, recording_conditions(archive, filters or Filters()))
    windows = list(all_windows(rows.values())) if exhaustive else _candidates(archive, example, rows, top)
    found = [one for window in windows for one in _compare(archive, example, mean_frame, window, rows, name)]
    others = [one for one in found if not _is_at(one, position, start_s, end_s)]
    return merge_hits(others)[:top]


def accept_example(archive: Archive, key: str, position: Position) -> None:
    """Store that a spoken example is a hit of a query, unless somebody has judged it."""
    start_s, end_s = extent_s(archive, position)
    same = (one for one in judgements_of(archive, key) if one.position[:2] == position[:2])
    if not any(one.start_s < end_s and start_s < one.end_s for one in same):
        judge(archive, key, ArchiveHit(position, Hit("", key, 1.0, position.time_s, start_s, end_s)), "yes")


def example_frames(archive: Archive, row: Row[Any], channel: int, start_s: float, end_s: float) -> Single:
    """The frames (m, K) that stand for a segment of a recording as a spoken query, at least as long as a word."""
    return archive.spoken.frames.segment(row.sha256, timeline_of(row), channel, *_long_enough(start_s, end_s))


def frames_at(archive: Archive, position: Position) -> Single:
    """Frames (t, K) of a spoken example; errors as of :func:`search_like`."""
    return _example(archive, position)[3]


def _example(archive: Archive, position: Position) -> tuple[Row[Any], float, float, Single]:
    """Recording of an example, its start and end, and its frames."""
    row = matching_recordings(archive, recording_conditions(archive, Filters())).get(position.recording)
    if row is None or not (1 <= position.channel <= row.channels and position.time_s <= row.duration_s):
        sentence = f"The archive has no position {position}: take one from 'earmark search --json'."
        raise EarmarkError(sentence, code="searchAgain")
    start_s, end_s = extent_s(archive, position)
    example = example_frames(archive, row, position.channel, start_s, end_s)
    if not example.any():
        raise EarmarkError(
            f"The position {position} was not indexed: it is silent, or its recording is still being indexed.",
            code="noExample",
        )
    return row, start_s, end_s, example


def similarity(example: Single, frames: Single) -> tuple[float, int]:
    """Similarity of an example (m, K) to the most similar segment of some frames (t, K), and where that starts.

    Returns
    -------
    score : float
        In [0, 1].
    first : int
        First frame of the segment.
    """
    shorter = min(len(example), len(frames))
    cosines = np.ascontiguousarray(l2_normalise(frames) @ l2_normalise(example[:shorter]).T)
    row, column = cosines.strides
    # Row f holds the cosines with the segment from frame f on: a diagonal.
    diagonals = np.lib.stride_tricks.as_strided(cosines, (len(frames) - shorter + 1, shorter), (row, row + column))
    means = diagonals.mean(axis=1)
    best = int(np.argmax(means))
    return float(np.clip((1 + means[best]) / 2, 0, 1)), best


def _compare(
    archive: Archive, example: Single, mean_frame: Single, window: Window, rows: Recordings, name: str
) -> list[ArchiveHit]:
    """The segment of a window that is most like the example; none in silence."""
    frames = frames_of(archive, window, rows)
    if not frames.any():
        return []
    score, first = similarity(example - mean_frame, frames - mean_frame)
    row, step_s = rows[window.recording], archive.frames.step_s
    begin_s = timeline_of(row).window_start_s(window.number)
    start_s = min(begin_s + first * step_s, row.duration_s)
    end_s = min(start_s + min(len(example), len(frames)) * step_s, row.duration_s)
    hit = Hit(row.path, name, score, (start_s + end_s) / 2, start_s, end_s)
    return [ArchiveHit(Position(row.id, window.channel, hit.time_s), hit, row.speaker, row.date, row.language)]


def _is_at(found: ArchiveHit, position: Position, start_s: float, end_s: float) -> bool:
    """Whether a hit is the example itself."""
    return found.position[:2] == position[:2] and found.hit.start_s < end_s and start_s < found.hit.end_s


def _candidates(archive: Archive, example: Single, rows: Recordings, top: int) -> Sequence[Window]:
    folders, windows = lookup(archive, rows)
    step_s = archive.frames.step_s
    nearest = nearest_windows(
        folders, pooled(example, step_s), rows, step_s, max(MIN_CANDIDATES, CANDIDATE_MULTIPLIER * top)
    )
    return list(dict.fromkeys(windows + nearest))


def extent_s(archive: Archive, position: Position) -> tuple[float, float]:
    """Start and end of the example: of a judgement, of a hit, or half a second."""
    with archive.reading() as connection:
        for table in (judgements, postings):
            statement = select(table.c.start_s, table.c.end_s, table.c.time_s).where(
                table.c.recording == position.recording,
                table.c.channel == position.channel,
                table.c.time_s.between(position.time_s - MAX_DISTANCE_S, position.time_s + MAX_DISTANCE_S),
            )
            rows = connection.execute(statement).all()
            if rows:
                nearest = min(rows, key=lambda row: abs(row.time_s - position.time_s))
                return _long_enough(nearest.start_s, nearest.end_s)
    return max(0.0, position.time_s - DEFAULT_EXAMPLE_S / 2), position.time_s + DEFAULT_EXAMPLE_S / 2


def _long_enough(start_s: float, end_s: float) -> tuple[float, float]:
    short_s = max(0.0, MIN_EXAMPLE_S - (end_s - start_s))
    return max(0.0, start_s - short_s / 2), end_s + short_s / 2
