"""The steps of ``benchmarks/gpu.sh`` that are written in Python. Each adds its figures to OUT as soon as it has them.

    python benchmarks/gpu.py throughput|pairs|index CORPUS OUT [--short]
    python benchmarks/gpu.py epochs OUT --seconds 150 --jobs 8
    python benchmarks/gpu.py note OUT STEP KEY=VALUE ...

``OUT/results.jsonl`` has one JSON object a figure, ``OUT/results.md`` the same as tables. Everything is trained and
indexed by the command line's own verbs, within this process, so that what is measured is what a user gets; the time of
an epoch is that between two points of its curves in ``tensorboard/``.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# As the command line does, before torch is imported: threads that wait for one another spin for a moment only.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

import numpy as np
import soundfile
import torch
from PIL import Image

from earmark.core.corpus import Corpus, Utterance, read_corpus, write_corpus
from earmark.recipe import read_recipe

WRITTEN = ("olaleye2022/cnn-attend", "earmark-mfcc")
PAIRS = ("attention", "contrastive-davenet", "davenet", "highest")
SAMPLE_RATE = 16_000


# --- what is written -------------------------------------------------------------------------------------------------


def write(out: Path, step: str, figures: dict[str, Any]) -> None:
    """Add a row of figures to both files, and print it."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "results.jsonl", "a", encoding="utf-8") as lines:
        lines.write(json.dumps({"step": step, **figures}, ensure_ascii=False) + "\n")
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    (out / "results.md").write_text(as_tables(rows), encoding="utf-8")
    print(f"{step}: {', '.join(f'{name} {spell(value)}' for name, value in figures.items())}", flush=True)


