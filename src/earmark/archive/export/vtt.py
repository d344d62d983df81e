"""WebVTT subtitles: a ``.vtt`` for each recording, for web pages and players."""

from __future__ import annotations

from html import escape
from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._cues import clock, cues, write_subtitles


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    return write_subtitles(collection, out, ".vtt", _subtitles)


def _subtitles(recording: MarkedRecording) -> str:
    blocks = (
        f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{escape(cue.text, quote=False)}\n"
        for cue in cues(recording)
    )
    return "\n".join(["WEBVTT\n", *blocks])
