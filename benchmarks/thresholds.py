"""What thresholds gain: 0.5, one for all keywords, one for each, and what the transcripts themselves would choose.

    python benchmarks/thresholds.py RUN CORPUS

Thresholds are chosen on dev by the run's own tags and measured on dev and on test, in percent, by strict counting. In
brackets stands the 95 % interval of the difference from one threshold for all (bootstrap over utterances, paired). The
last column tells how much hangs on what dev happens to hold: detection F1 on test of thresholds that were chosen on
resamples of dev, its mean and standard deviation. The last rows are forbidden: they are chosen by transcripts, of dev
or (the ceiling) of the very split that they are measured on.

Then comes what the thresholds rest on: each keyword's mean tag on train and dev where it is spoken (a) and where it is
not (b), as the tags alone tell it and as the transcripts do.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Corpus, read_corpus
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import Bools, ground_truth, located, measurable
from earmark.evaluation.keyword_queries import detection_scores
from earmark.evaluation.metrics import Counts, actual_counts, detected, detection_counts
from earmark.evaluation.predictions import SplitFeatures
from earmark.evaluation.reliability import LEVEL, draws
from earmark.evaluation.runner import evaluate
from earmark.features.cache import load_features
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.supervision.targets import Targets, read_targets, targets_path
from earmark.training.thresholds import best_threshold, keyword_thresholds, tag_rates

Floats = npt.NDArray[np.floating]
Chooser = Callable[[Floats, Floats], Floats]  # scores and targets, both (U, W), -> thresholds (W,)
RESAMPLES_OF_DEV = 100
ONE = "one for all keywords"


@dataclass(frozen=True, eq=False)
class Measured:
    """A split: detection scores, where the keyword is present, and where it is rightly placed; each (U, W)."""

    scores: Floats
    present: Bools
    located: Bools

    def detection(self, thresholds: Floats) -> Counts:
        """Counts of detection."""
        return detection_counts(self.present, detected(self.scores, thresholds))

    def actual(self, thresholds: Floats) -> Counts:
        """Counts of actual localisation."""
        return actual_counts(self.present, self.located, detected(self.scores, thresholds))


def one(scores: Floats, targets: Floats) -> Floats:
    """One threshold for all keywords."""
    return np.full(scores.shape[1], best_threshold(scores, targets))


def naive(scores: Floats, targets: Floats) -> Floats:
    """The highest expected F1 of each keyword by itself."""
    return np.array([best_threshold(s[:, None], t[:, None]) for s, t in zip(scores.T, targets.T, strict=True)])


def as_many_as_tags(scores: Floats, targets: Floats) -> Floats:
    """As many detections of each keyword as its tags add up to."""
    return _cut(scores, targets.sum(axis=0).round().astype(int))


def highest_f1(scores: Floats, targets: Floats) -> Floats:
    """The thresholds that have the highest F1 over all cells together, by Dinkelbach's method for ratios.

    F1 can be f where the sum of (right - f / 2) over the detected cells is f / 2 times the number of cells to detect;
    that sum is highest where each keyword is cut at its own highest.
    """
    ranked = np.take_along_axis(targets, np.argsort(-scores, axis=0, kind="stable"), axis=0).astype(np.float64)
    right = np.pad(ranked.cumsum(axis=0), ((1, 0), (0, 0)))
    made = np.arange(len(right))[:, None]
    f1, before = 0.0, -1.0
    while f1 > before:
        before = f1
        counts = (right - f1 / 2 * made).argmax(axis=0)
        f1 = 2 * right[counts, np.arange(len(counts))].sum() / (counts.sum() + targets.sum())
    return _cut(scores, counts)


def _cut(scores: Floats, counts: npt.NDArray[np.integer]) -> Floats:
    """Thresholds halfway below the `counts` best scores of each keyword."""
    ranked = np.sort(np.pad(scores, ((1, 1), (0, 0)), constant_values=((1, 0), (0, 0))), axis=0)[::-1]
    return np.array([ranked[n : n + 2, w].mean() for w, n in enumerate(counts)])


def f1(counts: Counts, weights: npt.NDArray[np.integer]) -> Floats:
    """F1 over all cells, in percent, for weights of shape (U, R)."""
    return 100 * counts.micro(weights).precision_recall_f1()["f1"]


def compared(counts: Counts, others: Counts) -> str:
    """F1, and the interval of its difference from the others'."""
    utterances = len(counts.predicted)
    value = f1(counts, np.ones((utterances, 1), dtype=int))[0]
    gains = np.concatenate([f1(counts, weights) - f1(others, weights) for weights in draws(utterances)])
    low, high = np.nanquantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"{value:.1f} [{low:+.1f}, {high:+.1f}]"


