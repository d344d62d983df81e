"""Waveform overview: lowest and highest sample of every 20 ms, from which hours of sound are drawn at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, select

from earmark.archive.archive import Archive
from earmark.archive.schema import chunks, timeline_of
from earmark.core.timing import SAMPLE_RATE, exact_div
from earmark.media.audio import Waveform

PEAKS_PER_S = 50
LOUDEST = 127  # full scale; 8 bits are finer than a screen

WaveformOverview = npt.NDArray[np.int8]


def waveform_overview(waveform: Waveform) -> WaveformOverview:
    """Lowest and highest sample of every 20 ms, shape = (2, n), 127 being full scale."""
    step = exact_div(SAMPLE_RATE, PEAKS_PER_S)
    padding = -len(waveform) % step
    whole = np.pad(waveform, (0, padding), mode="edge") if padding else waveform
    rows = whole.reshape(-1, step)
    both = np.stack([rows.min(axis=1), rows.max(axis=1)]) if len(rows) else np.zeros((2, 0))
    return np.clip(np.rint(both * LOUDEST), -LOUDEST, LOUDEST).astype(np.int8)


def peaks(
    archive: Archive, recording: Row[Any], channel: int, start_s: float, end_s: float, count: int
) -> WaveformOverview:
    """Overview of a segment of a recording in `count` columns; 0 where it is not indexed yet.

    Returns
    -------
    numpy.ndarray, shape = (2, count), int8
        Lowest and highest sample, 127 being full scale.
    """
    timeline = timeline_of(recording)
    statement = select(chunks.c.number, chunks.c.peaks).where(
        chunks.c.recording == recording.id,
        chunks.c.channel == channel,
        # The last chunk of a recording is a little longer than others.
        chunks.c.number.between(timeline.chunk_at(start_s) - 1, timeline.chunk_at(end_s)),
    )
    with archive.reading() as connection:
        rows = connection.execute(statement).all()
    edges = np.rint(np.linspace(start_s, end_s, count + 1) * PEAKS_PER_S).astype(np.int64)
    whole = np.zeros((2, int(edges[-1] - edges[0]) + 1), np.int8)
    for number, packed in rows:
        part = np.frombuffer(packed, np.int8).reshape(2, -1)
        at = round(timeline.chunk_start_s(number) * PEAKS_PER_S) - int(edges[0])
        inside = slice(max(0, at), min(whole.shape[1], at + part.shape[1]))
        if inside.start < inside.stop:
            whole[:, inside] = part[:, inside.start - at : inside.stop - at]
    lefts = (edges[:-1] - edges[0]).clip(0, whole.shape[1] - 1)
    # A column that is narrower than a peak shows the peak that it lies in.
    rights = np.maximum(edges[1:] - edges[0], lefts + 1)
    return _between(whole, lefts, rights)


def _between(whole: WaveformOverview, lefts: npt.NDArray[np.int64], rights: npt.NDArray[np.int64]) -> WaveformOverview:
    """Lowest and highest of each range, which tile the whole or repeat a single column of it."""
    pairs = np.stack([lefts, rights], axis=1).ravel()
    padded = np.pad(whole, ((0, 0), (0, 1)), mode="edge")
    lowest = np.minimum.reduceat(padded[0], pairs)[::2]
    highest = np.maximum.reduceat(padded[1], pairs)[::2]
    return np.stack([lowest, highest])
