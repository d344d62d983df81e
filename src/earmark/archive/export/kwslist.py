"""Detection list of NIST: all hits, rejected ones as well, for scoring tools and ``earmark score``.

``kwslist.xml`` holds the hits by query, ``kwlist.xml`` the queries, whose ids are their texts. A hit's decision is yes
where a person accepted it. Files are named as the recordings are, without folder and ending; two recordings of one name
have their folders' names added.
"""

from __future__ import annotations

from pathlib import Path

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import keeping, one_line
from earmark.archive.export._notes import write_notes
from earmark.media.annotations.nist_files import Detection, write_detections, write_terms

DETECTIONS, TERMS, EXCERPTS = "kwslist.xml", "kwlist.xml", "ecf.xml"


def write(collection: Collection, out: Path) -> list[Path]:
    """Write all hits into the folder `out`."""
    found = [_detection(recording, marked) for recording in collection.recordings for marked in recording.hits]
    with keeping(out / DETECTIONS) as partial:
        write_detections(partial, found, TERMS)
    with keeping(out / TERMS) as partial:
        write_terms(partial, {one.term: one.term for one in found}, EXCERPTS)
    return [out / DETECTIONS, out / TERMS, *write_notes(collection, out)]


def _detection(recording: MarkedRecording, marked: Marked) -> Detection:
    hit = marked.hit
    return Detection(
        term=one_line(hit.query),
        file=recording.name,
        channel=str(marked.channel),
        start_s=hit.start_s,
        duration_s=hit.end_s - hit.start_s,
        score=hit.score,
        decision=marked.verdict == "yes",
    )
