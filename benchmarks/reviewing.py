"""What judgements are worth: a person who mostly knows what is spoken judges hits, and the rest is put in a new order.

    python benchmarks/reviewing.py words CORPUS RUN [--split test] [--out reviewing.csv]
    python benchmarks/reviewing.py clips ../shared/data/swahili OUT [--split test] [--features moonshine]
    python benchmarks/reviewing.py new-words ../shared/data/command_words OUT [--features moonshine:base]
    python benchmarks/reviewing.py speed HOURS OUT

*words*: keywords of a trained model; *clips*: words that are spoken alone, searched for without a model. The utterances
of a split are concatenated into long recordings and indexed. For each word the best hits are judged, in the order of
the model: yes if their location is within 0.3 s of the word, each occurrence once, else no; five judgements of a
hundred are the opposite. After 5, 10, 20 and 50 of them, what is left is measured: precision of the next 10 and 20, and
average precision (of the occurrences that were not among the judged hits), for these orders:

*model*: by the model's score, as if nothing had been judged. *Rocchio*: the model's hits re-ranked by Rocchio's method
(1971) on mean frames. *Classifier*: what judging teaches, but without the examples' template and the model's score as
priors. *Judging*: as the archive does it. Words that occur more often than hits are judged count; intervals are 95 % of
resamples of words, each with all its seeds.

*new-words*: five accepted hits make a word. Of 20 words spoken alone by 23 people, five takes of a word are accepted
(one voice gives two takes, so they are of three voices), and all takes of other people are ranked, one after the other
with gaps; mean average precision over words and draws.

*speed*: vectors of random pieces, of so many hours, are ranked after 20 judgements; the median of five times, on the
clock and, in brackets, of the processor.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from earmark.archive import word_scorer
from earmark.archive.ann_index import l2_normalise
from earmark.archive.archive import Archive, Position
from earmark.archive.creation import make_archive, make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import Judgement, with_verdicts
from earmark.archive.piece_vectors import DIMENSION, PIECE_S, SCALE, Block, PieceVectors
from earmark.archive.rescoring import ChunkKey, matching_recordings
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import timeline_of
from earmark.archive.search_by_clip import encode_clip, search_clips
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.word_ranking import Taught, rank_by_judgements
from earmark.archive.word_scorer import OF_CLIPS, OF_KEYWORDS, Prior
from earmark.core.corpus import Utterance, Word, read_corpus
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import Hit, SpokenQuery
from earmark.core.vocabulary import normalise
from earmark.localisation.windows import CHUNK_S
from earmark.media.audio import read_audio
from earmark.media.concatenation import concatenate
from earmark.recipe import feature_settings

LONG_S = 1200.0
TOLERANCE_S = 0.3
JUDGED = (5, 10, 20, 50)
FETCHED = 500  # hits of the model
ERRORS = 0.05  # of the judgements
SEEDS = 3
RESAMPLES = 2000
WEIGHT, DOUBT = 3.0, 2.0  # of Rocchio's method, as Earmark had it before
NEW_WORD_DRAWS = 3
MEASURES = ("next 10", "next 20", "AP")
CLIP_SHIFT_S = 0.13  # by which Swahili's word times are early

Floats = npt.NDArray[np.float64]
Occurrence = tuple[int, float, float]  # recording, start and end


@dataclass(frozen=True)
class Task:
    """A word, the model's hits, where it is truly spoken, and examples that the query itself holds."""

    word: str
    hits: list[ArchiveHit]
    occurrences: list[Occurrence]
    examples: list[npt.NDArray[np.float32]]


def right(hits: Sequence[ArchiveHit], occurrences: Sequence[Occurrence]) -> list[Occurrence | None]:
    """The occurrence that each hit finds first; None where it finds none."""
    left, found = list(occurrences), []
    for hit in hits:
        match = next(
            (
                one
                for one in left
                if one[0] == hit.position.recording
                and one[1] - TOLERANCE_S <= hit.position.time_s <= one[2] + TOLERANCE_S
            ),
            None,
        )
        found.append(match)
        if match is not None:
            left.remove(match)
    return found


def judged_hits(task: Task, count: int, rng: np.random.Generator) -> list[Judgement]:
    """Judgements of the model's best hits by somebody who errs now and then."""
    truth = [one is not None for one in right(task.hits[:count], task.occurrences)]
    said = np.array(truth) != (rng.random(len(truth)) < ERRORS)
    return [
        Judgement(
            **{"id": i, "query": task.word, "position": hit.position, "start_s": hit.hit.start_s},
            **{"end_s": hit.hit.end_s, "score": hit.hit.score, "verdict": "yes" if yes else "no", "judged_at": ""},
        )
        for i, (hit, yes) in enumerate(zip(task.hits, said, strict=False))
    ]


