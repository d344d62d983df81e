"""The accuracy of Nortje and Kamper's released evaluation: which share of the occurrences of keywords is found."""

from __future__ import annotations

from earmark.evaluate.counts import ratio
from earmark.evaluate.detection import detected
from earmark.evaluate.truth import Floats, Predictions, Truth, holds_location


def accuracies(truth: Truth, predictions: Predictions, thresholds: Floats) -> dict[str, float]:
    """Which share of the occurrences of keywords is found.

    Returns
    -------
    dict
        ``detection``: of occurrences whose keyword is detected in their utterance; ``localisation``: of those that hold
        the location as well. NaN where there is no occurrence, or word times are unknown.
    """
    found = detected(predictions.scores, thresholds)[truth.utterance, truth.keyword]
    placed = found & holds_location(truth, predictions)
    return {"detection": float(ratio(found.sum(), found.size)), "localisation": float(ratio(placed.sum(), found.size))}