def resampled(choose: Chooser, scores: Floats, targets: Floats, test: Measured) -> str:
    """Detection F1 on test of thresholds chosen on resamples of dev."""
    rng = np.random.default_rng(0)
    draws_of_dev = rng.integers(len(scores), size=(RESAMPLES_OF_DEV, len(scores)))
    once = np.ones((len(test.scores), 1), dtype=int)
    values = [f1(test.detection(choose(scores[drawn], targets[drawn])), once) for drawn in draws_of_dev]
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


def measured(spotter: KeywordSpotter, corpus: Corpus, split: str) -> Measured:
    """A split as the model hears it, with its truth."""
    evaluation = evaluate(spotter, corpus, split)
    truth, predictions = evaluation.truth, evaluation.predictions
    return Measured(predictions.scores, truth.present, located(truth, predictions))


def print_rates(corpus: Corpus, tags: Targets, keywords: Vocabulary) -> None:
    """Print the mean tags of each keyword where it is spoken and where it is not, estimated and true."""
    utterances = measurable([u for split in ("train", "dev") for u in corpus.utterances(split)])
    matrix = tags.matrix([u.id for u in utterances], keywords)
    present = ground_truth(utterances, keywords).present
    columns = ("keyword", "spoken in", "a, by the tags", "a, in truth", "b, by the tags", "b, in truth")
    print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for word, b, a, tag, spoken in zip(keywords, *tag_rates(matrix), matrix.T, present.T, strict=True):
        true_a, true_b = (tag[cells].mean() if cells.any() else np.nan for cells in (spoken, ~spoken))
        print(f"| {word} | {spoken.sum()} | {a:.3f} | {true_a:.3f} | {b:.3f} | {true_b:.3f} |")


def main() -> None:
    """Read the command line and print the table of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a trained model")
    parser.add_argument("corpus", type=Path, help="the corpus that it was trained on")
    arguments = parser.parse_args()
    spotter, corpus = load_model(arguments.run), read_corpus(arguments.corpus)
    keywords = spotter.checkpoint.vocabulary
    tags = read_targets(targets_path(corpus, spotter.checkpoint.recipe.supervision))
    train_targets, targets = (
        tags.matrix([u.id for u in corpus.utterances(split)], keywords) for split in ("train", "dev")
    )
    features = load_features(corpus, "dev", spotter.checkpoint.recipe.features)
    scores = detection_scores(spotter, SplitFeatures(corpus.utterances("dev"), features, range(len(targets))))
    choosers: dict[str, Chooser] = {
        "0.5, the paper's": lambda scores, _: np.full(scores.shape[1], 0.5),
        ONE: one,
        "one for each keyword": lambda scores, targets: keyword_thresholds(scores, targets, train_targets),
        "each by itself": naive,
        "highest F1 together": highest_f1,
        "as many as tags": as_many_as_tags,
    }
    splits = {split: measured(spotter, corpus, split) for split in ("dev", "test")}
    columns = [f"{task} F1, {split}" for split in splits for task in ("detection", "actual")]
    print("| threshold |", " | ".join([*columns, "detection F1, test, dev resampled"]), "|")
    print("|---" * (len(columns) + 2) + "|")

    def row(name: str, thresholds: dict[str, Floats], last: str) -> None:
        base = one(scores, targets)
        cells = [
            compared(count(thresholds[split]), count(base))
            for split, data in splits.items()
            for count in (data.detection, data.actual)
        ]
        print(f"| {name} |", " | ".join([*cells, last]), "|", flush=True)

    for name, choose in choosers.items():
        chosen = choose(scores, targets)
        row(name, dict.fromkeys(splits, chosen), resampled(choose, scores, targets, splits["test"]))
    by_transcripts = highest_f1(splits["dev"].scores, splits["dev"].present)
    row("one for each, by dev's transcripts", dict.fromkeys(splits, by_transcripts), "")
    for name, best in (("ceiling, one for all", one), ("ceiling, one for each", highest_f1)):
        row(name, {split: best(data.scores, data.present) for split, data in splits.items()}, "")
    print_rates(corpus, tags, keywords)


if __name__ == "__main__":
    main()
