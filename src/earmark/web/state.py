"""What the requests of one server share: the archive, pictures that were asked with, hits that were shown.

Pictures that were asked with, kept for as long as the server runs, in a folder that only this user can open.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from earmark.archive.archive import Archive
from earmark.archive.judgements import query_key
from earmark.archive.results import ArchiveHit
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.types import ImageQuery
from earmark.media.images import read_image

MOST_SHOWN = 20_000  # hits; what was shown longest ago is forgotten


class Served:
    """An archive that is served.

    Attributes
    ----------
    archive : Archive
    pictures : Pictures
    model : threading.Lock
        Held by whoever uses the archive's model: it takes one request after the other.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.pictures = Pictures()
        self.model = Lock()
        self._shown: OrderedDict[tuple[str, str], ArchiveHit] = OrderedDict()

    @property
    def name(self) -> str:
        """Of the archive."""
        return self.archive.folder.resolve().name

    @property
    def private(self) -> dict[str, str]:
        """Folders of this machine, and what they are called to others."""
        folder = self.archive.folder
        return {
            os.path.expanduser("~"): "~",
            str(self.pictures.folder): "the pictures",
            **{str(path): self.name for path in (folder, folder.absolute(), folder.resolve())},
        }

    def show(self, key: str, found: Iterable[ArchiveHit]) -> None:
        """Remember hits of a query, which may be judged later."""
        for one in found:
            self._shown[key, str(one.position)] = one
        while len(self._shown) > MOST_SHOWN:
            self._shown.popitem(last=False)

    def shown(self, key: str, position: str) -> ArchiveHit | None:
        """A hit of a query that was shown; None where that is not known."""
        return self._shown.get((key, position))


def served_by(request: Request) -> Served:
    """What is served by the application that a request goes to."""
    served: Served = request.app.state.served
    return served


ServedHere = Annotated[Served, Depends(served_by)]


MOST = 100  # pictures; the ones that came first are forgotten


class Pictures:
    """Pictures by the key of the query that each is.

    Attributes
    ----------
    folder : Path
    """

    def __init__(self) -> None:
        self._temporary = TemporaryDirectory(prefix="earmark-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self._paths: dict[str, Path] = {}
        self._lock = Lock()

    def keep(self, picture: bytes) -> str:
        """Keep the bytes of a picture file; the key to ask with it again.

        Raises
        ------
        EarmarkError
            If it can't be read as a picture, or is far too large.
        """
        path = self.folder / hashlib.sha256(picture).hexdigest()
        with replacing(path) as partial:
            partial.write_bytes(picture)
        try:
            read_image(path)
        except EarmarkError as problem:
            path.unlink()
            raise EarmarkError(str(problem).replace(str(path), "The picture")) from problem
        key = query_key(ImageQuery.of(path))
        with self._lock:
            self._paths[key] = path
            while len(self._paths) > MOST:
                self._paths.pop(next(iter(self._paths))).unlink()
        return key

    def query(self, key: str) -> ImageQuery | None:
        """The query that a key names; None where no such picture is kept."""
        path = self._paths.get(key)
        return None if path is None else ImageQuery.of(path, name="a picture")

    def close(self) -> None:
        """Delete them all."""
        self._temporary.cleanup()
