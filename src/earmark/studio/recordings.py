"""Recordings to be searched: folders wherever their owner has them, and the steps that index them."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.files import write_durably, write_text
from earmark.media.kinds import is_named_as_audio
from earmark.studio.jobs import JobStep, job_folder
from earmark.studio.project import Project

JOB = "index"
FOLDERS = "folders.csv"
PROBLEMS = "problems.json"
MOST_COUNTED = 20_000  # files of a folder that are looked at to say what is in it


@dataclass(frozen=True)
class Folder:
    """A folder of recordings.

    Attributes
    ----------
    path : str
        As it is listed: relative to the project where it lies inside, else absolute.
    is_there : bool
        False for one on a disk that is not plugged in.
    files : int
        Recordings in it and below, by their endings.
    """

    path: str
    is_there: bool
    files: int


def folders(project: Project) -> list[Folder]:
    """The folders that are to be searched."""
    return [_describe(project, listed) for listed in listed_folders(project)]


def listed_folders(project: Project) -> list[str]:
    """Paths of the folders, as they are listed."""
    path = project.recordings / FOLDERS
    if not path.is_file():
        return []
    return [row.get("folder") for row in read_table(path, ("folder",), (), Problems()).rows if row.get("folder")]


def add_folder(project: Project, text: str) -> Folder:
    """Add a folder.

    Parameters
    ----------
    project : Project
    text : str
        As :func:`typed_folder` understands it.

    Raises
    ------
    EarmarkError
        If there is no such folder, or it is one of the project's own.
    """
    path = typed_folder(project, text)
    resolved, own = path.resolve(), project.folder.resolve()
    if resolved == own or own.is_relative_to(resolved):
        sentence = "That folder holds the project itself: choose the folder of the recordings inside it."
        raise EarmarkError(sentence, code="ownFolder")
    inside = resolved.is_relative_to(own)
    if inside and not resolved.is_relative_to(project.recordings.resolve()):
        sentence = "That folder is the project's own: put recordings into its folder 'recordings'."
        raise EarmarkError(sentence, code="ownFolder")
    listed = Path(os.path.relpath(resolved, own)).as_posix() if inside else str(resolved)
    with project.lock():
        now = listed_folders(project)
        if listed not in now:
            _write(project, [*now, listed])
    return _describe(project, listed)


def typed_folder(project: Project, text: str) -> Path:
    """A folder by its path, as people copy it from a file manager: quotes around it and ``~`` are understood.

    Raises
    ------
    EarmarkError
        If there is no such folder.
    """
    path = Path(text.strip().strip("\"'")).expanduser()
    path = path if path.is_absolute() else project.folder / path
    if not text.strip() or not path.is_dir():
        sentence = f"There is no folder {text.strip()!r}: copy its whole path from your file manager."
        raise EarmarkError(sentence, code="noFolder")
    return path


def remove_folder(project: Project, listed: str) -> None:
    """Leave a folder out of later searches; its recordings stay where they are."""
    with project.lock():
        _write(project, [folder for folder in listed_folders(project) if folder != listed])


def index_steps(project: Project) -> list[JobStep]:
    """The steps that index all folders.

    Raises
    ------
    EarmarkError
        If there is no model or no folder yet.
    """
    if not (project.model / "model.safetensors").is_file():
        raise EarmarkError("There is no model yet that could find words: learn first.", code="noModel")
    if not listed_folders(project):
        raise EarmarkError("There are no folders of recordings yet: add one first.", code="noFolders")
    return [JobStep("index", "earmark", ("studio-step", "index", "."))]


def write_problems(project: Project, sentences: Sequence[str]) -> None:
    """Store what was wrong with recordings when they were last indexed, one sentence each."""
    write_text(job_folder(project, JOB) / PROBLEMS, json.dumps(list(sentences), ensure_ascii=False, indent=1))


def read_problems(project: Project) -> list[str]:
    """What was wrong with recordings when they were last indexed."""
    try:
        content = json.loads((job_folder(project, JOB) / PROBLEMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(sentence) for sentence in content] if isinstance(content, list) else []


def _describe(project: Project, listed: str) -> Folder:
    path = project.folder / listed
    if not path.is_dir():
        return Folder(listed, is_there=False, files=0)
    files = names_read = 0
    for _, _, names in os.walk(path):
        names_read += len(names)
        files += sum(is_named_as_audio(name) for name in names)
        if names_read > MOST_COUNTED:
            break
    return Folder(listed, is_there=True, files=files)


def _write(project: Project, listed: list[str]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([["folder"], *([folder] for folder in listed)])
    project.recordings.mkdir(exist_ok=True)
    write_durably(project.recordings / FOLDERS, text.getvalue().encode())
