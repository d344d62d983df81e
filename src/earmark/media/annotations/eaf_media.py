"""Which recordings an ELAN document is about, and where its time 0 lies in each of them.

A document names its media in ``MEDIA_DESCRIPTOR`` elements, by an absolute and a relative address. Both may be written
in several ways and by another machine, so a medium that is not there by its path is known by its file name. The
``TIME_ORIGIN`` of a descriptor is the offset of the medium in milliseconds: time 0 of the document is that time of the
medium (EAF 3.0, 2.2.1).
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from earmark.core.types import canonical_path

logger = logging.getLogger(__name__)

ADDRESSES = ("MEDIA_URL", "RELATIVE_MEDIA_URL", "EXTRACTED_FROM")


@dataclass(frozen=True)
class Medium:
    """A medium that a document names.

    Attributes
    ----------
    paths : tuple of str
        Where it may lie, the likeliest first.
    origin_ms : int
        Its time at time 0 of the document.
    """

    paths: tuple[str, ...]
    origin_ms: int = 0

    def is_at(self, path: Path) -> bool:
        """Whether one of its addresses is that of a file."""
        return canonical_path(path) in {canonical_path(Path(known)) for known in self.paths}

    @property
    def is_there(self) -> bool:
        """Whether there is a file at one of its addresses."""
        return any(os.path.isfile(path) for path in self.paths)

    def is_called(self, name: str) -> bool:
        """Whether its file name is `name`, in any case and Unicode form."""
        return _folded(name) in {_folded(PurePosixPath(path).name) for path in self.paths}


def media_of(root: ET.Element, document: Path) -> list[Medium]:
    """The media that a document names; `document` is where it lies."""
    found = []
    for header in root.findall("HEADER"):
        for descriptor in header.findall("MEDIA_DESCRIPTOR"):
            addresses = [descriptor.get(name, "") for name in ADDRESSES]
            paths = dict.fromkeys(path for address in addresses for path in paths_of(address, document))
            found.append(Medium(tuple(paths), _origin_ms(descriptor.get("TIME_ORIGIN", ""), document)))
        if header.get("MEDIA_FILE"):  # as EAF 1 named its only medium
            found.append(Medium(tuple(paths_of(header.get("MEDIA_FILE", ""), document))))
    return found


def paths_of(address: str, document: Path) -> list[str]:
    """Paths that an address may mean, relative ones from the document's folder.

    ELAN writes addresses without encoding anything, other programs with ``%20`` for a blank. Addresses that were
    written on Windows have drive letters or backslashes.
    """
    paths = []
    for text in dict.fromkeys((address, unquote(address))):
        path = text.strip().replace("\\", "/")
        if path[:5].lower() == "file:":
            path = re.sub(r"^(//localhost)?/+(?=[A-Za-z]:/)|^//(localhost)?(?=/)", "", path[5:])
        if path and "\0" not in path:
            absolute = path.startswith("/") or re.match("[A-Za-z]:/", path)
            paths.append(path if absolute else os.path.join(os.path.abspath(document.parent), path))
    return paths


def _origin_ms(text: str, document: Path) -> int:
    if re.fullmatch(r"\s*[+-]?[0-9]{1,15}\s*", text, re.ASCII):
        return int(text)
    if text.strip():
        logger.warning("%s: the TIME_ORIGIN %r is no number of milliseconds and counts as 0.", document, text)
    return 0


def medium_of(media: list[Medium], path: Path, is_only_one: bool) -> tuple[int, Medium] | None:
    """The medium that is a recording, if one is, and how sure that is: 2 by its path, 1 by its file name.

    Parameters
    ----------
    media : list of Medium
        Those of a document.
    path : Path
        The recording's file.
    is_only_one : bool
        Whether no other recording has its file name; without that, a name says nothing.
    """
    for medium in media:
        if medium.is_at(path):
            return 2, medium
    for medium in media:
        if is_only_one and medium.is_called(path.name) and not medium.is_there:
            return 1, medium
    return None


def origin_of_stem(media: list[Medium], stem: str) -> int:
    """Time 0 of a document for a recording that it does not name: that of the media called so, or else of all media.

    Media of one name, such as a film and its sound, are of one time. Where media disagree it is 0.
    """
    alike = [medium for medium in media if any(_folded(PurePosixPath(p).stem) == _folded(stem) for p in medium.paths)]
    origins = {medium.origin_ms for medium in alike or media}
    return origins.pop() if len(origins) == 1 else 0


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
