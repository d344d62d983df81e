"""Indexing a long recording: how many times real time, in how much memory, and how much faster than other code.

    python benchmarks/indexing.py UTTERANCES.csv KEYWORDS.txt --against ../old-checkout
    python benchmarks/indexing.py UTTERANCES.csv KEYWORDS.txt --recording tape.wav --rounds 5

Each version makes a corpus of the first utterances of a table (that of `earmark corpus table`, with paths relative to
it), and trains the same small model on it for one epoch, with its own code: formats and the names of recipes may have
changed in between. Then the versions index the same recording in turn, each time into a new archive and in a new
process, as a user does. Compared are seconds of the processor, of the whole process: those of the clock depend on what
else runs. What starting Python and reading the model take is measured on a second of sound.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from earmark.media.audio import read_audio

SAMPLE_RATE = 16_000
UTTERANCES = {"train": 120, "dev": 30, "test": 30}  # of the table, for the model


@dataclass(frozen=True)
class Usage:
    """What a process took: seconds of the processor, seconds of the clock, and peak memory in MiB."""

    cpu_s: float
    clock_s: float
    peak_mib: float


@dataclass(frozen=True)
class Version:
    """A checkout, with a folder for its corpus and its model."""

    name: str
    checkout: Path
    folder: Path

    def earmark(self, *arguments: str | Path) -> Usage:
        """Run the command line."""
        environment = {**os.environ, "PYTHONPATH": str(self.checkout / "src")}
        command = [sys.executable, "-m", "earmark", *map(str, arguments)]
        start = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        problem = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name}: {problem.decode(errors='replace')}")
        return Usage(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024)

    def train(self, table: Path, keywords: Path) -> None:
        """Train a model of the recipe `earmark-mfcc`, which was called `earmark` before there were other features."""
        recipes = [self.checkout / "recipes" / f"{name}.yaml" for name in ("earmark-mfcc", "earmark")]
        corpus = self.folder / "corpus"
        self.earmark("corpus", "table", table, corpus, "--keywords", keywords)
        self.earmark("tag", corpus, "--bow")
        settings = ("--set", "supervision=bow", "--set", "training.epochs=1")
        recipe = next(path for path in recipes if path.exists())
        self.earmark("train", recipe, "--corpus", corpus, "--out", self.folder / "model", *settings)

    def index(self, media: Path) -> Usage:
        """Index a folder into a new archive."""
        with tempfile.TemporaryDirectory(dir=self.folder) as archive:
            return self.earmark("index", self.folder / "model", media, "--archive", Path(archive) / "archive")


def first_utterances(table: Path, path: Path) -> list[dict[str, str]]:
    """Write the first utterances of each split into a table of their own, with whole paths."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    count = Counter[str]()
    selected = []
    for row in rows:
        row |= {column: str((table.parent / row[column]).resolve()) for column in ("audio", "image") if column in row}
        count[row["split"]] += 1
        if count[row["split"]] <= UTTERANCES.get(row["split"], 0):
            selected.append(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(selected)
    return rows


def make_recording(rows: Sequence[dict[str, str]], path: Path, minutes: float) -> None:
    """Concatenate utterances, drawn at random, until there are so many minutes."""
    rng = np.random.default_rng(0)
    left = round(60 * minutes * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        while left > 0:
            waveform = read_audio(rows[rng.integers(len(rows))]["audio"])[:left]
            file.write(waveform)
            left -= len(waveform)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="of utterances")
    parser.add_argument("keywords", type=Path)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="of the code to compare with")
    parser.add_argument("--recording", type=Path, help="instead of one made of the utterances")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the recording that is made")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        media, second, table = folder / "media", folder / "second", folder / "utterances.csv"
        media.mkdir()
        second.mkdir()
        rows = first_utterances(options.table, table)
        if options.recording:
            (media / options.recording.name).symlink_to(options.recording.resolve())
        else:
            make_recording(rows, media / "long.flac", options.minutes)
        soundfile.write(second / "second.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
        duration_s = sum(soundfile.info(path).duration for path in media.iterdir())
        checkouts = {"now": Path(__file__).resolve().parents[1]}
        if options.against:
            checkouts["then"] = options.against.resolve()
        versions = [Version(name, checkout, folder / name) for name, checkout in checkouts.items()]
        for version in versions:
            version.folder.mkdir()
            version.train(table, options.keywords)
        compare(versions, media, second, duration_s, options.rounds)


def compare(versions: Sequence[Version], media: Path, second: Path, duration_s: float, rounds: int) -> None:
    """Index in turn, and print medians."""
    started: dict[str, list[Usage]] = {version.name: [] for version in versions}
    indexed: dict[str, list[Usage]] = {version.name: [] for version in versions}
    for _ in range(rounds):
        for version in versions:
            started[version.name].append(version.index(second))
            indexed[version.name].append(version.index(media))
    print(f"{duration_s / 60:.0f} minutes of sound, {os.cpu_count()} cores, medians of {rounds} rounds:")
    for name in indexed:
        print(
            f"  {name:5} {median(indexed[name], 'cpu_s'):6.2f} s of the processor, of these "
            f"{median(started[name], 'cpu_s'):.2f} s to start; {median(indexed[name], 'clock_s'):.1f} s of the clock; "
            f"{median(indexed[name], 'peak_mib'):.0f} MiB at the peak"
        )
    if len(versions) == 2:
        whole = {name: median(usages, "cpu_s") for name, usages in indexed.items()}
        work = {name: whole[name] - median(started[name], "cpu_s") for name in indexed}
        print(
            f"  now is {whole['then'] / whole['now']:.2f} times as fast, {work['then'] / work['now']:.2f} but the start"
        )


def median(usages: Sequence[Usage], name: str) -> float:
    return statistics.median(getattr(usage, name) for usage in usages)


if __name__ == "__main__":
    main()
