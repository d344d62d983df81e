"""How far a model's answers to written queries and to image queries for the same words agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from earmark.corpus import Utterance, Word
from earmark.evaluate.correlation import pearson, spearman
from earmark.evaluate.counts import macro, ratio
from earmark.evaluate.spotting import TOP
from earmark.evaluate.truth import Floats, Predictions, Truth

NEAR_S = 0.1
MEASURES = ("pearson", "spearman", "top_10_in_common", "located_within_100_ms", "located_in_same_word")


class Said(NamedTuple):
    """What a model said of U utterances, asked for W keywords in one way; `truth` is of the cells that it was asked."""

    keywords: Sequence[str]
    truth: Truth
    predictions: Predictions


def agreement(utterances: Sequence[Utterance], written: Said, image: Said) -> dict[str, float | int | None]:
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
        correlated.append((pearson(x, y), spearman(x, y), in_common(x, y)))
        for u in both[image.truth.present[both, i]]:
            times_s = written.predictions.times_s[u, w], image.predictions.times_s[u, i]
            near.append(abs(times_s[0] - times_s[1]) <= NEAR_S)
            same.append(in_one_word(utterances[u].words or (), *times_s))
    means = macro(np.array(correlated, dtype=float).reshape(-1, 3)).tolist()
    shares = [ratio(sum(near), len(near)), ratio(sum(same), len(same) if image.truth.aligned else 0)]
    values = dict(zip(MEASURES, map(float, [*means, *shares]), strict=True))
    return {"keywords": len(pairs), **{name: None if np.isnan(value) else value for name, value in values.items()}}


def in_common(x: Floats, y: Floats) -> float:
    """Which share of the ten utterances with the highest scores is the same by both; of all where there are fewer."""
    best = [set(np.argsort(-scores, kind="stable")[:TOP].tolist()) for scores in (x, y)]
    return len(best[0] & best[1]) / len(best[0]) if best[0] else float("nan")


def in_one_word(words: Sequence[Word], one_s: float, other_s: float) -> bool:
    """Whether two moments lie within the same word, both of its ends included."""
    return any(word.start_s <= min(one_s, other_s) and max(one_s, other_s) <= word.end_s for word in words)
