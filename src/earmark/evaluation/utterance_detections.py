"""The evaluation's predictions as the detections of spoken term detection, and as trials for Cnxe.

A model gives one location for each utterance and keyword. So every evaluated cell is one detection, whose midpoint is
the location and whose score is the detection score, and an utterance stands for a recording. What a model can't find
this way, a second occurrence in one utterance, is a miss.
"""

from __future__ import annotations

import numpy as np

from earmark.core.costs import Costs
from earmark.evaluation.cross_entropy import CrossEntropy, of_probabilities
from earmark.evaluation.data import Bools, Floats, GroundTruth, Predictions
from earmark.evaluation.detection_alignment import TOLERANCE_S
from earmark.evaluation.term_weighted import AlignedDetections, TermWeightedValues, term_weighted_values


def aligned_cells(
    truth: GroundTruth, predictions: Predictions, decisions: Bools, durations_s: Floats
) -> AlignedDetections:
    """One detection for each evaluated cell, with one trial a second of the utterances that a keyword is evaluated in.

    Parameters
    ----------
    truth : GroundTruth
    predictions : Predictions
    decisions : numpy.ndarray, shape = (U, W), bool
        Where the model's thresholds say yes.
    durations_s : numpy.ndarray, shape = (U,)
    """
    time_s = predictions.times_s[truth.utterance, truth.keyword]
    # A cell has one detection, so the alignment is one to one as soon as any occurrence is near.
    near = (truth.start_s - TOLERANCE_S <= time_s) & (time_s <= truth.end_s + TOLERANCE_S)
    correct = np.zeros_like(truth.present)
    correct[truth.utterance[near], truth.keyword[near]] = True
    utterance, keyword = np.nonzero(predictions.evaluated)
    return AlignedDetections(
        term=keyword,
        score=predictions.scores[utterance, keyword],
        correct=correct[utterance, keyword],
        decision=decisions[utterance, keyword],
        occurrences=np.bincount(truth.keyword, minlength=truth.present.shape[1]),
        trials=durations_s @ predictions.evaluated,
    )


def term_weighted_of_cells(
    truth: GroundTruth, predictions: Predictions, decisions: Bools, durations_s: Floats, costs: Costs
) -> TermWeightedValues:
    """Term-weighted values of the predictions; parameters are those of :func:`aligned_cells`."""
    return term_weighted_values(aligned_cells(truth, predictions, decisions, durations_s), costs)


def cross_entropy_of_cells(truth: GroundTruth, predictions: Predictions) -> CrossEntropy:
    """Cnxe of the detection scores as probabilities, over all evaluated cells."""
    evaluated = predictions.evaluated
    return of_probabilities(predictions.scores[evaluated], truth.present[evaluated])
