"""How much localising attention with image queries gains over the visual bag of words with written queries.

Both are measured in the same cells, those that image queries are evaluated in, and each with one threshold for all
keywords: words could otherwise be searched for where pictures can't be, and with a threshold a word.
"""

from __future__ import annotations

import numpy as np

from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import Predictions, ground_truth, located
from earmark.evaluation.metrics import Counts, actual_counts, detected
from earmark.evaluation.released_rules import actual_by_keyword
from earmark.reports.reproduction import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.nortje2022.rows import ATTENTION, VISUAL_BOW, row_of
from earmark.reproduce.report import ReproductionResults, mean_and_spread
from earmark.reproduce.results import Result

PUBLISHED_GAIN = 0.16  # of localising attention over the visual bag of words in localisation F1: the paper's abstract
PUBLISHED_FOR = ("bow", "vgs")  # the supervisions of the two there
COLUMNS = (
    "Supervision of localising attention",
    "Supervision of the visual BoW",
    "Counting",
    "F1, attention",
    "F1, visual BoW",
    "Gain",
)
NOTES = (
    "In percent; the gain is relative. The published one is of the paper's abstract, 16 %, by released counting: "
    "there, as far as is known, localising attention learned from ground truth, the visual BoW from generated tags. "
    "No other figure of the paper was at hand.",
    "Both models are measured on the same pairs of utterance and keyword, those for which there is another picture "
    "than the utterance's own, and each with one threshold for all keywords, chosen on dev by its supervision.",
)

Gain = tuple[float | None, float | None, float | None]


def gain(results: ReproductionResults) -> Table:
    """Localisation F1 of both, and the gain, by the supervision of each and in both ways of counting."""
    body = []
    for counting in ("released", "strict"):
        for of_attention, of_bow in (PUBLISHED_FOR, ("vgs", "vgs"), ("bow", "bow")):
            is_released = counting == "released"
            attention, bow, gained = gain_of(results, of_attention, of_bow, is_released)
            is_published = is_released and (of_attention, of_bow) == PUBLISHED_FOR
            entries = [
                Entry(Pair(attention)),
                Entry(Pair(bow)),
                Entry(Pair(gained), Pair(PUBLISHED_GAIN) if is_published else None),
            ]
            body.append(((SUPERVISIONS[of_attention], SUPERVISIONS[of_bow], counting), entries))
    return Table("Localisation F1: image against written queries", COLUMNS, body, NOTES)


def gain_of(results: ReproductionResults, of_attention: str, of_bow: str, by_released_rules: bool) -> Gain:
    """F1 of localising attention and of the visual BoW, and the relative gain; None where one was not evaluated."""
    attention, bow = (row_of(results.rows, name) for name in (ATTENTION, VISUAL_BOW))
    if attention is None or bow is None or not results.truth.aligned:
        return None, None, None
    pairs = [
        tuple(localisation_f1(results, each, image, by_released_rules) for each in (image, words))
        for image, words in zip(results.of(attention, of_attention), results.of(bow, of_bow), strict=False)
    ]
    of_images, of_words = (mean_and_spread([pair[side] for pair in pairs])[0] for side in (0, 1))
    gained = of_images / of_words - 1 if of_images is not None and of_words else None
    return of_images, of_words, gained


def localisation_f1(results: ReproductionResults, result: Result, cells_of: Result, by_released_rules: bool) -> float:
    """F1 of localisation with one threshold for all keywords, in the cells in which another result was evaluated.

    Returns
    -------
    float
        NaN for a model without such a threshold.
    """
    threshold = result.metrics.global_threshold.threshold
    if threshold is None:
        return float("nan")
    columns = [result.keywords.index(word) for word in cells_of.keywords]
    evaluated = cells_of.predictions.evaluated
    scores = np.where(evaluated, result.predictions.scores[:, columns], np.nan)
    predictions = Predictions(scores, result.predictions.times_s[:, columns], evaluated)
    keywords = Vocabulary(cells_of.keywords)
    truth = ground_truth(results.utterances, keywords, results.corpus.keyword_map).within(evaluated)
    detections = detected(scores, threshold)
    if by_released_rules:
        counts = actual_by_keyword(truth, predictions, detections)
    else:
        counts = actual_counts(truth.present, located(truth, predictions), detections).per_keyword()
    total = Counts(counts.true_positive.sum(), counts.predicted.sum(), counts.relevant.sum())
    return float(total.precision_recall_f1()["f1"])
