"""Which weights a training keeps: those with the lowest loss on dev, or where these have learned nothing, the last.

Where tags say little of the speech, the loss on dev is lowest for a model that predicts no more than how frequent the
keywords are, although later epochs may already rank utterances by what is said in them. The learning test notices that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor, nn

from earmark.training.calibration import Calibration

Weights = Mapping[str, Tensor]


class Calibrated(Protocol):
    """An objective whose network can be calibrated on dev."""

    @property
    def model(self) -> nn.Module:
        """The network."""

    def calibrate(self) -> Calibration:
        """Its calibration with its present weights, in evaluation mode."""


@dataclass(frozen=True)
class EpochChoice:
    """The weights that are kept.

    Attributes
    ----------
    calibration : Calibration
        Of these weights. Where two epochs were tested, p is twice as high (Bonferroni).
    is_last : bool
        Whether they are the last epoch's, because those with the lowest loss on dev have learned nothing.
    """

    calibration: Calibration
    is_last: bool


def choose_epoch(objective: Calibrated, best: Weights, last: Weights) -> EpochChoice:
    """Choose between the weights with the lowest loss on dev and the last ones, and load them into the network.

    The last ones are taken where the best ones have learned nothing, and the last ones fit dev's tags better.
    """
    of_best = _calibration(objective, best)
    if of_best.learning_test.is_learned or _are_equal(best, last):
        return EpochChoice(of_best, is_last=False)
    of_last = _calibration(objective, last)
    is_last = of_last.learning_test.p < of_best.learning_test.p
    if not is_last:
        objective.model.load_state_dict(best)
    chosen = of_last if is_last else of_best
    test = replace(chosen.learning_test, p=min(1.0, 2 * chosen.learning_test.p))
    return EpochChoice(replace(chosen, learning_test=test), is_last)


def _calibration(objective: Calibrated, weights: Weights) -> Calibration:
    objective.model.load_state_dict(weights)
    objective.model.eval()
    return objective.calibrate()


def _are_equal(first: Weights, second: Weights) -> bool:
    return all(bool((weight.cpu() == second[name].cpu()).all()) for name, weight in first.items())
