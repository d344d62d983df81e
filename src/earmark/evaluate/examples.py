"""The best and the worst cases of an evaluation, to look at and listen to."""

from __future__ import annotations

import numpy as np

from earmark.audio import read_audio
from earmark.evaluate.runner import Evaluation
from earmark.evaluate.truth import Bools, located
from earmark.moments import moment, sight
from earmark.pages.moment import Moment
from earmark.queries import ImageQuery

RIGHT, WRONG_PLACE, NOT_SPOKEN = "right", "wrong place", "not spoken"


def best(evaluation: Evaluation, count: int) -> list[Moment]:
    """The highest scores that are right, at most one a keyword and one an utterance."""
    right = located(evaluation.truth, evaluation.predictions)
    return [example(evaluation, *cell) for cell in _highest(evaluation, right, count)]


def worst(evaluation: Evaluation, count: int) -> list[Moment]:
    """The highest scores that are wrong, at most one a keyword and one an utterance."""
    wrong = ~located(evaluation.truth, evaluation.predictions)
    if not evaluation.truth.aligned:
        wrong = ~evaluation.truth.present
    return [example(evaluation, *cell) for cell in _highest(evaluation, wrong, count)]


def example(evaluation: Evaluation, utterance: int, keyword: int) -> Moment:
    """What the model hears of a keyword in an utterance, both by their places in the evaluation."""
    heard = evaluation.utterances[utterance]
    query = evaluation.asked_of(utterance, keyword)
    [candidate] = evaluation.finder.listen(read_audio(heard.audio), [query], str(heard.audio))
    seen = sight(evaluation.finder, query, candidate) if isinstance(query, ImageQuery) else None
    return moment(candidate, heard, _verdict(evaluation, utterance, keyword), seen)


def _highest(evaluation: Evaluation, among: Bools, count: int) -> list[tuple[int, int]]:
    scores = np.where(among & evaluation.predictions.answered, evaluation.predictions.scores, -1.0)
    cells: list[tuple[int, int]] = []
    for cell in np.argsort(-scores, axis=None, kind="stable"):
        utterance, keyword = (int(i) for i in np.unravel_index(cell, scores.shape))
        if len(cells) == count or scores[utterance, keyword] < 0:
            break
        if all(utterance != u and keyword != w for u, w in cells):
            cells.append((utterance, keyword))
    return cells


def _verdict(evaluation: Evaluation, utterance: int, keyword: int) -> str:
    if not evaluation.truth.present[utterance, keyword]:
        return NOT_SPOKEN
    if not evaluation.truth.aligned:
        return ""
    return RIGHT if located(evaluation.truth, evaluation.predictions)[utterance, keyword] else WRONG_PLACE
