"""The one training loop: for keyword and image-query models, for taggers, and for contrastive predictive coding.

What is minimised is an objective's business; how steps, epochs, early stopping and saved states follow one another
is here. Order, augmentation and dropout depend on the seed and the epoch alone, and the state is saved after every
epoch (:mod:`earmark.training.state`): a training that was stopped goes on from its last whole epoch to the same
weights as one that was not. Losses are summed where they are computed and read once an epoch, so that no step waits
for a GPU.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from earmark.core.errors import EarmarkError
from earmark.core.progress import Advance, progress
from earmark.training.callbacks import Callback, TrainingRun
from earmark.training.data import Batch, EpochSampler
from earmark.training.devices import derived_seed, seed_everything
from earmark.training.state import State, load_state, save_state

WORKERS = 4  # processes that read items for a GPU, at most
CHECK_STEPS = 200  # steps after which a loss is looked at within an epoch: a look waits for the device

Schedule = Callable[[torch.optim.Optimizer, int, int], None]
"""Sets the rates of an optimiser for a step, of so many in the whole training."""


class DivergedError(EarmarkError):
    """A loss became NaN or infinite.

    Parameters
    ----------
    epoch : int
        Counted from 0.
    advice : str
        What to change, as in "lower training.learning_rate".
    """

    def __init__(self, epoch: int, advice: str) -> None:
        resume_note = f"; the run is kept as it was after epoch {epoch}" if epoch else ""
        super().__init__(f"Loss became NaN or infinite (epoch {epoch + 1}): {advice}{resume_note}.")


class Objective(Protocol):
    """What is minimised: a network, items to train it on, and a loss."""

    @property
    def model(self) -> nn.Module:
        """The network, as it is without what :func:`fit` wraps around it."""

    @property
    def dataset(self) -> Dataset[Any]:
        """The items of the training split."""

    @property
    def sampler(self) -> EpochSampler:
        """Which of them make a batch."""

    def collate(self, items: Sequence[Any]) -> Batch:
        """Pad and stack the items of a batch."""

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """``loss``, which is minimised, and whatever else of a batch is worth recording; scalars.

        Parameters
        ----------
        forward : nn.Module
            The network, in whatever several devices and mixed precision wrap around it.
        batch : dict of str to Tensor
        rng : torch.Generator
            Of the CPU.
        """

    def dev_loss(self) -> float | None:
        """The loss on held-out items, of the network in evaluation mode; None where nothing is held out."""


@dataclass(frozen=True)
class FitSettings:
    """How a training proceeds.

    Attributes
    ----------
    epochs : int
        At most.
    seed : int
    schedule : callable
    clip : float or None
        Largest norm of the gradient.
    patience : int or None
        Epochs in a row without a lower dev loss after which the training ends.
    advice : str
        For who reads that the loss diverged.
    """

    epochs: int
    seed: int
    schedule: Schedule
    clip: float | None = None
    patience: int | None = None
    advice: str = "lower the learning rate"


def fit(
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    settings: FitSettings,
    out: Path,
    accelerator: Accelerator,
    task: str,
    keep_best: Callable[[], None] | None = None,
    callbacks: Sequence[Callback] = (),
) -> State:
    """Train the objective's network, from the state that the folder has, or from the start.

    Parameters
    ----------
    objective : Objective
    optimizer : torch.optim.Optimizer
        Of the network's parameters.
    settings : FitSettings
    out : Path
        Folder for the state.
    accelerator : Accelerator
    task : str
        What the progress is called.
    keep_best : callable, optional
        Called in the main process when the dev loss is lower than ever, before the state is saved.
    callbacks : sequence of Callback

    Returns
    -------
    State
        With the curve of all epochs, those of earlier runs too.

    Raises
    ------
    DivergedError
        If a loss is NaN or infinite.
    EarmarkError
        If the state is damaged.
    """
    forward, optimizer, loader = accelerator.prepare(objective.model, optimizer, make_loader(objective, accelerator))
    state = load_state(out, objective.model, optimizer, accelerator.scaler)
    batches = len(loader)
    callbacks = callbacks if accelerator.is_main_process else ()
    run = TrainingRun(out, objective.model, settings.epochs, state.epochs, batches)
    with _called(callbacks, run), progress(task, settings.epochs * batches, state.epochs * batches) as advance:
        while state.epochs < settings.epochs and not _is_over(state, settings):
            started = time.monotonic()
            means = run_epoch(
                objective, forward, optimizer, loader, accelerator, settings, state.epochs, advance, None, callbacks
            )
            point = {"epoch": state.epochs + 1, "train_loss": means.pop("loss"), **means}
            dev_loss = objective.dev_loss()
            if dev_loss is not None:
                point["dev_loss"] = dev_loss
            if not all(map(math.isfinite, point.values())):  # the last step of an epoch can be the one that diverges
                raise DivergedError(state.epochs, settings.advice)
            improved = dev_loss is not None and dev_loss < state.best
            state.add(point, time.monotonic() - started)
            if accelerator.is_main_process:
                if improved and keep_best is not None:
                    keep_best()
                for callback in callbacks:
                    callback.on_epoch_end(point)
                    if improved:
                        callback.on_best(point)
                save_state(out, objective.model, optimizer, state, accelerator.scaler)
            advance(note=_note(point))
        if left := settings.epochs - state.epochs:
            advance(left * batches, note=f"no better for {state.epochs_since_best} epochs, ended after {state.epochs}")
    return state


@contextmanager
def _called(callbacks: Sequence[Callback], run: TrainingRun) -> Iterator[None]:
    """Begin all callbacks, and end those that have begun, whatever ends the training."""
    with ExitStack() as ends:
        for callback in callbacks:
            ends.callback(callback.on_train_end)
            callback.on_train_begin(run)
        yield


def run_epoch(
    objective: Objective,
    forward: nn.Module,
    optimizer: Any,
    loader: Any,
    accelerator: Accelerator,
    settings: FitSettings,
    epoch: int,
    advance: Advance | None = None,
    limit: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> dict[str, float]:
    """One pass over the training items, or over `limit` batches of them; the mean of each loss over batches."""
    seed_everything(settings.seed, epoch, accelerator.process_index)
    rng = torch.Generator().manual_seed(derived_seed(settings.seed, epoch, accelerator.process_index))
    loader.set_epoch(epoch)
    objective.sampler.set_epoch(epoch)  # where devices share the batches, the loader does not reach it
    history: dict[str, list[Tensor]] = {}
    forward.train()
    for number, batch in enumerate(islice(loader, limit)):
        settings.schedule(optimizer, epoch * len(loader) + number, settings.epochs * len(loader))
        losses = objective.training_losses(forward, batch, rng)
        optimizer.zero_grad()
        accelerator.backward(losses["loss"])
        if settings.clip is not None:
            accelerator.clip_grad_norm_(forward.parameters(), settings.clip)
        optimizer.step()
        for name, loss in losses.items():
            history.setdefault(name, []).append(loss.detach())
        for callback in callbacks:
            callback.on_step_end(epoch * len(loader) + number + 1, {name: some[-1] for name, some in history.items()})
        if (number + 1) % CHECK_STEPS == 0 and not losses["loss"].isfinite():
            raise DivergedError(epoch, settings.advice)
        if advance is not None and number + 1 < len(loader):  # the last step is reported with the losses
            advance()
    means = {name: float(torch.stack(values).mean()) for name, values in history.items()}
    if not math.isfinite(means["loss"]):
        raise DivergedError(epoch, settings.advice)
    return means


def make_loader(objective: Objective, accelerator: Accelerator) -> DataLoader[Any]:
    """Batches of the training items; for a GPU they are read by processes beside, into pinned memory."""
    on_gpu = accelerator.device.type == "cuda"
    workers = _workers() if on_gpu else 0
    return DataLoader(
        objective.dataset,
        batch_sampler=objective.sampler,
        collate_fn=objective.collate,
        pin_memory=on_gpu,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
    )


def _workers() -> int:
    """Memory-mapped arrays are inherited by forked processes alone; without forks, the main process reads."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 0
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(WORKERS, available - 1))


def _is_over(state: State, settings: FitSettings) -> bool:
    return settings.patience is not None and state.epochs_since_best >= settings.patience


def _note(point: dict[str, float]) -> str:
    dev = f", on dev {point['dev_loss']:.4f}" if "dev_loss" in point else ""
    accuracy = f", {point['accuracy']:.0%} right" if "accuracy" in point else ""
    return f"epoch {point['epoch']:.0f}, loss {point['train_loss']:.4f}{dev}{accuracy}"
