"""Audacity: a label track for each recording; File > Import > Labels reads it.

A line is ``start<TAB>end<TAB>label``, in seconds, with a dot whatever the country.
"""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import put
from earmark.archive.export._notes import write_notes
from earmark.archive.export._tiers import label


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    tracks = [put(out / f"{recording.name}.txt", _labels(recording)) for recording in recordings]
    return [*tracks, *write_notes(collection, out)]


def _labels(recording: MarkedRecording) -> str:
    lines = []
    for marked in sorted(recording.not_rejected, key=lambda marked: (marked.hit.start_s, marked.hit.end_s)):
        channel = f", channel {marked.channel}" if recording.channels > 1 else ""
        lines.append(f"{marked.hit.start_s:.6f}\t{marked.hit.end_s:.6f}\t{label(marked)}{channel}\n")
    return "".join(lines)
