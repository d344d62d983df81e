"""Searching a big archive: how fast, beside doing it the long way, and what the short way misses.

    python benchmarks/search.py
    python benchmarks/search.py --hours 10 --postings 500000

The archive is made up: postings of 67 keywords with scores of chance, and frames that go like speech does, from one
of 2,000 words to another, each at its own pace and in its own speaker's colour, in noise. Its models have weights of
chance, but for the keywords' vectors, which are those of the first 67 words. A picture shows one or two words.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sqlalchemy import insert, text

from earmark.archive import tables
from earmark.archive.archive import Archive, make_archive
from earmark.archive.by_picture import best
from earmark.archive.found import Filters
from earmark.archive.scoring import Asked, searched
from earmark.archive.search import recordings_that, search_words
from earmark.archive.shards import gather
from earmark.archive.windows import PIECE_S, bounds_s, count_pieces
from earmark.features import extractor
from earmark.models.build import build
from earmark.models.checkpoint import write_description, write_weights
from earmark.progress import progress
from earmark.recipe import read_recipe
from earmark.vocabulary import Vocabulary

KEYWORDS, WORDS, SPEAKERS = 67, 2000, 40
RECORDING_H = 2.0
NOISE, COLOUR = 0.5, 0.5  # beside words of deviation 1
TOP = 50
MODELS = {"keywords": "earmark-pictures", "a pair model": "nortje2022/small-davenet"}

Frames = npt.NDArray[np.float16]


def make_run(folder: Path, recipe: str, words: npt.NDArray[np.float32]) -> Path:
    """A model with weights of chance, whose keywords are the first of the words."""
    torch.manual_seed(0)
    checked = read_recipe(recipe)
    vocabulary = Vocabulary([f"word{number}" for number in range(KEYWORDS)])
    heard = extractor(checked.features)
    model = build(checked.model, heard.dimension, vocabulary, heard.grid)
    weights = model.state_dict()
    if "words.weight" in weights:
        weights["words.weight"] = torch.from_numpy(words[:KEYWORDS]) * words.shape[1] ** -0.5
        weights["heard_bias"] = torch.full((KEYWORDS,), -0.5 * words.shape[1] ** 0.5)
        weights["seen_bias"] = weights["heard_bias"].clone()
    folder.mkdir(parents=True)
    write_description(folder, checked, vocabulary)
    write_weights(folder, weights)
    return folder


def speak(count: int, words: npt.NDArray[np.float32], chance: np.random.Generator) -> Frames:
    """Frames of one word after the other, said by one speaker."""
    lengths = chance.integers(6, 16, count // 6 + 1)
    said = np.repeat(chance.integers(0, len(words), len(lengths)), lengths)[:count]
    place = np.concatenate([np.arange(length) / length for length in lengths])[:count]
    loud = np.sin(np.pi * (place + 0.03))[:, None]
    colour = COLOUR * chance.standard_normal(words.shape[1])
    frames = loud * words[said] + colour + NOISE * chance.standard_normal((count, words.shape[1]))
    return frames.astype(np.float16)


def fill(archive: Archive, hours: float, postings: int, words: npt.NDArray[np.float32]) -> None:
    """Write recordings with all that indexing would have kept of them."""
    chance = np.random.default_rng(0)
    step_s = archive.frames.step_s
    duration_s = min(RECORDING_H, hours) * 3600
    count = max(1, round(hours * 3600 / duration_s))
    with progress("Making up hours, pieces", count * count_pieces(duration_s)) as advance:
        for recording in range(1, count + 1):
            _add_recording(archive, recording, duration_s)
            for number in range(count_pieces(duration_s)):
                start_s, end_s = bounds_s(number, duration_s)
                frames = speak(round((end_s - start_s) / step_s), words, chance)
                archive.frames.write(f"{recording:064x}", 1, number, frames)
                advance()
    per_keyword = postings // KEYWORDS
    with progress("Making up postings", KEYWORDS * per_keyword) as advance, archive.writing() as connection:
        for keyword in range(KEYWORDS):
            connection.execute(
                insert(tables.postings), list(_postings(keyword, per_keyword, count, duration_s, chance))
            )
            advance(per_keyword)


def _add_recording(archive: Archive, number: int, duration_s: float) -> None:
    sound = {"duration_s": duration_s, "sample_rate": 16000, "channels": 1, "status": "done"}
    row = {"id": number, "sha256": f"{number:064x}", "path": f"/{number}.wav", "folder": "/", "size": 1, "mtime_ns": 1}
    parts = [
        {"recording": number, "channel": 1, "number": part, "windows": int(PIECE_S / 2), "peaks": b""}
        for part in range(count_pieces(duration_s))
    ]
    with archive.writing() as connection:
        connection.execute(insert(tables.recordings).values({**row, **sound}))
        connection.execute(insert(tables.pieces), parts)


def _postings(
    keyword: int, count: int, recordings: int, duration_s: float, chance: np.random.Generator
) -> Iterator[dict[str, Any]]:
    times_s = chance.uniform(0, duration_s, count).tolist()
    where, scores = chance.integers(1, recordings + 1, count).tolist(), chance.beta(0.3, 3, count).tolist()
    for time_s, recording, score in zip(times_s, where, scores, strict=True):
        extent = {"time_s": time_s, "start_s": time_s - 0.2, "end_s": time_s + 0.2}
        piece = int(time_s // PIECE_S)
        yield {"keyword": keyword, "score": score, "recording": recording, "channel": 1, "piece": piece, **extent}


def pixels_of(words: npt.NDArray[np.float32], chance: np.random.Generator) -> torch.Tensor:
    """What a picture of one or two keywords looks like to the model: (1, 8, 8, D)."""
    shown = chance.integers(0, KEYWORDS, chance.integers(1, 3))
    seen = 0.3 * chance.standard_normal((64, words.shape[1])).astype(np.float32)
    for word in shown:
        first = int(chance.integers(0, 48))
        seen[first : first + 16] += words[word]
    return torch.from_numpy(seen).view(1, 8, 8, -1)


def median_ms(task: Callable[[int], object], times: int) -> float:
    """Median milliseconds of a task that is told which time it is."""
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        task(number)
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


def keywords(archive: Archive, postings: int) -> None:
    """Time the best hits of a keyword, by the ranked lists and by looking at all postings of it."""

    def scan(number: int) -> object:
        columns = "p.id, p.score, r.path FROM postings AS p NOT INDEXED JOIN recordings AS r ON r.id = p.recording"
        asked = f"SELECT {columns} WHERE p.keyword = {number} ORDER BY p.score DESC LIMIT {TOP}"
        with archive.reading() as connection:
            return connection.execute(text(asked)).all()

    short = median_ms(lambda number: search_words(archive, [f"word{number}"], TOP), 40)
    long = median_ms(scan, 3)
    print(f"top {TOP} of a keyword among {postings:,} postings: {short:.1f} ms; looking at all {long:.0f} ms,", end=" ")
    print(f"{long / short:.0f} times as long")


def pictures(archive: Archive, kind: str, words: npt.NDArray[np.float32], hours: float, queries: int) -> None:
    """Time image queries by way of the vectors and by scoring every window, and compare what they find."""
    chance = np.random.default_rng(1)
    model, rows = archive.finder.model, searched(archive, recordings_that(archive, Filters()))
    with torch.no_grad():
        asked = [Asked("", archive.finder, model.ask([pixels_of(words, chance)])) for _ in range(queries)]
    short = median_ms(lambda number: best(archive, asked[number], rows, TOP), queries)
    exact: list[Any] = []
    long = median_ms(lambda number: exact.append(best(archive, asked[number], rows, TOP, exhaustive=True)), queries)
    recalls = []
    for one, truth in zip(asked, exact, strict=True):
        places = {found.place for found in best(archive, one, rows, TOP)}
        recalls.append(len(places & {found.place for found in truth}) / max(1, len(truth)))
    print(f"image query over {hours:g} hours, {kind}: {short:.0f} ms; every window {long:.0f} ms,", end=" ")
    print(
        f"{long / short:.0f} times as long; recall at {TOP} {statistics.mean(recalls):.3f} (lowest {min(recalls):.2f})"
    )


def main() -> None:
    """Make the archives up in a folder that is deleted at the end, and search them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=100.0)
    parser.add_argument("--postings", type=int, default=5_000_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    args = parser.parse_args()
    for kind in args.models:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            words = np.random.default_rng(2).standard_normal((WORDS, 128)).astype(np.float32)
            archive = make_archive(folder / "archive", make_run(folder / "run", MODELS[kind], words))
            fill(archive, args.hours, args.postings if kind == "keywords" else KEYWORDS, words)
            begun = time.perf_counter()
            gather(archive)
            size = sum(path.stat().st_size for path in (folder / "archive" / "vectors").rglob("*.*"))
            print(f"vectors gathered in {time.perf_counter() - begun:.0f} s, {size / 1e6:.0f} MB on disk")
            if kind == "keywords":
                keywords(archive, args.postings)
            pictures(archive, kind, words, args.hours, args.queries)
            archive.close()


if __name__ == "__main__":
    main()
