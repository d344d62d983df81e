"""Commands that may write only where permissions say so, also where the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DROPPED = "-dac_override,-dac_read_search,-fowner"


def run_unprivileged(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is text in UTF-8."""
    prefix: list[str] = []
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write anywhere, and setpriv, which takes that from it, is not there")
        prefix = ["setpriv", f"--bounding-set={DROPPED}", f"--inh-caps={DROPPED}"]
    variables = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        [*prefix, *map(str, command)], capture_output=True, encoding="utf-8", env=variables, check=False, timeout=120
    )


def write_protect(folder: Path) -> None:
    """Take the permission to write from a folder and all below."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(path.stat().st_mode & ~0o222)


def unprotect(folder: Path) -> None:
    """Give it back, so that the folder can be deleted."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
