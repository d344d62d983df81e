"""Hits as the rows of a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping

from earmark.archive.export import _notes
from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import one_line

COLUMNS = (
    "recording",
    "channel",
    "query",
    "score",
    "time_s",
    "start_s",
    "end_s",
    "verdict",
    "speaker",
    "date",
    "language",
    "licence",
    "consent",
)


def row(collection: Collection, recording: MarkedRecording, marked: Marked) -> dict[str, str]:
    """A hit as texts, by column; an empty verdict where nobody has judged."""
    hit = marked.hit
    return {
        "recording": cell(str(recording.path)),
        "channel": str(marked.channel),
        "query": cell(hit.query),
        "score": f"{hit.score:.6f}",
        "time_s": f"{hit.time_s:.3f}",
        "start_s": f"{hit.start_s:.3f}",
        "end_s": f"{hit.end_s:.3f}",
        "verdict": marked.verdict or "",
        "speaker": cell(recording.speaker),
        "date": cell(recording.date),
        "language": cell(recording.language),
        "licence": cell(_notes.licence(collection, recording)),
        "consent": cell(_notes.consent(collection, recording)),
    }


def cell(text: str) -> str:
    """`text` on one line. Spreadsheets would run what looks like a formula: an apostrophe before it stops them."""
    line = one_line(text)
    # Full-width signs count as well: spreadsheets of East Asia read them as the plain ones.
    return f"'{line}" if unicodedata.normalize("NFKC", line).lstrip().startswith(("=", "+", "-", "@")) else line


def as_csv(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """A table as RFC 4180 has it, in UTF-8.

    It begins with a byte order mark, because Excel takes a CSV without one for the country's old 8-bit letters and
    spoils every name that goes beyond them; other programs pass over it.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
