"""Ready sets of pictures that lie on this machine: a folder with a table of its pictures, or Tux Paint's stamps.

A table (``pictures.csv``, or any other CSV file of the folder) has a column ``image`` with paths, and as far as they
are known ``caption`` (or ``words``, ``name``, ``text``, ``title``), ``licence`` (or ``license``) and ``credit`` (or
``author``, ``illustrator``). Nothing is downloaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.csv_tables import Problems, Row, read_table
from earmark.core.errors import EarmarkError
from earmark.corpora import tuxpaint_stamps
from earmark.studio.picture_credits import Credit, note_credit, picture_credits
from earmark.studio.pictures import add_picture
from earmark.studio.project import Project

PREFERRED = "pictures.csv"
CAPTIONS = ("caption", "words", "name", "text", "title")
LICENCES = ("licence", "license")
CREDITS = ("credit", "author", "illustrator")
LONGEST_NAME = 60  # characters


@dataclass(frozen=True)
class SetPicture:
    """A picture of a set.

    Attributes
    ----------
    path : Path
    caption, licence, credit : str
        May be empty.
    """

    path: Path
    caption: str = ""
    licence: str = ""
    credit: str = ""


@dataclass(frozen=True)
class PictureSet:
    """A set.

    Attributes
    ----------
    name : str
    folder : Path
    pictures : tuple of SetPicture
        Those whose files are there.
    """

    name: str
    folder: Path
    pictures: tuple[SetPicture, ...]

    @property
    def licences(self) -> dict[str, int]:
        """Number of pictures by licence; "" where none is stated."""
        return dict(Counter(picture.licence for picture in self.pictures).most_common())


def installed_sets(language: str = "") -> list[PictureSet]:
    """The sets that are installed on this machine, with names in a language where they have them."""
    folder = tuxpaint_stamps.INSTALLED
    return [_stamps(folder, language)] if folder.is_dir() else []


def read_set(folder: Path, language: str = "") -> PictureSet:
    """Read the set of a folder.

    Raises
    ------
    EarmarkError
        If there is no table with a column ``image``, or none of its pictures is there.
    """
    if folder.resolve() == tuxpaint_stamps.INSTALLED:
        return _stamps(folder, language)
    tables = sorted(folder.glob("*.csv"), key=lambda path: (path.name != PREFERRED, path.name))
    for path in tables:
        try:
            rows = read_table(path, ("image",), (*CAPTIONS, *LICENCES, *CREDITS), Problems()).rows
        except EarmarkError:
            continue
        if pictures := tuple(_of_rows(folder, rows)):
            return PictureSet(folder.resolve().name, folder, pictures)
    sentence = f"{folder} has no table of pictures: add a CSV file with the columns image and caption."
    raise EarmarkError(sentence, code="noPictureTable")


def take_pictures(project: Project, chosen: PictureSet, count: int, start: int = 0) -> Iterator[bool | str]:
    """Add pictures of a set to a project, spread evenly over it.

    Parameters
    ----------
    project : Project
    chosen : PictureSet
    count : int
        Of pictures to take.
    start : int
        How many of them were taken before.

    Yields
    ------
    bool or str
        Whether a picture is new, or why it can't be used.
    """
    credited = set(picture_credits(project))
    for picture in spread(chosen.pictures, count)[start:]:
        name = _name(picture)
        try:
            added = add_picture(project, picture.path.read_bytes(), name)
        except (EarmarkError, OSError) as problem:
            yield str(problem)
            continue
        if added.image not in credited:
            credited.add(added.image)
            source = picture.path.relative_to(chosen.folder).as_posix()
            note_credit(
                project, Credit(added.image, chosen.name, source, picture.licence, picture.credit, picture.caption)
            )
        yield added.is_new


def spread(pictures: Sequence[SetPicture], count: int) -> list[SetPicture]:
    """So many of a sequence, at equal distances.

    >>> len(spread([SetPicture(Path(str(i))) for i in range(10)], 4))
    4
    """
    count = min(count, len(pictures))
    return [pictures[i * len(pictures) // count] for i in range(count)]


def _of_rows(folder: Path, rows: Sequence[Row]) -> Iterator[SetPicture]:
    inside = folder.resolve()
    for row in rows:
        path = folder / row.get("image").replace("\\", "/")
        if row.get("image") and path.is_file() and path.resolve().is_relative_to(inside):
            yield SetPicture(path, _first(row, CAPTIONS), _first(row, LICENCES), _first(row, CREDITS))


def _first(row: Row, columns: Sequence[str]) -> str:
    return next((" ".join(text.split()) for column in columns if (text := row.get(column))), "")


def _stamps(folder: Path, language: str) -> PictureSet:
    pictures = [
        SetPicture(path, _name_in(names, language), tuxpaint_stamps.LICENCE, tuxpaint_stamps.CREDIT)
        for path, names in tuxpaint_stamps.stamps(folder)
    ]
    return PictureSet(tuxpaint_stamps.NAME, folder, tuple(pictures))


def _name_in(names: Mapping[str, str], language: str) -> str:
    """A name in a language, else in English, else in any."""
    return names.get(language) or names.get(tuxpaint_stamps.ENGLISH) or next(iter(names.values()))


def _name(picture: SetPicture) -> str:
    """A short caption, or the file's name."""
    caption = picture.caption.replace("/", " ")
    return caption if 0 < len(caption) <= LONGEST_NAME else picture.path.name
