"""How well clips of words are found in an archive that no model was trained for, beside plain alignment of MFCC.

    python benchmarks/spoken_queries.py ../shared/data out [--corpora swahili ...] [--split dev] [--features mfcc ...]

*swahili*: words said alone are searched for in the sentences of a split, strung together into recordings. *digits*:
digits by four speakers, one of each, are searched for in the strung utterances of another. *digit-utterances*: the
same, but each utterance is a recording. *command-words*: a take of one person is searched for among those of all
others, whatever the split.

Printed are, over queries, the mean average precision, MTWV with the costs of San et al. (2021) (false alarm 1, miss 10,
prior .0278), precision of the ten best (of as many as there are), and seconds a query. A hit is right within 0.3 s of
the word, each occurrence once; in *digit-utterances* and *command-words* the best hit of each recording counts. *Plain*
is the same alignment of standardised frames, without the space that is learned from the archive's own speech.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from earmark.archive import spoken_frames
from earmark.archive.archive import Archive
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.search_by_clip import prepare, search_clips
from earmark.core.costs import PUBLISHED
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import Hit, SpokenQuery
from earmark.evaluation.detection_alignment import align
from earmark.evaluation.ranking import ranking_measures
from earmark.evaluation.term_weighted import AlignedDetections, term_weighted_values
from earmark.localisation import spoken_queries
from earmark.localisation.spoken_queries import SpokenSpace
from earmark.media.audio import read_audio
from earmark.recipe import feature_settings

KINDS = ("mfcc", "speech-embedding", "moonshine", "moonshine:base")
GAP_S = 0.3
TOLERANCE_S = 0.3
RECORDING_S = 600.0
COMMAND_QUERIES = 150
MARGIN_S = 0.05  # of a digit that is cut out of an utterance

Occurrence = tuple[str, float, float]  # recording, start and end in it


class Task(NamedTuple):
    """A query, where it is right, recordings that do not count, and whether whole recordings are the answers."""

    query: SpokenQuery
    occurrences: list[Occurrence]
    excluded: frozenset[str] = frozenset()
    by_recording: bool = False


def swahili(data: Path, media: Path, clips: Path, split: str) -> list[Task]:
    """Words said alone, to be found in sentences."""
    occurrences = strung(data, media, split, shift_s=0.13)  # its word times are early by so much
    spoken = sorted((data / "spoken_words").glob("*.ogg"))
    return [Task(SpokenQuery(clip.stem, (clip,)), occurrences[clip.stem]) for clip in spoken if occurrences[clip.stem]]


def digits(data: Path, media: Path, clips: Path, split: str) -> list[Task]:
    """The first of each digit by each speaker of train, to be found in the utterances of another speaker."""
    occurrences = strung(data, media, split, shift_s=0.0)
    return [Task(query, occurrences[query.name]) for query in digit_clips(data, clips)]


def digit_utterances(data: Path, media: Path, clips: Path, split: str) -> list[Task]:
    """As digits, but each utterance is a recording, which is right if it has the digit."""
    words = words_of(data)
    occurrences: dict[str, list[Occurrence]] = defaultdict(list)
    for row in (row for row in rows_of(data / "utterances.csv") if row["split"] == split):
        path, sound = media / f"{row['utterance_id']}.flac", read_audio(data / row["audio"])
        soundfile.write(path, sound, SAMPLE_RATE)
        for word in {word for word, _, _ in words[row["utterance_id"]]}:
            occurrences[word].append((str(path), 0.0, len(sound) / SAMPLE_RATE))
    return [Task(query, occurrences[query.name], by_recording=True) for query in digit_clips(data, clips)]


def digit_clips(data: Path, clips: Path) -> list[SpokenQuery]:
    """The first of each digit by each speaker of train, cut out."""
    words = words_of(data)
    queries: dict[tuple[str, str], SpokenQuery] = {}
    for row in (row for row in rows_of(data / "utterances.csv") if row["split"] == "train"):
        for word, start_s, end_s in words[row["utterance_id"]]:
            if (word, row["speaker"]) not in queries:
                clip = clips / f"{word}-{row['speaker']}.flac"
                first, end = (round(max(0, s) * SAMPLE_RATE) for s in (start_s - MARGIN_S, end_s + MARGIN_S))
                soundfile.write(clip, read_audio(data / row["audio"])[first:end], SAMPLE_RATE)
                queries[word, row["speaker"]] = SpokenQuery(word, (clip,))
    return list(queries.values())


def command_words(data: Path, media: Path, clips: Path, split: str) -> list[Task]:
    """Takes of single words, each a recording; a query counts for other speakers' takes alone."""
    rows = rows_of(data / "words.csv")
    paths = [str(media / Path(row["audio"]).with_suffix(".flac").name) for row in rows]
    lengths_s = []
    for row, path in zip(rows, paths, strict=True):
        sound = read_audio(data / row["audio"])
        soundfile.write(path, sound, SAMPLE_RATE)
        lengths_s.append(len(sound) / SAMPLE_RATE)
    tasks: list[Task] = []
    for i in np.random.default_rng(0).choice(len(rows), COMMAND_QUERIES, replace=False):
        own = frozenset(path for row, path in zip(rows, paths, strict=True) if row["speaker"] == rows[i]["speaker"])
        right = [
            (path, 0.0, length_s)
            for row, path, length_s in zip(rows, paths, lengths_s, strict=True)
            if row["word"] == rows[i]["word"] and path not in own
        ]
        tasks.append(Task(SpokenQuery(rows[i]["word"], (Path(paths[i]),)), right, own, by_recording=True))
    return tasks


