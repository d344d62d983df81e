"""JSON: all hits, rejected ones as well, in the form of ``schemas/export.schema.json``, for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import put
from earmark.archive.export._notes import write_notes
from earmark.core.version import __version__


def write(collection: Collection, out: Path) -> list[Path]:
    """Write all hits into the folder `out`."""
    text = json.dumps(_whole(collection), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    # A path that is no UTF-8 has halves of characters; JSON has an escape for these, and it is Python's own.
    return [put(out / "hits.json", text.encode(errors="backslashreplace")), *write_notes(collection, out)]


def _whole(collection: Collection) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "earmark": __version__,
        "archive": collection.name,
        "model": collection.model,
        "licence": collection.licence,
        "consent": collection.consent,
        "recordings": [_recording(recording) for recording in collection.recordings],
    }


def _recording(recording: MarkedRecording) -> dict[str, Any]:
    return {
        "path": str(recording.path),
        "duration_s": recording.duration_s,
        "channels": recording.channels,
        "speaker": recording.speaker,
        "date": recording.date,
        "language": recording.language,
        "licence": recording.licence,
        "consent": recording.consent,
        "hits": [_hit(marked) for marked in recording.hits],
    }


def _hit(marked: Marked) -> dict[str, Any]:
    hit = marked.hit.to_json()
    del hit["recording"]  # the path that all of a recording's hits share
    return {"channel": marked.channel, **hit, "verdict": marked.verdict}
