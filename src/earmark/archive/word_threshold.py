"""The threshold of a word and its false alarms an hour: from its judgements where there are enough, else from dev.

The threshold is the score from which on the expected F1 is highest: the hits that people judged count as they judged
them, the others by their calibrated probability (:mod:`earmark.archive.judged_calibration`). How many false alarms are
above it is known of judged hits; of the others it is drawn from the stratified sample of
:mod:`earmark.archive.hits_left`, which does not depend on why hits were judged, so there is an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earmark.archive.archive import Archive
from earmark.archive.hits_left import LEVEL, MIN_SAMPLE, SEED, draw_rates, ranges_of, strata_of
from earmark.archive.judged_calibration import (
    ReliabilityBin,
    calibration_of,
    held_out_probabilities,
    is_enough,
    judged_scores,
    reliability,
)
from earmark.archive.judgements import Judgement, judgements, with_verdicts
from earmark.archive.lexicon import LexiconWord
from earmark.archive.query_aliases import Alias
from earmark.archive.rescoring import matching_recordings
from earmark.archive.results import ArchiveHit, operating_points_of, recording_conditions
from earmark.archive.search import ArchiveQuery, SearchOptions, judgement_key, ranked_by_model, resolve_word
from earmark.core.errors import EarmarkError

DEV_RATE = 10.0  # false alarms an hour for which dev's threshold is given
RANKED = 500  # hits of a word that thresholds and samples are drawn from
HOUR_S = 3600.0

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WordThreshold:
    """A detection threshold of a word, and what it means.

    Attributes
    ----------
    score : float
    false_alarms_per_hour : float
        Expected.
    low, high : float or None
        Of an interval that holds the rate in nine of ten cases; None of dev's.
    precision : float or None
        Expected share of right ones among the hits above; None of dev's.
    judged : int
        Judgements that it rests on; 0 of dev's.
    """

    score: float
    false_alarms_per_hour: float
    low: float | None
    high: float | None
    precision: float | None
    judged: int

    def __str__(self) -> str:
        at = f"From a score of {self.score:.2f} on"
        if self.low is None or self.high is None or self.precision is None:
            return (
                f"{at}, about {self.false_alarms_per_hour:g} false alarms an hour are expected, by the model's dev set."
            )
        rate = f"{self.false_alarms_per_hour:.2g} false alarms an hour ({self.low:.2g} to {self.high:.2g})"
        return f"{at}, about {100 * self.precision:.0f} % of hits are right, with {rate}, by {self.judged} judgements."


def word_threshold(archive: Archive, query: Alias | LexiconWord, options: SearchOptions) -> WordThreshold | None:
    """The detection threshold of a word of the model or of the lexicon; None where there is none.

    Without enough judgements it is dev's, for a keyword of the model alone.
    """
    judged = judgements(archive, judgement_key(archive, query))
    hits = _hits_of_model(archive, query, options, judged)
    return threshold_of_hits(archive, query, options, judged, hits)


def threshold_of_hits(
    archive: Archive,
    query: ArchiveQuery,
    options: SearchOptions,
    judged: Sequence[Judgement],
    hits: Sequence[ArchiveHit],
) -> WordThreshold | None:
    """The detection threshold of a query, given the model's ranked hits with their verdicts."""
    found = None
    if judged and options.within is None and options.outside is None:
        rows = matching_recordings(archive, recording_conditions(archive, options.filters))
        hours = sum(row.duration_s for row in rows.values()) / HOUR_S
        found = threshold_from_judgements(judged[0].query, hits, hours)
    return found or threshold_from_dev(archive, query)


def judged_words(archive: Archive) -> list[str]:
    """Keys of the words of the model and of the lexicon that somebody judged hits of, the first judged first."""
    keys = dict.fromkeys(one.query for one in judgements(archive))
    known = []
    for key in keys:
        try:
            resolve_word(archive, key)
            known.append(key)
        except EarmarkError:  # of another model, or a picture or clip
            continue
    return known


