"""The benchmarks are run by hand; that they can still be started is tested."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


def test_there_are_benchmarks() -> None:
    assert {"features", "masking", "search", "thresholds", "why"} <= {path.stem for path in BENCHMARKS}


def test_every_benchmark_can_be_imported() -> None:
    code = "import sys, runpy; [runpy.run_path(path, run_name='imported') for path in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, *map(str, BENCHMARKS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_search_of_a_few_minutes_misses_nothing() -> None:
    program = next(path for path in BENCHMARKS if path.stem == "search")
    tiny = ["--hours", "0.05", "--postings", "670", "--queries", "2", "--compared", "1"]
    done = subprocess.run([sys.executable, program, *tiny], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # All windows are candidates, so the short way finds what the long way finds.
    recalls = re.findall(
        r"(image query|spoken example) over 0.05 hours.*recall at 50 (\S+) \(lowest (\S+)\)", done.stdout
    )
    assert recalls == [(what, "1.000", "1.00") for what in ("image query", "spoken example", "image query")]
    assert "top 50 of a keyword among 670 postings" in done.stdout
