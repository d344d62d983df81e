"""Agreement of the results of written and of image queries for the same keywords, and common confusions.

The words in which a keyword is commonly located are those of Olaleye et al. (2022), section V-C and Table V. Pearson's
and Spearman's coefficients are computed here, in a few lines; the tests compare them with SciPy's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from earmark.core.corpus import Utterance, Word
from earmark.core.evaluation_setup import ModalityAgreement
from earmark.core.vocabulary import plain_words
from earmark.evaluation.data import Floats, GroundTruth, Predictions
from earmark.evaluation.metrics import TOP, macro, ratio

NEAR_S = 0.1
BEST_RANKED = 20  # utterances in which confusions are counted
MOST_COMMON = 5  # words
NO_WORD = "–"


class ModalityResult(NamedTuple):
    """Predictions for the queries of one modality in U utterances, with the ground truth of the evaluated cells."""

    keywords: Sequence[str]
    truth: GroundTruth
    predictions: Predictions


def agreement(utterances: Sequence[Utterance], written: ModalityResult, image: ModalityResult) -> ModalityAgreement:
    """How far the results of written and of image queries agree.

    The keywords that both have are compared: their scores over the utterances that were evaluated in both, their
    locations over those of them in which the keyword is spoken.
    """
    columns = {word: w for w, word in enumerate(written.keywords)}
    pairs = [(columns[word], i) for i, word in enumerate(image.keywords) if word in columns]
    by_keyword, near, same = [], [], []
    for w, i in pairs:
        both = np.flatnonzero(written.predictions.evaluated[:, w] & image.predictions.evaluated[:, i])
        x, y = written.predictions.scores[both, w], image.predictions.scores[both, i]
        by_keyword.append((pearson(x, y), spearman(x, y), top_10_overlap(x, y)))
        for u in both[image.truth.present[both, i]]:
            times_s = written.predictions.times_s[u, w], image.predictions.times_s[u, i]
            near.append(abs(times_s[0] - times_s[1]) <= NEAR_S)
            same.append(same_word(utterances[u].words or (), *times_s))
    means = macro(np.array(by_keyword, dtype=float).reshape(-1, 3)).tolist()
    shares = [ratio(sum(near), len(near)), ratio(sum(same), len(same) if image.truth.aligned else 0)]
    values = (None if np.isnan(value) else float(value) for value in [*means, *shares])
    return ModalityAgreement(len(pairs), *values)


def top_10_overlap(x: Floats, y: Floats) -> float:
    """Share of the ten utterances with the highest scores that is the same by both; of all where there are fewer."""
    best = [set(np.argsort(-scores, kind="stable")[:TOP].tolist()) for scores in (x, y)]
    return len(best[0] & best[1]) / len(best[0]) if best[0] else float("nan")


def same_word(words: Sequence[Word], one_s: float, other_s: float) -> bool:
    """Whether two times lie within the same word, both of its ends included."""
    return any(word.start_s <= min(one_s, other_s) and max(one_s, other_s) <= word.end_s for word in words)


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's coefficient of two arrays of shape (N,): how far the points lie on a line.

    NaN for fewer than two points, and where all `x` or all `y` are the same.
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's coefficient: Pearson's of the ranks, where equal values share the mean of their ranks."""
    return pearson(_ranks(x), _ranks(y))


def _ranks(values: Floats) -> Floats:
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    last: Floats = count.cumsum() - (count - 1) / 2
    return last[which]


def located_word(words: Sequence[Word], time_s: float) -> str:
    """The word in which a location lies, both of its ends included; a dash where there is none.

    Where two words meet in the location, it is the earlier one.
    """
    for word in words:
        if word.start_s <= time_s <= word.end_s:
            return " ".join(plain_words(word.word)) or NO_WORD
    return NO_WORD


def commonly_located(scores: Floats, times_s: Floats, words: Sequence[Sequence[Word]]) -> list[tuple[str, int]]:
    """The words in which a keyword is most often located, in the utterances with the best detection scores.

    Parameters
    ----------
    scores, times_s : numpy.ndarray, shape = (U,)
        Detection scores of one keyword, and its locations; NaN where it is located nowhere.
    words : sequence of sequence of Word
        The word alignment of each of the U utterances.

    Returns
    -------
    list of (str, int)
        At most five words, the commonest first, each with its number among the twenty best utterances. Of words that
        are equally common, the one in the better utterance comes first.
    """
    best = np.argsort(-scores, kind="stable")[:BEST_RANKED]
    return Counter(located_word(words[u], float(times_s[u])) for u in best).most_common(MOST_COMMON)
