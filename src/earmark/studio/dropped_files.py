"""Files of a folder that was dropped on the page, in ``imports/TOKEN`` of the project until they are takes."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.studio.pictures import clean_name
from earmark.studio.project import Project

IMPORTS = "imports"
TOKEN = re.compile(r"[0-9a-f]{32}")
ABANDONED_S = 24 * 3600.0
DEEPEST = 20  # folders


def dropped_folder(project: Project, token: str) -> Path:
    """The folder of one drop.

    Raises
    ------
    EarmarkError
        If the token is none: it came from outside, and must not become a path.
    """
    if not TOKEN.fullmatch(token):
        raise EarmarkError("That is no import: drop the folder again.", code="noImport")
    return project.folder / IMPORTS / token


def dropped_path(folder: Path, name: str) -> Path:
    """Where a file of a drop is put: below its folder, whatever it is called.

    >>> dropped_path(Path("imports"), "../../etc/a.eaf").as_posix()
    'imports/etc/a.eaf'
    >>> dropped_path(Path("imports"), "field/..").as_posix()
    'imports/field'
    """
    parts = [clean_name(part).replace(":", "_").lstrip(".") for part in name.replace("\\", "/").split("/") if part]
    usable = [part for part in parts if part][-DEEPEST:]
    return folder.joinpath(*usable) if usable else folder / "unnamed"


def delete_dropped(project: Project, token: str) -> None:
    """Delete a drop, and others that were left alone for a day."""
    shutil.rmtree(dropped_folder(project, token), ignore_errors=True)
    for folder in (project.folder / IMPORTS).glob("*"):
        if TOKEN.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)
    if (project.folder / IMPORTS).is_dir() and not any((project.folder / IMPORTS).iterdir()):
        (project.folder / IMPORTS).rmdir()
