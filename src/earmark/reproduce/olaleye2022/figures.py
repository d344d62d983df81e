"""Figures 5, 6 and 7 and Table V: one row of the grid by keyword, and examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.results import FIXED_THRESHOLD
from earmark.evaluation.agreement import BEST_RANKED, commonly_located, pearson, spearman
from earmark.evaluation.data import Bools, Floats, Ints, located
from earmark.evaluation.metrics import actual_counts, average_precision, detected, rank
from earmark.evaluation.released_rules import actual_by_keyword
from earmark.reports.page import DASH
from earmark.reports.reproduction import BarChart, DetailSection, Entry, Pair, Scatter, ShownExample, Table
from earmark.reproduce.examples import top_ranked
from earmark.reproduce.grid import SUPERVISIONS, Cell
from earmark.reproduce.olaleye2022.published import (
    BEST_KEYWORD,
    EXAMPLE_KEYWORDS,
    KEYWORDS_DETECTED,
    TABLE_V,
    WORST_KEYWORD,
)
from earmark.reproduce.report import ReproductionResults
from earmark.supervision.targets import read_targets, targets_path

EXAMPLES = 4
PAPER_ROW = 4  # CNN-Attend with masked-in localisation
AT_HALF, AT_DEV = "F1 at 0.5", "F1 at dev's thresholds"
STRICT, RELEASED = "strict counting", "released counting"


def details(results: ReproductionResults) -> list[DetailSection]:
    """The figures of the row that the paper shows (or of the best that was run), and of Earmark's own."""
    if not results.truth.aligned:
        return []
    published = [cell for cell in results.by_cell if cell.row.number is not None]
    ours = [cell for cell in results.by_cell if cell.row.number is None]
    cells_to_show = [_cell_to_show(results, cells) for cells in (published, ours) if cells]
    return [_detail(results, cell) for cell in cells_to_show]


def _cell_to_show(results: ReproductionResults, cells: Sequence[Cell]) -> Cell:
    """The row that the paper shows, else the best by F1 of actual localisation, VGS first."""

    def merit(cell: Cell) -> tuple[bool, bool, float]:
        is_vgs = cell.supervision == "vgs"
        f1 = results.by_cell[cell].metrics.actual.f1
        return is_vgs, is_vgs and cell.row.number == PAPER_ROW, f1 or 0.0

    return max(cells, key=merit)


def _detail(results: ReproductionResults, cell: Cell) -> DetailSection:
    thresholds: dict[str, Floats | float] = {AT_HALF: FIXED_THRESHOLD, AT_DEV: results.by_cell[cell].thresholds}
    scores = {
        (counting, name): keyword_scores(results, cell, threshold, counting == RELEASED)
        for counting in (RELEASED, STRICT)
        for name, threshold in thresholds.items()
    }
    name = f"{cell.row.title}, {cell.row.localisation}, {SUPERVISIONS[cell.supervision]}"
    name += "" if cell.seed is None else f", seed {cell.seed}"
    notes = []
    if cell.row.number is not None and (cell.row.number, cell.supervision) != (PAPER_ROW, "vgs"):
        notes.append("The paper shows CNN-Attend with masked-in localisation and VGS: that was not run here.")
    tag_precision, tag_problems = _tag_precision(results)
    examples, example_problems = _examples(results, cell)
    return DetailSection(
        name=name,
        notes=[*notes, *tag_problems, *example_problems],
        detected=_detected(results, scores, cell.row.number is not None),
        charts=[_chart(results, counting, scores) for counting in (RELEASED, STRICT)],
        scatters=[] if tag_precision is None else _scatters(results, tag_precision, scores),
        examples=examples,
        keywords=_keyword_table(results, scores, tag_precision),
        confusions=table_5(results, cell),
    )


