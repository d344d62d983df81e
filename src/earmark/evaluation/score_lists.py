"""Scoring a list of detections against what is spoken, in time as NIST's STDEval does, or by utterance as in QUESST.

In time, a detection is right near an occurrence, and there is one trial a second. By utterance, every pair of a term
and a file is one trial, its score is the best of the term's detections in the file, and times play no part; pairs
without a detection have a score that is given. Then all trials have scores, and their cross-entropy is defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from earmark.core.costs import Costs
from earmark.core.errors import EarmarkError
from earmark.evaluation.cross_entropy import CrossEntropy, normalised_cross_entropy
from earmark.evaluation.data import Bools, Floats, Ints
from earmark.evaluation.detection_alignment import correct_detections
from earmark.evaluation.term_occurrences import SLACK_S, Occurrence, find_terms, recording_of
from earmark.evaluation.term_weighted import AlignedDetections, TermWeightedValues, term_weighted_values
from earmark.media.annotations.nist_files import Detection, Excerpt, Lexeme


@dataclass(frozen=True, eq=False)
class SearchScores:
    """What a list of detections scores.

    Attributes
    ----------
    values : TermWeightedValues
    cross_entropy : CrossEntropy or None
        None where scoring is in time: then trials without a detection have no score.
    aligned : AlignedDetections
        For curves.
    """

    values: TermWeightedValues
    cross_entropy: CrossEntropy | None
    aligned: AlignedDetections


def score_in_time(
    detections: Sequence[Detection],
    lexemes: Sequence[Lexeme],
    excerpts: Sequence[Excerpt],
    terms: Mapping[str, str],
    costs: Costs,
) -> SearchScores:
    """Score detections by their times; what does not lie in an excerpt as a whole takes no part (STDEval's option -E).

    Parameters
    ----------
    detections : sequence of Detection
    lexemes : sequence of Lexeme
        All that is spoken in the excerpts.
    excerpts : sequence of Excerpt
        The sound that was searched; its seconds are the trials. Channels of one file do not add up: STDEval counts the
        first alone.
    terms : mapping of str to str
        Texts of the terms by their ids.
    costs : Costs

    Raises
    ------
    EarmarkError
        If a detection's term is not among the terms, or none of the terms is spoken in the excerpts.
    """
    _check_terms(detections, terms)
    searched = _Searched(excerpts)
    inside = [
        one
        for one in detections
        if searched.holds(recording_of(one.file, one.channel), one.start_s, one.start_s + one.duration_s)
    ]
    spoken = [one for one in find_terms(lexemes, terms) if searched.holds(one.recording, one.start_s, one.end_s)]
    _check_spoken(spoken, "in the excerpts of the ECF")
    index = {term: w for w, term in enumerate(terms)}
    term = np.array([index[one.term] for one in inside], dtype=int)
    true_term = np.array([index[one.term] for one in spoken], dtype=int)
    score = np.array([one.score for one in inside], dtype=float)
    aligned = AlignedDetections(
        term=term,
        score=score,
        correct=correct_detections(
            term * len(searched.index) + searched.rows(inside),
            np.array([_mid_s(one) for one in inside], dtype=float),
            score,
            true_term * len(searched.index) + np.array([searched.index[one.recording] for one in spoken], dtype=int),
            np.array([one.start_s for one in spoken]),
            np.array([one.end_s for one in spoken]),
        ),
        decision=np.array([one.decision for one in inside], dtype=bool),
        occurrences=np.bincount(true_term, minlength=len(terms)),
        trials=np.full(len(terms), float(searched.seconds)),
    )
    return SearchScores(term_weighted_values(aligned, costs), None, aligned)


def score_by_utterance(
    detections: Sequence[Detection],
    lexemes: Sequence[Lexeme],
    excerpts: Sequence[Excerpt],
    terms: Mapping[str, str],
    costs: Costs,
    default_score: float | None = None,
) -> SearchScores:
    """Score pairs of a term and a file; terms that are spoken nowhere take no part.

    Parameters and errors are those of :func:`score_in_time`, and:

    Parameters
    ----------
    default_score : float, optional
        Score of a pair without a detection, whose decision is no.

    Raises
    ------
    EarmarkError
        If a pair has no detection and there is no default.
    """
    _check_terms(detections, terms)
    searched = _Searched(excerpts)
    spoken = [one for one in find_terms(lexemes, terms) if one.recording in searched.index]
    _check_spoken(spoken, "in the files of the ECF")
    index = {term: w for w, term in enumerate(dict.fromkeys(one.term for one in spoken))}
    shape = (len(searched.index), len(index))
    target = np.zeros(shape, dtype=bool)
    target[[searched.index[one.recording] for one in spoken], [index[one.term] for one in spoken]] = True
    scores, decision = _tables(detections, searched, index)
    missing = np.isneginf(scores)
    if missing.any():
        if default_score is None:
            raise EarmarkError(
                f"{missing.sum()} of {missing.size} pairs of a term and a file have no detection: say with "
                "--default-score which score they have, such as -10."
            )
        scores[missing] = default_score
    aligned = AlignedDetections(
        term=np.tile(np.arange(shape[1]), shape[0]),
        score=scores.ravel(),
        correct=target.ravel(),
        decision=decision.ravel(),
        occurrences=target.sum(axis=0),
        trials=np.full(shape[1], float(shape[0])),
    )
    entropy = normalised_cross_entropy(scores.ravel(), target.ravel(), costs.effective_prior)
    return SearchScores(term_weighted_values(aligned, costs), entropy, aligned)


class _Searched:
    """The excerpts by recording: which row each recording has, how many seconds there are, what lies inside."""

    def __init__(self, excerpts: Sequence[Excerpt]) -> None:
        self.extents: dict[tuple[str, str], set[tuple[float, float]]] = {}
        of_file: dict[str, set[tuple[float, float]]] = {}
        for one in excerpts:
            recording = recording_of(one.file, one.channel)
            extent_s = (one.start_s, one.start_s + one.duration_s)
            self.extents.setdefault(recording, set()).add(extent_s)
            of_file.setdefault(recording[0], set()).add(extent_s)
        self.index = {recording: row for row, recording in enumerate(self.extents)}
        self.seconds = sum(end_s - start_s for extents in of_file.values() for start_s, end_s in extents)

    def holds(self, recording: tuple[str, str], start_s: float, end_s: float) -> bool:
        extents = self.extents.get(recording, ())
        return any(first_s - SLACK_S <= start_s and end_s <= last_s + SLACK_S for first_s, last_s in extents)

    def rows(self, detections: Sequence[Detection]) -> Ints:
        return np.array([self.index[recording_of(one.file, one.channel)] for one in detections], dtype=int)


def _tables(detections: Sequence[Detection], searched: _Searched, index: Mapping[str, int]) -> tuple[Floats, Bools]:
    """Best score and decision of each pair of a file and a term; minus infinity and no where there is no detection."""
    inside = [one for one in detections if one.term in index and recording_of(one.file, one.channel) in searched.index]
    cells = searched.rows(inside), np.array([index[one.term] for one in inside], dtype=int)
    shape = (len(searched.index), len(index))
    scores, decision = np.full(shape, -np.inf), np.zeros(shape, dtype=bool)
    np.maximum.at(scores, cells, np.array([one.score for one in inside], dtype=float))
    np.logical_or.at(decision, cells, np.array([one.decision for one in inside], dtype=bool))
    return scores, decision


def _check_terms(detections: Sequence[Detection], terms: Mapping[str, str]) -> None:
    unknown = next((one.term for one in detections if one.term not in terms), None)
    if unknown is not None:
        raise EarmarkError(f"The term {unknown} was detected, but is not in the list of terms: add it with its text.")


def _check_spoken(spoken: Sequence[Occurrence], where: str) -> None:
    if not spoken:
        raise EarmarkError(
            f"None of the terms is spoken {where}: check that RTTM, ECF and list of terms belong together."
        )


def _mid_s(detection: Detection) -> float:
    return detection.start_s + detection.duration_s / 2
