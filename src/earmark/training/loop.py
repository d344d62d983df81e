"""Training: one flat loop over epochs.

    earmark train recipes/earmark.yaml --corpus CORPUS --out RUN

Order, blocks of silence and dropout depend on the seed and the epoch alone. A run that was killed therefore
goes on from its last whole epoch (``--resume``) to the same weights as one that was not.
On several devices: ``accelerate launch -m earmark train ...``.

How long an epoch will take on this machine, measured on a part of one, so that a budget of minutes can be kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.tensorboard.writer import SummaryWriter

from earmark import features
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.hub import fingerprint
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.features import extractor
from earmark.features.augment import spec_augment
from earmark.localisation import method
from earmark.models import SpeechModel, build, image_encoder
from earmark.models.checkpoint import WEIGHTS, read_weights, write_description, write_weights
from earmark.models.image_query_models import accepts_images
from earmark.models.init_from import init_from, load_cpc
from earmark.models.speech_encoders import CpcEncoder
from earmark.recipe import ImageQueryModelSettings, Recipe, Training, read_recipe
from earmark.training.devices import accelerated
from earmark.training.model_card import write_card
from earmark.training.objectives import make_objective
from earmark.training.objectives._objective import TrainingObjective
from earmark.training.state import State, has_state, load_state, save_state


def train(
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    resume: bool = False,
    start: Path | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> None:
    """Train a model and leave it in the folder `out`.

    The best epoch is the one with the lowest loss on dev, by the same kind of loss as it was taught with.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the splits train and dev, and tags of the name that the recipe gives as its supervision.
    out : Path
        A new folder, or with `resume` one of an unfinished run of the same recipe.
    keywords : Vocabulary
        What the model learns to find.
    resume : bool
    start : Path, optional
        Folder of a tagger or a run for pictures, with whose networks a new training begins, but for their last layers.
    device : str, optional
        ``cpu``, ``cuda`` or ``cuda:N``; a GPU where there is one without it.
    precision : {"no", "bf16", "fp16"}, optional
        Mixed precision of the forward passes; without it what ``accelerate launch`` says, or else full precision.

    Raises
    ------
    EarmarkError
        If something is missing, `out` is taken, the recipe's localisation method does not exist or does not fit its
        model, `start` does not fit it or is not what the run was begun with, or the loss is no longer a number.
    """
    with accelerated(device, precision) as accelerator:
        _train(recipe, corpus, out, keywords, resume, start, accelerator)


def _train(
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    resume: bool,
    start: Path | None,
    accelerator: Accelerator,
) -> None:
    recipe = resolve_recipe(recipe, download=True)
    torch.manual_seed(recipe.training.seed)
    heard = features.extractor(recipe.features)
    model = build(recipe.model, heard.dimension, keywords, heard.grid)
    method(recipe.localisation, model)  # refused now, not in hours when something is to be found
    if not has_state(out):
        _start(model, recipe, start)
    with accelerator.main_process_first():  # which makes the folder and the features that the others then find
        _check_free(out, recipe, keywords, resume or not accelerator.is_main_process)
        objective = make_objective(recipe, corpus, keywords, model)
        optimizer = make_optimizer(model, recipe.training)
        if not has_state(out):
            save_state(out, model, optimizer, _beginning(start))
        if not _described(out):
            write_description(out, recipe, keywords)

    model, optimizer, loader = accelerator.prepare(model, optimizer, objective.loader)
    state = load_state(out, accelerator.unwrap_model(model), optimizer)
    _check_start(out, state, start)

    curves = SummaryWriter(out / "tensorboard", purge_step=state.epochs + 1)
    with progress(f"Training {out.name}", recipe.training.epochs, state.epochs) as advance:
        for epoch in range(state.epochs, recipe.training.epochs):
            torch.manual_seed(_seed(recipe.training.seed, epoch))
            objective.sampler.epoch = epoch
            began = time.monotonic()
            taught = one_epoch(model, optimizer, loader, accelerator, objective, recipe, epoch)
            checked = objective.check(accelerator.unwrap_model(model))
            if not math.isfinite(checked):  # the last step of the epoch can be the fatal one
                raise _diverged(epoch)
            state.epochs = epoch + 1
            state.seconds += time.monotonic() - began
            state.curve.append({"epoch": epoch + 1, "train_loss": taught, "dev_loss": checked})
            if accelerator.is_main_process:
                _record(out, accelerator.unwrap_model(model), optimizer, state, curves)
            advance(note=f"loss {taught:.4f}, on dev {checked:.4f}")
    curves.close()
    if accelerator.is_main_process:
        _finish(out, recipe, corpus, accelerator.unwrap_model(model), objective, state)


def _record(out: Path, model: SpeechModel, optimizer: Any, state: State, curves: SummaryWriter) -> None:
    """Write what an epoch has come to, and its weights if they are the best so far."""
    point = state.curve[-1]
    if point["dev_loss"] < state.best:
        write_weights(out, model.state_dict())
    state.best = min(state.best, point["dev_loss"])
    for name in ("train_loss", "dev_loss"):
        curves.add_scalar(name, point[name], state.epochs)
    curves.flush()
    save_state(out, model, optimizer, state)


def resolve_recipe(recipe: Recipe, download: bool) -> Recipe:
    """The recipe with the networks that others have trained as they are now, which is what a run keeps.

    Parameters
    ----------
    recipe : Recipe
    download : bool
        Whether ``hub:NAME`` may be fetched: only when a training that the user has asked for is about to begin.

    Raises
    ------
    EarmarkError
        If a network is missing, or is another one than the recipe already says.
    """
    changes: dict[str, Any] = {"features": features.resolve(recipe.features, download)}
    if isinstance(recipe.model, ImageQueryModelSettings):
        changes["model"] = recipe.model.model_copy(
            update={"image": image_encoder.resolve(recipe.model.image, download)}
        )
    return recipe.model_copy(update=changes)


def _start(model: SpeechModel, recipe: Recipe, start: Path | None) -> None:
    """Begin with networks that have learned something before, where some are named."""
    if not accepts_images(model):
        if start is not None:
            raise EarmarkError("Only a model for pictures can start from other networks: leave --init-from out.")
        return
    if isinstance(model.speech_encoder, CpcEncoder) and model.speech_encoder.settings.init_from:
        load_cpc(model.speech_encoder, recipe.features, Path(model.speech_encoder.settings.init_from))
    if start is not None:
        init_from(model, start)


def _beginning(start: Path | None) -> State:
    """The state of a new run, which remembers what it begins with."""
    if start is None:
        return State(start="")
    return State(start=start.resolve().name, start_sha256=fingerprint(start / WEIGHTS))


def _check_start(out: Path, state: State, start: Path | None) -> None:
    """Make sure that a run that goes on is not asked for another beginning; its own is in its weights."""
    if start is None:
        return
    name, advice = start.resolve().name, "leave --init-from out, or choose another folder"
    if state.start not in (name, None):
        began = f"from {state.start}" if state.start else "without --init-from"
        raise EarmarkError(f"{out} was begun {began}, not from {name}: {advice}.")
    weights = start / WEIGHTS
    if state.start_sha256 and weights.is_file() and fingerprint(weights) != state.start_sha256:
        raise EarmarkError(f"{out} was begun from other weights than {start} has: {advice}.")


def _check_free(out: Path, recipe: Recipe, keywords: Vocabulary, resume: bool) -> None:
    """Make sure that `out` is new, or with `resume` that it holds this very recipe's unfinished run."""
    if (_described(out) or has_state(out)) and not resume:
        raise EarmarkError(f"{out} already holds a run: choose another folder, or go on with it by --resume.")
    if _described(out):
        check_description(out, recipe, keywords)


