"""SubRip subtitles: an ``.srt`` for each recording, for players and editors of films."""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._cues import clock, cues, write_subtitles


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    return write_subtitles(collection, out, ".srt", _subtitles)


def _subtitles(recording: MarkedRecording) -> str:
    blocks = (
        f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues(recording), start=1)
    )
    return "\n".join(blocks)