def _detected(results: ReproductionResults, scores: Scores, compare: bool) -> str:
    keywords = len(results.keywords)
    half, dev = (scores[RELEASED, at] for at in (AT_HALF, AT_DEV))
    sentence = (
        f"Keywords detected at least once: {keywords - half.undetected} of {keywords} at 0.5, "
        f"{keywords - dev.undetected} of {keywords} at dev's thresholds. The others have no F1."
    )
    if half.undetected < keywords:
        worst, best = np.nanargmin(half.f1), np.nanargmax(half.f1)
        of_word = [f"{results.keywords.words[w]} with {100 * half.f1[w]:.1f}" for w in (worst, best)]
        sentence += f" F1 at 0.5 by released counting goes from {of_word[0]} to {of_word[1]}."
    if not compare:
        return sentence
    return (
        f"{sentence} The paper: {KEYWORDS_DETECTED} of 67, from {WORST_KEYWORD[0]} with {WORST_KEYWORD[1]} "
        f"to {BEST_KEYWORD[0]} with {BEST_KEYWORD[1]}, by released counting."
    )


def _chart(results: ReproductionResults, counting: str, scores: Scores) -> BarChart:
    """Fig. 5: the keywords that were detected, the best at 0.5 first, then the best at dev's threshold."""
    half, dev = scores[counting, AT_HALF], scores[counting, AT_DEV]
    rows = [
        (word, _or_none(one), _or_none(other))
        for word, one, other in zip(results.keywords, half.f1, dev.f1, strict=True)
        if not (np.isnan(one) and np.isnan(other))
    ]
    rows.sort(key=lambda row: [-1.0 if f1 is None else f1 for f1 in row[1:]], reverse=True)
    return BarChart(f"{counting.capitalize()}.", rows, (AT_HALF, AT_DEV))


def _tag_precision(results: ReproductionResults) -> tuple[np.ndarray | None, list[str]]:
    """Average precision of the tags by keyword for Fig. 6, or None and why it is missing."""
    try:
        return tag_average_precision(results), []
    except EarmarkError as problem:
        return None, [f"Figure 6 needs the tags of the test split: {problem}"]


def _scatters(results: ReproductionResults, tag_precision: np.ndarray, scores: Scores) -> list[Scatter]:
    """Fig. 6, at each threshold, in both ways of counting."""
    found = {
        f"{name}, {counting}": correlate(results.keywords.words, tag_precision, of)
        for (counting, name), of in scores.items()
    }
    return [
        Scatter(
            caption=f"{name}, {len(it.points)} keywords: Pearson {_two(it.pearson)}, Spearman {_two(it.spearman)}",
            points=it.points,
            across="average precision of the tags",
            up=f"localisation {name}",
        )
        for name, it in found.items()
    ]


def _examples(results: ReproductionResults, cell: Cell) -> tuple[list[ShownExample], list[str]]:
    """Fig. 7: the top-ranked utterance of some keywords, and why some are missing."""
    words = _example_keywords(results, results.by_cell[cell].predictions.scores)
    return top_ranked(results, cell, words, "Figure 7")


def _example_keywords(results: ReproductionResults, scores: np.ndarray) -> list[str]:
    """The paper's four keywords that are in the vocabulary, then those with the best scores."""
    by_score = [results.keywords.words[w] for w in np.argsort(-scores.max(axis=0), kind="stable")]
    known = [word for word in EXAMPLE_KEYWORDS if word in results.keywords]
    return list(dict.fromkeys([*known, *by_score]))[:EXAMPLES]


def _keyword_table(results: ReproductionResults, scores: Scores, tag_precision: np.ndarray | None) -> Table:
    """The values that figures 5 and 6 draw."""
    tags = np.full(len(results.keywords), np.nan) if tag_precision is None else tag_precision
    utterances = results.truth.present.sum(axis=0)
    half, dev = (scores[STRICT, at].detections for at in (AT_HALF, AT_DEV))
    body = [
        (
            (word, str(utterances[w]), str(half[w]), str(dev[w])),
            [Entry(Pair(float(values[w]))) for values in (*(each.f1 for each in scores.values()), tags)],
        )
        for w, word in enumerate(results.keywords)
    ]
    counts = ("Keyword", "Spoken in", "Detected at 0.5", "Detected at dev's thresholds")
    measures = (*(f"{name}, {counting}" for counting, name in scores), "Tags' average precision")
    return Table("Every keyword", counts + measures, body)


