"""WebVTT: subtitles for each recording; browsers and VLC show them while it plays.

The format is that of the W3C (https://www.w3.org/TR/webvtt1/). A cue lasts as long as the hit, and holds its word and
its score, or a tick where somebody accepted it.
"""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export import Collection, Marked, MarkedRecording, put

SHORTEST_S = 0.001  # a cue has to end after it starts


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    return [put(out / f"{recording.name}.vtt", _cues(recording)) for recording in recordings]


def _cues(recording: MarkedRecording) -> str:
    hits = sorted(recording.not_rejected, key=lambda marked: (marked.hit.start_s, marked.hit.end_s))
    return "WEBVTT\n\n" + "\n".join(map(_cue, hits))


def _cue(marked: Marked) -> str:
    hit = marked.hit
    end_s = max(hit.end_s, hit.start_s + SHORTEST_S)
    word = " ".join(hit.query.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    note = "✓" if marked.verdict == "yes" else f"{hit.score:.2f}"
    return f"{_time(hit.start_s)} --> {_time(end_s)}\n{word} {note}\n"


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
