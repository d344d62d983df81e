"""Export formats: one a file, found by its file name.

Every file has

- a docstring whose first line is its help text;
- ``write(collection, out) -> list[Path]``, which writes it into the folder `out`, each file in one step, and returns
  the files.

A new format is one new file here and nothing else. Names that begin with an underscore are passed over.
"""

from __future__ import annotations

from typing import Any

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import put
from earmark.core import registry
from earmark.core.errors import EarmarkError

__all__ = ["Collection", "Marked", "MarkedRecording", "exporter", "names", "put"]


def names() -> list[str]:
    """Names of all formats."""
    return list(registry.kinds(registry.EXPORT_FORMATS))


def exporter(name: str) -> Any:
    """What writes the format `name`.

    Raises
    ------
    EarmarkError
        If there is no such format.
    """
    if name not in names():
        raise EarmarkError(f"There is no export format {name!r}: choose from {', '.join(names())}.")
    return registry.module_of(registry.EXPORT_FORMATS, name)
