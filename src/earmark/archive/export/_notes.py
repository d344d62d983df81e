"""Notes on the licence of a collection and the speakers' consent, which go into every export."""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import one_line, put, writable

NAME = "LICENCE AND CONSENT.txt"


def licence(collection: Collection, recording: MarkedRecording) -> str:
    """The collection's licence and the recording's own, one a line."""
    return _both(collection.licence, recording.licence)


def consent(collection: Collection, recording: MarkedRecording) -> str:
    """The collection's note on consent and the recording's own, one a line."""
    return _both(collection.consent, recording.consent)


def write_notes(collection: Collection, out: Path) -> list[Path]:
    """Write all notes into one text file in `out`; no file where there is no note."""
    parts = [
        _part("The whole collection", collection.licence, collection.consent),
        *(_part(str(recording.path), recording.licence, recording.consent) for recording in collection.recordings),
    ]
    if not any(parts):
        return []
    heading = f"Licence and consent of what was taken from the archive {one_line(collection.name)}"
    return [put(out / NAME, "\n\n".join(filter(None, (heading, *parts))) + "\n")]


def _both(general: str, own: str) -> str:
    return "\n".join(dict.fromkeys(filter(None, (writable(general).strip(), writable(own).strip()))))


def _part(title: str, *notes: str) -> str:
    named = zip(("Licence", "Consent"), notes, strict=True)
    lines = [f"{name}: {writable(note).strip()}" for name, note in named if note.strip()]
    return "\n".join([one_line(title), *lines]) if lines else ""
