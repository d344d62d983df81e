"""Figures 5, 6 and 7 and Table V: one row of the grid, keyword by keyword and example by example.

Every keyword by itself: how well it is found and placed (Fig. 5), and how well its picture is tagged (Fig. 6).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.evaluation.agreement import LISTENED_TO, commonly_located, located_word, pearson, spearman
from earmark.evaluation.data import Bools, Floats, Ints, located
from earmark.evaluation.keyword_queries import Evaluation
from earmark.evaluation.metrics import actual, average_precision, detected, rank
from earmark.evaluation.report import example
from earmark.evaluation.summary import PAPER_THRESHOLD
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.images import read_image
from earmark.models.checkpoint import read_checkpoint
from earmark.reports.evaluation import at
from earmark.reports.example import Example
from earmark.reports.page import DASH
from earmark.reports.reproduction import DetailSection, Entry, Pair, Scatter, ShownExample, Table
from earmark.reproduce.grid import SUPERVISIONS, Cell
from earmark.reproduce.olaleye2022.published import BEST_KEYWORD, KEYWORDS_DETECTED, SHOWN, TABLE_V, WORST_KEYWORD
from earmark.reproduce.report import ReproductionResults
from earmark.reproduce.results import Result, run_folder
from earmark.supervision.targets import read_targets, targets_path

EXAMPLES = 4
PAPERS_ROW = 4  # CNN-Attend with masked-in localisation
AT_HALF, AT_DEV = "F1 at 0.5", "F1 at dev's thresholds"


def closeups(study: ReproductionResults) -> list[DetailSection]:
    """The figures of the paper's row (or of the best that was run), and of Earmark's own."""
    if not study.truth.aligned:
        return []
    theirs = [cell for cell in study.results if cell.row.number is not None]
    ours = [cell for cell in study.results if cell.row.number is None]
    chosen = [_first_choice(study, cells) for cells in (theirs, ours) if cells]
    return [_closeup(study, cell) for cell in chosen]


def _first_choice(study: ReproductionResults, cells: Sequence[Cell]) -> Cell:
    """The paper's own row, else the best: taught by pictures if any was, by F1 of actual localisation."""

    def merit(cell: Cell) -> tuple[bool, bool, float]:
        by_pictures = cell.supervision == "vgs"
        f1 = at(study.results[cell].metrics, "actual.f1")
        return by_pictures, by_pictures and cell.row.number == PAPERS_ROW, f1 or 0.0

    return max(cells, key=merit)


def _closeup(study: ReproductionResults, cell: Cell) -> DetailSection:
    half = keyword_scores(study, cell)
    dev = keyword_scores(study, cell, study.results[cell].thresholds)
    name = f"{cell.row.title}, {cell.row.localisation}, {SUPERVISIONS[cell.supervision]}"
    notes = []
    if cell.row.number is not None and (cell.row.number, cell.supervision) != (PAPERS_ROW, "vgs"):
        notes.append("The paper shows CNN-Attend with masked-in localisation and VGS: that was not run here.")
    tagged, untagged = _tagged(study)
    shown, unshown = _shown(study, cell)
    return DetailSection(
        name=name,
        notes=[*notes, *untagged, *unshown],
        detected=_detected(half, dev, len(study.keywords), cell.row.number is not None),
        bars=_bars(study, half, dev),
        series=(AT_HALF, AT_DEV),
        scatters=[] if tagged is None else _scatters(study, tagged, {AT_HALF: half, AT_DEV: dev}),
        shown=shown,
        keywords=_keyword_table(study, half, dev, tagged),
        confusions=table_5(study, cell),
    )


def _detected(half: KeywordScores, dev: KeywordScores, keywords: int, compare: bool) -> str:
    told = (
        f"Keywords detected at least once: {keywords - half.undetected} of {keywords} at 0.5, "
        f"{keywords - dev.undetected} of {keywords} at dev's thresholds. The others have no F1."
    )
    if not compare:
        return told
    return (
        f"{told} The paper: {KEYWORDS_DETECTED} of 67, from {WORST_KEYWORD[0]} with {WORST_KEYWORD[1]} "
        f"to {BEST_KEYWORD[0]} with {BEST_KEYWORD[1]}."
    )


