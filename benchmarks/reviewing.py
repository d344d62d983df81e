"""What ten judgements are worth: a person who knows what is said judges hits, and the rest is put in a new order.

    python benchmarks/reviewing.py CORPUS RUN
    python benchmarks/reviewing.py CORPUS RUN --splits dev test --judged 5

The utterances of some splits are strung together into long recordings and indexed. For each keyword, the first ten hits
are judged by what is truly said there. Then the precision of the next ten is measured twice: in the order of their
detection scores, and in the order that the judgements suggest.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from earmark.archive.archive import Archive, make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, query_key
from earmark.archive.results import ArchiveHit
from earmark.archive.search import SearchOptions, search
from earmark.archive.search_by_keyword import search_keywords
from earmark.core.corpus import read_corpus
from earmark.media.concatenation import ConcatenatedRecording, concatenate

LONG_S = 1200.0
FETCHED = 200  # hits that are put in order
RESAMPLES = 2000


def is_right(found: ArchiveHit, word: str, concatenated: ConcatenatedRecording) -> bool:
    """Whether the word is said at the hit's location."""
    times_s = [t for spoken in concatenated[Path(found.hit.recording)] for t in spoken.occurrences_s(word)]
    return any(start_s <= found.hit.time_s <= end_s for start_s, end_s in times_s)


def review(archive: Archive, word: str, concatenated: ConcatenatedRecording, judged: int) -> list[tuple[float, float]]:
    """Precision of the next ten and twenty, before and after: [(before, after), (before, after)]."""
    ranked = search_keywords(archive, [word], FETCHED)
    for found in ranked[:judged]:
        judge(archive, query_key(word), found, "yes" if is_right(found, word, concatenated) else "no")
    before = ranked[judged:]
    after = [found for found in search(archive, word, SearchOptions(FETCHED)) if found.verdict is None]
    right = [[is_right(found, word, concatenated) for found in some] for some in (before, after)]
    return [(float(np.mean(right[0][:n])), float(np.mean(right[1][:n]))) for n in (10, 20)]


def main() -> None:
    """Review every keyword that is said often enough for there to be a next ten."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--splits", nargs="*", default=["dev", "test"])
    parser.add_argument("--judged", type=int, default=10)
    args = parser.parse_args()
    corpus = read_corpus(args.corpus)
    utterances = [utterance for split in args.splits for utterance in corpus.utterances(split)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        concatenated = concatenate(utterances, folder / "recordings", LONG_S)
        archive = make_archive(folder / "archive", args.run)
        index(archive, [folder / "recordings"], ThreadExecutor())
        counts = {
            word: sum(len(spoken.occurrences_s(word)) for inside in concatenated.values() for spoken in inside)
            for word in archive.vocabulary
        }
        words = [word for word, count in counts.items() if count > args.judged]
        figures = 100 * np.array([review(archive, word, concatenated, args.judged) for word in words])
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(words), (RESAMPLES, len(words)))
    print(f"{len(words)} keywords, {args.judged} hits of each judged; precision of the next ones, in percent:")
    for column, count in enumerate((10, 20)):
        before, after = figures[:, column].T
        low, high = np.quantile((after - before)[draws].mean(axis=1), (0.025, 0.975))
        print(
            f"  next {count}: {before.mean():.1f} by score, {after.mean():.1f} after judging "
            f"({(after - before).mean():+.1f}; 95 % of resamples of keywords {low:+.1f} to {high:+.1f})"
        )


if __name__ == "__main__":
    main()
