"""How well clips of words are found in an archive that no model was trained for, beside plain alignment of MFCC.

    python benchmarks/spoken_queries.py swahili ../shared/data/swahili out [--split dev] [--features moonshine:base ...]
    python benchmarks/spoken_queries.py command-words ../shared/data/command_words out

*swahili*: words said alone are searched for in the sentences of a split, strung together into recordings. A hit is
right within 0.3 s of the word, each occurrence once. *command-words*: a take of one person is searched for among
those of all others. Printed are the mean average precision over queries, precision of the ten best (of as many as
there are), seconds a query, and what an hour of the archive takes on disk. *Plain* is the same alignment of
standardised frames, without the space that is learned from the archive's own speech.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from earmark.archive import spoken_frames
from earmark.archive.archive import Archive, make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.search_by_clip import search_clips
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import SpokenQuery
from earmark.localisation import spoken_queries
from earmark.localisation.spoken_queries import SpokenSpace
from earmark.media.audio import read_audio
from earmark.recipe import feature_settings

GAP_S = 0.3
TOLERANCE_S = 0.3
RECORDING_S = 600.0
COMMAND_QUERIES = 150

Occurrence = tuple[str, float, float]  # recording, start and end in it
Task = tuple[SpokenQuery, list[Occurrence], set[str]]  # a query, where it is right, and recordings that do not count


def swahili(data: Path, media: Path, split: str, shift_s: float) -> list[Task]:
    """Sentences of a split in long recordings, and the words said alone that occur in them."""
    words = defaultdict(list)
    for row in csv.DictReader((data / "words.csv").open(encoding="utf-8-sig")):
        words[row["utterance_id"]].append((row["word"], float(row["start_s"]), float(row["end_s"])))
    rows = [
        row for row in csv.DictReader((data / "utterances.csv").open(encoding="utf-8-sig")) if row["split"] == split
    ]
    occurrences: dict[str, list[Occurrence]] = defaultdict(list)
    parts: list[np.ndarray] = []
    length_s, number = 0.0, 0
    for row in rows:
        sound = read_audio(data / row["audio"])
        for word, start_s, end_s in words[row["utterance_id"]]:
            start_s, end_s = (length_s + time_s + shift_s for time_s in (start_s, end_s))
            occurrences[word].append((str(media / f"{number}.flac"), start_s, end_s))
        parts += [sound, np.zeros(round(GAP_S * SAMPLE_RATE), np.float32)]
        length_s += len(sound) / SAMPLE_RATE + GAP_S
        if length_s > RECORDING_S or row is rows[-1]:
            soundfile.write(media / f"{number}.flac", np.concatenate(parts), SAMPLE_RATE)
            parts, length_s, number = [], 0.0, number + 1
    clips = sorted((data / "spoken_words").glob("*.ogg"))
    return [(SpokenQuery(c.stem, (c,)), occurrences[c.stem], set()) for c in clips if c.stem in occurrences]


def command_words(data: Path, media: Path) -> list[Task]:
    """Takes of single words, each a recording; a query counts for other speakers' takes alone."""
    rows = list(csv.DictReader((data / "words.csv").open(encoding="utf-8-sig")))
    paths = [str(media / Path(row["audio"]).with_suffix(".flac").name) for row in rows]
    lengths_s = []
    for row, path in zip(rows, paths, strict=True):
        sound = read_audio(data / row["audio"])
        soundfile.write(path, sound, SAMPLE_RATE)
        lengths_s.append(len(sound) / SAMPLE_RATE)
    tasks: list[Task] = []
    for i in np.random.default_rng(0).choice(len(rows), COMMAND_QUERIES, replace=False):
        own = {path for row, path in zip(rows, paths, strict=True) if row["speaker"] == rows[i]["speaker"]}
        right = [
            (path, 0.0, length_s)
            for row, path, length_s in zip(rows, paths, lengths_s, strict=True)
            if row["word"] == rows[i]["word"] and path not in own
        ]
        tasks.append((SpokenQuery(rows[i]["word"], (Path(paths[i]),)), right, own))
    return tasks


def average_precision(archive: Archive, task: Task) -> tuple[float, float]:
    """Average precision of a query, and precision of its ten best of as many as there are."""
    query, occurrences, excluded = task
    found = [hit.hit for hit in search_clips(archive, query, top=2000) if hit.hit.recording not in excluded]
    if excluded:  # whole recordings are answers: the best hit of each counts
        found = list({hit.recording: hit for hit in reversed(found)}.values())
        found.sort(key=lambda hit: -hit.score)
    left, right = list(occurrences), []
    for hit in found:
        match = next(
            (
                one
                for one in left
                if one[0] == hit.recording and one[1] - TOLERANCE_S <= hit.time_s <= one[2] + TOLERANCE_S
            ),
            None,
        )
        right.append(match is not None)
        if match is not None:
            left.remove(match)
    hits = np.array(right, float)
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / len(occurrences)), float(hits[:10].sum() / min(10, len(occurrences)))


def plain_space(stretches: Sequence[np.ndarray], step_s: float, seed: int = 0) -> SpokenSpace:
    """Frames that are standardised and nothing else; no frame is more common than another."""
    frames = np.concatenate([part[part.any(axis=1)] for part in stretches]).astype(np.float32)
    mean, scale = frames.mean(axis=0), frames.std(axis=0) + 1e-6
    return SpokenSpace(mean, np.diag(1 / scale).astype(np.float32), np.zeros((1, frames.shape[1]), np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=("swahili", "command-words"))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--features", nargs="+", default=["mfcc", "speech-embedding", "moonshine", "moonshine:base"])
    parser.add_argument("--words-shift", type=float, default=0.13, help="swahili: its word times are early by so much")
    options = parser.parse_args()
    media = options.out.resolve() / "media"
    media.mkdir(parents=True, exist_ok=True)
    tasks = (
        swahili(options.data, media, options.split, options.words_shift)
        if options.corpus == "swahili"
        else command_words(options.data, media)
    )
    learned = spoken_queries.learn_space
    print(f"{options.corpus}: {len(tasks)} queries")
    print("| features | space | MAP | P@10 | s a query | MB an hour |\n|---|---|---|---|---|---|")
    for kind in options.features:
        archive = make_features_archive(options.out / kind.replace(":", "-"), feature_settings(kind))
        index(archive, [media], ThreadExecutor())
        for name, learn in (("plain", plain_space), ("learned", learned)):
            spoken_frames.learn_space = learn
            spoken_frames.space_file(archive).unlink(missing_ok=True)
            average_precision(archive, tasks[0])  # which prepares the archive
            started = time.monotonic()
            scores = np.array([average_precision(archive, task) for task in tasks])
            seconds = (time.monotonic() - started) / len(tasks)
            hours = sum(soundfile.info(path).duration for path in media.glob("*.flac")) / 3600
            disk = sum(path.stat().st_size for path in archive.folder.rglob("*") if path.is_file()) / 1e6 / hours
            average, best = scores.mean(axis=0)
            print(f"| {kind} | {name} | {average:.3f} | {best:.3f} | {seconds:.2f} | {disk:.0f} |", flush=True)


if __name__ == "__main__":
    main()
