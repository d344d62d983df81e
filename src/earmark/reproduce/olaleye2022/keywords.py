"""Every keyword by itself: how well it is found and placed (Fig. 5), and how well its picture is tagged (Fig. 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.evaluate.correlation import pearson, spearman
from earmark.evaluate.detection import detected
from earmark.evaluate.localisation import actual
from earmark.evaluate.measures import PAPER_THRESHOLD
from earmark.evaluate.ranking import average_precision, rank
from earmark.evaluate.truth import Bools, Floats, Ints, located
from earmark.reproduce.grid import Cell
from earmark.reproduce.study import Study
from earmark.supervision.targets import read_targets, targets_path


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


def keyword_scores(study: Study, cell: Cell, thresholds: Floats | float = PAPER_THRESHOLD) -> KeywordScores:
    """Fig. 5: F1 of actual localisation per keyword."""
    predictions = study.results[cell].predictions
    detections = detected(predictions.scores, thresholds)
    counts = actual(study.truth.present, located(study.truth, predictions), detections).per_keyword()
    f1 = np.where(counts.made > 0, counts.precision_recall_f1()["f1"], np.nan)
    return KeywordScores(f1, np.asarray(counts.made))


def tagging(study: Study) -> Floats:
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
