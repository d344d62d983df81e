"""Pictures of a project: named by the hash of their content, so that no name from outside becomes a path.

``pictures/`` holds the pictures, ``pictures.csv`` (``image,name,width,height``) with the names that they had outside,
``tags.csv`` (see :mod:`earmark.studio.tags`), and ``thumbnails/``, which may be deleted. A picture that somebody copies
into the folder by hand counts as well, under the name that it has.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.files import append_durably, flush_folder, replacing, write_text
from earmark.media.images import read_image
from earmark.studio.project import Project

LISTING = "pictures.csv"
COLUMNS = ("image", "name", "width", "height")
THUMBNAILS = "thumbnails"
REMOVED = "removed"
THUMBNAIL_SIDE = 320  # pixels
MOST_CHARACTERS = 300  # of a name
DIGITS = 16  # of a hash: 64 bits
# Formats that every browser shows, and the endings of their files; a picture of another one is stored as PNG.
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif"}
SHOWN = (*SUFFIXES.values(), ".jpeg")


@dataclass(frozen=True)
class Picture:
    """A picture of the project.

    Attributes
    ----------
    image : str
        Name of its file in ``pictures/``.
    name : str
        That it had outside; for people only.
    is_new : bool
        False where the same picture was there before.
    """

    image: str
    name: str
    is_new: bool = False


def list_pictures(project: Project) -> list[Picture]:
    """All pictures, in the order in which they were added; those that were copied by hand come last."""
    names = _names(project)
    present = {path.name for path in _files(project)}
    listed = [image for image in names if image in present]
    others = sorted(present - set(listed))
    return [Picture(image, names.get(image, image)) for image in [*listed, *others]]


def count_pictures(project: Project) -> int:
    """Number of pictures."""
    return sum(1 for _ in _files(project))


def add_picture(project: Project, content: bytes, name: str) -> Picture:
    """Store a picture. When this returns, it outlives a power cut.

    Parameters
    ----------
    project : Project
    content : bytes
        Of the picture's file.
    name : str
        What people call it, such as the name of its file outside.

    Raises
    ------
    EarmarkError
        If it is no picture that can be read; then nothing is stored.
    """
    name = clean_name(name)
    digits = hashlib.sha256(content).hexdigest()[:DIGITS]
    present = next((path for suffix in SHOWN if (path := project.pictures / f"{digits}{suffix}").is_file()), None)
    if present is not None:
        return Picture(present.name, _names(project).get(present.name, present.name))
    project.pictures.mkdir(exist_ok=True)
    with replacing(project.pictures / THUMBNAILS / f"{digits}.jpg") as thumbnail:
        suffix, size, content = _checked(content, name, thumbnail)
    path = project.pictures / f"{digits}{suffix}"
    with project.lock():
        is_new = not path.is_file()
        with replacing(path) as partial, partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _list(project, (path.name, name, str(size[0]), str(size[1])))
    return Picture(path.name, name, is_new)


def picture_path(project: Project, image: str) -> Path:
    """The file of a picture.

    Raises
    ------
    EarmarkError
        If the project has no such picture.
    """
    path = project.pictures / image
    if image != path.name or path.suffix.lower() not in SHOWN or image.startswith(".") or not path.is_file():
        raise EarmarkError("There is no such picture in this project: open the list again.", code="reload")
    return path


def thumbnail_path(project: Project, image: str) -> Path:
    """A small version of a picture; made anew where it is missing.

    Raises
    ------
    EarmarkError
        If the project has no such picture, or it is damaged.
    """
    source = picture_path(project, image)
    path = project.pictures / THUMBNAILS / f"{source.stem}.jpg"
    if not path.is_file() or (path.stat().st_mtime_ns < source.stat().st_mtime_ns and len(source.stem) != DIGITS):
        with replacing(path) as partial:
            _write_thumbnail(source, partial)
    return path


def remove_pictures(project: Project, images: Iterable[str]) -> int:
    """Move pictures to ``pictures/removed``; moved back by hand, they are there again. The number of them."""
    folder = project.pictures / REMOVED
    paths = [picture_path(project, image) for image in images]
    with project.lock():
        folder.mkdir(exist_ok=True)
        for path in paths:
            os.replace(path, folder / path.name)
        flush_folder(project.pictures)
    return len(paths)


def clean_name(name: str) -> str:
    """A name from outside as a line of text for people.

    >>> clean_name("C:\\\\photos\\\\dog\\n.jpg")
    'dog .jpg'
    """
    text = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    visible = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text)
    return " ".join(visible.split())[:MOST_CHARACTERS] or "?"


def _checked(content: bytes, name: str, thumbnail: Path) -> tuple[str, tuple[int, int], bytes]:
    """Ending, width and height, and content of the file to store; the thumbnail is written on the way."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        try:
            size = _write_thumbnail(path, thumbnail)
        except EarmarkError as problem:
            raise EarmarkError(str(problem).replace(str(path), name), code="noPicture") from problem
        with Image.open(path) as opened:
            suffix = SUFFIXES.get(opened.format or "")
        if suffix is None:
            buffer = io.BytesIO()
            read_image(path).save(buffer, "PNG")
            suffix, content = ".png", buffer.getvalue()
    return suffix, size, content


def _write_thumbnail(source: Path, target: Path) -> tuple[int, int]:
    """Write a small version of a picture; the width and height of the whole one."""
    picture = read_image(source)
    size = picture.size
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    picture.save(target, "JPEG", quality=82)
    return size


def _files(project: Project) -> Iterable[Path]:
    if not project.pictures.is_dir():
        return ()
    return (path for path in project.pictures.iterdir() if path.suffix.lower() in SHOWN and path.name[0] != ".")


def _names(project: Project) -> dict[str, str]:
    path = project.pictures / LISTING
    if not path.is_file():
        return {}
    table = read_table(path, ("image", "name"), (), Problems())  # a damaged row only costs a name
    return {row.get("image"): row.get("name") for row in table.rows}


def _list(project: Project, cells: tuple[str, ...]) -> None:
    path = project.pictures / LISTING
    if not path.is_file():
        write_text(path, ",".join(COLUMNS) + "\n")
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    append_durably(path, line.getvalue())
