"""How fast a clip of a word is found in a hundred hours, and how much of what scoring everything finds is lost.

    earmark index --features moonshine RECORDINGS --archive ARCHIVE
    python benchmarks/spoken_scale.py ARCHIVE ../shared/data/swahili/spoken_words OUT [--hours 100] [--queries 12]

ARCHIVE holds real recordings of an hour or more. The hundred hours are made from their projected frames: pieces of 0.3
to 1.5 s, drawn at random, played at 0.85 to 1.15 of their speed, with noise of 0.35 of the frames' length. So most
words are cut, and what is found is partly alike, as in an archive in which a word is rare. Both ways of search are
those of Earmark: through small vectors, and of everything. Printed are the recall of the fifty best by scoring
everything, seconds a query, processor seconds a query, memory, and what an hour takes on disk.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from earmark.archive import search_by_clip
from earmark.archive.archive import Archive, open_archive
from earmark.archive.creation import make_features_archive
from earmark.archive.rescoring import matching_recordings
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import chunks as chunk_table
from earmark.archive.schema import recordings
from earmark.archive.search_by_clip import encode_clip, search_frames, stored_chunks
from earmark.archive.spoken_frames import LEARNED_S, SpokenFrames, _write_space, space_file
from earmark.localisation.spoken_queries import Single, is_silent
from earmark.localisation.windows import CHUNK_S
from earmark.models.checkpoint import read_checkpoint

RECORDING_CHUNKS = 60  # of 300 s each: five hours
NOISE = 0.35
TOP = 50


def projected_frames(archive: Archive) -> tuple[SpokenFrames, Single]:
    """All projected frames of an archive, after one another."""
    rows = matching_recordings(archive, [])
    frames = SpokenFrames(archive, stored_chunks(archive, rows), rows)
    return frames, np.concatenate([frames.read(chunk) for chunk in frames.chunks])


def perturbed(frames: Single, length: int, step_s: float, rng: np.random.Generator) -> Iterator[Single]:
    """Stretches of so many frames, made of pieces of others."""
    left: list[Single] = []
    while True:
        while sum(map(len, left)) < length:
            size = int(rng.uniform(0.3, 1.5) / step_s)
            first = rng.integers(0, len(frames) - size - 1)
            at = first + np.arange(0, size - 1, rng.uniform(0.85, 1.15))
            whole, part = at.astype(int), (at % 1)[:, None]
            piece = frames[whole] * (1 - part) + frames[whole + 1] * part
            vectors = piece[:, :-1] + NOISE * rng.standard_normal(piece[:, :-1].shape) / np.sqrt(piece.shape[1] - 1)
            piece[:, :-1] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
            piece[is_silent(frames[whole]) | is_silent(frames[whole + 1])] = 0
            left.append(piece.astype(np.float32))
        joined = np.concatenate(left)
        yield joined[:length]
        left = [joined[length:]]


def build(source: Archive, out: Path, hours: float) -> Archive:
    """An archive of so many hours whose projected frames are made from those of another."""
    known, frames = projected_frames(source)
    checkpoint = read_checkpoint(source.spoken.folder)
    archive = make_features_archive(out, checkpoint.recipe.features)
    _write_space(space_file(archive), known.space, LEARNED_S)
    count = round(hours * 3600 / CHUNK_S)
    with archive.writing() as connection:
        for number in range(0, -(-count // RECORDING_CHUNKS)):
            inside = min(RECORDING_CHUNKS, count - number * RECORDING_CHUNKS)
            row = {"path": f"/{number}.wav", "folder": "/", "size": 1, "mtime_ns": 1, "sample_rate": 16_000}
            sha256 = hashlib.sha256(str(number).encode()).hexdigest()
            about = {"sha256": sha256, "duration_s": inside * CHUNK_S, "channels": 1, "status": "done"}
            connection.execute(insert(recordings).values(id=number + 1, **row, **about))
            for chunk in range(inside):
                values = {"recording": number + 1, "channel": 1, "number": chunk, "windows": 150, "peaks": b""}
                connection.execute(insert(chunk_table).values(values))
    rows = matching_recordings(archive, [])
    made = SpokenFrames(archive, stored_chunks(archive, rows), rows)
    length = round(CHUNK_S / known.step_s)
    pieces = perturbed(frames, length, known.step_s, np.random.default_rng(0))
    for i, chunk in enumerate(made.chunks):
        original = frames[i * length : (i + 1) * length]  # once as it is
        whole = original if len(original) == length else next(pieces)
        path = made._store.path(*made.name(chunk))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, whole.astype(np.float16), allow_pickle=False)
    return archive


def recall(found: list[ArchiveHit], reference: list[ArchiveHit]) -> float:
    """The share of the reference's hits that overlap a hit that was found."""
    hits = [
        any(
            one.position[:2] == other.position[:2]
            and one.hit.start_s < other.hit.end_s
            and other.hit.start_s < one.hit.end_s
            for other in found
        )
        for one in reference
    ]
    return sum(hits) / max(1, len(reference))