def _described(out: Path) -> bool:
    return (out / "recipe.yaml").is_file() and (out / "vocabulary.txt").is_file()


def check_description(out: Path, recipe: Recipe, keywords: Vocabulary) -> None:
    """Make sure that a run was begun with this recipe and these keywords, in this order.

    Raises
    ------
    EarmarkError
        If it was not.
    """
    otherwise = "go on with that, choose another folder, or delete this one to train anew"
    if read_recipe(out / "recipe.yaml") != recipe:
        raise EarmarkError(f"{out} was begun with another recipe: {otherwise}.")
    if read_text(out / "vocabulary.txt").removesuffix("\n").split("\n") != list(keywords):
        raise EarmarkError(f"{out} was begun with other keywords, or in another order: {otherwise}.")


def make_optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """The optimiser that a recipe asks for."""
    return torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)


def learning_rate(settings: Training, step: int, steps: int) -> float:
    """The learning rate at a step: a linear rise, then half a cosine down to 0, or the rate that the epoch has."""
    warmup = settings.warmup * steps
    if step < warmup:
        return settings.learning_rate * min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        has_state = [epoch for epoch in settings.later_rates if epoch * steps <= step * settings.epochs]
        return settings.later_rates[max(has_state)] if has_state else settings.learning_rate
    done = (step - warmup) / max(steps - warmup, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def one_epoch(
    model: nn.Module,
    optimizer: Any,
    loader: Any,
    accelerator: Accelerator,
    objective: TrainingObjective,
    recipe: Recipe,
    epoch: int,
) -> float:
    """One pass over the training split; returns its mean loss."""
    settings = recipe.training
    rng = torch.Generator().manual_seed(_seed(settings.seed, epoch, accelerator.process_index))
    losses = []
    model.train()
    for number, batch in enumerate(loader):
        rate = learning_rate(settings, epoch * len(loader) + number, settings.epochs * len(loader))
        for group in optimizer.param_groups:
            group["lr"] = rate
        heard = spec_augment(batch["features"], batch["lengths"], recipe.augment, rng)
        loss = objective.loss(accelerator.unwrap_model(model), objective.output(model, heard, batch), batch, rng)
        if not loss.isfinite():
            raise _diverged(epoch)
        optimizer.zero_grad()
        accelerator.backward(loss)
        if settings.clip is not None:
            accelerator.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def _diverged(epoch: int) -> EarmarkError:
    return EarmarkError(
        f"The loss is no longer a number in epoch {epoch + 1}: train with a lower training.learning_rate; "
        f"the {epoch} whole epochs before it are kept."
    )


def _finish(
    out: Path, recipe: Recipe, corpus: Corpus, model: SpeechModel, objective: TrainingObjective, state: State
) -> None:
    """With the best epoch's weights: thresholds and the model card."""
    model.load_state_dict(read_weights(out))
    objective.finish(model.eval(), out)
    write_card(out, recipe, corpus, model.vocabulary, state)


BATCHES = 6  # that are timed, after one that warms everything up


class _Part:
    """The first batches of a loader."""

    def __init__(self, loader: Any, batches: int) -> None:
        self.loader, self.batches = loader, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Any]:
        return islice(self.loader, self.batches)


