"""Training of keyword and image-query models: a recipe and a corpus in, a run's folder out.

    earmark train recipes/earmark.yaml --corpus CORPUS --out RUN

On several devices: ``accelerate launch -m earmark train ...``. The loop itself is :func:`earmark.training.fit.fit`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from earmark import features
from earmark.core.corpus import Corpus, read_corpus
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights, write_weights
from earmark.core.vocabulary import Vocabulary
from earmark.localisation import method
from earmark.models import SpeechModel, build, image_encoders
from earmark.models.checkpoint import write_description
from earmark.models.image_query_models import accepts_images
from earmark.models.init_from import init_from as load_networks
from earmark.recipe import Recipe, Training, read_recipe
from earmark.training.calibration import write_calibration
from earmark.training.callbacks import Callback, TensorBoard
from earmark.training.devices import accelerated
from earmark.training.epoch_choice import choose_epoch
from earmark.training.fit import FitSettings, fit, make_loader, run_epoch
from earmark.training.model_card import write_card
from earmark.training.objectives import make_objective
from earmark.training.state import (
    check_folder,
    check_init_from,
    has_state,
    initial_state,
    is_described,
    read_state,
    save_state,
)

logger = logging.getLogger(__name__)

TIMED_BATCHES = 6  # of an epoch whose time is estimated, after one that warms everything up


def train(
    recipe: Recipe | Path | str,
    corpus: Corpus | Path | str,
    out: Path | str,
    keywords: Iterable[str] | None = None,
    resume: bool = False,
    init_from: Path | None = None,
    device: str | None = None,
    precision: str | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> Path:
    """Train a model and leave it in the folder `out`.

    The weights of the epoch with the lowest loss on dev are kept; where these have learned nothing, those of the last
    epoch, if they fit dev's tags better (:mod:`earmark.training.epoch_choice`). A model that has learned nothing from
    its tags is reported as such (:mod:`earmark.training.permutation`). Progress is reported to whoever listens
    (:func:`earmark.core.progress.report_progress_to`).

    Parameters
    ----------
    recipe : Recipe, path, or name of a recipe that comes with Earmark
    corpus : Corpus or path
        With the splits train and dev, and tags of the name that the recipe gives as its supervision.
    out : path
        A new folder, or with `resume` one of an unfinished run of the same recipe.
    keywords : Vocabulary or iterable of str, optional
        What the model learns to find; by default the corpus's own keywords.
    resume : bool
        Go on with a run that was stopped. The weights will be those of a run that was not.
    init_from : Path, optional
        Folder of a tagger or of a run for image queries, with whose networks a new training begins, but for their
        last layers.
    device : str, optional
        ``cpu``, ``cuda`` or ``cuda:N``; a GPU where there is one without it.
    precision : {"no", "bf16", "fp16"}, optional
        Mixed precision of the forward passes; without it what ``accelerate launch`` says, or else full precision.
    callbacks : sequence of Callback, optional
        Called as the training proceeds (:mod:`earmark.training.callbacks`); by default :class:`.TensorBoard` alone.

    Returns
    -------
    Path
        The folder, for :func:`earmark.load_model`.

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite.
    EarmarkError
        If something is missing, `out` is taken, the recipe's localisation method does not exist or does not fit its
        model, `init_from` does not fit it or is not what the run began with, or there is no such device.
    """
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    corpus = corpus if isinstance(corpus, Corpus) else read_corpus(corpus)
    words = _vocabulary(corpus, keywords)
    with accelerated(device, precision) as accelerator:
        _train(recipe, corpus, Path(out), words, resume, init_from, accelerator, callbacks)
    return Path(out)


def _vocabulary(corpus: Corpus, keywords: Iterable[str] | None) -> Vocabulary:
    """The keywords to learn; the corpus's own where none are given."""
    if isinstance(keywords, Vocabulary):
        return keywords
    words = corpus.keywords if keywords is None else tuple(keywords)
    if not words:
        raise EarmarkError(f"The corpus {corpus.folder} has no keyword list of its own: give keywords.")
    return Vocabulary(words)


