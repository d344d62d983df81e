"""Corpora: one importer a file, found by its file name.

Every file (or package) in this folder is a corpus that ``earmark corpus NAME`` can prepare. It has, in this order,

- a docstring: what the corpus is, its origin, size, licence and citation; the first line is its help text;
- a function ``prepare(..., out, *, options) -> Corpus`` that writes the corpus into the folder `out`. Its
  parameters are the verb's arguments and options, so they carry types and, through
  ``typing.Annotated[..., typer.Argument/Option(help=...)]``, help texts. A corpus that is read from somewhere
  takes that place, `source`, first.

A new corpus is one new file here and nothing else. Names that begin with an underscore are passed over.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from earmark.core.errors import EarmarkError


def names() -> list[str]:
    """Names of all corpora that can be prepared."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def importer(name: str) -> ModuleType:
    """The module that prepares the corpus `name`."""
    if name not in names():
        raise EarmarkError(f"There is no corpus {name!r}: choose from {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}")
