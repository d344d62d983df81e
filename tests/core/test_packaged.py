"""Networks inside installed packages: found without running the package, and checked."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.core.packaged import PackagedFile

CONTENT = b"weights"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a package that must not be imported."""
    package = tmp_path / "somebodys_network"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "models" / "net.onnx").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    return package


def packaged(package: str = "somebodys_network", content: bytes = CONTENT) -> PackagedFile:
    return PackagedFile("somebodys-network==1.2", package, "models/net.onnx", hashlib.sha256(content).hexdigest())


def test_a_file_is_found_without_importing_its_package(site: Path) -> None:
    assert packaged().find("train with MFCC") == site / "models" / "net.onnx"
    assert "somebodys_network" not in sys.modules


def test_a_file_of_a_package_inside_a_namespace_is_found(site: Path, tmp_path: Path) -> None:
    site.rename(tmp_path / "inner")
    (tmp_path / "space").mkdir()
    (tmp_path / "inner").rename(tmp_path / "space" / "inner")
    assert packaged("space/inner").find("train with MFCC") == tmp_path / "space" / "inner" / "models" / "net.onnx"
    assert "space.inner" not in sys.modules


def test_what_is_not_installed_is_named_with_both_ways_on(site: Path) -> None:
    missing = packaged("nobodys_network")
    assert missing.installed() is None
    with pytest.raises(EarmarkError, match=r"somebodys-network==1\.2.*earmark\[features\].*or train with MFCC\."):
        missing.find("train with MFCC")


def test_a_version_without_the_file_counts_as_not_installed(site: Path) -> None:
    (site / "models" / "net.onnx").unlink()
    with pytest.raises(EarmarkError, match="is not installed"):
        packaged().find("train with MFCC")


def test_another_file_in_its_place_is_refused(site: Path) -> None:
    with pytest.raises(EarmarkError, match=r"net\.onnx is not the file of somebodys-network==1\.2"):
        packaged(content=b"other weights").find("train with MFCC")
