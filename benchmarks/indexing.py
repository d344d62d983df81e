"""Indexing a long recording: how many times real time, in how much memory, and how much faster than other code.

    python benchmarks/indexing.py CORPUS --against ../old-checkout
    python benchmarks/indexing.py CORPUS --recording tape.wav --rounds 5

A model is trained for one epoch on the corpus, by each version with its own code, so that a change of the checkpoint
does not matter. Then the versions index the same recording in turn, each time into a new archive and in a new process,
as a user does. What starting Python and reading the model take is measured on a second of sound, and taken off.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from earmark.core.corpus import read_corpus
from earmark.media.audio import read_audio

SAMPLE_RATE = 16_000
MIB = 1 << 20


@dataclass(frozen=True)
class Version:
    """A checkout, and the model that it trained."""

    name: str
    checkout: Path
    run: Path

    def earmark(self, *arguments: str | Path) -> tuple[float, float]:
        """Run the command line; seconds of the wall clock, and peak memory in bytes."""
        environment = {**os.environ, "PYTHONPATH": str(self.checkout / "src")}
        command = [sys.executable, "-m", "earmark", *map(str, arguments)]
        begun = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        problem = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name}: {problem.decode(errors='replace')}")
        return time.monotonic() - begun, usage.ru_maxrss * 1024

    def index(self, folder: Path, media: Path) -> tuple[float, float]:
        """Index a folder into a new archive; seconds, and peak memory in bytes."""
        with tempfile.TemporaryDirectory(dir=folder) as archive:
            return self.earmark("index", self.run, media, "--archive", Path(archive) / "archive")


def make_recording(corpus: Path, path: Path, minutes: float) -> None:
    """String utterances of the training split together until there are so many minutes."""
    rng = np.random.default_rng(0)
    utterances = read_corpus(corpus).utterances("train")
    left = round(60 * minutes * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        while left > 0:
            waveform = read_audio(utterances[rng.integers(len(utterances))].audio)[:left]
            file.write(waveform)
            left -= len(waveform)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="of the code to compare with")
    parser.add_argument("--recording", type=Path, help="instead of one made of the corpus")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the recording that is made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recipe", default="earmark-mfcc")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        media, second = folder / "media", folder / "second"
        media.mkdir()
        second.mkdir()
        if options.recording:
            (media / options.recording.name).symlink_to(options.recording.resolve())
        else:
            make_recording(options.corpus, media / "long.wav", options.minutes)
        soundfile.write(second / "second.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
        duration_s = sum(soundfile.info(path).duration for path in media.iterdir())
        versions = [Version("now", Path(__file__).resolve().parents[1], folder / "now")]
        if options.against:
            versions.append(Version("then", options.against.resolve(), folder / "then"))
        for version in versions:
            settings = ("--corpus", options.corpus, "--out", version.run, "--set", "training.epochs=1")
            version.earmark("train", options.recipe, *settings)
        compare(versions, media, second, duration_s, options.rounds, folder)


def compare(versions: list[Version], media: Path, second: Path, duration_s: float, rounds: int, folder: Path) -> None:
    """Index in turn, and print medians."""
    took: dict[str, list[float]] = {version.name: [] for version in versions}
    start: dict[str, list[float]] = {version.name: [] for version in versions}
    memory: dict[str, list[float]] = {version.name: [] for version in versions}
    for _ in range(rounds):
        for version in versions:
            start[version.name].append(version.index(folder, second)[0])
            seconds, peak = version.index(folder, media)
            took[version.name].append(seconds)
            memory[version.name].append(peak)
    print(f"{duration_s / 60:.0f} minutes of sound, {os.cpu_count()} cores, medians of {rounds} rounds:")
    work = {}
    for name in took:
        whole_s, start_s = statistics.median(took[name]), statistics.median(start[name])
        work[name] = whole_s - start_s
        print(
            f"  {name:5} {whole_s:6.1f} s, of these {start_s:.1f} s to start; {duration_s / work[name]:.0f} times real "
            f"time; {statistics.median(memory[name]) / MIB:.0f} MiB at the peak"
        )
    if len(versions) == 2:
        whole = statistics.median(took["then"]) / statistics.median(took["now"])
        print(f"  now is {work['then'] / work['now']:.2f} times as fast, {whole:.2f} with the start")


if __name__ == "__main__":
    main()
