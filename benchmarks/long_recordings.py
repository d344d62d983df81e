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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.search_by_keyword import search_keywords
from earmark.core.corpus import read_corpus
from earmark.evaluation.runner import evaluate
from earmark.localisation.spotter import load_model
from earmark.media.concatenation import GAPS_S, Placement, concatenate

LONG_S = 1200.0
TOP = 10


def spotting(corpus: Path, run: Path, folder: Path) -> None:
    """Compare P@10 on long recordings with P@10 on utterances."""
    spotter, known = load_model(run), read_corpus(corpus)
    placed = concatenate(known.utterances("test"), folder / "recordings", LONG_S)
    archive = make_archive(folder / "archive", run)
    index(archive, [folder / "recordings"], ThreadExecutor())
    alone = evaluate(spotter, known, "test")
    rows = []
    for word in spotter.keywords:
        if any(s.occurrences_s(word) for spoken in placed.values() for s in spoken):
            found = search_keywords(archive, [word], TOP)
            rows.append(np.mean([_judge(placed[Path(f.hit.recording)], word, f.hit.time_s) for f in found], axis=0))
    present, located = np.mean(rows, axis=0)
    print(f"P@10 over {len(rows)} keywords, spoken in the utterance (and in the right place):")
    measures = (alone.metrics.spotting.p_at_10, alone.metrics.spotting_localisation.p_at_10)
    print("  single utterances  {:.1f} ({:.1f})".format(*(100 * value for value in measures)))
    print(f"  long recordings    {100 * present:.1f} ({100 * located:.1f})")


def _judge(spoken: Sequence[Placement], word: str, time_s: float) -> tuple[bool, bool]:
    """Whether a moment lies in an utterance that has the word, and in the word itself."""
    times = [times_s for s in spoken if s.start_s <= time_s < s.end_s for times_s in s.occurrences_s(word)]
    return bool(times), any(start_s <= time_s <= end_s for start_s, end_s in times)


def speed(corpus: Path, run: Path, folder: Path, hours: float) -> None:
    """Index many hours with the command line; how many times faster than real time, in how much memory."""
    utterances = read_corpus(corpus).utterances("train")
    once_s = sum(utterance.duration_s + sum(GAPS_S) / 2 for utterance in utterances)
    often = utterances * int(np.ceil(hours * 3600 / once_s))
    wanted = int(len(often) * hours * 3600 / (once_s * len(often) / len(utterances)))
    concatenate(often[:wanted], folder / "recordings", hours * 3600)
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