def estimate_epoch_seconds(recipe: Recipe, corpus: Corpus, keywords: Vocabulary) -> float:
    """Seconds that an epoch of this recipe takes here: a few of its batches, in proportion, and its pass over dev.

    Reading the corpus's features comes before and does not count: they are computed once and kept. Nothing is
    written but these.

    Raises
    ------
    EarmarkError
        As training itself.
    """
    with accelerated() as accelerator:
        return _epoch_seconds(recipe, corpus, keywords, accelerator)


def _epoch_seconds(recipe: Recipe, corpus: Corpus, keywords: Vocabulary, accelerator: Accelerator) -> float:
    recipe = resolve_recipe(recipe, download=True)
    heard = extractor(recipe.features)
    model = build(recipe.model, heard.dimension, keywords, heard.grid)
    objective = make_objective(recipe, corpus, keywords, model)
    optimizer = make_optimizer(model, recipe.training)
    model, optimizer, loader = accelerator.prepare(model, optimizer, objective.loader)

    one_epoch(model, optimizer, _Part(loader, 1), accelerator, objective, recipe, 0)
    part = _Part(loader, min(BATCHES, len(loader)))
    began = time.monotonic()
    one_epoch(model, optimizer, part, accelerator, objective, recipe, 0)
    taught = time.monotonic()
    objective.check(accelerator.unwrap_model(model))
    return (taught - began) * len(loader) / len(part) + time.monotonic() - taught
