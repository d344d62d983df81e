"""Hits as tiers of intervals that don't overlap, which is all that ELAN and Praat know."""

from __future__ import annotations

import math
from collections.abc import Collection as Container
from itertools import groupby
from typing import NamedTuple

from earmark.archive.export._collection import Marked, MarkedRecording
from earmark.archive.export._files import distinct, one_line
from earmark.core.types import Hit
from earmark.media.annotations.tiers import EXPORTED


class Interval(NamedTuple):
    """An annotation: a segment of a recording in whole milliseconds, at least one long, and its text."""

    start_ms: int
    end_ms: int
    label: str


class Tier(NamedTuple):
    """Intervals in the order of time; each begins where the one before has ended, or later."""

    name: str
    intervals: list[Interval]


def tiers(recording: MarkedRecording, taken: Container[str] = (), origin_ms: int = 0, whose: str = "") -> list[Tier]:
    """The hits of a recording that nobody rejected: a tier a query, and a channel where there are several.

    Hits that overlap go into a second tier, for no extent that a person set may be changed.

    Parameters
    ----------
    recording : MarkedRecording
    taken : collection of str
        Names that no tier may have.
    origin_ms : int
        Time of the recording at time 0 of the tiers. A hit that ends before it is left out, one that begins before it
        begins there.
    whose : str
        Name of the recording, for the tiers' names where there are tiers of several.
    """
    names: set[str] = set()
    for name in taken:
        distinct(name, names)
    made = []
    for name, hits in groupby(
        sorted(recording.not_rejected, key=_order), lambda marked: _name(marked, recording, whose)
    ):
        intervals = (_interval(marked, recording.duration_s, origin_ms) for marked in hits)
        for layer in _layers([interval for interval in intervals if interval.end_ms > 0]):
            made.append(Tier(distinct(name, names), layer))
    return made


def label(marked: Marked) -> str:
    """The query; with a question mark where nobody has judged."""
    query = one_line(marked.hit.query)
    return query + {"yes": "", "related": " (related)", "no": " (rejected)", None: "?"}[marked.verdict]


def _order(marked: Marked) -> tuple[str, int]:
    return one_line(marked.hit.query), marked.channel


def _name(marked: Marked, recording: MarkedRecording, whose: str) -> str:
    channel = f", channel {marked.channel}" if recording.channels > 1 else ""
    of = f", {one_line(whose)}" if whose else ""
    return f"{EXPORTED}{one_line(marked.hit.query)}{of}{channel}"


def _interval(marked: Marked, duration_s: float, origin_ms: int) -> Interval:
    start_ms, end_ms = _extent_ms(marked.hit, max(1, math.floor(duration_s * 1000)))
    return Interval(max(0, start_ms - origin_ms), end_ms - origin_ms, label(marked))


def _extent_ms(hit: Hit, last_ms: int) -> tuple[int, int]:
    start_ms = min(max(0, round(hit.start_s * 1000)), last_ms - 1)
    return start_ms, min(max(start_ms + 1, round(hit.end_s * 1000)), last_ms)


def _layers(intervals: list[Interval]) -> list[list[Interval]]:
    """As few lists as there need be, with no overlap in any: each interval goes into the first that has room."""
    layers: list[list[Interval]] = []
    for interval in sorted(intervals):
        roomy = (layer for layer in layers if layer[-1].end_ms <= interval.start_ms)
        layer = next(roomy, None)
        if layer is None:
            layers.append(layer := [])
        layer.append(interval)
    return layers
