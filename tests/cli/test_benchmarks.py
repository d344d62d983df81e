"""The benchmarks are run by hand; that they can still be started is tested."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="module")
def gpu_steps() -> dict[str, Any]:
    """What ``benchmarks/gpu.py`` defines."""
    return runpy.run_path(str(next(path for path in BENCHMARKS if path.stem == "gpu")), run_name="imported")


def test_figures_of_one_step_share_a_table(gpu_steps: dict[str, Any], tmp_path: Path) -> None:
    for step, figures in (
        ("speed", {"a": 1.23456, "b": "x|y"}),
        ("speed", {"a": 1234.5, "b": "z"}),
        ("tests", {"c": 1}),
    ):
        gpu_steps["write"](tmp_path, step, figures)
    table = "**speed**\n\n| a | b |\n|---|---|\n| 1.23 | x/y |\n| 1234 | z |\n"
    assert (tmp_path / "results.md").read_text() == f"{table}\n**tests**\n\n| c |\n|---|\n| 1 |\n"


def test_epochs_of_a_table_fit_its_time(gpu_steps: dict[str, Any], tmp_path: Path) -> None:
    fit = gpu_steps["epochs_that_fit"]
    assert fit(tmp_path, 100, 8, 60, 4000) == 10  # nothing was measured
    measured = {"recipe": "olaleye2022/cnn-attend", "precision": "fp32", "utterances/s": 4000.0}
    gpu_steps["write"](tmp_path, "training throughput", measured)
    # One epoch of a training takes 1 s, of eight 8 s, two side by side 4 s.
    assert fit(tmp_path, 100, 8, 60, 4000) == 25
    assert fit(tmp_path, 100, 1, 60, 4000) == 12
    assert fit(tmp_path, 1000, 8, 60, 4000) == 60
    assert fit(tmp_path, 1, 8, 60, 4000) == 1


def test_the_gpu_script_is_sound_bash() -> None:
    script = BENCHMARKS[0].parent / "gpu.sh"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    usage = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    assert "benchmarks/gpu.sh CORPUS [OUT]" in usage.stdout