def measure(task: Task, count: int, order: Sequence[ArchiveHit]) -> tuple[float, float, float]:
    """Precision of the next ten and twenty, and average precision, of what was not judged."""
    found = right(task.hits[:count], task.occurrences)
    left = [one for one in task.occurrences if one not in found]
    hits = np.array([one is not None for one in right(order, left)], float)
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return hits[:10].sum() / 10, hits[:20].sum() / 20, float((precision * hits).sum() / len(left))


def by_model(archive: Archive, task: Task, judged: Sequence[Judgement]) -> list[ArchiveHit]:
    return task.hits[len(judged) :]


def by_rocchio(archive: Archive, task: Task, judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """The hits that are left by the log odds of their scores and their likeness to accepted and rejected hits."""
    rows = matching_recordings(archive, [])
    vectors = l2_normalise(
        np.array(
            [
                archive.frames.segment(
                    rows[hit.position.recording].sha256,
                    timeline_of(rows[hit.position.recording]),
                    hit.position.channel,
                    hit.hit.start_s,
                    hit.hit.end_s + 0.05,
                ).mean(axis=0)
                for hit in task.hits
            ],
            np.float64,
        )
    )
    vectors = vectors - vectors.mean(axis=0)
    given, rest = vectors[: len(judged)], vectors[len(judged) :]
    yes = np.array([one.verdict == "yes" for one in judged], float)

    def likeness(weights: Floats) -> Floats:
        direction = l2_normalise((weights @ given)[None])[0]
        return weights.sum() / (weights.sum() + DOUBT) * (l2_normalise(rest) @ direction)

    scores = np.clip([hit.hit.score for hit in task.hits[len(judged) :]], 1e-9, 1 - 1e-9)
    logits = np.log(scores / (1 - scores))
    total = (logits - logits.mean()) / max(logits.std(), 1e-9) + WEIGHT * (likeness(yes) - likeness(1 - yes))
    return [task.hits[len(judged) :][i] for i in np.argsort(-total, kind="stable")]


def by_judging(
    archive: Archive, task: Task, judged: Sequence[Judgement], prior: Prior | None = None
) -> list[ArchiveHit]:
    """The order that the archive gives."""
    hits = with_verdicts(task.hits, judged)
    rows = matching_recordings(archive, [])
    prior = prior or (OF_CLIPS if task.examples else OF_KEYWORDS)
    ranked = rank_by_judgements(archive, task.word, hits, judged, FETCHED, rows, task.examples, prior=prior)
    return [hit for hit in ranked if hit.verdict is None]


def by_classifier(archive: Archive, task: Task, judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """The same with neither template nor model: what a classifier alone makes of the judgements."""
    before = word_scorer.BIAS
    try:
        word_scorer.BIAS = 0.0
        return by_judging(archive, task, judged, Prior(contrast=0.0, weight=0.0, spread=1e-6))
    finally:
        word_scorer.BIAS = before


ORDERS: dict[str, Callable[[Archive, Task, Sequence[Judgement]], list[ArchiveHit]]] = {
    "model": by_model,
    "Rocchio": by_rocchio,
    "classifier": by_classifier,
    "judging": by_judging,
}


def concatenated(archive: Archive, utterances: Sequence[Utterance], folder: Path) -> dict[str, list[Occurrence]]:
    """Index utterances as long recordings; the occurrences of every word in them."""
    placed = concatenate(utterances, folder, LONG_S)
    index(archive, [folder], ThreadExecutor())
    numbers = {Path(row.path): row.id for row in matching_recordings(archive, []).values()}
    occurrences: dict[str, list[Occurrence]] = defaultdict(list)
    for path, inside in placed.items():
        for one in inside:
            for word in one.utterance.words or ():
                start_s, end_s = one.start_s + word.start_s, one.start_s + word.end_s
                occurrences[normalise(word.word)].append((numbers[path.resolve()], start_s, end_s))
    return occurrences


def tasks_of_words(corpus: Path, run: Path, split: str, out: Path) -> tuple[Archive, list[Task]]:
    """Every keyword of a model."""
    archive = make_archive(out / f"archive-{split}", run)
    known = read_corpus(corpus)
    spoken = concatenated(archive, list(known.utterances(split)), (out / f"recordings-{split}").resolve())
    return archive, [
        Task(
            word,
            search_keywords(archive, [word], FETCHED),
            [one for form in known.keyword_map.spoken_for(word) for one in spoken[normalise(form)]],
            [],
        )
        for word in archive.vocabulary
    ]


def tasks_of_clips(data: Path, out: Path, split: str, features: str) -> tuple[Archive, list[Task]]:
    """Every word that is spoken alone."""
    archive = make_features_archive(out / f"archive-{split}-{features.replace(':', '-')}", feature_settings(features))
    spoken = concatenated(archive, list(swahili(data, split)), (out / f"recordings-{split}").resolve())
    tasks = []
    for clip in sorted((data / "spoken_words").glob("*.ogg")):
        if len(spoken[normalise(clip.stem)]) > min(JUDGED):
            hits = search_clips(archive, SpokenQuery(clip.stem, (clip,)), FETCHED)
            tasks.append(Task(clip.stem, hits, spoken[normalise(clip.stem)], [encode_clip(archive.spotter, clip)]))
    return archive, tasks


def swahili(data: Path, split: str) -> Iterator[Utterance]:
    """Sentences of a split."""
    words = defaultdict(list)
    for row in csv.DictReader((data / "words.csv").open(encoding="utf-8-sig")):
        times_s = (float(row[name]) + CLIP_SHIFT_S for name in ("start_s", "end_s"))
        words[row["utterance_id"]].append(Word(row["word"], *times_s))
    for row in csv.DictReader((data / "utterances.csv").open(encoding="utf-8-sig")):
        if row["split"] == split:
            sound = soundfile.info(data / row["audio"])
            number = row["utterance_id"]
            yield Utterance(
                number, data / row["audio"], sound.samplerate, sound.frames, sound.channels, words=tuple(words[number])
            )


def review(archive: Archive, tasks: Sequence[Task], out: Path | None, seeds: int) -> None:
    """Measure every order after every number of judgements."""
    rows: list[dict[str, Any]] = []
    for task in tasks:
        for count in JUDGED:
            if len(task.occurrences) <= count or len(task.hits) <= count:
                continue
            for seed in range(seeds):
                judged = judged_hits(task, count, np.random.default_rng(seed))
                if (
                    all(one is not None for one in right(task.hits[:count], task.occurrences))
                    and len(task.occurrences) == count
                ):
                    continue
                for name, order in ORDERS.items():
                    values = measure(task, count, order(archive, task, judged))
                    rows.append(
                        {"word": task.word, "judged": count, "seed": seed, "order": name}
                        | dict(zip(MEASURES, values, strict=True))
                    )
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print("| judged | words | order | " + " | ".join(f"{name} (less model: 95 %)" for name in MEASURES) + " |")
    print("|---|---|---|" + "---|" * len(MEASURES))
    for count in JUDGED:
        words = sorted({row["word"] for row in rows if row["judged"] == count})
        if words:
            means = {
                name: np.array(
                    [
                        np.mean(
                            [
                                [row[m] for m in MEASURES]
                                for row in rows
                                if row["judged"] == count and row["order"] == name and row["word"] == word
                            ],
                            axis=0,
                        )
                        for word in words
                    ]
                )
                for name in ORDERS
            }
            for name, values in means.items():
                print(f"| {count} | {len(words)} | {name} | " + " | ".join(_cells(values, means["model"])) + " |")


def _cells(values: Floats, model: Floats) -> Iterator[str]:
    """Means over words in percent, with the interval of the difference from the model's order."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    for column in range(values.shape[1]):
        difference = 100 * (values[:, column] - model[:, column])
        low, high = np.quantile(difference[draws].mean(axis=1), (0.025, 0.975))
        interval = f" ({low:+.1f} to {high:+.1f})" if difference.any() else ""
        yield f"{100 * values[:, column].mean():.1f}{interval}"


def new_words(data: Path, out: Path, features: str) -> None:
    """Mean average precision of words that five accepted hits make."""
    folder = (out / "recordings").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    takes = _concatenated_takes(data, folder)
    archive = make_features_archive(out / f"archive-{features.replace(':', '-')}", feature_settings(features))
    index(archive, [folder], ThreadExecutor())
    numbers = {Path(row.path).stem: row.id for row in matching_recordings(archive, []).values()}
    speakers = sorted({take[0] for take in takes})
    values = []
    for word in sorted({take[1] for take in takes}):
        for seed in range(NEW_WORD_DRAWS):
            own = np.random.default_rng(seed).permutation(speakers)[:3]
            given = [take for name in own for take in takes if take[:2] == (name, word)][:5]
            judged = [
                Judgement(i, word, Position(numbers[name], 1, (s + e) / 2), s, e, 0.5, "yes", "")
                for i, (name, _, s, e) in enumerate(given)
            ]
            rows = {i: row for i, row in matching_recordings(archive, []).items() if Path(row.path).stem not in own}
            ranked = rank_by_judgements(archive, word, [], judged, FETCHED, rows)
            occurrences = [(numbers[name], s, e) for name, said, s, e in takes if said == word and name not in own]
            values.append(measure(Task(word, [], occurrences, []), 0, ranked)[2])
    print(f"{len(values)} draws of 20 words: MAP {np.mean(values):.3f}")


def _concatenated_takes(data: Path, folder: Path) -> list[tuple[str, str, float, float]]:
    """Write all takes of a speaker into one recording; speaker, word, start and end of each."""
    rng = np.random.default_rng(0)
    by_speaker = defaultdict(list)
    for row in csv.DictReader((data / "words.csv").open(encoding="utf-8-sig")):
        by_speaker[row["speaker"]].append(row)
    takes = []
    for speaker, rows in by_speaker.items():
        parts, length_s = [], 0.0
        for i in rng.permutation(len(rows)):
            sound = read_audio(data / rows[i]["audio"])
            quiet = rng.normal(0, 1e-4, round(rng.uniform(0.3, 1.5) * SAMPLE_RATE)).astype(np.float32)
            start_s = length_s + len(quiet) / SAMPLE_RATE
            length_s = start_s + len(sound) / SAMPLE_RATE
            parts += [quiet, sound]
            takes.append((speaker, rows[i]["word"], start_s, length_s))
        soundfile.write(folder / f"{speaker}.flac", np.concatenate(parts), SAMPLE_RATE)
    return takes


class RandomPieces(PieceVectors):
    """Pieces of no sound at all, memory-mapped; what is at a place is what is stored there."""

    def __init__(self, hours: float, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.frame_s, self.step_s, self.width = PIECE_S, PIECE_S, DIMENSION
        each = round(CHUNK_S / PIECE_S)
        chunks = [ChunkKey(1 + i // 12, 1, i % 12) for i in range(max(1, round(hours * 3600 / CHUNK_S)))]
        path = folder / "pieces.npy"
        stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.int8, shape=(each * len(chunks), DIMENSION))
        for first in range(0, len(stored), each):
            stored[first : first + each] = np.rint(
                SCALE * l2_normalise(rng.normal(size=(each, DIMENSION)).astype(np.float32))
            )
        stored.flush()
        firsts = np.arange(len(chunks) + 1, dtype=np.int64) * each
        vectors = np.load(path, mmap_mode="r")
        self.blocks = [Block(chunks, firsts, vectors, np.zeros(len(vectors), np.bool_))]

    def of_segment(self, recording: int, channel: int, middle_s: float, count: int) -> npt.NDArray[np.float32] | None:
        ((block, row),) = self.rows_at(recording, channel, middle_s - count * self.step_s / 2)
        return self.blocks[block].run(row, count)


def speed(hours: float, folder: Path) -> None:
    """How long ranking takes, and how much memory."""
    folder.mkdir(parents=True, exist_ok=True)
    made = RandomPieces(hours, folder)
    rng = np.random.default_rng(1)
    rows = dict.fromkeys(range(1, 2 + round(hours)))
    places = [Position(1, 1, float(time_s)) for time_s in rng.uniform(1, 280, 520)]
    hits = [ArchiveHit(one, Hit("", "word", 0.3, one.time_s, one.time_s - 0.3, one.time_s + 0.3)) for one in places]
    judged = [
        Judgement(i, "word", hit.position, hit.hit.start_s, hit.hit.end_s, 0.3, "yes" if i % 2 else "no", "")
        for i, hit in enumerate(hits[:20])
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(5):
        started, used = time.perf_counter(), time.process_time()
        pieces = RandomPieces.__new__(RandomPieces)
        pieces.__dict__ |= made.__dict__
        Taught(pieces, hits[20:], judged, [], []).runs(rows, 500)
        times.append((time.perf_counter() - started, time.process_time() - used))
    clock, processor = np.median(times, axis=0)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = len(made.blocks[0].vectors) * DIMENSION / 1e6
    print(f"{hours:g} hours, {size:.0f} MB of vectors: {clock:.2f} s ({processor:.2f} s), {memory:.0f} MB more memory")


def main() -> None:
    """Run one of the simulations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("words", "clips", "new-words", "speed"))
    parser.add_argument("data", help="the corpus or the data; speed: how many hours")
    parser.add_argument("run", type=Path, help="words: a trained model; else a folder for the archive")
    parser.add_argument("--split", default="test")
    parser.add_argument("--features", default="moonshine")
    parser.add_argument("--folder", type=Path, help="words: a folder for the archive, else RUN/reviewing")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="times that each word is judged")
    parser.add_argument("--out", type=Path, help="a table of every measurement")
    args = parser.parse_args()
    if args.kind == "speed":
        speed(float(args.data), args.run)
    elif args.kind == "new-words":
        new_words(Path(args.data), args.run, args.features)
    elif args.kind == "clips":
        review(*tasks_of_clips(Path(args.data), args.run, args.split, args.features), args.out, args.seeds)
    else:
        review(
            *tasks_of_words(Path(args.data), args.run, args.split, args.folder or args.run / "reviewing"),
            args.out,
            args.seeds,
        )


if __name__ == "__main__":
    main()
