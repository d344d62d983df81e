"""Kinds that come from outside the package: registered by a program, or brought by an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from pydantic import ValidationError

import earmark
from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.features import extractor
from earmark.features.kinds import log_mel
from earmark.recipe import FeatureSettings, Recipe, read_recipe


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Forget what a test registers."""
    yield
    earmark.unregister("export", "my-notes")
    earmark.unregister("features", "other_mel")
    assert registry._registered == {}


class Settings(FeatureSettings):
    """Log-mel energies under another name."""

    kind: Literal["other-mel"] = "other-mel"
    bands: int = 40


def test_what_is_registered_is_found_by_name() -> None:
    kind = SimpleNamespace(write=lambda collection, out: [])
    earmark.register("export", "my_notes", kind)
    assert "my-notes" in earmark.list_export_formats()
    assert registry.module_of(registry.EXPORT_FORMATS, "my-notes") is kind
    later = SimpleNamespace(write=lambda collection, out: [])
    earmark.register("export", "my-notes", later)
    assert registry.module_of(registry.EXPORT_FORMATS, "my-notes") is later


def test_recipes_know_registered_features_at_once() -> None:
    with pytest.raises(EarmarkError, match=r"features\.kind' can't be 'other-mel'"):
        read_recipe("earmark-mfcc", ["features={kind: other-mel}"])
    earmark.register(
        "features", "other-mel", SimpleNamespace(Settings=Settings, build=lambda s: log_mel.build(log_mel.Settings()))
    )
    recipe = read_recipe("earmark-mfcc", ["features={kind: other-mel, bands: 12}"])
    assert recipe.features == Settings(bands=12)
    assert extractor(recipe.features).dimension == 40
    assert Recipe.model_validate(recipe.model_dump()) == recipe
    with pytest.raises(EarmarkError, match="did you mean 'bands'"):
        read_recipe("earmark-mfcc", ["features={kind: other-mel, bandz: 12}"])
    with pytest.raises(ValidationError):
        Settings(bands="x")  # type: ignore[arg-type]
    earmark.unregister("features", "other-mel")
    with pytest.raises(EarmarkError, match="can't be"):
        read_recipe("earmark-mfcc", ["features={kind: other-mel}"])


@pytest.mark.parametrize(
    ("group", "name", "kind", "sentence"),
    [
        ("exports", "new", SimpleNamespace(write=print), "no group 'exports'.*corpus, export"),
        ("export", "csv", SimpleNamespace(write=print), "'csv' is one of Earmark's own"),
        ("localisation", "new", SimpleNamespace(localise=print), "it has no check_model"),
        ("features", "new", SimpleNamespace(), "no Settings and no build"),
    ],
)
def test_what_can_not_be_registered_is_refused(group: str, name: str, kind: Any, sentence: str) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        earmark.register(group, name, kind)


PLUGIN = '''
"""Names of recordings, a line each."""
from earmark.archive.export._files import put

def write(collection, out):
    return [put(out / "names.txt", "".join(f"{r.path}\\n" for r in collection.recordings).encode())]
'''


def installed(folder: Path, target: str) -> None:
    """A package with an entry point, as an installer would have left it."""
    (folder / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    about = folder / "plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n", encoding="utf-8")
    groups = f"[earmark.archive.export]\nnames_only = {target}\n"
    (about / "entry_points.txt").write_text(groups, encoding="utf-8")


def run(code: str, folder: Path) -> str:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_an_installed_package_brings_kinds(tmp_path: Path) -> None:
    installed(tmp_path, "plugin")
    code = (
        "import earmark; from earmark.archive.export import exporter; "
        "print('names-only' in earmark.list_export_formats(), exporter('names-only').__doc__.strip())"
    )
    assert run(code, tmp_path) == "True Names of recordings, a line each.\n"


def test_a_package_that_is_broken_is_named(tmp_path: Path) -> None:
    installed(tmp_path, "plugin.nothing")
    code = "from earmark.archive.export import exporter; exporter('names-only')"
    assert "can't be loaded from plugin.nothing" in run(code, tmp_path)
