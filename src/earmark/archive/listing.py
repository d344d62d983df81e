"""Audio files in folders, and what their owner wrote about them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.media import MediaFolder
from earmark.queries import identity
from earmark.tables import Problems, read_table

AUDIO = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"),
    *(".m4a", ".aac", ".mp4", ".m4v", ".mov", ".webm", ".mkv", ".mka", ".3gp", ".wma"),
)
ABOUT = ("speaker", "date", "language", "licence", "consent")


@dataclass(frozen=True)
class AudioFile:
    """A file that looks like a recording.

    Attributes
    ----------
    path, folder : Path
        Absolute; `folder` is the one that was asked for, somewhere above.
    """

    path: Path
    folder: Path


@dataclass(frozen=True)
class Listing:
    """What folders hold.

    Attributes
    ----------
    files : list of AudioFile
        In the order of their paths.
    folders : list of Path
        Those that were looked through, absolute.
    unread : dict of str
        By the path of a folder that can't be read, why.
    """

    files: list[AudioFile]
    folders: list[Path] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def audio_files(folders: Sequence[Path]) -> Listing:
    """All audio files in folders and below, by their endings; hidden ones are left out.

    Raises
    ------
    EarmarkError
        If a folder is missing.
    """
    found: dict[Path, AudioFile] = {}
    listing = Listing([])
    for folder in folders:
        root = Path(os.path.abspath(folder))
        if not root.exists():
            raise EarmarkError(f"There is no folder {folder}: check its name, or plug its disk in.")
        if root.is_file():
            found.setdefault(root, AudioFile(root, root.parent))
        else:
            listing.folders.append(root)
            for path in _below(root, listing.unread):
                found.setdefault(path, AudioFile(path, root))
    listing.files.extend(sorted(found.values(), key=lambda file: os.fspath(file.path)))
    return listing


def _below(root: Path, unread: dict[str, str]) -> Iterator[Path]:
    def note(problem: OSError) -> None:
        unread[str(problem.filename)] = f"The folder {shown(problem.filename)} can't be read ({problem.strerror})."

    for place, folders, names in os.walk(root, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if Path(name).suffix.lower() in AUDIO and not name.startswith("."):
                yield Path(place, name)


def shown(path: Path | str) -> str:
    """A path as it can be printed, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_about(table: Path) -> dict[str, dict[str, str]]:
    """What a table says of recordings: by their identity, texts by column.

    Parameters
    ----------
    table : Path
        UTF-8 CSV with the column ``audio`` (paths relative to the table) and any of ``speaker``, ``date``,
        ``language``, ``licence`` and ``consent``.

    Raises
    ------
    EarmarkError
        If the table can't be read; with all that is wrong in it.
    """
    problems = Problems()
    known = read_table(table, ("audio",), ABOUT, problems)
    media = MediaFolder(table.parent)
    about: dict[str, dict[str, str]] = {}
    for row in known.rows:
        path = media.find(row.get("audio"))
        if not path.is_file():
            problems.add(table, row.number, f"there is no audio file {row.get('audio')!r}")
        about[identity(path)] = {column: row.get(column) for column in known.columns if column != "audio"}
    problems.stop()
    return about
