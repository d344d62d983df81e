"""Writing so that a crash, a Ctrl-C, a power cut or a full disk never leaves half a file behind."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

ON_WINDOWS = os.name == "nt"
WAITS_S = (0.01, 0.05, 0.2, 0.5, 1.0)  # for a program that has a file open on Windows


def partial_path(path: Path) -> Path:
    """Where this thread writes what is to replace a file."""
    # The ending stays last, because some writers choose their format by it.
    return path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.partial{path.suffix}")


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it takes `path`'s place in one step.

    >>> with replacing("notes.txt") as partial:  # doctest: +SKIP
    ...     partial.write_text("all or nothing")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        yield partial
        replace_file(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_file(source: Path | str, target: Path | str) -> None:
    """Give a file the name of another one, which it replaces in one step.

    Windows refuses that while a program has one of the two open, as scanners and backups do with new files: there, it
    is tried for two seconds.

    Raises
    ------
    PermissionError
        If it is still refused.
    """
    for wait_s in WAITS_S if ON_WINDOWS else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(wait_s)
    os.replace(source, target)


def append_durably(path: Path | str, line: str) -> None:
    """Append a line to a UTF-8 text file; when this returns, the line and the file's name are on the disk."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell() and not _ends_with_newline(file):
            line = "\n" + line  # an earlier line was torn by a power cut: it must not take this one with it
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    flush_folder(path.parent)


def _ends_with_newline(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def write_text(path: Path | str, text: str) -> None:
    """Write a UTF-8 text file in one step."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_durably(path: Path | str, content: bytes) -> None:
    """Write a file in one step that outlives a power cut: when this returns, the content and the name are on the disk.

    What a person made and can't make again is written so; it costs a wait for the disk.
    """
    path = Path(path)
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    flush_folder(path.parent)


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush_folder(folder: Path | str) -> None:
    """Wait until the names in a folder are on the disk; nothing where the system has no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
