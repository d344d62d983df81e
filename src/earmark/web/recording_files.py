"""Files of an archive's recordings. Only these are ever opened, by the number of their recording."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, select

from earmark.archive.archive import Archive
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.media.audio import read_span
from earmark.web.errors import RefusedError


def recording_row(archive: Archive, number: int, channel: int = 1) -> Row[Any]:
    """The row of a recording.

    Raises
    ------
    HTTPException
        404 if the archive has no such recording, or the recording no such channel.
    """
    with archive.reading() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == number)).first()
    if row is None:
        raise RefusedError(404, f"The archive has no recording {number}: search again.", "searchAgain")
    if channel > row.channels:
        raise RefusedError(404, f"The recording {file_name(row.path)} has no channel {channel}.", "searchAgain")
    return row


def recording_file(row: Row[Any]) -> tuple[Path, os.stat_result]:
    """The file of a recording, and its status.

    Raises
    ------
    HTTPException
        404 if it is missing, 409 if it is not the one that was indexed.
    """
    path = Path(row.path)
    try:
        status = path.stat()
    except OSError:
        status = None
    if status is None or not path.is_file():
        sentence = f"The file {path.name} is missing: plug its disk in, or index its folder again."
        raise RefusedError(404, sentence, "recordingGone")
    if status.st_size != row.size:
        sentence = f"The file {path.name} was changed since it was indexed: index its folder again."
        raise RefusedError(409, sentence, "recordingChanged")
    return path, status


def read_segment(row: Row[Any], channel: int, start_s: float, end_s: float) -> npt.NDArray[np.float32]:
    """Read one channel of a segment of a recording, at 16 kHz, shape = (samples,).

    Raises
    ------
    HTTPException
        As :func:`recording_file`; 409 too if the file can't be read as audio.
    """
    path, _ = recording_file(row)
    try:
        waveform: npt.NDArray[np.float32] = read_span(path, start_s, end_s)[channel - 1]
    except (EarmarkError, IndexError) as problem:
        sentence = f"The file {path.name} can't be read as it was indexed: copy it again, or index its folder again."
        raise RefusedError(409, sentence, "recordingChanged") from problem
    return waveform


def file_name(path: str) -> str:
    """The last part of a path."""
    return PurePath(path).name


def indexed_folders(archive: Archive) -> dict[str, str]:
    """Labels of all indexed folders, by path."""
    with archive.reading() as connection:
        return folder_labels(connection.execute(select(recordings.c.folder).distinct()).scalars())


def folder_labels(folders: Iterable[str]) -> dict[str, str]:
    """Labels of indexed folders on the page, by path: as many of the last parts of the paths as distinguish them.

    >>> folder_labels(["/media/one/tapes", "/home/ada/field"])
    {'/media/one/tapes': 'tapes', '/home/ada/field': 'field'}
    >>> folder_labels(["/media/one/tapes", "/media/two/tapes"])
    {'/media/one/tapes': 'one/tapes', '/media/two/tapes': 'two/tapes'}
    """
    parts_of = {folder: _parts(PurePath(folder)) for folder in folders}
    deepest = max((len(parts) for parts in parts_of.values()), default=0)
    for depth in range(1, deepest + 1):
        labels = {folder: "/".join(parts[-depth:]) for folder, parts in parts_of.items()}
        if len(set(labels.values())) == len(labels):
            return labels
    return {folder: "/".join(parts) for folder, parts in parts_of.items()}


def _parts(path: PurePath) -> tuple[str, ...]:
    """The names in a path, without the root or the drive."""
    return path.parts[1:] if path.anchor else path.parts


def display_folder(path: str, folder: str, labels: Mapping[str, str]) -> str:
    """The folder of a file as the page displays it: the label of the indexed folder, and the folders below.

    >>> display_folder("/media/one/tapes/2019/a.wav", "/media/one/tapes", {"/media/one/tapes": "tapes"})
    'tapes/2019'
    """
    below = PurePath(path).parent.relative_to(folder).parts
    return "/".join((labels[folder], *below))


def resolve_folder(text: str, labels: Mapping[str, str]) -> str:
    """The path of a folder, from how the page displays it.

    Raises
    ------
    EarmarkError
        If no folder is displayed so.
    """
    displayed = unicodedata.normalize("NFC", text.rstrip("/"))
    for folder, label in labels.items():
        normalised = unicodedata.normalize("NFC", label)
        if displayed == normalised or displayed.startswith(f"{normalised}/"):
            return os.path.join(folder, *displayed[len(normalised) :].split("/"))
    sentence = f"There is no folder {text!r} in this archive: its folders are {', '.join(labels.values())}."
    raise EarmarkError(sentence, code="noFolderHere")
