"""Reproductions of papers: one package a paper, found by its name.

Every package has ``reproduce(corpus, out, ...)``, which trains and evaluates what the paper did, and writes one report
that sets every figure beside the published one; and ``OPTIONS``, names of the parameters that it alone has.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from earmark.core.errors import EarmarkError


def names() -> list[str]:
    """Names of the papers that can be reproduced."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def paper(name: str) -> Any:
    """The package of the paper `name`.

    Raises
    ------
    EarmarkError
        If there is none.
    """
    if name not in names():
        raise EarmarkError(f"There is no paper {name!r} to reproduce: choose from {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}")