def as_tables(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table for each step, and for each set of columns that it has."""
    tables: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        step, *columns = row
        head = [f"**{row[step]}**", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        table = tables.setdefault((row[step], *columns), head)
        table.append(f"| {' | '.join(spell(row[column]) for column in columns)} |")
    return "\n\n".join("\n".join(table) for table in tables.values()) + "\n"


def spell(value: Any) -> str:
    """A figure with three digits that count."""
    if isinstance(value, float):
        if np.isnan(value):
            return "–"
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value).replace("|", "/")


def device_name() -> str:
    """The GPU that torch computes on, or the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


# --- a training, as a user starts it ---------------------------------------------------------------------------------


@dataclasses.dataclass
class Trained:
    """What a training took.

    Attributes
    ----------
    wall_s : float
        All of it, with reading features and building the model.
    epoch_s : float
        Median of the epochs after the first, each with its pass over dev and the writing of its state.
    step_s : float
        Median over the same epochs of their mean step, from the end of the first to the end of the last.
    waiting : float
        Part of the steps' time in which the loop waited for a batch to be put together.
    utilisation, memory_gb : float
        Of the GPU: mean use while it trained, as its driver says, and the most memory that tensors took.
    """

    wall_s: float
    epoch_s: float
    step_s: float
    waiting: float
    utilisation: float
    memory_gb: float


def earmark(*arguments: object) -> None:
    """Run a verb of the command line in this process."""
    from earmark.cli import app

    app([str(argument) for argument in arguments], standalone_mode=False)


def train(recipe: str, corpus: Path, out: Path, *settings: str, precision: str = "no", keep: bool = False) -> Trained:
    """Train a model, and measure."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    shutil.rmtree(out, ignore_errors=True)
    changes = [part for setting in settings for part in ("--set", setting)]
    steps = -(-len(read_corpus(corpus).utterances("train")) // read_recipe(recipe, list(settings)).training.batch_size)
    begun = time.monotonic()
    with batch_waits() as waits, step_ends(steps) as ends, utilisation() as used:
        earmark("train", recipe, "--corpus", corpus, "--out", out, "--precision", precision, *changes)
    wall_s = time.monotonic() - begun
    epochs_s = epoch_seconds(out)
    steps_s = [(last - first) / max(steps - 1, 1) for first, last in zip(ends[::2], ends[1::2], strict=False)][1:]
    step_s = statistics.median(steps_s or [0.0]) or float("nan")
    memory = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else float("nan")
    if not keep:
        shutil.rmtree(out, ignore_errors=True)
    busy = statistics.mean(used) if used else float("nan")
    wait_s = statistics.median(waits or [0.0])
    return Trained(wall_s, statistics.median(epochs_s or [float("nan")]), step_s, wait_s / step_s, busy, memory)


@contextmanager
def step_ends(steps: int) -> Iterator[list[float]]:
    """When the first and the last of every so many steps of an optimiser were done, on the GPU, too."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    ends: list[float] = []
    count = 0

    def step(*_: object) -> None:
        nonlocal count
        if count % steps in (0, steps - 1):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append(time.perf_counter())
            if steps == 1:
                ends.append(ends[-1])
        count += 1

    hook = register_optimizer_step_post_hook(step)
    try:
        yield ends
    finally:
        hook.remove()


def epoch_seconds(run: Path) -> list[float]:
    """Seconds of each epoch but the first, from the times at which the points of the curve were written."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    times = [
        event.wall_time
        for file in sorted((run / "tensorboard").glob("events*"))
        for event in EventFileLoader(str(file)).Load()
        if any(value.tag == "dev_loss" for value in event.summary.value)
    ]
    return [after - before for before, after in itertools.pairwise(times)]


@contextmanager
def batch_waits() -> Iterator[list[float]]:
    """Seconds for which each batch was waited for, wherever a data loader deals them."""
    from torch.utils.data import dataloader

    kind: Any = dataloader._BaseDataLoaderIter
    original, waits = kind.__next__, []

    def measured(self: Any) -> Any:
        begun = time.perf_counter()
        try:
            return original(self)
        finally:
            waits.append(time.perf_counter() - begun)

    kind.__next__ = measured
    try:
        yield waits
    finally:
        kind.__next__ = original


@contextmanager
def utilisation() -> Iterator[list[float]]:
    """How busy the GPU is, in percent, five times a second; nothing without one."""
    used: list[float] = []
    if not (torch.cuda.is_available() and shutil.which("nvidia-smi")):
        yield used
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200"]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    try:
        yield used
    finally:
        watcher.terminate()
        printed, _ = watcher.communicate()
        used += [float(line) for line in printed.split() if line.strip().isdigit()]


# --- parts of a corpus -----------------------------------------------------------------------------------------------


def part_of(corpus: Corpus, folder: Path, sizes: dict[str, int], pictures: bool = False) -> Path:
    """The first utterances of each split, in a corpus of its own; pictures that are missing are made up of noise."""
    splits: dict[str, list[Utterance]] = {}
    for split, size in sizes.items():
        splits[split] = corpus.utterances(split)[:size]
        if pictures:
            splits[split] = [with_picture(one, folder / "images") for one in splits[split]]
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(dataclasses.replace(corpus, folder=folder), splits)
    shutil.copytree(corpus.folder / "tags", folder / "tags", dirs_exist_ok=True)
    return folder


def with_picture(utterance: Utterance, folder: Path) -> Utterance:
    """The utterance with its own picture, or with one that is made up."""
    if utterance.image is not None and utterance.image.is_file():
        return utterance
    name = utterance.id if utterance.image is None else utterance.image.stem
    path = folder / f"{name}.jpg"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(abs(hash(name)) % 2**32)
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(path)
    return dataclasses.replace(utterance, image=path)


# --- the steps -------------------------------------------------------------------------------------------------------


def throughput(folder: Path, out: Path, short: bool) -> None:
    """Utterances a second and times real time of two recipes, in single and in mixed precision, on this device."""
    gpu = torch.cuda.is_available()
    corpus = read_corpus(folder)
    size = 32 if short else 1024
    part = part_of(corpus, out / "parts" / f"train-{size}", {"train": size, "dev": 8 if short else 32})
    seconds = sum(utterance.duration_s for utterance in read_corpus(part).utterances("train"))
    size = len(read_corpus(part).utterances("train"))
    epochs = 3 if short else 8 if gpu else 3
    for precision in ("no",) if short else ("no", "bf16"):
        for recipe in WRITTEN[1:] if short else WRITTEN:
            run = out / "runs" / f"{Path(recipe).name}-{'gpu' if gpu else 'cpu'}-{precision}"
            keep = recipe == "earmark-mfcc" and precision == "no"
            took = train(recipe, part, run, f"training.epochs={epochs}", precision=precision, keep=keep)
            batch = read_recipe(recipe).training.batch_size
            figures = {
                "recipe": recipe,
                "device": device_name(),
                "precision": "fp32" if precision == "no" else precision,
                "batch": batch,
                "ms a step": 1000 * took.step_s,
                "utterances/s": batch / took.step_s,
                "times real time": batch / took.step_s * seconds / size,
                "epoch s": took.epoch_s,
                "waiting for batches %": 100 * took.waiting,
                "GPU busy %": took.utilisation,
                "GPU memory GB": took.memory_gb,
            }
            write(out, "training throughput", figures)
    if gpu:
        for recipe in WRITTEN:
            synchronisations(recipe, part, out)


def synchronisations(recipe: str, part: Path, out: Path) -> None:
    """How often two epochs of training wait for the GPU, and where most of all."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    steps: list[None] = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(None))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            train(recipe, part, out / "runs" / "synchronisations", "training.epochs=2")
        finally:
            torch.cuda.set_sync_debug_mode("default")
            hook.remove()
    places = Counter(
        f"{Path(warning.filename).name}:{warning.lineno}" for warning in caught if "synchroniz" in str(warning.message)
    )
    most = ", ".join(f"{place} {count}" for place, count in places.most_common(6))
    figures = {"recipe": recipe, "optimiser steps": len(steps), "synchronisations": places.total(), "where": most}
    write(out, "synchronisations, two epochs", figures)


def pairs(folder: Path, out: Path, short: bool) -> None:
    """The pair models of Nortje and Kamper (2022) at full width, with networks of random weights."""
    sizes = {"train": 32 if short else 384, "dev": 16 if short else 32}
    part = part_of(read_corpus(folder), out / "parts" / "pairs", sizes, pictures=True)
    network = random_resnet(out / "parts" / "resnet-50", short)
    narrow = {"channels": 32, "layers": 2, "context": [16], "lstm": [16, 16]}
    changes = [f"model.speech.{name}={value}" for name, value in narrow.items()]
    changes += ["model.dimension=32", "training.batch_size=8"]
    for name in PAIRS[:1] if short else PAIRS:
        settings = [
            f"model.image.network={network}",
            "supervision=bow",
            f"training.epochs={2 if short else 5}",
            *(changes if short else []),
        ]
        batch = 8 if short else 16 if name == "davenet" else 32
        for precision in ("no",) if short else ("no", "bf16"):
            took = train(f"nortje2022/{name}", part, out / "runs" / name, *settings, precision=precision)
            figures = {
                "recipe": name,
                "device": device_name(),
                "precision": "fp32" if precision == "no" else precision,
                "batch": batch,
                "ms a step": 1000 * took.step_s,
                "anchors/s": batch / took.step_s,
                "epoch s": took.epoch_s,
                "waiting for batches %": 100 * took.waiting,
                "GPU busy %": took.utilisation,
                "GPU memory GB": took.memory_gb,
                "all s": took.wall_s,
            }
            write(out, "pair models, full width" if not short else "pair models, narrow", figures)


def random_resnet(folder: Path, short: bool) -> Path:
    """A ResNet-50 of random weights, saved as the pretrained one is; of few channels for a short run."""
    import transformers

    if not (folder / "config.json").is_file():
        torch.manual_seed(0)
        narrow = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1]} if short else {}
        transformers.ResNetModel(transformers.ResNetConfig(**narrow)).save_pretrained(folder)
        values = {
            "image_processor_type": "ConvNextImageProcessor",
            "size": {"shortest_edge": 224},
            "crop_pct": 0.875,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def index(folder: Path, out: Path, short: bool) -> None:
    """How many times faster than real time one long recording is indexed on this device."""
    runs = [path.parent for path in sorted((out / "runs").glob("earmark-mfcc-*-no/recipe.yaml"))]
    run = runs[0] if runs else None
    if run is None:
        part = part_of(read_corpus(folder), out / "parts" / "train-64", {"train": 64, "dev": 16})
        run = out / "runs" / "earmark-any-no"
        train("earmark-mfcc", part, run, "training.epochs=1", keep=True)
    hours = 0.02 if short else 3.0
    recording = long_recording(read_corpus(folder), out / "recordings" / "long.wav", hours)
    archive = out / "archives" / device_name().replace(" ", "-").replace(",", "")
    shutil.rmtree(archive, ignore_errors=True)
    begun = time.monotonic()
    command = [sys.executable, "-m", "earmark", "index", str(run), str(recording.parent), "--archive", str(archive)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    wall_s = time.monotonic() - begun
    said = re.search(r"([\d.]+) times real time", done.stdout)
    figures = {
        "recipe": "earmark-mfcc",
        "device": device_name(),
        "hours": hours,
        "seconds, with the start of the program": wall_s,
        "times real time, as the indexer says": float(said[1]) if said else float("nan"),
    }
    write(out, "indexing", figures)
    shutil.rmtree(archive, ignore_errors=True)


def long_recording(corpus: Corpus, path: Path, hours: float) -> Path:
    """Utterances of the corpus one after the other, again and again, in one file."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [utterance.audio for utterance in corpus.utterances("train")[:400]]
    spoken = np.concatenate([soundfile.read(str(file), dtype="int16")[0].reshape(-1) for file in files])
    left = round(hours * 3600 * SAMPLE_RATE)
    with soundfile.SoundFile(str(path), "w", SAMPLE_RATE, 1, "PCM_16") as recording:
        while left > 0:
            recording.write(spoken[:left])
            left -= len(spoken)
    return path


def epochs_that_fit(out: Path, seconds: float, jobs: int, most: int, utterances: int) -> int:
    """How many epochs of the eight trainings fit, side by side, by the measured throughput of CNN-Attend."""
    lines = (
        (out / "results.jsonl").read_text(encoding="utf-8").splitlines() if (out / "results.jsonl").is_file() else []
    )
    rows = [json.loads(line) for line in lines]
    paces = [
        row["utterances/s"]
        for row in rows
        if row["step"] == "training throughput" and row["recipe"] == WRITTEN[0] and row["precision"] == "fp32"
    ]
    if not paces:
        return min(most, 10)
    # CNN-Attend is the slowest of the four; side by side they fill each other's gaps, but not more than two times over.
    epoch_s = utterances / max(paces) * 8 / min(jobs, 2)
    return max(1, min(most, int(seconds / epoch_s)))


def main() -> None:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("throughput", "pairs", "index", "epochs", "note", "device"))
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--short", action="store_true", help="little of everything, to see that it runs")
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument("--utterances", type=int, default=4000)
    asked = parser.parse_args()
    if asked.step == "device":
        figures = {"device": device_name(), "torch": torch.__version__, "python": platform.python_version()}
        write(Path(asked.arguments[0]), "machine", {**figures, "cores": os.cpu_count() or 1})
    elif asked.step == "epochs":
        print(epochs_that_fit(Path(asked.arguments[0]), asked.seconds, asked.jobs, asked.most, asked.utterances))
    elif asked.step == "note":
        out, step, *pairs_of = asked.arguments
        write(Path(out), step, dict(pair.split("=", 1) for pair in pairs_of))
    else:
        corpus, out = map(Path, asked.arguments)
        {"throughput": throughput, "pairs": pairs, "index": index}[asked.step](corpus, out, asked.short)


if __name__ == "__main__":
    main()
