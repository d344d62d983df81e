"""Training, evaluating and indexing on a GPU give what a CPU gives.

Devices are chosen as users choose them, from outside: a process with ``CUDA_VISIBLE_DEVICES=""`` has none.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.recipe import Recipe, read_recipe, write_recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]

SOURCES = Path(__file__).parents[2] / "src"
RECIPES = [
    "earmark-mfcc",
    "olaleye2022/psc",
    "olaleye2022/cnn-pool",
    "olaleye2022/cnn-attend",
    "olaleye2022/cnn-pool-attend",
    "earmark-pictures-mfcc",
    "nortje2022/small-attention",
    "nortje2022/small-davenet",
]
EPOCHS = 24
STOP_AFTER = 4  # epochs, at least


def environment(device: str) -> dict[str, str]:
    """The variables of a process that sees the GPU, or none."""
    sources = {"PYTHONPATH": os.pathsep.join([str(SOURCES), os.environ.get("PYTHONPATH", "")])}
    return {**os.environ, **sources, **({} if device == "gpu" else {"CUDA_VISIBLE_DEVICES": ""})}


def start(device: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "earmark", *map(str, arguments)]
    return subprocess.Popen(command, env=environment(device), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(device: str, *arguments: object) -> str:
    process = start(device, *arguments)
    printed, problems = process.communicate(timeout=240)
    assert process.returncode == 0, problems
    return printed


def curve(folder: Path) -> list[dict[str, float]]:
    """The training curve as far as it has come."""
    path = folder / "curve.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def dev_losses(folder: Path) -> list[float]:
    return [point["dev_loss"] for point in curve(folder)]


@pytest.fixture(scope="session")
def steady_recipe(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny recipe without dropout, which each device draws in its own way, at a rate that keeps rounding small."""
    values = tiny_recipe.model_dump(exclude_none=True)
    for layer in values["model"]["encoder"]:
        layer["dropout"] = 0.0
    values["training"] |= {"epochs": EPOCHS, "learning_rate": 0.002, "schedule": "constant", "warmup": 0.0}
    path = tmp_path_factory.mktemp("recipe") / "steady.yaml"
    path.write_text(write_recipe(Recipe.model_validate(values)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def cpu_run(steady_recipe: Path, tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained on the CPU in one go."""
    out = tmp_path_factory.mktemp("runs") / "cpu"
    run("cpu", "train", steady_recipe, "--corpus", tiny_corpus.folder, "--out", out)
    return out


@pytest.mark.parametrize(("first", "then"), [("cpu", "gpu"), ("gpu", "cpu"), ("gpu", "gpu")])
def test_a_stopped_run_resumes_on_another_device(
    first: str, then: str, steady_recipe: Path, cpu_run: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = ("train", steady_recipe, "--corpus", tiny_corpus.folder, "--out", out)
    process = start(first, *arguments)
    deadline = time.monotonic() + 120
    while process.poll() is None and len(curve(out)) < STOP_AFTER and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    before = dev_losses(out)
    assert STOP_AFTER <= len(before) < EPOCHS, f"stopped after {len(before)} epochs"
    run(then, *arguments, "--resume")
    assert dev_losses(out)[: len(before)] == before
    assert dev_losses(out) == pytest.approx(dev_losses(cpu_run), rel=0.03)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_training_in_mixed_precision_follows_full_precision(
    precision: str, steady_recipe: Path, cpu_run: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = ("train", steady_recipe, "--corpus", tiny_corpus.folder, "--out", out)
    run("gpu", *arguments, "--precision", precision)
    mixed, full = dev_losses(out), dev_losses(cpu_run)
    assert all(map(math.isfinite, mixed))
    assert mixed == pytest.approx(full, rel=0.1)
    assert full[-1] < 0.8 * full[0]  # it learns, so that this says something


@pytest.mark.parametrize("name", RECIPES)
def test_a_model_gives_the_same_numbers_on_both_devices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    recipe, words = read_recipe(name), Vocabulary(["ball", "dog", "snow"])
    torch.manual_seed(0)
    features = extractor(recipe.features)
    model = build(recipe.model, features.dimension, words, features.grid).eval()
    frames, lengths = torch.randn(3, 200, features.dimension), torch.tensor([200, 150, 80])
    with torch.no_grad():
        expected = model.encode_speech(frames, lengths)[0]
        moved = model.cuda()
        found = [moved.encode_speech(frames.cuda(), lengths.cuda())[0].cpu() for _ in range(2)]
    assert torch.equal(*found)
    torch.testing.assert_close(found[0], expected, atol=1e-3, rtol=1e-3)


def numbers(value: Any, path: str = "") -> dict[str, float]:
    """Every number of a JSON value by its path."""
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in numbers(part, f"{path}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, part in enumerate(value) for k, v in numbers(part, f"{path}/{i}").items()}
    return {path: float(value)} if isinstance(value, int | float) else {}


@pytest.fixture(scope="session")
def on_each(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[str, Path], Any]], dict[str, Any]]:
    """What some work gives on each device, in a folder of its own."""

    def work_on_each(work: Callable[[str, Path], Any]) -> dict[str, Any]:
        return {device: work(device, tmp_path_factory.mktemp(device)) for device in ("cpu", "gpu")}

    return work_on_each


def test_a_gpu_measures_a_model_as_a_cpu_does(cpu_run: Path, tiny_corpus: Corpus, on_each: Callable[..., Any]) -> None:
    def metrics(device: str, folder: Path) -> dict[str, float]:
        run(device, "evaluate", cpu_run, "--corpus", tiny_corpus.folder, "--out", folder)
        return numbers(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))

    found = on_each(metrics)
    assert found["gpu"] == pytest.approx(found["cpu"], abs=1e-3, nan_ok=True)


def test_a_gpu_indexes_the_hits_of_a_cpu(cpu_run: Path, tiny_corpus: Corpus, on_each: Callable[..., Any]) -> None:
    def hits(device: str, folder: Path) -> list[dict[str, float]]:
        archive = folder / "archive"
        run(device, "index", cpu_run, tiny_corpus.folder / "audio", "--archive", archive)
        found = json.loads(run(device, "search", archive, "ball", "--top", 5, "--json"))
        return [numbers(hit) for hit in found]

    found = on_each(hits)
    assert len(found["cpu"]) == 5
    for one, other in zip(found["gpu"], found["cpu"], strict=True):
        assert one == pytest.approx(other, abs=2e-2, nan_ok=True)
