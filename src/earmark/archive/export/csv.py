"""CSV: one table of all hits, rejected ones as well, for spreadsheets and statistics."""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection
from earmark.archive.export._files import put
from earmark.archive.export._notes import write_notes
from earmark.archive.export._table import COLUMNS, as_csv, row


def write(collection: Collection, out: Path) -> list[Path]:
    """Write all hits into the folder `out`."""
    rows = (row(collection, recording, marked) for recording in collection.recordings for marked in recording.hits)
    return [put(out / "hits.csv", as_csv(COLUMNS, rows)), *write_notes(collection, out)]
