"""Kinds that are found by name: Earmark's own, those of installed packages, and those that a program registers.

Earmark's own are one module a kind in a package, named as a recipe writes it: ``log-mel`` is the module ``log_mel``;
modules whose names begin with an underscore are no kinds. Another package adds kinds with an entry point in the group
that is called like Earmark's package::

    [project.entry-points."earmark.localisation.methods"]
    loudest = "my_package.loudest"

and a program or a notebook with :func:`register`. The packages are named, not imported, so that a recipe can be checked
by code that lies above it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

CORPORA = "earmark.corpora"
FEATURES = "earmark.features.kinds"
SPEECH_ENCODERS = "earmark.models.speech_encoders"
IMAGE_ENCODERS = "earmark.models.image_encoders"
LOCALISATION_METHODS = "earmark.localisation.methods"
EXPORT_FORMATS = "earmark.archive.export"

GROUPS = {
    "corpus": (CORPORA, ("prepare",)),
    "export": (EXPORT_FORMATS, ("write",)),
    "features": (FEATURES, ("Settings", "build")),
    "image-encoder": (IMAGE_ENCODERS, ("Settings", "build")),
    "localisation": (LOCALISATION_METHODS, ("check_model", "localise")),
    "speech-encoder": (SPEECH_ENCODERS, ("Settings", "build")),
}
"""What can be registered: its package, and what a kind of it must have."""

_registered: dict[tuple[str, str], Any] = {}  # by package and name
_listeners: list[Callable[[], object]] = []


def register(group: str, name: str, kind: Any) -> None:
    """Add a kind for this process; one that was registered by the same name before is replaced.

    Parameters
    ----------
    group : {"corpus", "export", "features", "image-encoder", "localisation", "speech-encoder"}
    name : str
        As recipes and commands write it; hyphens and underscores are the same.
    kind : module, class or other object
        With what a file of Earmark's own package for such kinds has: see the docstrings of
        :mod:`earmark.corpora`, :mod:`earmark.archive.export`, :mod:`earmark.features.kinds`,
        :mod:`earmark.models.image_encoders`, :mod:`earmark.localisation.methods` and
        :mod:`earmark.models.speech_encoders`.

    Raises
    ------
    EarmarkError
        If there is no such group, the name is one of Earmark's own, or something is missing from the kind.
    """
    if group not in GROUPS:
        raise EarmarkError(f"There is no group {group!r} to register in: choose from {', '.join(GROUPS)}.")
    package, parts = GROUPS[group]
    name = name.replace("_", "-")
    if name in own_kinds(package):
        raise EarmarkError(f"{name!r} is one of Earmark's own in the group {group!r}: register under another name.")
    missing = [part for part in parts if not hasattr(kind, part)]
    if missing:
        raise EarmarkError(f"{name!r} can't be registered as {group}: it has no {' and no '.join(missing)}.")
    _registered[package, name] = kind
    _announce()


def unregister(group: str, name: str) -> None:
    """Take back what :func:`register` added; nothing happens where there is none."""
    if group in GROUPS and _registered.pop((GROUPS[group][0], name.replace("_", "-")), None) is not None:
        _announce()


def _announce() -> None:
    kinds.cache_clear()
    for listener in _listeners:
        listener()


def on_register(listener: Callable[[], object]) -> None:
    """Have `listener` called whenever something was registered or taken back."""
    _listeners.append(listener)


@cache
def own_kinds(package: str) -> tuple[str, ...]:
    """Names of Earmark's own kinds in a package, in alphabetical order."""
    path = importlib.import_module(package).__path__
    names = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))


@cache
def kinds(package: str) -> tuple[str, ...]:
    """Names of all kinds of a package, in alphabetical order."""
    registered = {name for group, name in _registered if group == package}
    return tuple(sorted({*own_kinds(package), *_installed(package), *registered}))


def module_of(package: str, kind: str) -> Any:
    """The module of a kind, or what was registered in its place.

    Raises
    ------
    KeyError
        If there is no such kind.
    EarmarkError
        If it is of an installed package and can't be imported.
    """
    if kind in own_kinds(package):
        return importlib.import_module(f"{package}.{kind.replace('-', '_')}")
    if (package, kind) in _registered:
        return _registered[package, kind]
    point = _installed(package)[kind]
    try:
        return point.load()
    except Exception as error:  # whatever a foreign package raises while it is imported
        raise EarmarkError(
            f"{kind!r} of {package}, which an installed package brings, can't be loaded from {point.value} ({error}): "
            "mend or remove that package."
        ) from error


@cache
def _installed(package: str) -> dict[str, EntryPoint]:
    """What other installed packages bring, by name."""
    from importlib.metadata import entry_points  # takes a while to import

    return {point.name.replace("_", "-"): point for point in entry_points(group=package)}


def list_corpora() -> list[str]:
    """Names of the corpora that can be prepared."""
    return list(kinds(CORPORA))


def list_feature_kinds() -> list[str]:
    """Names of the kinds of speech features."""
    return list(kinds(FEATURES))


def list_localisation_methods() -> list[str]:
    """Names of the localisation methods."""
    return list(kinds(LOCALISATION_METHODS))


def list_export_formats() -> list[str]:
    """Names of the formats that an archive's hits can be exported to."""
    return list(kinds(EXPORT_FORMATS))


def list_speech_encoders() -> list[str]:
    """Names of the speech encoders of models that accept images."""
    return list(kinds(SPEECH_ENCODERS))


def list_image_encoders() -> list[str]:
    """Names of the image encoders of models that accept images."""
    return list(kinds(IMAGE_ENCODERS))
