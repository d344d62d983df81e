"""The benchmarks are run by hand; that they can still be started is tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


def test_there_are_benchmarks() -> None:
    assert {"features", "masking", "thresholds", "why"} <= {path.stem for path in BENCHMARKS}


def test_every_benchmark_can_be_imported() -> None:
    code = "import sys, runpy; [runpy.run_path(path, run_name='imported') for path in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, *map(str, BENCHMARKS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
