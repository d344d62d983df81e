"""Searching a big archive: how fast, beside doing it the long way, and what the short way misses.

    python benchmarks/search.py
    python benchmarks/search.py --hours 10 --postings 500000

The archive is made up: postings of 67 keywords with scores of chance, and frames that go like speech does, from one
of 2,000 words to another, each at its own pace and in its own speaker's colour, in noise. Its models have weights of
chance, but for what training would have brought into line with these: the keywords' vectors are those of the first 67
words, and a pair model knows how alike pictures and speech usually are. A picture shows one or two words.

Each time is a median, on the clock and, in brackets, of the processor, which other programs do not change.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sqlalchemy import insert, text

from earmark.archive import schema
from earmark.archive.archive import Archive, Position
from earmark.archive.contents import info
from earmark.archive.creation import make_archive
from earmark.archive.rescoring import EncodedQuery, matching_recordings
from earmark.archive.results import ArchiveHit, Filters, recording_conditions
from earmark.archive.search_by_example import search_like
from earmark.archive.search_by_image import best
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.shards import build_shard
from earmark.core.model_folder import write_weights
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.localisation.windows import CHUNK_S, WINDOW_S, Timeline
from earmark.models import build
from earmark.models.checkpoint import write_description
from earmark.models.image_query_models import PairModel
from earmark.recipe import read_recipe

KEYWORDS, WORDS, SPEAKERS = 67, 2000, 40
RECORDING_H = 2.0
NOISE, COLOUR = 0.5, 0.5  # beside words of deviation 1
TOP = 50
MODELS = {"keywords": "earmark-pictures-mfcc", "a pair model": "nortje2022/small-davenet"}
# Postings of all keywords in turn. The fractions of an irrational number's multiples (here of the square roots of 2, 3
# and 5) are spread evenly, and in no order; most scores are low.
POSTINGS = f"""
INSERT INTO postings (keyword, score, recording, channel, chunk, time_s, start_s, end_s)
WITH RECURSIVE
    numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count),
    multiples(n, a, b, c) AS (SELECT n, n * 1.4142135623731, n * 1.7320508075689, n * 2.2360679774998 FROM numbers),
    parts(n, a, b, c) AS (SELECT n, a - CAST(a AS int), b - CAST(b AS int), c - CAST(c AS int) FROM multiples),
    places(n, score, recording, time_s) AS (
        SELECT n, a * a * a, 1 + CAST(b * :recordings AS int), c * :duration_s FROM parts
    )
SELECT n % {KEYWORDS}, score, recording, 1, CAST(time_s / {CHUNK_S} AS int), time_s, time_s - 0.2, time_s + 0.2
FROM places
"""

Frames = npt.NDArray[np.float16]


def make_run(folder: Path, recipe: str, words: npt.NDArray[np.float32]) -> Path:
    """A model with weights of chance, whose keywords are the first of the words."""
    torch.manual_seed(0)
    checked = read_recipe(recipe)
    vocabulary = Vocabulary([f"word{number}" for number in range(KEYWORDS)])
    heard = extractor(checked.features)
    model = build(checked.model, heard.dimension, vocabulary, heard.grid)
    weights = model.state_dict()
    if isinstance(model, PairModel):
        weights["running_std"], weights["running_mean"] = usual_similarity(model, words)
    if "words.weight" in weights:
        weights["words.weight"] = torch.from_numpy(words[:KEYWORDS]) * words.shape[1] ** -0.5
        weights["frame_bias"] = torch.full((KEYWORDS,), -0.5 * words.shape[1] ** 0.5)
        weights["pixel_bias"] = weights["frame_bias"].clone()
    folder.mkdir(parents=True)
    write_description(folder, checked, vocabulary)
    write_weights(folder, weights)
    return folder


@torch.no_grad()
def usual_similarity(model: PairModel, words: npt.NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Deviation and mean of the similarities of utterances and pictures that have nothing to do with each other."""
    rng = np.random.default_rng(3)
    count = round(WINDOW_S / model.grid.stride_s)
    heard = np.stack([speak(count, words, rng) for _ in range(200)]).astype(np.float32)
    seen = torch.cat([pixels_of(words, rng) for _ in range(20)]).flatten(1, 2)
    alike, _ = model.similarities((torch.from_numpy(heard), torch.full((len(heard),), count)), seen)
    return torch.std_mean(alike)


