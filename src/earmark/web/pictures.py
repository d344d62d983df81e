"""Pictures that were asked with, kept for as long as the server runs, in a folder that only this user can open."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from earmark.archive.review import query_key
from earmark.errors import EarmarkError
from earmark.files import replacing
from earmark.images import read_image
from earmark.queries import ImageQuery

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
