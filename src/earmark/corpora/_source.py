"""A corpus as distributed: its folder, its media folders, its text files; and the options that importers share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from earmark.core.errors import EarmarkError
from earmark.corpora._import_log import ImportLog
from earmark.media.lookup import MediaFolder


class Source:
    """A corpus's folder, and the customary folders in it where its files may lie as well.

    Parameters
    ----------
    folder : Path
    customary : str
        Names of folders in it, in the order in which they are searched.

    Raises
    ------
    EarmarkError
        If there is no such folder.
    """

    def __init__(self, folder: Path, *customary: str) -> None:
        if not folder.is_dir():
            raise EarmarkError(f"There is no folder {folder}: name the folder that holds the corpus as distributed.")
        self.folder = folder.absolute()
        self._customary = customary

    def find(self, *names: str) -> Path | None:
        """The first of the files or folders called `names` that is there."""
        places = (self.folder, *(self.folder / name for name in self._customary))
        return next((place / name for name in names for place in places if (place / name).exists()), None)

    def find_or_note(self, consequence: str, ledger: ImportLog, *names: str) -> Path | None:
        """The first of the files or folders called `names`; if there is none, it is noted what comes of that."""
        found = self.find(*names)
        if found is None:
            ledger.absent(names[0], consequence, f"looked for in {self._searched()}")
        return found

    def require(self, what: str, *names: str) -> Path:
        """The first of the files or folders called `names`; `what` says what one does about it if there is none.

        Raises
        ------
        EarmarkError
            If there is none.
        """
        found = self.find(*names)
        if found is None:
            raise EarmarkError(f"There is no {' or '.join(names)} in {self._searched()}: {what}.")
        return found

    def _searched(self) -> str:
        places = "".join(f", {name}/" for name in self._customary)
        return f"{self.folder} (searched: the folder{places})"


class MediaFolders:
    """Several folders, in one of which the media that a list names may lie."""

    def __init__(self, *folders: Path) -> None:
        self._folders = [MediaFolder(folder) for folder in folders]

    def find(self, name: str) -> Path:
        """Full path of the first file called `name`; where there is none, where it would be in the first folder."""
        places = [folder.find(name) for folder in self._folders]
        return next((place for place in places if os.path.isfile(place)), places[0])


def picture_folders(given: Path | None, *customary: Path) -> MediaFolders:
    """Where pictures lie: in the folder that the user has given, else in those that are customary.

    Raises
    ------
    EarmarkError
        If the folder that is given is not there.
    """
    if given is not None and not given.is_dir():
        raise EarmarkError(f"There is no folder {given}: name the folder that holds the pictures.")
    return MediaFolders(given) if given else MediaFolders(*customary)


def numbered_lines(path: Path, what: str, ledger: ImportLog) -> Iterator[tuple[int, str]]:
    """Lines of a text file that are not blank, with their numbers from 1; what is not UTF-8 is left out and noted."""
    with open(path, "rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                ledger.read(what)
                ledger.skip(what, "the line is not UTF-8 text", f"{path.name} row {number}")
                continue
            if line:
                yield number, line


Out = Annotated[Path, "Folder for the corpus."]
Keywords = Annotated[str, "Keyword list: 67 or 34, those of the papers, or a file, one keyword a line."]
Photos = Annotated[Path | None, "Folder of the photos, if they are not in the source."]
OwnKeywords = Annotated[Path | None, "The corpus's own keywords, one a line."]
