"""Corpora: one importer a file, found by its file name.

Every file (or package) in this folder is a corpus that ``earmark corpus NAME`` can prepare. It has, in this order,

- a docstring: what the corpus is, its origin, size, licence and citation; the first line is its help text;
- a function ``prepare(..., out, *, options) -> Corpus`` that writes the corpus into the folder `out`. Its
  parameters are the verb's arguments and, from ``*`` on, its options; their types are written
  ``typing.Annotated[TYPE, "help text"]``. A corpus that is read from somewhere takes that place, `source`, first.

A new corpus is one new file here and nothing else. Names that begin with an underscore are passed over.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from earmark.core import registry
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError


def names() -> list[str]:
    """Names of all corpora that can be prepared."""
    return sorted(name.replace("-", "_") for name in registry.kinds(registry.CORPORA))


def prepare_corpus(name: str, *args: Any, **options: Any) -> Corpus:
    """Prepare a corpus: ``prepare_corpus("yfacc", source, out)``; arguments are those of its importer's `prepare`.

    Parameters
    ----------
    name : str
        One of :func:`earmark.list_corpora`.
    *args, **options
        First the place that it is read from, where there is one, and the folder to write; then its own options, which
        are those of ``earmark corpus NAME``.

    Raises
    ------
    EarmarkError
        If there is no such corpus, or something is wrong with its files.
    """
    prepare = importer(name).prepare
    signature = inspect.signature(prepare, eval_str=True)
    given = signature.bind(*args, **options)
    for parameter, value in given.arguments.items():
        if isinstance(value, str) and "Path" in str(signature.parameters[parameter].annotation):
            given.arguments[parameter] = Path(value)
    prepared: Corpus = prepare(*given.args, **given.kwargs)
    return prepared


def importer(name: str) -> Any:
    """The module that prepares the corpus `name`.

    Raises
    ------
    EarmarkError
        If there is no such corpus.
    """
    name = name.replace("-", "_")
    if name not in names():
        raise EarmarkError(f"There is no corpus {name!r}: choose from {', '.join(names())}.")
    return registry.module_of(registry.CORPORA, name.replace("_", "-"))
