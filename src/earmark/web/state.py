"""State that the requests of one server share: the archive, its model's lock, the images of queries, the project."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from earmark.archive.archive import DESCRIPTION, Archive, open_archive
from earmark.archive.judgements import CLIP, DIGITS, IMAGE, query_key
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.media.audio import check_audio
from earmark.media.images import read_image
from earmark.studio.folder_contents import FolderContents
from earmark.studio.project import Project
from earmark.web.errors import RefusedError

QUERIES = "queries"  # folder of the archive
MAX_FILES = 100
NO_ARCHIVE = "Nothing is indexed yet: add recordings first."
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class ServerState:
    """What the requests of one server share. Nothing in it is needed to answer after a restart.

    Parameters
    ----------
    archive : Archive, optional
        Without one, it is that of the project, from when its recordings are indexed.
    project : Project, optional
        Of the studio.
    judge : str
        Who judges, where the page does not say.

    Attributes
    ----------
    model : threading.Lock
        Held while the archive's model runs: it handles one request at a time.
    dropped : dict
        What the files of the last folder hold that was dropped on the page, by token.
    """

    def __init__(self, archive: Archive | None = None, project: Project | None = None, judge: str = "") -> None:
        self.judge = judge
        self.project = project
        self.model = Lock()
        self.dropped: dict[str, FolderContents] = {}
        self._archive = self._given = archive
        self._images = None if archive is None else QueryFiles(archive.folder / QUERIES)
        self._opening = Lock()
        self._version = None if archive is None else _version_of(archive.folder)

    @property
    def archive(self) -> Archive:
        """The archive.

        Raises
        ------
        HTTPException
            404 if the project has none yet.
        """
        with self._opening:
            if self.project is not None:
                folder = self.project.archive
            else:
                assert self._archive is not None
                folder = self._archive.folder
            version = _version_of(folder)
            if version is None and self.project is not None:
                raise RefusedError(404, NO_ARCHIVE, "noArchive")
            if version not in (None, self._version):  # another stands in its place now
                self._archive, self._images = open_archive(folder), QueryFiles(folder / QUERIES)
                self._version = version
            assert self._archive is not None
            return self._archive

    @property
    def images(self) -> QueryFiles:
        """Of image queries.

        Raises
        ------
        HTTPException
            404 if there is no archive.
        """
        _ = self.archive
        assert self._images is not None
        return self._images

    @property
    def name(self) -> str:
        """Of the project, or of the archive."""
        if self.project is not None:
            return self.project.settings().name or self.project.folder.resolve().name
        return self.archive.folder.resolve().name

    @property
    def private_paths(self) -> dict[str, str]:
        """Folders of this machine, and what error messages call them instead."""
        folders = {os.path.expanduser("~"): "~"}
        if self._images is not None:
            folders |= {str(path): "the pictures" for path in self._images.folders}
        own = [self._archive.folder] if self._archive is not None else []
        own += [self.project.folder] if self.project is not None else []
        for folder in own:
            folders |= {str(path): folder.resolve().name for path in (folder, folder.absolute(), folder.resolve())}
        return folders

    def close(self) -> None:
        """Delete temporary files, and close the archive that was opened here."""
        if self._images is not None:
            self._images.close()
        if self._archive is not None and self._archive is not self._given:
            self._archive.close()


def server_state(request: Request) -> ServerState:
    """The state of the application that handles a request."""
    state: ServerState = request.app.state.server
    return state


def open_project_of(request: Request) -> Project:
    """The project of the studio that handles a request."""
    project = server_state(request).project
    assert project is not None, "the studio's routes are there for a project only"
    return project


State = Annotated[ServerState, Depends(server_state)]
OfProject = Annotated[Project, Depends(open_project_of)]


def _version_of(folder: Path) -> tuple[int, int] | None:
    """What distinguishes an archive from another in its place; None where there is none."""
    try:
        status = (folder / DESCRIPTION).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


class QueryFiles:
    """Content-addressed cache of the images and clips of queries, readable only by this user.

    A file's name is the hash in the key of its query, so several servers can share the folder, and a key stays valid
    after a restart. The files that were used longest ago are deleted. In an archive on a read-only disk, they are
    stored in a temporary folder until the server ends.

    Parameters
    ----------
    folder : Path
        Made when the first file comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock = Lock()

    @property
    def folders(self) -> list[Path]:
        """The folders in which files are found by name."""
        return [self._folder, *([] if self._temporary is None else [Path(self._temporary.name)])]

    def add(self, image: bytes) -> str:
        """Store the bytes of an image file, and return the key of the query with it.

        Raises
        ------
        EarmarkError
            If it can't be read as an image, or is far too large.
        """
        return query_key(ImageQuery.of(self._add(image, _check_image)))

    def add_clip(self, clip: bytes) -> str:
        """Store the bytes of an audio file, and return the key of the spoken query with it.

        Raises
        ------
        EarmarkError
            If it can't be read as sound.
        """
        return query_key(SpokenQuery("a clip", (self._add(clip, _check_clip),)))

    def query(self, key: str) -> ImageQuery | None:
        """The image query of a key; None if its image is not stored."""
        path = self._find(key.removeprefix(IMAGE))
        return None if path is None else ImageQuery.of(path, name="a picture")

    def spoken(self, key: str) -> SpokenQuery | None:
        """The spoken query of a key; None if one of its clips is not stored."""
        wanted, *unwanted = key.removeprefix(CLIP).split("-")
        clips, not_clips = ([self._find(digits) for digits in some] for some in (wanted.split("+"), unwanted))
        stored, not_stored = (tuple(path for path in some if path) for some in (clips, not_clips))
        if len(stored) < len(clips) or len(not_stored) < len(not_clips):
            return None
        return SpokenQuery("a clip", stored, not_stored)

    def _add(self, content: bytes, check: Callable[[Path], None]) -> Path:
        digits = hashlib.sha256(content).hexdigest()[:DIGITS]
        with self._lock:
            path = self._write(digits, content, check)
            self._delete_oldest(path.parent)
        return path

    def _find(self, digits: str) -> Path | None:
        if len(digits) != DIGITS or not digits.isalnum():
            return None
        for folder in self.folders:
            path = folder / digits
            if path.is_file():
                _touch(path)
                return path
        return None

    def close(self) -> None:
        """Delete the temporary folder, if there is one."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def _write(self, digits: str, content: bytes, check: Callable[[Path], None]) -> Path:
        folder = self.folders[-1]
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            with replacing(folder / digits) as partial:
                partial.write_bytes(content)
                check(partial)
        except OSError as error:
            if error.errno not in READ_ONLY or self._temporary is not None:
                raise
            self._temporary = tempfile.TemporaryDirectory(prefix="earmark-", ignore_cleanup_errors=True)
            return self._write(digits, content, check)
        return folder / digits

    def _delete_oldest(self, folder: Path) -> None:
        by_age = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-MAX_FILES]:
            path.unlink(missing_ok=True)


def _check_image(path: Path) -> None:
    try:
        read_image(path)
    except EarmarkError as problem:
        raise EarmarkError(str(problem).replace(str(path), "The picture"), code="noPicture") from problem


def _check_clip(path: Path) -> None:
    try:
        check_audio(path)
    except EarmarkError as problem:
        raise EarmarkError(str(problem).replace(str(path), "The clip"), code="noSound") from problem


def _touch(path: Path) -> None:
    """Note that a file was used; not possible on a read-only disk, where nothing is deleted either."""
    with suppress(OSError):
        os.utime(path)