def _bars(
    study: ReproductionResults, half: KeywordScores, dev: KeywordScores
) -> list[tuple[str, float | None, float | None]]:
    """Fig. 5: the keywords that were detected, the best at 0.5 first, then the best at dev's threshold."""
    rows = [
        (word, _or_none(one), _or_none(other))
        for word, one, other in zip(study.keywords, half.f1, dev.f1, strict=True)
        if not (np.isnan(one) and np.isnan(other))
    ]
    return sorted(rows, key=lambda row: [-1.0 if f1 is None else f1 for f1 in row[1:]], reverse=True)


def _tagged(study: ReproductionResults) -> tuple[np.ndarray | None, list[str]]:
    """What Fig. 6 needs, and what stands in its way."""
    try:
        return tagging(study), []
    except EarmarkError as problem:
        return None, [f"Figure 6 needs the tags of the test split: {problem}"]


def _scatters(study: ReproductionResults, tagged: np.ndarray, scores: dict[str, KeywordScores]) -> list[Scatter]:
    """Fig. 6, at each threshold."""
    found = {name: dependence(study.keywords.words, tagged, of) for name, of in scores.items()}
    return [
        Scatter(
            caption=f"{name}, {len(it.points)} keywords: Pearson {_two(it.pearson)}, Spearman {_two(it.spearman)}",
            points=it.points,
            across="average precision of the tags",
            up=f"localisation {name}",
        )
        for name, it in found.items()
    ]


def _shown(study: ReproductionResults, cell: Cell) -> tuple[list[ShownExample], list[str]]:
    """Fig. 7: the top-ranked utterance of some keywords, and what stands in the way of showing them."""
    try:
        evaluation = _evaluation(study, cell)
    except EarmarkError as problem:
        return [], [f"Figure 7 needs the model again: {problem}"]
    shown, trouble = [], []
    for word in _asked(study, evaluation.predictions.scores):
        w = study.keywords.index(word)
        u = int(evaluation.predictions.scores[:, w].argmax())
        try:
            moment = example(evaluation, u, w)
        except EarmarkError as problem:
            trouble.append(f"Figure 7 lacks the example of {word}: {problem}")
            continue
        moment, problems = _with_readable_picture(moment)
        trouble += [f"Figure 7 lacks the picture of {word}: {problem}" for problem in problems]
        shown.append(ShownExample(moment, _facts(study.results[cell], moment, u, w)))
    return shown, trouble


def _evaluation(study: ReproductionResults, cell: Cell) -> Evaluation:
    """An evaluated cell with its model, to hear it again."""
    result = study.results[cell]
    finder = KeywordSpotter(read_checkpoint(run_folder(study.out, cell.training)), cell.row.localisation)
    return Evaluation(finder, study.utterances, finder.keywords, study.truth, result.predictions, result.metrics)


def _with_readable_picture(moment: Example) -> tuple[Example, list[EarmarkError]]:
    """The moment, without its picture where that can't be read, and then why."""
    try:
        if moment.image is not None:
            read_image(moment.image)
        return moment, []
    except EarmarkError as problem:
        return dataclasses.replace(moment, image=None), [problem]


def _facts(result: Result, moment: Example, u: int, w: int) -> list[str]:
    """What is to be said of the top-ranked utterance of a keyword, beside its score."""
    score = result.predictions.scores[u, w]
    detected = {"at 0.5": score >= PAPER_THRESHOLD, "at dev's threshold": score >= result.thresholds[w]}
    return [
        "rank 1",
        *(f"{'detected' if is_so else 'not detected'} {where}" for where, is_so in detected.items()),
        "localised" if moment.verdict == "right" else "not localised",
        f"located word: {located_word(moment.words, result.predictions.times_s[u, w])}",
    ]


