"""Praat: a TextGrid for each recording, with a tier for each query.

Long text format, UTF-8. The intervals of a tier cover the recording from start to end without gaps, as Praat wants.
"""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import keeping
from earmark.archive.export._notes import write_notes
from earmark.archive.export._tiers import tiers


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    grids = [_write_grid(recording, out / f"{recording.name}.TextGrid") for recording in recordings]
    return [*grids, *write_notes(collection, out)]


def _write_grid(recording: MarkedRecording, path: Path) -> Path:
    from pympi.Praat import TextGrid

    grid = TextGrid(xmax=max(recording.duration_s, 0.001))
    for name, intervals in tiers(recording):
        tier = grid.add_tier(name.replace('"', '""'))  # pympi doubles the quotes of labels alone
        for start_ms, end_ms, label in intervals:
            tier.add_interval(start_ms / 1000, end_ms / 1000, label, check=False)
    with keeping(path) as partial:
        grid.to_file(partial)
    return path
