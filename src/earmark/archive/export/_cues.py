"""Hits as cues of subtitles: one after the other in time, each on the screen for long enough to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import put
from earmark.archive.export._notes import write_notes
from earmark.archive.export._tiers import label

SHORTEST_MS = 800  # unless the recording ends before


class Cue(NamedTuple):
    """A line on the screen, and when, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


def cues(recording: MarkedRecording) -> Iterator[Cue]:
    """The hits that nobody rejected, in the order of time. Those that overlap are both on the screen."""
    last_ms = max(1, int(recording.duration_s * 1000))
    for marked in sorted(recording.not_rejected, key=lambda marked: (marked.hit.start_s, marked.hit.end_s)):
        start_ms = min(max(0, round(marked.hit.start_s * 1000)), last_ms - 1)
        end_ms = min(max(round(marked.hit.end_s * 1000), start_ms + SHORTEST_MS), last_ms)
        channel = f" (channel {marked.channel})" if recording.channels > 1 else ""
        # An arrow would end the cue.
        yield Cue(start_ms, end_ms, f"{label(marked)}{channel}".replace("-->", "→"))


def clock(milliseconds: int, point: str) -> str:
    """A time as hours, minutes, seconds and milliseconds.

    >>> clock(3_725_004, ",")
    '01:02:05,004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def write_subtitles(
    collection: Collection, out: Path, ending: str, subtitles: Callable[[MarkedRecording], str]
) -> list[Path]:
    """Write a file of subtitles for each recording with a hit that nobody rejected, and the notes on the collection."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    files = [put(out / f"{recording.name}{ending}", subtitles(recording)) for recording in recordings]
    return [*files, *write_notes(collection, out)]
