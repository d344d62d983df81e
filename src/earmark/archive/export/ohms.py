"""OHMS: an index in XML for each recording, for the viewer of the Oral History Metadata Synchronizer.

A point of the index has a whole second, in which its hit begins, and the word as its title.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import one_line, put
from earmark.archive.export._notes import consent, licence, write_notes
from earmark.archive.export._tiers import label

NAMESPACE = "https://www.weareavp.com/nunncenter/ohms"
SCHEMA = f"{NAMESPACE} {NAMESPACE}/ohms.xsd"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
VERSION = "5.4"
POINT = (
    *("time", "title", "title_alt", "partial_transcript", "partial_transcript_alt", "synopsis", "synopsis_alt"),
    *("keywords", "keywords_alt", "subjects", "subjects_alt"),
)
PLACE = ("gps", "gps_zoom", "gps_text", "gps_text_alt")
LINK = ("hyperlink", "hyperlink_text", "hyperlink_text_alt")


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    files = [put(out / f"{recording.name}.ohms.xml", _document(collection, recording)) for recording in recordings]
    return [*files, *write_notes(collection, out)]


def _document(collection: Collection, recording: MarkedRecording) -> bytes:
    root = ET.Element("ROOT", {"xmlns": NAMESPACE, "xmlns:xsi": INSTANCE, "xsi:schemaLocation": SCHEMA})
    # The viewer wants a number; the same recording has the same one in every export.
    record = ET.SubElement(root, "record", id=str(zlib.crc32(recording.name.encode())), dt=recording.date[:10])
    about = {
        "version": VERSION,
        "date_nonpreferred_format": recording.date,
        "title": recording.name,
        "duration": f"{recording.duration_s:.0f}",
        "collection_name": collection.name,
        "interviewee": recording.speaker,
        "file_name": recording.path.name,
        "translate": "0",
        "language": recording.language,
    }
    for name, text in about.items():
        _add(record, name, text)
    _add_index(ET.SubElement(record, "index"), recording)
    for name, text in {
        "type": "interview",
        "description": f"Words found with the model {collection.model}.",
        "rights": licence(collection, recording),
        "fmt": "audio",
        "usage": consent(collection, recording),
    }.items():
        _add(record, name, text)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add_index(index: ET.Element, recording: MarkedRecording) -> None:
    for marked in sorted(recording.not_rejected, key=lambda marked: (marked.hit.start_s, marked.hit.end_s)):
        point = ET.SubElement(index, "point")
        texts = {"time": str(int(marked.hit.start_s)), "title": label(marked), "keywords": one_line(marked.hit.query)}
        for name in POINT:
            _add(point, name, texts.get(name, ""))
        for parent, children in (("gpspoints", PLACE), ("hyperlinks", LINK)):
            element = ET.SubElement(point, parent)
            for name in children:
                _add(element, name, "")


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = "\n".join(one_line(line) for line in text.splitlines())
