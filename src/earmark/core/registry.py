"""Kinds that are found by name: one module a kind in a package, named as a recipe writes it.

A new kind is one new file. ``log-mel`` is the module ``log_mel``; modules whose names begin with an underscore are no
kinds. The packages are named, not imported, so that a recipe can be checked by code that lies above it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

FEATURES = "earmark.features.kinds"
SPEECH_ENCODERS = "earmark.models.speech_encoders"
IMAGE_ENCODERS = "earmark.models.image_encoders"


@cache
def kinds(package: str) -> tuple[str, ...]:
    """Names of all kinds in a package, in alphabetical order."""
    path = importlib.import_module(package).__path__
    names = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))


def module_of(package: str, kind: str) -> ModuleType:
    """The module of a kind.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    if kind not in kinds(package):
        raise KeyError(kind)
    return importlib.import_module(f"{package}.{kind.replace('-', '_')}")
