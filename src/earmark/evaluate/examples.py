"""The best and the worst cases of an evaluation, to look at and listen to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.audio import read_audio
from earmark.evaluate.runner import Evaluation
from earmark.evaluate.truth import Bools, located
from earmark.moments import moment
from earmark.pages.moment import Moment

RIGHT, WRONG_PLACE, NOT_SPOKEN = "right", "wrong place", "not spoken"


@dataclass(frozen=True)
class _Case:
    utterance: int
    keyword: int
    verdict: str


def best(evaluation: Evaluation, count: int) -> list[Moment]:
    """The highest scores that are right, at most one a keyword and one an utterance."""
    right = located(evaluation.truth, evaluation.predictions)
    return [_moment(evaluation, case) for case in _highest(evaluation, right, count)]


def worst(evaluation: Evaluation, count: int) -> list[Moment]:
    """The highest scores that are wrong, at most one a keyword and one an utterance."""
    wrong = ~located(evaluation.truth, evaluation.predictions)
    if not evaluation.truth.aligned:
        wrong = ~evaluation.truth.present
    return [_moment(evaluation, case) for case in _highest(evaluation, wrong, count)]


def _highest(evaluation: Evaluation, among: Bools, count: int) -> list[_Case]:
    scores = np.where(among, evaluation.predictions.scores, -1.0)
    cases: list[_Case] = []
    for cell in np.argsort(-scores, axis=None, kind="stable"):
        utterance, keyword = (int(i) for i in np.unravel_index(cell, scores.shape))
        if len(cases) == count or scores[utterance, keyword] < 0:
            break
        if all(utterance != case.utterance and keyword != case.keyword for case in cases):
            cases.append(_Case(utterance, keyword, _verdict(evaluation, utterance, keyword)))
    return cases


def _verdict(evaluation: Evaluation, utterance: int, keyword: int) -> str:
    if not evaluation.truth.present[utterance, keyword]:
        return NOT_SPOKEN
    if not evaluation.truth.aligned:
        return ""
    return RIGHT if located(evaluation.truth, evaluation.predictions)[utterance, keyword] else WRONG_PLACE


def _moment(evaluation: Evaluation, case: _Case) -> Moment:
    utterance = evaluation.utterances[case.utterance]
    word = evaluation.finder.keywords[case.keyword]
    heard = evaluation.finder.listen(read_audio(utterance.audio), [word], str(utterance.audio))
    return moment(heard[0], utterance, case.verdict)
