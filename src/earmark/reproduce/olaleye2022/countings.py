"""The two ways of counting: strict, as the paper's text has it, and that of the released code behind its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earmark.core.results import FIXED_THRESHOLD
from earmark.evaluation.metrics import detected, rank
from earmark.evaluation.released_rules import p_at_n_of_spoken, released
from earmark.reproduce.report import ReproductionResults, Value, metric_of
from earmark.reproduce.results import Result

ATTENTION_OF_CNN = 3  # the row of Table IV whose P@N is over all utterances with the keyword
LOCATED_AT_N = "spotting_localisation.p_at_n"


@dataclass(frozen=True)
class Counting:
    """A way of counting.

    Attributes
    ----------
    title : str
        What stands behind the title of a table.
    is_released : bool
        Whether published figures were counted so, and stand beside ours.
    note : str
    at_half, at_dev : callable
        From the key of a measure, such as ``actual.f1``, to a function that gives it for a result: at the paper's
        threshold of 0.5, and at those that training chose on dev.
    """

    title: str
    is_released: bool
    note: str
    at_half: Callable[[str], Value]
    at_dev: Callable[[str], Value]


def countings(results: ReproductionResults) -> tuple[Counting, Counting]:
    """Strict counting, and that of the released code."""
    return _strict(), _released(results)


STRICT = (
    "Counting is strict: a location is right inside any occurrence of the keyword, and a detection in the wrong place "
    "is both a false alarm and a miss. Published figures were counted otherwise, and stand beside the other version."
)
RELEASED = (
    "Counted as the released code counts, whatever the method: every occurrence of a word counts for itself, a "
    "detection in the wrong place is a false alarm but no miss, and spotting knows only the last occurrence in an "
    "utterance. (For masking out, the released code compares intervals, which is laxer still.) P@N of localised "
    "spotting counts over as many utterances as the word was rightly placed in, but for row 3 over all that contain "
    "it, as released."
)


def _strict() -> Counting:
    return Counting("", False, STRICT, _at_half, metric_of)


def _released(results: ReproductionResults) -> Counting:
    at_half = {it: _released_at_half(results, it) if results.truth.aligned else {} for it in results.by_cell.values()}

    def half(key: str) -> Value:
        if key.startswith("detection.") or key.startswith("spotting."):
            return _at_half(key)
        return lambda result: at_half[result].get(key)

    def dev(key: str) -> Value:
        if key.startswith("spotting"):
            return half(key)
        return metric_of(key if key.startswith("detection.") else f"released.{key}")

    return Counting(", released counting", True, RELEASED, half, dev)


def _at_half(key: str) -> Value:
    return metric_of(f"fixed_threshold.{key}" if key.startswith(("actual.", "detection.")) else key)


def _released_at_half(results: ReproductionResults, result: Result) -> dict[str, float]:
    """Measures of a result as the released code counts them, at the paper's threshold."""
    predictions, truth = result.predictions, results.truth
    rankings = [rank(s, p) for s, p in zip(predictions.scores.T, truth.present.T, strict=True)]
    detections = detected(predictions.scores, FIXED_THRESHOLD)
    measures = {name: float(value) for name, value in released(truth, predictions, detections, rankings).items()}
    if result.cell.row.number == ATTENTION_OF_CNN:
        measures[LOCATED_AT_N] = p_at_n_of_spoken(truth, predictions, rankings)
    return measures
