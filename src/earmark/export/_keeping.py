"""Writing so that nothing is lost that was there before: people correct what was exported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from earmark.files import replacing


@contextmanager
def keeping(path: Path) -> Iterator[Path]:
    """As :func:`earmark.files.replacing`; what was there and differs stays as ``NAME.1.bak``, ``NAME.2.bak``, ..."""
    with replacing(path) as partial:
        yield partial
        if path.is_file() and path.read_bytes() != partial.read_bytes():
            _back_up(path)


def put(path: Path, content: str | bytes) -> Path:
    """Write a file at once, text as UTF-8, and keep what was there."""
    with keeping(path) as partial:
        partial.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _back_up(path: Path) -> None:
    copies = (path.with_name(f"{path.name}.{number}.bak") for number in count(1))
    with replacing(next(copy for copy in copies if not copy.exists())) as partial:
        shutil.copyfile(path, partial)