def _asked(study: ReproductionResults, scores: np.ndarray) -> list[str]:
    """The paper's four keywords as far as they are known here, then those with the best scores."""
    by_score = [study.keywords.words[w] for w in np.argsort(-scores.max(axis=0), kind="stable")]
    known = [word for word in SHOWN if word in study.keywords]
    return list(dict.fromkeys([*known, *by_score]))[:EXAMPLES]


def _keyword_table(
    study: ReproductionResults, half: KeywordScores, dev: KeywordScores, tagged: np.ndarray | None
) -> Table:
    """What figures 5 and 6 draw, in figures."""
    tags = np.full(len(study.keywords), np.nan) if tagged is None else tagged
    utterances = study.truth.present.sum(axis=0)
    body = [
        (
            (word, str(utterances[w]), str(half.detections[w]), str(dev.detections[w])),
            [Entry(Pair(float(values[w]))) for values in (half.f1, dev.f1, tags)],
        )
        for w, word in enumerate(study.keywords)
    ]
    counts = ("Keyword", "Said in", "Detected at 0.5", "Detected at dev's thresholds")
    measures = ("F1 at 0.5", "F1 at dev's thresholds", "Tags' average precision")
    return Table("Every keyword", counts + measures, body)


def table_5(study: ReproductionResults, cell: Cell) -> Table:
    """Table V: in which words a keyword is most often located, in its twenty best-scored utterances."""
    predictions = study.results[cell].predictions
    words = [utterance.words or () for utterance in study.utterances]
    body = []
    for w, keyword in enumerate(study.keywords):
        here = commonly_located(predictions.scores[:, w], predictions.times_s[:, w], words)
        body.append(((keyword, _listed(here), _listed(TABLE_V.get(keyword, ()))), ()))
    utterances = len(study.utterances)
    notes = (
        f"{DASH} is a place in no word. The paper's list is that of CNN-Attend with masked-in localisation, VGS.",
        f"The best {min(LISTENED_TO, utterances)} of {utterances:,} utterances here; of 5,000 in the paper.",
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


def keyword_scores(
    study: ReproductionResults, cell: Cell, thresholds: Floats | float = PAPER_THRESHOLD
) -> KeywordScores:
    """Fig. 5: F1 of actual localisation per keyword."""
    predictions = study.results[cell].predictions
    detections = detected(predictions.scores, thresholds)
    counts = actual(study.truth.present, located(study.truth, predictions), detections).per_keyword()
    f1 = np.where(counts.made > 0, counts.precision_recall_f1()["f1"], np.nan)
    return KeywordScores(f1, np.asarray(counts.made))


def tagging(study: ReproductionResults) -> Floats:
    """Fig. 6: the tagger's average precision per keyword, by the tags of the test pictures and what is truly said.

    Returns
    -------
    numpy.ndarray, shape = (W,)
        NaN for keywords that are never said.

    Raises
    ------
    EarmarkError
        If there are no tags, they are damaged, or they lack a test utterance or a keyword.
    """
    tags = read_targets(targets_path(study.corpus, "vgs"))
    matrix = tags.matrix([utterance.id for utterance in study.utterances], study.keywords)
    return average_precisions(matrix, study.truth.present)


def average_precisions(scores: Floats, present: Bools) -> Floats:
    """Average precision of each column, shape = (W,), of tables of shape (U, W)."""
    once = np.ones((len(scores), 1), dtype=int)
    rankings = [rank(s, p) for s, p in zip(scores.T, present.T, strict=True)]
    return np.array([average_precision(ranking, ranking.tally(once))[0] for ranking in rankings])


@dataclass(frozen=True, eq=False)
class Dependence:
    """Fig. 6: whether keywords that are tagged well are found and placed well.

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


def dependence(words: tuple[str, ...], tagged: Floats, scores: KeywordScores) -> Dependence:
    """How F1 depends on tagging, over the keywords that were detected and that are said at all."""
    defined = ~np.isnan(tagged) & ~np.isnan(scores.f1)
    x, y = tagged[defined], scores.f1[defined]
    named = [word for word, is_defined in zip(words, defined, strict=True) if is_defined]
    points = list(zip(named, x.tolist(), y.tolist(), strict=True))
    return Dependence(points, pearson(x, y), spearman(x, y))
