"""The files of an archive's recordings: only these are ever opened, by the number of their recording."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import HTTPException
from sqlalchemy import Row, select

from earmark.archive.archive import Archive
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.media.audio import read_span


def recording_of(archive: Archive, number: int, channel: int = 1) -> Row[Any]:
    """The row of a recording.

    Raises
    ------
    HTTPException
        404 if the archive has no such recording, or that no such channel.
    """
    with archive.reading() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == number)).first()
    if row is None:
        raise HTTPException(404, f"The archive has no recording {number}: search again.")
    if channel > row.channels:
        raise HTTPException(404, f"The recording {name_of(row.path)} has no channel {channel}.")
    return row


def file_of(row: Row[Any]) -> tuple[Path, os.stat_result]:
    """The file of a recording, and what the system says of it.

    Raises
    ------
    HTTPException
        404 if it is not there, 409 if it is not the one that was indexed.
    """
    path = Path(row.path)
    try:
        seen = path.stat()
    except OSError:
        seen = None
    if seen is None or not path.is_file():
        raise HTTPException(404, f"The file {path.name} is not there: plug its disk in, or index its folder again.")
    if seen.st_size != row.size:
        raise HTTPException(409, f"The file {path.name} was changed since it was indexed: index its folder again.")
    return path, seen


def stretch(row: Row[Any], channel: int, start_s: float, end_s: float) -> npt.NDArray[np.float32]:
    """One channel of a stretch of a recording, at 16 kHz, shape = (samples,).

    Raises
    ------
    HTTPException
        As :func:`file_of`; 409 too if it can't be read as audio.
    """
    path, _ = file_of(row)
    try:
        waveform: npt.NDArray[np.float32] = read_span(path, start_s, end_s)[channel - 1]
    except (EarmarkError, IndexError) as problem:
        raise HTTPException(
            409, f"The file {path.name} can't be read as it was indexed: copy it again, or index its folder again."
        ) from problem
    return waveform


def name_of(path: str) -> str:
    """What a file is called."""
    return PurePath(path).name


def folder_names(folders: Iterable[str]) -> dict[str, str]:
    """What indexed folders are called on the page, by their paths: by as many of their last parts as tell them apart.

    >>> folder_names(["/media/one/tapes", "/home/ada/field"])
    {'/media/one/tapes': 'tapes', '/home/ada/field': 'field'}
    >>> folder_names(["/media/one/tapes", "/media/two/tapes"])
    {'/media/one/tapes': 'one/tapes', '/media/two/tapes': 'two/tapes'}
    """
    known = {folder: [part for part in PurePath(folder).parts if part != os.sep] for folder in folders}
    deepest = max((len(parts) for parts in known.values()), default=0)
    for depth in range(1, deepest + 1):
        names = {folder: "/".join(parts[-depth:]) for folder, parts in known.items()}
        if len(set(names.values())) == len(names):
            return names
    return {folder: "/".join(parts) for folder, parts in known.items()}


def shown_folder(path: str, folder: str, names: Mapping[str, str]) -> str:
    """The folder of a file as the page shows it: the indexed folder's name, and what is below.

    >>> shown_folder("/media/one/tapes/2019/a.wav", "/media/one/tapes", {"/media/one/tapes": "tapes"})
    'tapes/2019'
    """
    below = PurePath(path).parent.relative_to(folder).parts
    return "/".join((names[folder], *below))


def folder_shown_as(text: str, names: Mapping[str, str]) -> str:
    """The path of the folder that the page shows so.

    Raises
    ------
    EarmarkError
        If none is shown so.
    """
    shown = unicodedata.normalize("NFC", text.rstrip("/"))
    for folder, name in names.items():
        named = unicodedata.normalize("NFC", name)
        if shown == named or shown.startswith(f"{named}/"):
            return os.path.join(folder, *shown[len(named) :].split("/"))
    raise EarmarkError(f"There is no folder {text!r} in this archive: its folders are {', '.join(names.values())}.")


def indexed_folders(archive: Archive) -> dict[str, str]:
    """Names by path of all folders that were indexed."""
    with archive.reading() as connection:
        return folder_names(connection.execute(select(recordings.c.folder).distinct()).scalars())
