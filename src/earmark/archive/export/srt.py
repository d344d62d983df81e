"""SubRip subtitles: an ``.srt`` for each recording, for players and editors of films."""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._cues import clock, cues
from earmark.archive.export._files import put
from earmark.archive.export._notes import write_notes


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    files = [put(out / f"{recording.name}.srt", _subtitles(recording)) for recording in recordings]
    return [*files, *write_notes(collection, out)]


def _subtitles(recording: MarkedRecording) -> str:
    blocks = (
        f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues(recording), start=1)
    )
    return "\n".join(blocks)
