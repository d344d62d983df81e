"""How far a model's answers to written queries and to image queries for the same words agree.

Whether two measures go together: Pearson's and Spearman's coefficients of correlation.

Which words a keyword is located in: the common confusions of Olaleye et al. (2022), Section V-C and Table V.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from earmark.core.corpus import Utterance, Word
from earmark.core.vocabulary import plain_words
from earmark.evaluation.data import Floats, GroundTruth, Predictions
from earmark.evaluation.metrics import TOP, macro, ratio

NEAR_S = 0.1
MEASURES = ("pearson", "spearman", "top_10_in_common", "located_within_100_ms", "located_in_same_word")


class ModalityResult(NamedTuple):
    """What a model said of U utterances, asked for W keywords in one way; `truth` is of the cells that it was asked."""

    keywords: Sequence[str]
    truth: GroundTruth
    predictions: Predictions


def agreement(
    utterances: Sequence[Utterance], written: ModalityResult, image: ModalityResult
) -> dict[str, float | int | None]:
    """How far the answers to written and to image queries agree, as it stands in ``metrics.json``.

    A keyword counts where it was asked for in both ways. Its scores are compared over the utterances that were asked in
    both; its locations over those of these in which it is spoken.

    Returns
    -------
    dict
        ``keywords``, how many; ``pearson`` and ``spearman`` of detection scores and ``top_10_in_common``, means over
        keywords; ``located_within_100_ms`` and ``located_in_same_word``, shares of pairs of keyword and utterance.
        None where one is undefined.
    """
    columns = {word: number for number, word in enumerate(written.keywords)}
    pairs = [(columns[word], number) for number, word in enumerate(image.keywords) if word in columns]
    correlated, near, same = [], [], []
    for w, i in pairs:
        both = np.flatnonzero(written.predictions.answered[:, w] & image.predictions.answered[:, i])
        x, y = written.predictions.scores[both, w], image.predictions.scores[both, i]
        correlated.append((pearson(x, y), spearman(x, y), both_correct(x, y)))
        for u in both[image.truth.present[both, i]]:
            times_s = written.predictions.times_s[u, w], image.predictions.times_s[u, i]
            near.append(abs(times_s[0] - times_s[1]) <= NEAR_S)
            same.append(same_word(utterances[u].words or (), *times_s))
    means = macro(np.array(correlated, dtype=float).reshape(-1, 3)).tolist()
    shares = [ratio(sum(near), len(near)), ratio(sum(same), len(same) if image.truth.aligned else 0)]
    values = dict(zip(MEASURES, map(float, [*means, *shares]), strict=True))
    return {"keywords": len(pairs), **{name: None if np.isnan(value) else value for name, value in values.items()}}


def both_correct(x: Floats, y: Floats) -> float:
    """Which share of the ten utterances with the highest scores is the same by both; of all where there are fewer."""
    best = [set(np.argsort(-scores, kind="stable")[:TOP].tolist()) for scores in (x, y)]
    return len(best[0] & best[1]) / len(best[0]) if best[0] else float("nan")


def same_word(words: Sequence[Word], one_s: float, other_s: float) -> bool:
    """Whether two moments lie within the same word, both of its ends included."""
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


NO_WORD = "–"
LISTENED_TO = 20  # utterances
MOST = 5  # words


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
    best = np.argsort(-scores, kind="stable")[:LISTENED_TO]
    return Counter(located_word(words[u], float(times_s[u])) for u in best).most_common(MOST)
