"""ELAN: an .eaf for each recording, with a tier for each query; in an .eaf that is there, new tiers.

New documents are of EAF 3.0 (https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf). Where the folder
holds an ``.eaf`` that names a recording, or else one that is called like it, its tiers, times, types and vocabularies
stay as they are, a copy is kept beside it, and Earmark's tiers of an earlier export are replaced by the new ones. Times
are those that ELAN shows: from the medium's offset on, if it has one.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.archive.export import _eaf, _notes
from earmark.archive.export._collection import Collection, MarkedRecording
from earmark.archive.export._files import distinct, one_line, put, writable
from earmark.archive.export._tiers import tiers
from earmark.core.errors import EarmarkError
from earmark.media.annotations.eaf_media import Medium, media_of, medium_of, origin_of_stem
from earmark.media.lookup import MediaFolder

logger = logging.getLogger(__name__)

SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
# As ELAN names them, which shows the waveform of audio/x-wav alone.
MIME_TYPES = {".wav": "audio/x-wav", ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/*", ".mkv": "video/*"}


def write(collection: Collection, out: Path) -> list[Path]:
    """Write the hits that nobody rejected into the folder `out`.

    Raises
    ------
    EarmarkError
        If an ``.eaf`` that is there can't be read; nothing is written then.
    """
    folder = _Documents(collection, out)
    places: dict[Path, list[tuple[MarkedRecording, int]]] = {}
    for recording in collection.recordings:
        path, origin_ms = folder.place_of(recording)
        places.setdefault(path, []).append((recording, origin_ms))
    documents = {}
    for path, placed in places.items():
        root = folder.root(path)
        if any(recording.not_rejected for recording, _ in placed) or (root is not None and _eaf.own_tiers(root)):
            documents[path] = _document(collection, placed, path, root)
    return [*(put(path, document) for path, document in documents.items()), *_notes.write_notes(collection, out)]


class _Documents:
    """The documents of a folder, and where in them hits belong."""

    def __init__(self, collection: Collection, out: Path) -> None:
        self._folder = MediaFolder(out)
        self._roots: dict[Path, ET.Element] = {}
        self._recordings = collection.recordings
        for path in sorted(out.glob("*.[eE][aA][fF]")) if out.is_dir() else ():
            # A damaged document has no known owner: one with the name of a recording is read again.
            with contextlib.suppress(EarmarkError, OSError):
                self._roots[path] = _eaf.read_eaf(path)
        self._media = {path: media_of(root, path) for path, root in self._roots.items()}
        self._names = Counter(recording.path.name for recording in collection.recordings)

    def root(self, path: Path) -> ET.Element | None:
        """The document at a path, or None where there is none.

        Raises
        ------
        EarmarkError
            If it can't be read.
        """
        return self._roots.get(path) if path in self._roots or not path.is_file() else _eaf.read_eaf(path)

    def place_of(self, recording: MarkedRecording) -> tuple[Path, int]:
        """The document for a recording's hits, and the time of the recording at its time 0, in milliseconds."""
        named = []
        for path, media in self._media.items():
            if found := self._medium(recording, media):
                sure, medium = found
                called_alike = path.stem in (recording.name, recording.path.stem)
                named.append(((sure, called_alike), path, medium.origin_ms))
        if named:
            _, path, origin_ms = max(named, key=lambda place: place[0])
            return path, origin_ms
        taken: set[str] = set()
        while True:
            path = self._folder.find(f"{distinct(recording.name, taken)}.eaf")
            if not self._is_anothers(path):
                return path, origin_of_stem(self._media.get(path, []), recording.path.stem)

    def _medium(self, recording: MarkedRecording, media: list[Medium]) -> tuple[int, Medium] | None:
        return medium_of(media, recording.path, self._names[recording.path.name] == 1)

    def _is_anothers(self, path: Path) -> bool:
        """Whether a document names other recordings, or media that are there: it is called like one by chance."""
        media = self._media.get(path, [])
        return any(medium.is_there for medium in media) or any(self._medium(one, media) for one in self._recordings)


def _document(
    collection: Collection, placed: Sequence[tuple[MarkedRecording, int]], path: Path, root: ET.Element | None
) -> bytes:
    """A document with the tiers of all recordings that have their place in it."""
    if root is None:
        root = _new(collection, placed[0][0], path)
    _eaf.take_tiers_out(root)
    for recording, origin_ms in placed:
        whose = recording.path.name if len(placed) > 1 else ""
        made = tiers(recording, _eaf.tier_names(root), origin_ms, whose)
        _eaf.put_tiers(root, made)
        lost = len(recording.not_rejected) - sum(len(tier.intervals) for tier in made)
        if lost:
            logger.warning(
                "%s: %d hits of %s are left out: they end before time 0 of the document (TIME_ORIGIN is %d ms).",
                *(path, lost, recording.path.name, origin_ms),
            )
    about = {
        "archive": one_line(collection.name),
        "model": one_line(collection.model),
        "licence": _joined(_notes.licence(collection, recording) for recording, _ in placed),
        "consent": _joined(_notes.consent(collection, recording) for recording, _ in placed),
    }
    _eaf.put_properties(root, about)
    return _eaf.to_bytes(root)


def _joined(notes: Iterable[str]) -> str:
    return "; ".join(filter(None, dict.fromkeys(notes)))


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
    """The address of the sound, as ELAN writes and resolves it.

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
