"""Retrieval between speech and pictures: recall at k, nDCG at 10 and mean average precision, as in MTEB.

For each query all N candidates are ranked by similarity. Of candidates that tie, those that are not relevant come
first: a model that gives every candidate the same similarity has found nothing. With one relevant candidate a query,
recall at k is the share of queries that have it among the k best, which papers on speech and images call R@k
(Harwath et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.core.evaluation_setup import RetrievalDirection, RetrievalScores
from earmark.evaluation.data import Bools, Floats
from earmark.evaluation.metrics import ratio

RECALLS = (1, 5, 10)
DEEPEST = 10  # of nDCG


@dataclass(frozen=True, eq=False)
class Ranked:
    """Candidates of Q queries from the best to the worst.

    Attributes
    ----------
    relevant : numpy.ndarray, shape = (Q, N), bool
        Whether the candidate at each rank is relevant.
    """

    relevant: Bools

    @property
    def defined(self) -> Bools:
        """Queries that have a relevant candidate, shape = (Q,); the others take part in no mean."""
        return np.asarray(self.relevant.any(axis=1))


def rank_candidates(similarities: Floats, relevant: Bools) -> Ranked:
    """Rank the candidates of each query; of those that tie, what is not relevant comes first.

    Parameters
    ----------
    similarities : numpy.ndarray, shape = (Q, N)
    relevant : numpy.ndarray, shape = (Q, N), bool
    """
    order = np.lexsort((relevant, -similarities), axis=1)
    return Ranked(np.take_along_axis(relevant, order, axis=1))


def recall_at(k: int, ranked: Ranked) -> Floats:
    """Share of each query's relevant candidates among its k best, shape = (Q,); NaN where there is none."""
    return ratio(ranked.relevant[:, :k].sum(axis=1), ranked.relevant.sum(axis=1))


def ndcg_at(k: int, ranked: Ranked) -> Floats:
    """Normalised discounted cumulative gain of the k best (Järvelin and Kekäläinen 2002), shape = (Q,).

    A relevant candidate at rank r, from 1 on, gains 1 / log2(r + 1). The sum is divided by the highest possible one.
    """
    gains = 1 / np.log2(np.arange(2, min(k, ranked.relevant.shape[1]) + 2))
    best = np.append(0, gains.cumsum())
    possible = best[np.minimum(ranked.relevant.sum(axis=1), len(gains))]
    return ratio(ranked.relevant[:, :k] @ gains, possible)


def average_precisions(ranked: Ranked) -> Floats:
    """Mean, over each query's relevant candidates, of the precision at their ranks, shape = (Q,)."""
    found = ranked.relevant.cumsum(axis=1)
    precision = found / np.arange(1, found.shape[1] + 1)
    return ratio((precision * ranked.relevant).sum(axis=1), ranked.relevant.sum(axis=1))


def direction_scores(similarities: npt.ArrayLike, relevant: npt.ArrayLike) -> RetrievalDirection:
    """All scores of one direction, means over the queries that have a relevant candidate.

    Parameters
    ----------
    similarities : array_like, shape = (Q, N)
    relevant : array_like, shape = (Q, N), bool

    Raises
    ------
    ValueError
        If shapes differ, or a similarity is no number.

    Examples
    --------
    >>> scores = direction_scores([[0.9, 0.1, 0.5], [0.2, 0.3, 0.3]], [[0, 0, 1], [0, 1, 0]])
    >>> scores.recall_at_1, scores.recall_at_5  # both are second: the one is beaten, the other ties
    (0.0, 1.0)
    >>> round(scores.ndcg_at_10, 4), scores.mean_average_precision
    (0.6309, 0.5)
    """
    table, truth = np.asarray(similarities, dtype=float), np.asarray(relevant, dtype=bool)
    if table.ndim != 2 or table.shape != truth.shape:
        raise ValueError(f"similarities of shape {table.shape} and relevance of shape {truth.shape} don't fit together")
    if np.isnan(table).any():
        raise ValueError("a similarity is no number")
    ranked = rank_candidates(table, truth)
    recalls = {f"recall_at_{k}": _mean(recall_at(k, ranked)) for k in RECALLS}
    return RetrievalDirection(
        queries=int(ranked.defined.sum()),
        candidates=table.shape[1],
        **recalls,
        ndcg_at_10=_mean(ndcg_at(DEEPEST, ranked)),
        mean_average_precision=_mean(average_precisions(ranked)),
    )


def retrieval(similarities: npt.ArrayLike, relevant: npt.ArrayLike) -> RetrievalScores:
    """Scores of both directions: pictures sought for utterances, and utterances for pictures.

    Parameters
    ----------
    similarities : array_like, shape = (U, P)
        Of U utterances and P pictures.
    relevant : array_like, shape = (U, P), bool
        Whether the utterance describes the picture.
    """
    table, truth = np.asarray(similarities, dtype=float), np.asarray(relevant, dtype=bool)
    return RetrievalScores(direction_scores(table, truth), direction_scores(table.T, truth.T))


def _mean(values: Floats) -> float | None:
    """The mean of what is defined; None where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
