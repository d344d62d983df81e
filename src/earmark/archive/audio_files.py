"""Scan of folders for recordings: files whose name or first bytes are those of audio or video."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.media.kinds import begins_as_audio, is_named_as_audio

COMPANION = "._"  # of macOS: what belongs to a file, but has no place on a disk of another system


@dataclass(frozen=True)
class AudioFile:
    """A recording on disk.

    Attributes
    ----------
    path, folder : Path
        Absolute; `folder` is the scanned one above it.
    """

    path: Path
    folder: Path


@dataclass
class Listing:
    """The result of a scan.

    Attributes
    ----------
    files : list of AudioFile
        In the order of their paths.
    folders : list of Path
        Those that were scanned, absolute.
    problems : dict of str
        By the path of a file, link or folder that can't be read, why.
    others : int
        Number of files that are no recordings.
    hidden : list of Path
        Hidden folders, and hidden files that are named as recordings: they are left out.
    """

    files: list[AudioFile] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    others: int = 0
    hidden: list[Path] = field(default_factory=list)


def audio_files(folders: Sequence[Path]) -> Listing:
    """List all recordings in folders and below; a file that is named itself is one, whatever it holds.

    Links are followed, each folder is scanned once. Hidden files and folders are left out.

    Raises
    ------
    EarmarkError
        If a folder is missing.
    """
    found: dict[Path, AudioFile] = {}
    listing = Listing()
    for folder in folders:
        root = Path(os.path.abspath(folder))
        if not root.exists():
            raise EarmarkError(f"There is no folder {folder}: check its name, or plug its disk in.")
        if not root.is_dir():
            found.setdefault(root, AudioFile(root, root.parent))
            continue
        listing.folders.append(root)
        for path in _below(root, listing):
            found.setdefault(path, AudioFile(path, root))
    listing.files = sorted(found.values(), key=lambda file: os.fspath(file.path))
    return listing


def _below(root: Path, listing: Listing) -> Iterator[Path]:
    """Recordings below a folder; linked folders are scanned last, if they were not reached without the link."""
    visited: set[tuple[int, int]] = set()
    waiting = [root]
    above = {_identity(folder) for folder in Path(os.path.realpath(root)).parents}
    while waiting:
        linked: list[Path] = []
        for start in waiting:
            if start != root and _identity(start) in above:
                listing.problems[os.fspath(start)] = (
                    f"The link {printable(start)} leads to a folder that holds {printable(root)}: it is not followed."
                )
                continue
            yield from _walk(start, visited, linked, listing)
        waiting = sorted(linked)


def _walk(start: Path, visited: set[tuple[int, int]], linked: list[Path], listing: Listing) -> Iterator[Path]:
    def note(problem: OSError) -> None:
        place = printable(problem.filename)
        listing.problems[str(problem.filename)] = f"The folder {place} can't be read ({problem.strerror})."

    for place, folders, names in os.walk(start, onerror=note):
        if _identity(Path(place)) in visited:
            folders.clear()
            continue
        visited.add(_identity(Path(place)))
        visible = sorted(name for name in folders if not name.startswith("."))
        listing.hidden += [Path(place, name) for name in sorted(folders) if name.startswith(".")]
        linked += [Path(place, name) for name in visible if os.path.islink(Path(place, name))]
        folders[:] = [name for name in visible if not os.path.islink(Path(place, name))]
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith("."):
                if is_named_as_audio(path) and not name.startswith(COMPANION):
                    listing.hidden.append(path)
                continue
            if _is_recording(path, listing):
                yield path


def _is_recording(path: Path, listing: Listing) -> bool:
    """Whether a file is one, or may be one that can't be read; the reason is reported when it is registered."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        if is_named_as_audio(path) or (is_file and begins_as_audio(path)):
            return True
    except FileNotFoundError:
        if path.is_symlink():
            listing.problems[os.fspath(path)] = (
                f"The link {printable(path)} leads nowhere: plug its disk in, or delete it."
            )
        return False  # or it was deleted meanwhile
    except OSError as problem:
        listing.problems[os.fspath(path)] = f"{printable(path)} can't be read ({problem.strerror})."
        return False
    listing.others += 1
    return False


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode of a folder: the same for every path to it."""
    try:
        status = folder.stat()
    except OSError:
        return (-1, hash(folder))
    return status.st_dev, status.st_ino


def printable(path: Path | str) -> str:
    """A path as it can be printed, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
