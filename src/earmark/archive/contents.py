"""What an archive holds, in numbers, and which files it has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from earmark.archive.archive import Archive
from earmark.archive.schema import chunks, judgements, postings, recordings


def info(archive: Archive) -> dict[str, Any]:
    """List what an archive has written, and count what it holds.

    Returns
    -------
    dict
        ``folder``, ``database`` (None where it is in the folder), ``model``, ``files`` (bytes by part of the
        folder), and the numbers of ``recordings`` by status, of ``windows``, ``postings`` and ``judgements``, and
        ``hours`` of sound.
    """
    with archive.reading() as connection:
        by_status = connection.execute(select(recordings.c.status, func.count()).group_by(recordings.c.status)).all()
        hours = connection.execute(select(func.sum(recordings.c.duration_s))).scalar_one() or 0.0
        windows = connection.execute(select(func.sum(chunks.c.windows))).scalar_one() or 0
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (postings, judgements)
        }
    return {
        "folder": str(archive.folder.resolve()),
        "database": archive.address,
        "model": archive.encoding.name,
        "files": {part.name: _bytes(part) for part in sorted(archive.folder.iterdir())},
        "recordings": {str(status): int(count) for status, count in by_status},
        "hours": hours / 3600,
        "windows": int(windows),
        **counts,
    }


def _bytes(part: Path) -> int:
    return sum(_size(path) for path in ([part] if part.is_file() else part.rglob("*")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # it was being written, or is of a transaction that just ended
        return 0
