"""FLEx: an interlinear text, ``.flextext``, for each recording, with a phrase for each hit.

FLEx plays the phrase and wants the rest from a person: the words around the one that was found.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import one_line, put
from earmark.archive.export._notes import consent, licence, write_notes
from earmark.archive.export._tiers import label

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
UNKNOWN_LANGUAGE = "und"
NOTES_IN = "en"  # of what Earmark itself writes
GUIDS = uuid.UUID("6b5a1b0e-3f0f-5c1e-9a38-5c1f6f6a2d57")  # the same hit has the same one in every export


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`."""
    recordings = [recording for recording in collection.recordings if recording.not_rejected]
    files = [put(out / f"{recording.name}.flextext", _document(collection, recording)) for recording in recordings]
    return [*files, *write_notes(collection, out)]


def _document(collection: Collection, recording: MarkedRecording) -> bytes:
    language = recording.language if LANGUAGE.fullmatch(recording.language) else UNKNOWN_LANGUAGE
    root = ET.Element("document", version="2")
    text = ET.SubElement(root, "interlinear-text", guid=_guid(recording.name))
    _item(text, "title", NOTES_IN, recording.name)
    _item(text, "source", NOTES_IN, f"Found by Earmark with the model {collection.model}")
    _item(
        text,
        "comment",
        NOTES_IN,
        "\n".join(filter(None, (licence(collection, recording), consent(collection, recording)))),
    )
    paragraphs = ET.SubElement(text, "paragraphs")
    for marked in sorted(recording.not_rejected, key=lambda marked: (marked.hit.start_s, marked.hit.end_s)):
        _add_phrase(paragraphs, recording, marked, language)
    languages = ET.SubElement(text, "languages")
    ET.SubElement(languages, "language", lang=NOTES_IN)
    ET.SubElement(languages, "language", lang=language, vernacular="true")
    media = ET.SubElement(text, "media-files", {"offset-type": ""})
    ET.SubElement(media, "media", guid=_guid(recording.name, "media"), location=one_line(str(recording.path)))
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add_phrase(paragraphs: ET.Element, recording: MarkedRecording, marked: Marked, language: str) -> None:
    hit = marked.hit
    start_ms = max(0, round(hit.start_s * 1000))
    end_ms = max(start_ms + 1, round(hit.end_s * 1000))
    place = (recording.name, str(marked.channel), f"{hit.time_s:.3f}", hit.query)
    paragraph = ET.SubElement(paragraphs, "paragraph", guid=_guid(*place, "paragraph"))
    phrases = ET.SubElement(paragraph, "phrases")
    attributes = {
        "begin-time-offset": str(start_ms),
        "end-time-offset": str(end_ms),
        "guid": _guid(*place),
        "media-file": _guid(recording.name, "media"),
    }
    if recording.speaker:
        attributes["speaker"] = one_line(recording.speaker)
    phrase = ET.SubElement(phrases, "phrase", attributes)
    _item(phrase, "txt", language, one_line(hit.query))
    words = ET.SubElement(phrase, "words")
    for word in one_line(hit.query).split():
        _item(ET.SubElement(words, "word", guid=_guid(*place, word)), "txt", language, word)
    if marked.verdict != "yes":
        channel = f", channel {marked.channel}" if recording.channels > 1 else ""
        _item(phrase, "note", NOTES_IN, f"{label(marked)}{channel}")


def _item(parent: ET.Element, kind: str, language: str, text: str) -> None:
    if text:
        ET.SubElement(parent, "item", type=kind, lang=language).text = text


def _guid(*parts: str) -> str:
    return str(uuid.uuid5(GUIDS, "\n".join(parts)))