def best_of(rounds: int, archive: Archive, example: Single) -> tuple[list[ArchiveHit], float, float]:
    """Hits, and the least wall-clock and processor seconds of several rounds: other programs make some longer."""
    results = [timed(archive, example, False) for _ in range(rounds)]
    return results[0][0], min(one[1] for one in results), min(one[2] for one in results)


def timed(archive: Archive, example: Single, exhaustive: bool) -> tuple[list[ArchiveHit], float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    hits = search_frames(archive, "word", [example], [], TOP, exhaustive=exhaustive)
    return hits, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=float, default=100)
    parser.add_argument("--queries", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest of each query is taken")
    parser.add_argument("--candidates", type=int, nargs="+", default=[500, 1000, 2000])
    options = parser.parse_args()
    source = open_archive(options.archive)
    is_there = (options.out / "archive.json").is_file()
    archive = open_archive(options.out) if is_there else build(source, options.out, options.hours)
    started = time.perf_counter()
    search_by_clip.prepare(archive)
    print(f"prepared in {time.perf_counter() - started:.0f} s")
    size = {
        part: sum(path.stat().st_size for path in archive.folder.glob(f"spoken/*/{part}")) / 1e6 / options.hours
        for part in ("[0-9a-f][0-9a-f]/*/*.npy", "vectors/*/*/*.npy")
    }
    print("MB an hour: projected frames {:.1f}, small vectors {:.2f}".format(*size.values()))
    paths = sorted(options.clips.iterdir())
    chosen = np.random.default_rng(1).choice(len(paths), options.queries, replace=False)
    started = time.perf_counter()
    examples = [encode_clip(source.spotter, paths[i]) for i in chosen]
    print(f"a clip is encoded in {1000 * (time.perf_counter() - started) / len(examples):.0f} ms")
    timed(archive, examples[0], False)  # reads the vectors
    found = {}
    for count in options.candidates:
        search_by_clip.CANDIDATES = count
        found[count] = [best_of(options.rounds, archive, example) for example in examples]
        walls, cpus = (np.array([one[i] for one in found[count]]) for i in (1, 2))
        print(
            f"{count}: {np.median(walls):.3f} s, worst {walls.max():.3f}, processor {np.median(cpus):.3f}", flush=True
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory {memory:.2f} GB", flush=True)
    every = [timed(archive, example, True) for example in examples]
    print("| candidates | recall of the best 50 | s a query, median | worst | processor s |\n|---|---|---|---|---|")
    for count, results in found.items():
        share = np.mean([recall(hits, reference[0]) for (hits, _, _), reference in zip(results, every, strict=True)])
        walls, cpus = (np.array([one[i] for one in results]) for i in (1, 2))
        print(f"| {count} | {share:.3f} | {np.median(walls):.3f} | {walls.max():.3f} | {np.median(cpus):.3f} |")
    walls, cpus = (np.array([one[i] for one in every]) for i in (1, 2))
    print(f"| all | 1 | {np.median(walls):.3f} | {walls.max():.3f} | {np.median(cpus):.3f} |")


if __name__ == "__main__":
    main()
