"""ELAN: an .eaf for each recording, with a tier for each query; in an .eaf that is there, new tiers.

New documents are of EAF 3.0 (https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf). Where the folder
holds an ``.eaf`` with a recording's name, its tiers, times, types and vocabularies stay as they are, a copy is kept
beside it, and Earmark's tiers of an earlier export give way to the new ones.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.archive.export import _eaf, _notes
from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import one_line, put, writable
from earmark.archive.export._tiers import tiers
from earmark.media.lookup import MediaFolder

SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
# As ELAN names them, which shows the waveform of audio/x-wav alone.
MIME_TYPES = {".wav": "audio/x-wav", ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/*", ".mkv": "video/*"}


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the kept hits into the folder `out`.

    Raises
    ------
    EarmarkError
        If an ``.eaf`` that is there can't be read; nothing is written then.
    """
    there = MediaFolder(out)
    documents = {}
    for recording in collection.recordings:
        path = there.find(f"{recording.name}.eaf")
        if recording.kept or (path.is_file() and _eaf.own_tiers(_eaf.read_eaf(path))):
            documents[path] = _document(collection, recording, path)
    return [*(put(path, document) for path, document in documents.items()), *_notes.write_notes(collection, out)]


def _document(collection: Collection, recording: MarkedRecording, path: Path) -> bytes:
    root = _eaf.read_eaf(path) if path.is_file() else _new(collection, recording, path)
    _eaf.take_tiers_out(root)
    _eaf.put_tiers(root, tiers(recording, taken=_eaf.tier_names(root)))
    about = {
        "archive": one_line(collection.name),
        "model": one_line(collection.model),
        "licence": _notes.licence(collection, recording),
        "consent": _notes.consent(collection, recording),
    }
    _eaf.put_properties(root, about)
    return _eaf.to_bytes(root)


def _new(collection: Collection, recording: MarkedRecording, path: Path) -> ET.Element:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    form = {"AUTHOR": "Earmark", "DATE": now, "FORMAT": "3.0", "VERSION": "3.0"}
    root = ET.Element("ANNOTATION_DOCUMENT", {**form, SCHEMA: "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"})
    ET.SubElement(root, "LICENSE", {"LICENSE_URL": ""}).text = _notes.licence(collection, recording)
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    ET.SubElement(header, "MEDIA_DESCRIPTOR", _media(recording.path, path))
    ET.SubElement(header, "PROPERTY", {"NAME": _eaf.LAST_ID}).text = "0"
    ET.SubElement(root, "TIME_ORDER")
    return root


def _media(recording: Path, document: Path) -> dict[str, str]:
    """Where the sound is, as ELAN writes it and looks for it.

    ELAN takes what follows ``file://`` for a path and decodes nothing: a blank or a letter that is written as ``%20``
    or ``%C3%B3`` is looked for by that very name. The schema's type, anyURI, takes letters of all scripts as they are.
    """
    sound, folder = os.path.abspath(recording), os.path.abspath(document.parent)
    media = {"MEDIA_URL": _url(Path(sound)), "MIME_TYPE": MIME_TYPES.get(recording.suffix.lower(), "audio/*")}
    try:
        relative = Path(os.path.relpath(sound, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return media
    return {**media, "RELATIVE_MEDIA_URL": writable(relative if relative.startswith("../") else f"./{relative}")}


def _url(path: Path) -> str:
    posix = writable(path.as_posix())
    return f"file:{posix}" if posix.startswith("//") else f"file:///{posix.lstrip('/')}"  # //server/share of Windows
