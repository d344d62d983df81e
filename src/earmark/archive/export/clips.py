"""Clips: a wav file for each accepted hit, with half a second around it, and a playlist of them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import distinct, keeping, one_line, put, safe
from earmark.archive.export._notes import write_notes
from earmark.archive.export._table import COLUMNS, as_csv, cell, row
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import read_span, write_audio

AROUND_S = 0.5
FOLDER = "clips"  # an entry of a playlist that begins with its name is never taken for a comment or an address


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the accepted hits into the folder `out`: ``clips/*.wav``, ``clips.m3u8`` and ``clips.csv``.

    Clips are mono, of the hit's channel, at 16 kHz.

    Raises
    ------
    EarmarkError
        If nobody has accepted a hit, or a recording can't be read any more, or has lost the channel or the segment of
        a hit.
    """
    if not any(recording.accepted for recording in collection.recordings):
        raise EarmarkError(f"No hit in {collection.name} is accepted: judge some with 'earmark serve' before.")
    clips, playlist, rows = [], ["#EXTM3U"], []
    for name, recording, marked in _named(collection):
        path = out / FOLDER / f"{name}.wav"
        seconds = _write_clip(recording, marked, path)
        clips.append(path)
        playlist += [f"#EXTINF:{seconds:.3f},{one_line(name)}", f"{FOLDER}/{path.name}"]
        rows.append({"clip": cell(f"{FOLDER}/{path.name}"), **row(collection, recording, marked)})
    lists = [
        put(out / "clips.m3u8", "\n".join(playlist) + "\n"),
        put(out / "clips.csv", as_csv(["clip", *COLUMNS], rows)),
    ]
    return [*clips, *lists, *write_notes(collection, out)]


def _named(collection: Collection) -> Iterator[tuple[str, MarkedRecording, Marked]]:
    """The accepted hits, each with a file name of its own that begins with the query."""
    taken: set[str] = set()
    for recording in collection.recordings:
        for marked in recording.accepted:
            channel = f" channel {marked.channel}" if recording.channels > 1 else ""
            place = f" {marked.hit.time_s:.2f} s{channel}"
            yield distinct(safe(f"{marked.hit.query} {recording.name}", place), taken), recording, marked


def _write_clip(recording: MarkedRecording, marked: Marked, path: Path) -> float:
    """Write a clip; its length in seconds."""
    hit = marked.hit
    segment = read_span(recording.path, max(0.0, hit.start_s - AROUND_S), hit.end_s + AROUND_S)
    if len(segment) < marked.channel or segment.shape[1] == 0:
        raise EarmarkError(
            f"{recording.path} has no channel {marked.channel} at {hit.start_s:.2f} s any more: index it again."
        )
    with keeping(path) as partial:
        write_audio(partial, segment[marked.channel - 1])
    return float(segment.shape[1] / SAMPLE_RATE)
