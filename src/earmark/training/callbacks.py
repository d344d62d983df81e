"""Callbacks: what a training calls as it proceeds, for plots, logs and experiments of one's own.

A callback is called in the main process alone. It can't change the weights that result, unless it changes the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


@dataclass(frozen=True)
class TrainingRun:
    """The training that a callback is called by.

    Attributes
    ----------
    folder : Path
        Where it leaves its files.
    model : torch.nn.Module
        What is trained, on its device.
    epochs : int
        Epochs in all, at most.
    epochs_done : int
        Whole epochs that earlier runs did; 0 for a new training.
    steps_per_epoch : int
    """

    folder: Path
    model: nn.Module
    epochs: int
    epochs_done: int
    steps_per_epoch: int


class Callback:
    """Base class of callbacks; each method does nothing, and may be overridden.

    Examples
    --------
    >>> class Log(Callback):
    ...     def on_epoch_end(self, point):
    ...         print(point["epoch"], point["train_loss"], point.get("dev_loss"))
    """

    def on_train_begin(self, run: TrainingRun) -> None:
        """Called once, before the first step."""

    def on_step_end(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Called after every step of the optimiser.

        Parameters
        ----------
        step : int
            From 1 on, over all epochs, those of earlier runs too.
        losses : mapping of str to Tensor
            ``loss`` and others of the batch, where they were computed: reading one waits for a GPU.
        """

    def on_epoch_end(self, point: Mapping[str, float]) -> None:
        """Called after every whole epoch, before its state is saved.

        Parameters
        ----------
        point : mapping of str to float
            ``epoch`` (from 1 on), ``train_loss``, ``dev_loss`` where there is dev, and means of other losses.
        """

    def on_best(self, point: Mapping[str, float]) -> None:
        """Called after an epoch whose loss on dev is lower than all before; its weights are saved then."""

    def on_train_end(self) -> None:
        """Called once, whatever ended the training: its last epoch, an error or Ctrl-C."""


class TensorBoard(Callback):
    """Losses by epoch in the folder ``tensorboard`` of the run, as ``tensorboard --logdir RUN`` shows them."""

    def __init__(self) -> None:
        self._writer: SummaryWriter | None = None

    def on_train_begin(self, run: TrainingRun) -> None:
        """Open the file; what an earlier run wrote of epochs that are done again is hidden."""
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(run.folder / "tensorboard", purge_step=run.epochs_done + 1)

    def on_epoch_end(self, point: Mapping[str, float]) -> None:
        """Add the losses of an epoch."""
        assert self._writer is not None
        for name in ("train_loss", "dev_loss"):
            if name in point:
                self._writer.add_scalar(name, point[name], int(point["epoch"]))
        self._writer.flush()

    def on_train_end(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
