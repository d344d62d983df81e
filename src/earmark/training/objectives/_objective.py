"""What the training loop asks of every way to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from earmark.models import SpeechModel

Batch = dict[str, Tensor]


class EpochSampler(Protocol):
    """Deals batches in an order that depends on the seed and on this epoch alone."""

    epoch: int


class TrainingObjective(Protocol):
    """One way to learn: what is shown, what is to be learned of it, and how far that went."""

    @property
    def sampler(self) -> EpochSampler:
        """What deals the batches of the training split."""

    @property
    def loader(self) -> DataLoader[Any]:
        """Those batches, each with ``features``, ``lengths`` and whatever :meth:`output` and :meth:`loss` need."""

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """What the model makes of a batch, with `features` in place of the batch's own."""

    def loss(self, model: SpeechModel, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """How far that is from what it should be; `model` without what devices wrap around it."""

    def check(self, model: SpeechModel) -> float:
        """The loss on dev; not a number where the model gives none."""

    def finish(self, model: SpeechModel, out: Path) -> None:
        """Write into a run's folder what is told by dev: thresholds, and false alarms."""