def table_5(results: ReproductionResults, cell: Cell) -> Table:
    """Table V: in which words a keyword is most often located, in its twenty best-scored utterances."""
    predictions = results.by_cell[cell].predictions
    words = [utterance.words or () for utterance in results.utterances]
    body = []
    for w, keyword in enumerate(results.keywords):
        here = commonly_located(predictions.scores[:, w], predictions.times_s[:, w], words)
        body.append(((keyword, _listed(here), _listed(TABLE_V.get(keyword, ()))), ()))
    utterances = len(results.utterances)
    notes = (
        f"{DASH} is a place in no word. The paper's list is that of CNN-Attend with masked-in localisation, VGS.",
        f"The best {min(BEST_RANKED, utterances)} of {utterances:,} utterances here; of 5,000 in the paper.",
    )
    return Table("Table V: the words most often located", ("Query", "Located here", "In the paper"), body, notes)


def _listed(words: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{word} {count}" for word, count in words)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _two(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, eq=False)
class KeywordScores:
    """Actual localisation of every keyword at a threshold.

    Attributes
    ----------
    f1 : numpy.ndarray, shape = (W,)
        NaN for keywords that are never detected: their precision is undefined.
    detections : numpy.ndarray, shape = (W,), int
        In how many utterances each was detected.
    """

    f1: Floats
    detections: Ints

    @property
    def undetected(self) -> int:
        """How many keywords were never detected."""
        return int((self.detections == 0).sum())


Scores = dict[tuple[str, str], KeywordScores]  # by the way of counting, and the threshold


def keyword_scores(
    results: ReproductionResults,
    cell: Cell,
    thresholds: Floats | float = FIXED_THRESHOLD,
    by_released_rules: bool = False,
) -> KeywordScores:
    """Fig. 5: F1 of actual localisation per keyword."""
    predictions = results.by_cell[cell].predictions
    detections = detected(predictions.scores, thresholds)
    if by_released_rules:
        counts = actual_by_keyword(results.truth, predictions, detections)
    else:
        counts = actual_counts(results.truth.present, located(results.truth, predictions), detections).per_keyword()
    detected_in = detections.sum(axis=0)
    f1 = np.where(detected_in > 0, counts.precision_recall_f1()["f1"], np.nan)
    return KeywordScores(f1, detected_in)


def tag_average_precision(results: ReproductionResults) -> Floats:
    """Fig. 6: the tagger's average precision per keyword, by the tags of the test images and the words that are spoken.

    Returns
    -------
    numpy.ndarray, shape = (W,)
        NaN for keywords that are never spoken.

    Raises
    ------
    EarmarkError
        If there are no tags, they are damaged, or they lack a test utterance or a keyword.
    """
    tags = read_targets(targets_path(results.corpus, "vgs"), results.keywords)
    matrix = tags.matrix([utterance.id for utterance in results.utterances], results.keywords)
    return average_precisions(np.nan_to_num(matrix), results.truth.present)  # what is unknown ranks last


def average_precisions(scores: Floats, present: Bools) -> Floats:
    """Average precision of each column, shape = (W,), of tables of shape (U, W)."""
    once = np.ones((len(scores), 1), dtype=int)
    rankings = [rank(s, p) for s, p in zip(scores.T, present.T, strict=True)]
    return np.array([average_precision(ranking, ranking.tally(once))[0] for ranking in rankings])


@dataclass(frozen=True, eq=False)
class TagCorrelation:
    """Fig. 6: whether keywords that are tagged well are localised well.

    Attributes
    ----------
    points : list of (str, float, float)
        Keyword, average precision of its tags, F1 of its actual localisation.
    pearson, spearman : float
        Coefficients of correlation; NaN where they are undefined.
    """

    points: list[tuple[str, float, float]]
    pearson: float
    spearman: float


def correlate(words: tuple[str, ...], tag_precision: Floats, scores: KeywordScores) -> TagCorrelation:
    """Correlation of F1 and tagging, over the keywords that are detected and spoken at least once."""
    defined = ~np.isnan(tag_precision) & ~np.isnan(scores.f1)
    x, y = tag_precision[defined], scores.f1[defined]
    named = [word for word, is_defined in zip(words, defined, strict=True) if is_defined]
    points = list(zip(named, x.tolist(), y.tolist(), strict=True))
    return TagCorrelation(points, pearson(x, y), spearman(x, y))
