"""The wheel and the source distribution: what is inside, what their metadata say, and that they work elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

import earmark

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "src", "recipes", "docs")

pytest.importorskip("hatchling", reason="the wheel is built by hatchling (earmark[dev])")


def build(project: Path, out: Path, kind: str) -> Path:
    """Build a wheel or a source distribution of a project without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out), "--target", kind]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy that holds nothing but what it is built from."""
    copy = tmp_path_factory.mktemp("project")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return build(copy, tmp_path_factory.mktemp("dist"), "wheel")


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_the_recipes_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {f"earmark/{name}" for name in files_below(ROOT / "src" / "earmark")}
    recipes = {f"earmark/recipes/{name}" for name in files_below(ROOT / "recipes")}
    assert inside == package | recipes
    assert {Path(name).suffix for name in inside} >= {".html", ".css", ".js", ".json", ".txt", ".yaml", ".typed"}


def test_the_metadata_agree_with_the_package_and_the_citation(metadata: Message) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert metadata["Version"] == earmark.__version__ == citation["version"]
    assert metadata["License-Expression"] == citation["license"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"] == citation["authors"][0]["name"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    labels = [value.split(",")[0] for value in metadata.get_all("Project-URL", [])]
    assert labels == ["Homepage", "Documentation", "Source", "Issues", "Changelog"]
    assert f"## {earmark.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_classifiers_are_those_of_the_index(metadata: Message) -> None:
    known = pytest.importorskip("trove_classifiers", reason="comes with hatchling").classifiers
    classifiers = metadata.get_all("Classifier", [])
    assert set(classifiers) <= known
    minors = [name.rsplit(".", 1)[1] for name in classifiers if name.startswith("Programming Language :: Python :: 3.")]
    assert metadata["Requires-Python"] == f"<3.{int(minors[-1]) + 1},>=3.{minors[0]}"


@pytest.mark.slow
def test_the_wheel_of_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("earmark-*")
    assert (source / "tests" / "conftest.py").is_file()
    with ZipFile(wheel) as one, ZipFile(build(source, tmp_path / "wheel", "wheel")) as other:
        assert set(one.namelist()) == set(other.namelist())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_installed_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment with the wheel; the libraries are those of the environment that runs the tests."""
    home, work = tmp_path / "environment", tmp_path / "work"
    venv.create(home, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    own = sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)})
    # Named by a .pth file, a folder comes after the environment's own, and the .pth files in it (that of an editable
    # installation, too) are not read.
    (Path(own) / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    work.mkdir()
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=work, env=clean, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    pip = [sys.executable, "-m", "pip", "--quiet", "--python", scripts / "python"]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    assert Path(run(scripts / "python", "-c", "import earmark; print(earmark.__file__)").strip()).is_relative_to(own)
    assert "recordings that nobody has transcribed" in run(scripts / "earmark", "--help")
    assert "PROBLEM" not in run(scripts / "earmark", "doctor")
    recipes = run(
        scripts / "python", "-c", "from earmark.recipe.io import *; print(shipped_recipes(), shipped_names())"
    )
    assert recipes.startswith(own)
    assert "olaleye2022/psc" in recipes
    pytest.importorskip("espeakng_loader", reason="the demo speaks with eSpeak NG (earmark[demo])")
    assert "results.html" in run(scripts / "earmark", "demo", "--size", "24")
    assert (work / "demo" / "results.html").is_file()
    assert "demo/archive" in run(scripts / "earmark", "info", "demo/archive").replace("\\", "/")
    page = "from earmark.web.app import STATIC; print((STATIC / 'index.html').read_text(encoding='utf-8'))"
    assert "<title>" in run(scripts / "python", "-c", page)