CORPORA = {  # the folder of each, and the function that writes its recordings
    "swahili": ("swahili", swahili),
    "command-words": ("command_words", command_words),
    "digits": ("digits", digits),
    "digit-utterances": ("digits", digit_utterances),
}


def strung(data: Path, media: Path, split: str, shift_s: float) -> dict[str, list[Occurrence]]:
    """Write the utterances of a split into long recordings; where each word is in them."""
    words = words_of(data)
    rows = [row for row in rows_of(data / "utterances.csv") if row["split"] == split]
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
    return occurrences


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with table.open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def words_of(data: Path) -> dict[str, list[tuple[str, float, float]]]:
    """Words with starts and ends, by utterance."""
    words = defaultdict(list)
    for row in rows_of(data / "words.csv"):
        words[row["utterance_id"]].append((row["word"], float(row["start_s"]), float(row["end_s"])))
    return words


def detect(archive: Archive, tasks: Sequence[Task], durations_s: dict[str, float]) -> AlignedDetections:
    """The hits of all queries, each a term; its trials are the seconds of the recordings that count."""
    terms, scores, correct = [], [], []
    for number, task in enumerate(tasks):
        found = search_clips(archive, task.query, top=2000)
        hits = [hit.hit for hit in found if hit.hit.recording not in task.excluded]
        if task.by_recording:  # the best hit of each counts
            hits = list({hit.recording: hit for hit in reversed(hits)}.values())
        terms += [number] * len(hits)
        scores += [hit.score for hit in hits]
        correct += are_right(hits, task.occurrences)
    counted_s = [sum(s for path, s in durations_s.items() if path not in task.excluded) for task in tasks]
    return AlignedDetections(
        term=np.array(terms),
        score=np.array(scores),
        correct=np.array(correct),
        decision=np.array(scores) >= 0.5,
        occurrences=np.array([len(task.occurrences) for task in tasks]),
        trials=np.array(counted_s),
    )


def are_right(hits: Sequence[Hit], occurrences: Sequence[Occurrence]) -> list[bool]:
    """Whether each hit of a query is aligned with an occurrence."""
    right = np.zeros(len(hits), bool)
    for recording in {hit.recording for hit in hits}:
        rows = [i for i, hit in enumerate(hits) if hit.recording == recording]
        starts_s, ends_s = np.array([one[1:] for one in occurrences if one[0] == recording]).reshape(-1, 2).T
        mid_s, score = np.array([(hits[i].time_s, hits[i].score) for i in rows]).T
        right[rows] = align(mid_s, score, starts_s, ends_s, TOLERANCE_S) >= 0
    return right.tolist()


def plain_space(stretches: Sequence[np.ndarray], step_s: float, seed: int = 0) -> SpokenSpace:
    """Frames that are standardised and nothing else; no frame is more common than another."""
    frames = np.concatenate([part[part.any(axis=1)] for part in stretches]).astype(np.float32)
    mean, scale = frames.mean(axis=0), frames.std(axis=0) + 1e-6
    return SpokenSpace(mean, np.diag(1 / scale).astype(np.float32), np.zeros((1, frames.shape[1]), np.float32))


def measure(corpus: str, data: Path, out: Path, split: str, kinds: Sequence[str], plain: Sequence[str]) -> None:
    """Print the rows of a corpus."""
    media, clips = out / "media", out / "clips"
    for folder in (media, clips):
        folder.mkdir(parents=True, exist_ok=True)
    name_of_folder, write = CORPORA[corpus]
    tasks = write(data / name_of_folder, media, clips, split)
    durations_s = {str(path): soundfile.info(path).duration for path in media.glob("*.flac")}
    learned = spoken_queries.learn_space
    for kind in kinds:
        archive = make_features_archive(out / kind.replace(":", "-"), feature_settings(kind))
        index(archive, [media], ThreadExecutor())
        for name, learn in (("plain", plain_space), ("learned", learned)):
            if name == "plain" and kind not in plain:
                continue
            spoken_frames.learn_space = learn
            spoken_frames.space_file(archive).unlink(missing_ok=True)
            prepare(archive)
            started = time.monotonic()
            aligned = detect(archive, tasks, durations_s)
            seconds = (time.monotonic() - started) / len(tasks)
            ranking = ranking_measures(aligned)
            mtwv = term_weighted_values(aligned, PUBLISHED["san2021"]).mtwv
            figures = f"{ranking.mean_average_precision:.3f} | {mtwv:.3f} | {ranking.precision_at_10:.3f}"
            print(f"| {corpus} | {len(tasks)} | {kind} | {name} | {figures} | {seconds:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with those of the corpora")
    parser.add_argument("out", type=Path, help="folder for recordings and archives, which are used again")
    parser.add_argument("--corpora", nargs="+", default=CORPORA, choices=CORPORA)
    parser.add_argument("--split", default="test")
    parser.add_argument("--features", nargs="+", default=KINDS)
    parser.add_argument("--plain", nargs="*", default=["mfcc"], help="features that are measured plain, too")
    options = parser.parse_args()
    print("| corpus | queries | features | frames | MAP | MTWV | P@10 | s a query |\n|---|---|---|---|---|---|---|---|")
    for corpus in options.corpora:
        out = options.out.resolve() / f"{corpus}-{options.split}"
        measure(corpus, options.data, out, options.split, options.features, options.plain)


if __name__ == "__main__":
    main()
