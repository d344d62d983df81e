"""Long recordings beside single utterances: how well keywords are spotted, how fast, and in how much memory.

    python benchmarks/long_recordings.py spotting CORPUS RUN
    python benchmarks/long_recordings.py speed CORPUS RUN --hours 10

`spotting` strings the utterances of the test split together into long recordings, indexes these, and compares the ten
best hits of each keyword with the ten best utterances of the split, heard one by one. `speed` strings utterances of
train together until there are so many hours, and indexes them with the command line, as a user does.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from earmark.archive.archive import make_archive
from earmark.archive.engines import Threads
from earmark.archive.indexer import index
from earmark.archive.search import search_words
from earmark.audio import read_audio
from earmark.corpus import Utterance, read_corpus
from earmark.evaluate.runner import evaluate
from earmark.finder import load_model
from earmark.progress import progress
from earmark.timing import SAMPLE_RATE, samples_to_s

LONG_S = 1200.0
GAPS_S = (0.3, 1.5)  # of quiet between two utterances
QUIET = 1e-4
TOP = 10


@dataclass(frozen=True)
class Spoken:
    """An utterance in a long recording."""

    utterance: Utterance
    start_s: float
    end_s: float


def string(utterances: Sequence[Utterance], folder: Path, long_s: float = LONG_S) -> dict[str, list[Spoken]]:
    """Write utterances one after the other into long recordings; what is in each, by its path."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    strung: dict[str, list[Spoken]] = {}
    rest = iter(utterances)
    with progress("Stringing utterances together", len(utterances)) as advance:
        while spoken := list(_one(rest, folder / f"long {len(strung) + 1}.flac", chance, long_s)):
            strung[str(folder / f"long {len(strung) + 1}.flac")] = spoken
            advance(len(spoken))
    return strung


def _one(rest: Iterator[Utterance], path: Path, chance: np.random.Generator, long_s: float) -> Iterator[Spoken]:
    with soundfile.SoundFile(str(path), "w", SAMPLE_RATE, 1, "PCM_16") as file:
        samples = 0
        while samples_to_s(samples) < long_s and (utterance := next(rest, None)) is not None:
            waveform = read_audio(utterance.audio)
            quiet = chance.normal(0, QUIET, round(chance.uniform(*GAPS_S) * SAMPLE_RATE))
            file.write(np.concatenate([quiet, waveform]))
            start_s = samples_to_s(samples + len(quiet))
            samples += len(quiet) + len(waveform)
            yield Spoken(utterance, start_s, samples_to_s(samples))


def spotting(corpus: Path, run: Path, folder: Path) -> None:
    """Compare P@10 on long recordings with P@10 on utterances."""
    finder, known = load_model(run), read_corpus(corpus)
    strung = string(known.utterances("test"), folder / "recordings")
    archive = make_archive(folder / "archive", run)
    index(archive, [folder / "recordings"], Threads())
    alone = evaluate(finder, known, "test")
    said = {word for spoken in strung.values() for s in spoken for word in _words(s.utterance)}
    rows = []
    for word in finder.keywords:
        if word.casefold() not in said:
            continue
        found = search_words(archive, [word], TOP)
        right = [_judge(strung[one.hit.recording], word, one.hit.time_s) for one in found]
        rows.append(np.mean(right, axis=0))
    present, located = np.mean(rows, axis=0)
    print(f"P@10 over {len(rows)} keywords, spoken in the utterance (and in the right place):")
    measures = (alone.metrics[name]["p_at_10"] for name in ("spotting", "spotting_localisation"))
    print("  single utterances  {:.1f} ({:.1f})".format(*(100 * value for value in measures)))
    print(f"  long recordings    {100 * present:.1f} ({100 * located:.1f})")


def _words(utterance: Utterance) -> set[str]:
    return {word.word.casefold() for word in utterance.words or ()}


def _judge(spoken: Sequence[Spoken], word: str, time_s: float) -> tuple[bool, bool]:
    """Whether a moment lies in an utterance that has the word, and in the word itself."""
    around = [s for s in spoken if s.start_s <= time_s < s.end_s]
    times = [
        (s.start_s + w.start_s, s.start_s + w.end_s)
        for s in around
        for w in s.utterance.words or ()
        if w.word.casefold() == word.casefold()
    ]
    return bool(times), any(start_s <= time_s <= end_s for start_s, end_s in times)


def speed(corpus: Path, run: Path, folder: Path, hours: float) -> None:
    """Index many hours with the command line; how many times faster than real time, in how much memory."""
    utterances = read_corpus(corpus).utterances("train")
    once_s = sum(utterance.duration_s + sum(GAPS_S) / 2 for utterance in utterances)
    often = utterances * int(np.ceil(hours * 3600 / once_s))
    wanted = int(len(often) * hours * 3600 / (once_s * len(often) / len(utterances)))
    string(often[:wanted], folder / "recordings", long_s=hours * 3600)
    (path,) = (folder / "recordings").iterdir()
    lasts_s = soundfile.info(str(path)).duration
    command = [sys.executable, "-m", "earmark", "index", str(run), str(folder / "recordings")]
    begun = time.perf_counter()
    subprocess.run([*command, "--archive", str(folder / "archive")], check=True)
    took_s = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{lasts_s / 3600:.2f} h in one recording, indexed in {took_s:.0f} s: {lasts_s / took_s:.0f} times real time")
    print(f"peak memory {peak:.0f} MiB")


def main() -> None:
    """Measure what is asked for, in a folder that is deleted at the end."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("what", choices=("spotting", "speed"))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.what == "spotting":
            spotting(args.corpus, args.run, Path(folder))
        else:
            speed(args.corpus, args.run, Path(folder), args.hours)


if __name__ == "__main__":
    main()