def _train(
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    resume: bool,
    init_from: Path | None,
    accelerator: Accelerator,
    callbacks: Sequence[Callback] | None,
) -> None:
    recipe = resolve_recipe(recipe, download=True)
    torch.manual_seed(recipe.training.seed)  # of the initial weights
    extract = features.extractor(recipe.features)
    model = build(recipe.model, extract.dimension, keywords, extract.grid)
    method(recipe.localisation, model)  # an error now, and not in hours when something is to be found
    if not has_state(out):
        _initialise(model, recipe, init_from)
    with accelerator.main_process_first():  # which makes the folder and the features that the others then find
        check_folder(out, recipe, keywords, resume or not accelerator.is_main_process)
        objective = make_objective(recipe, corpus, keywords, model, extract)
        optimizer = make_optimizer(model, recipe.training)
        if not has_state(out):
            save_state(out, model, optimizer, initial_state(init_from))
        if not is_described(out):
            write_description(out, recipe, keywords)
    check_init_from(out, read_state(out), init_from)

    state = fit(
        objective,
        optimizer,
        fit_settings(recipe.training),
        out,
        accelerator,
        f"Training {out.name}",
        keep_best=lambda: write_weights(out, model.state_dict()),
        callbacks=[TensorBoard()] if callbacks is None else callbacks,
    )
    if accelerator.is_main_process:
        last = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
        choice = choose_epoch(objective, read_weights(out), last)
        write_calibration(out, keywords, choice.calibration)
        write_card(out, recipe, corpus, keywords, extract, state, choice)
        if choice.is_last:  # written after all else: until then, a stopped training chooses again
            write_weights(out, model.state_dict())
        if choice.calibration.learning_test.warning:
            logger.warning("%s", choice.calibration.learning_test.warning)


def resolve_recipe(recipe: Recipe, download: bool) -> Recipe:
    """The recipe with the pretrained networks as they are now, which is what a run keeps.

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
    image = getattr(recipe.model, "image", None)
    if image is not None:
        changes["model"] = recipe.model.model_copy(update={"image": image_encoders.resolve(image, download)})
    return recipe.model_copy(update=changes)


def _initialise(model: SpeechModel, recipe: Recipe, init_from: Path | None) -> None:
    """Load the weights of networks that were trained before, where some are named."""
    if not accepts_images(model):
        if init_from is not None:
            raise EarmarkError("Only a model for image queries can start from other networks: leave --init-from out.")
        return
    model.speech_encoder.load_pretrained(recipe.features)
    if init_from is not None:
        load_networks(model, init_from)


def make_optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """AdamW at the recipe's rate."""
    return torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)


def fit_settings(settings: Training) -> FitSettings:
    """A recipe's training, as the loop wants it."""

    def schedule(optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step, steps)

    return FitSettings(settings.epochs, settings.seed, schedule, settings.clip, advice="lower training.learning_rate")


def learning_rate(settings: Training, step: int, steps: int) -> float:
    """The learning rate at a step: a linear warm-up, then half a cosine down to 0, or the constant of the epoch."""
    warmup = settings.warmup * steps
    if step < warmup:
        return settings.learning_rate * min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        passed = [epoch for epoch in settings.later_rates if epoch * steps <= step * settings.epochs]
        return settings.later_rates[max(passed)] if passed else settings.learning_rate
    done = (step - warmup) / max(steps - warmup, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


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
        recipe = resolve_recipe(recipe, download=True)
        extract = features.extractor(recipe.features)
        model = build(recipe.model, extract.dimension, keywords, extract.grid)
        objective = make_objective(recipe, corpus, keywords, model, extract)
        settings, optimizer = fit_settings(recipe.training), make_optimizer(model, recipe.training)
        forward, optimizer, loader = accelerator.prepare(model, optimizer, make_loader(objective, accelerator))

        def epoch(batches: int) -> None:
            run_epoch(objective, forward, optimizer, loader, accelerator, settings, 0, limit=batches)

        epoch(1)
        batches = min(TIMED_BATCHES, len(loader))
        started = time.monotonic()
        epoch(batches)
        trained = time.monotonic()
        objective.dev_loss()
        return (trained - started) * len(loader) / batches + time.monotonic() - trained