def reliability_of(archive: Archive, words: Sequence[str]) -> list[ReliabilityBin]:
    """How reliable calibrated probabilities of some words' judged hits are, each by other judgements of its word."""
    probabilities, everything = [np.empty(0)], [np.empty(0, bool)]
    for word in words:
        query = resolve_word(archive, word)
        judged = judgements(archive, judgement_key(archive, query))
        scores, right = judged_scores(_hits_of_model(archive, query, SearchOptions(), judged))
        if is_enough(right):
            probabilities.append(held_out_probabilities(scores, right))
            everything.append(right)
    return reliability(np.concatenate(probabilities), np.concatenate(everything))


def threshold_from_judgements(key: str, hits: Sequence[ArchiveHit], hours: float) -> WordThreshold | None:
    """The threshold of highest expected F1.

    Parameters
    ----------
    key : str
        Of the query.
    hits : sequence of ArchiveHit
        The model's ranked hits with their verdicts, the best first; all from its lowest score on.
    hours : float
        Of the recordings that were searched.

    Returns
    -------
    WordThreshold or None
        None where too few hits were judged, or too few of the sample.
    """
    calibration = calibration_of(hits)
    if calibration is None or hours <= 0 or sum(one.sampled for one in strata_of(key, hits)) < MIN_SAMPLE:
        return None
    scores = np.array([hit.hit.score for hit in hits])
    probabilities = np.where(
        [hit.verdict is None for hit in hits],
        calibration.probabilities(scores),
        [hit.verdict == "yes" for hit in hits],
    )
    score = threshold_for_f1(scores, probabilities)
    wrong = _draw_false_alarms(key, hits, score)
    low, high = np.quantile(wrong, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) / hours
    expected, above = float(wrong.mean()), int((scores >= score).sum())
    judged = sum(hit.verdict is not None for hit in hits)
    return WordThreshold(score, expected / hours, float(low), float(high), 1 - expected / above, judged)


def threshold_from_dev(archive: Archive, query: object) -> WordThreshold | None:
    """The threshold of a keyword for ten false alarms an hour by the model's dev set; None where that gives none."""
    points = operating_points_of(archive) if isinstance(query, Alias) and len(query.keywords) == 1 else None
    if points is None or not isinstance(query, Alias):
        return None
    try:
        return WordThreshold(points.threshold(query.keywords[0], DEV_RATE), DEV_RATE, None, None, None, 0)
    except EarmarkError:  # dev is too short for this rate
        return None


def threshold_for_f1(scores: Floats, probabilities: Floats) -> float:
    """The score of highest expected F1: twice the right ones above, over all above and all right ones.

    Parameters
    ----------
    scores, probabilities : numpy.ndarray, shape = (n,)
        At least one.
    """
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(probabilities[order]) / (np.arange(1, len(order) + 1) + probabilities.sum())
    last = np.append(np.diff(scores[order]) < 0, True)  # a threshold does not part hits of one score
    return float(scores[order][np.argmax(np.where(last, f1, -1))])


def threshold_for_precision(scores: Floats, probabilities: Floats, precision: float) -> float | None:
    """The lowest score from which on the expected precision is at least so high; None where there is none.

    Parameters
    ----------
    scores, probabilities : numpy.ndarray, shape = (n,)
    precision : float
        In [0, 1].
    """
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(probabilities[order]) >= precision * np.arange(1, len(order) + 1)
    enough = np.flatnonzero(reached & np.append(np.diff(scores[order]) < 0, True)[: len(order)])
    return float(scores[order][enough[-1]]) if len(enough) else None


def _hits_of_model(
    archive: Archive, query: ArchiveQuery, options: SearchOptions, judged: Sequence[Judgement]
) -> list[ArchiveHit]:
    """The model's ranked hits with their verdicts; none where nothing was judged."""
    if not judged:
        return []
    return with_verdicts(ranked_by_model(archive, query, replace(options, top=max(options.top, RANKED))), judged)


def _draw_false_alarms(key: str, hits: Sequence[ArchiveHit], score: float) -> Floats:
    """Draws of how many hits from a score on are wrong."""
    rates = draw_rates(strata_of(key, hits))
    parts = [[hit for hit in hits[first:end] if hit.hit.score >= score] for first, end in ranges_of(len(hits))]
    known = sum(hit.verdict in ("no", "related") for part in parts for hit in part)
    unjudged = [sum(hit.verdict is None for hit in part) for part in parts]
    wrong: Floats = known + np.random.default_rng(SEED).binomial(unjudged, 1 - rates).sum(axis=1).astype(np.float64)
    return wrong