def speak(count: int, words: npt.NDArray[np.float32], rng: np.random.Generator) -> Frames:
    """Frames of one word after the other, said by one speaker."""
    lengths = rng.integers(6, 16, count // 6 + 1)
    said = np.repeat(rng.integers(0, len(words), len(lengths)), lengths)[:count]
    place = np.concatenate([np.arange(length) / length for length in lengths])[:count]
    loud = np.sin(np.pi * (place + 0.03))[:, None]
    colour = COLOUR * rng.standard_normal(words.shape[1])
    frames = loud * words[said] + colour + NOISE * rng.standard_normal((count, words.shape[1]))
    return frames.astype(np.float16)


def fill(archive: Archive, hours: float, postings: int, words: npt.NDArray[np.float32]) -> None:
    """Write recordings with all that indexing would have kept of them."""
    rng = np.random.default_rng(0)
    step_s = archive.frames.step_s
    duration_s = min(RECORDING_H, hours) * 3600
    count = max(1, round(hours * 3600 / duration_s))
    with progress("Making up hours, chunks", count * Timeline(duration_s).chunks) as advance:
        for recording in range(1, count + 1):
            _add_recording(archive, recording, duration_s)
            for number in range(Timeline(duration_s).chunks):
                start_s, end_s = Timeline(duration_s).chunk_bounds_s(number)
                frames = speak(round((end_s - start_s) / step_s), words, rng)
                archive.frames.write(f"{recording:064x}", 1, number, frames)
                advance()
    with archive.writing() as connection:
        for index in schema.postings.indexes:
            index.drop(connection)
        connection.execute(text(POSTINGS), {"count": postings, "recordings": count, "duration_s": duration_s})
        for index in schema.postings.indexes:
            index.create(connection)


def _add_recording(archive: Archive, number: int, duration_s: float) -> None:
    sound = {"duration_s": duration_s, "sample_rate": 16000, "channels": 1, "status": "done"}
    row = {"id": number, "sha256": f"{number:064x}", "path": f"/{number}.wav", "folder": "/", "size": 1, "mtime_ns": 1}
    parts = [
        {"recording": number, "channel": 1, "number": part, "windows": int(CHUNK_S / 2), "peaks": b""}
        for part in range(Timeline(duration_s).chunks)
    ]
    with archive.writing() as connection:
        connection.execute(insert(schema.recordings).values({**row, **sound}))
        connection.execute(insert(schema.chunks), parts)


def pixels_of(words: npt.NDArray[np.float32], rng: np.random.Generator) -> torch.Tensor:
    """What a picture of one or two keywords looks like to the model: (1, 8, 8, D)."""
    shown = rng.integers(0, KEYWORDS, rng.integers(1, 3))
    seen = 0.3 * rng.standard_normal((64, words.shape[1])).astype(np.float32)
    for word in shown:
        first = int(rng.integers(0, 48))
        seen[first : first + 16] += words[word]
    return torch.from_numpy(seen).view(1, 8, 8, -1)


class Taken(NamedTuple):
    """Median milliseconds of a task.

    Attributes
    ----------
    by_clock, of_processor : float
    """

    by_clock: float
    of_processor: float

    def __str__(self) -> str:
        return f"{self.by_clock:.1f} ms ({self.of_processor:.1f} ms)"


def taken(task: Callable[[int], object], times: int) -> Taken:
    """How long a task takes that is told which time it is."""
    clock, processor = [], []
    for number in range(times):
        begun, used = time.perf_counter(), time.process_time()
        task(number)
        clock.append(1000 * (time.perf_counter() - begun))
        processor.append(1000 * (time.process_time() - used))
    return Taken(statistics.median(clock), statistics.median(processor))


def compare(what: str, short: Callable[[int, bool], list[ArchiveHit]], queries: int, compared: int) -> None:
    """Time queries by the short way and, some of them, by the long way, and compare what the two find.

    Parameters
    ----------
    what : str
    short : callable
        ``short(number, exhaustive)`` answers a query.
    queries, compared : int
    """
    found: list[list[ArchiveHit]] = []
    exact: list[list[ArchiveHit]] = []
    quick = taken(lambda number: found.append(short(number, False)), queries)
    whole = taken(lambda number: exact.append(short(number, True)), compared)
    recalls = [_recall(some, all_) for some, all_ in zip(found, exact, strict=False)]
    ratio = whole.of_processor / quick.of_processor
    print(f"{what}: {quick}; every window {whole}, {ratio:.0f} times as long;", end=" ")
    print(f"recall at {TOP} {statistics.mean(recalls):.3f} (lowest {min(recalls):.2f})", flush=True)


def _recall(found: list[ArchiveHit], truth: list[ArchiveHit]) -> float:
    places = {one.position for one in found}
    return len(places & {one.position for one in truth}) / max(1, len(truth))


def keywords(archive: Archive, postings: int) -> None:
    """Time the best hits of a keyword, by the ranked lists and by looking at all postings of it."""

    def scan(number: int) -> object:
        columns = "p.id, p.score, r.path FROM postings AS p NOT INDEXED JOIN recordings AS r ON r.id = p.recording"
        asked = f"SELECT {columns} WHERE p.keyword = {number} ORDER BY p.score DESC LIMIT {TOP}"
        with archive.reading() as connection:
            return connection.execute(text(asked)).all()

    short = taken(lambda number: search_keywords(archive, [f"word{number}"], TOP), KEYWORDS)
    long = taken(scan, 3)
    print(f"top {TOP} of a keyword among {postings:,} postings: {short}; looking at all {long},", end=" ")
    print(f"{long.of_processor / short.of_processor:.0f} times as long", flush=True)


def pictures(
    archive: Archive, kind: str, words: npt.NDArray[np.float32], hours: float, queries: int, compared: int
) -> None:
    """Image queries, by way of the shards and by scoring every window."""
    rng = np.random.default_rng(1)
    model = archive.spotter.model
    with torch.no_grad():
        image_queries = [
            EncodedQuery("", archive.spotter, model.build_queries([pixels_of(words, rng)])) for _ in range(queries)
        ]

    def answer(number: int, exhaustive: bool) -> list[ArchiveHit]:
        rows = matching_recordings(archive, recording_conditions(archive, Filters()))
        return best(archive, image_queries[number], rows, TOP, exhaustive)

    compare(f"image query over {hours:g} hours, {kind}", answer, queries, compared)


def examples(archive: Archive, hours: float, queries: int, compared: int) -> None:
    """Spoken examples, by way of the shards and by comparing with every window."""
    rng = np.random.default_rng(4)
    rows = list(matching_recordings(archive, recording_conditions(archive, Filters())).values())
    chosen = [rows[number] for number in rng.integers(0, len(rows), queries)]
    places = [Position(row.id, 1, rng.uniform(1, row.duration_s - 1)) for row in chosen]

    def answer(number: int, exhaustive: bool) -> list[ArchiveHit]:
        return search_like(archive, places[number], TOP, exhaustive=exhaustive)

    compare(f"spoken example over {hours:g} hours", answer, queries, compared)


def main() -> None:
    """Make the archives up in a folder that is deleted at the end, and search them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100.0)
    parser.add_argument("--postings", type=int, default=5_000_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--compared", type=int, default=5, help="queries that are also answered the long way")
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    args = parser.parse_args()
    compared = min(args.compared, args.queries)
    for kind in args.models:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            words = np.random.default_rng(2).standard_normal((WORDS, 128)).astype(np.float32)
            archive = make_archive(folder / "archive", make_run(folder / "run", MODELS[kind], words))
            fill(archive, args.hours, args.postings if kind == "keywords" else KEYWORDS, words)
            begun, used = time.perf_counter(), time.process_time()
            build_shard(archive)
            took_s, used_s = time.perf_counter() - begun, time.process_time() - used
            files = info(archive)["files"]
            sizes = ", ".join(f"{part} {files[part] / 1e6:.0f} MB" for part in ("archive.sqlite", "frames", "vectors"))
            print(f"gathered in {took_s:.0f} s ({used_s:.0f} s); on disk: {sizes}", flush=True)
            pictures(archive, kind, words, args.hours, args.queries, compared)
            if kind == "keywords":
                keywords(archive, args.postings)
                examples(archive, args.hours, args.queries, compared)
            archive.close()


if __name__ == "__main__":
    main()
