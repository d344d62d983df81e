"""Training: one flat loop over epochs.

    earmark train recipes/earmark.yaml --corpus CORPUS --out RUN

Order, blocks of silence and dropout depend on the seed and the epoch alone. A run that was killed therefore
goes on from its last whole epoch (``--resume``) to the same weights as one that was not.
On several devices: ``accelerate launch -m earmark train ...``.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard.writer import SummaryWriter

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.features import extractor, settled
from earmark.features.padding import in_order
from earmark.features.specaugment import spec_augment
from earmark.features.store import load_features
from earmark.localise import method
from earmark.models.checkpoint import (
    read_weights,
    write_description,
    write_one_threshold,
    write_thresholds,
    write_weights,
)
from earmark.models.written import build
from earmark.progress import progress
from earmark.recipe import Recipe, Training, read_recipe
from earmark.supervision.targets import read_targets, targets_path
from earmark.train.batches import BucketSampler, Lesson
from earmark.train.card import write_card
from earmark.train.state import State, begun, keep, restore
from earmark.train.threshold import best_threshold, keyword_thresholds
from earmark.vocabulary import Vocabulary, read_text


def train(recipe: Recipe, corpus: Corpus, out: Path, keywords: Vocabulary, resume: bool = False) -> None:
    """Train a model and leave it in the folder `out`.

    The best epoch is the one with the lowest loss on dev, by the same kind of targets as it was taught with.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the splits train and dev, and tags of the name that the recipe gives as its supervision.
    out : Path
        A new folder, or with `resume` one of an unfinished run of the same recipe.
    keywords : Vocabulary
        What the model learns to find.

    Raises
    ------
    EarmarkError
        If something is missing, `out` is taken, the recipe's localisation method does not exist or does not fit its
        model, or the loss is no longer a number.
    """
    accelerator = Accelerator()
    recipe = recipe.model_copy(update={"features": settled(recipe.features, download=True)})
    torch.manual_seed(recipe.training.seed)
    heard = extractor(recipe.features)
    model = build(recipe.model, heard.dimension, keywords, heard.grid)
    method(recipe.localisation, model)  # refused now, not in hours when something is to be found
    with accelerator.main_process_first():  # which makes the folder and the features that the others then find
        _claim(out, recipe, keywords, resume or not accelerator.is_main_process)
        lesson = read_lesson(recipe, corpus, "train", keywords, recipe.augment.speeds)
        dev = read_lesson(recipe, corpus, "dev", keywords, [1.0])

    sampler = BucketSampler(lesson.lengths, recipe.training.batch_size, recipe.training.seed)
    optimizer = make_optimizer(model, recipe.training)
    loader = DataLoader(lesson, batch_sampler=sampler, collate_fn=lesson.collate)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    state = restore(out, accelerator.unwrap_model(model), optimizer)

    curves = SummaryWriter(out / "tensorboard", purge_step=state.epochs + 1)
    with progress(f"Training {out.name}", recipe.training.epochs, state.epochs) as advance:
        for epoch in range(state.epochs, recipe.training.epochs):
            torch.manual_seed(_seed(recipe.training.seed, epoch))
            sampler.epoch = epoch
            began = time.monotonic()
            taught = one_epoch(model, optimizer, loader, accelerator, recipe, epoch)
            scores = detection_scores(accelerator.unwrap_model(model), dev)
            if not np.isfinite(scores).all():  # the last step of the epoch can be the fatal one
                raise _diverged(epoch)
            checked = _bce(scores, dev.targets)
            state.epochs = epoch + 1
            state.seconds += time.monotonic() - began
            state.curve.append({"epoch": epoch + 1, "train_loss": taught, "dev_loss": checked})
            if accelerator.is_main_process:
                if checked < state.best:
                    write_weights(out, accelerator.unwrap_model(model).state_dict())
                state.best = min(state.best, checked)
                for name in ("train_loss", "dev_loss"):
                    curves.add_scalar(name, state.curve[-1][name], epoch + 1)
                curves.flush()
                keep(out, accelerator.unwrap_model(model), optimizer, state)
            advance(note=f"loss {taught:.4f}, on dev {checked:.4f}")
    curves.close()
    if accelerator.is_main_process:
        _finish(out, recipe, corpus, accelerator.unwrap_model(model), lesson, dev, state)


def _claim(out: Path, recipe: Recipe, keywords: Vocabulary, resume: bool) -> None:
    """Make sure that `out` is new, or with `resume` that it holds this very recipe's unfinished run."""
    described = (out / "recipe.yaml").is_file() and (out / "vocabulary.txt").is_file()
    if (described or begun(out)) and not resume:
        raise EarmarkError(f"{out} already holds a run: choose another folder, or go on with it by --resume.")
    if described:
        check_description(out, recipe, keywords)
    else:
        write_description(out, recipe, keywords)


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


def read_lesson(recipe: Recipe, corpus: Corpus, split: str, keywords: Vocabulary, speeds: list[float]) -> Lesson:
    """A split of a corpus, with the targets that the recipe's supervision has for it."""
    names = [utterance.id for utterance in corpus.utterances(split)]
    if not names:
        raise EarmarkError(
            f"The split {split} of {corpus.folder} is empty: training needs utterances in train and dev."
        )
    targets = read_targets(targets_path(corpus, recipe.supervision)).matrix(names, keywords)
    if recipe.shuffle_pairs:
        targets = targets[np.random.default_rng(recipe.training.seed).permutation(len(targets))]
    return Lesson([load_features(corpus, split, recipe.features, speed) for speed in speeds], targets)


def make_optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """The optimiser that a recipe asks for."""
    return torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)


def learning_rate(settings: Training, step: int, steps: int) -> float:
    """The learning rate at a step: a linear rise, then constant or half a cosine down to 0."""
    warmup = settings.warmup * steps
    if step < warmup:
        return settings.learning_rate * min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        return settings.learning_rate
    done = (step - warmup) / max(steps - warmup, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def one_epoch(
    model: nn.Module,
    optimizer: Any,
    loader: Any,
    accelerator: Accelerator,
    recipe: Recipe,
    epoch: int,
) -> float:
    """One pass over the training split; returns its mean loss."""
    settings = recipe.training
    chance = torch.Generator().manual_seed(_seed(settings.seed, epoch, accelerator.process_index))
    losses = []
    model.train()
    for number, batch in enumerate(loader):
        rate = learning_rate(settings, epoch * len(loader) + number, settings.epochs * len(loader))
        for group in optimizer.param_groups:
            group["lr"] = rate
        heard = spec_augment(batch["features"], batch["lengths"], recipe.augment, chance)
        # Binary cross-entropy against soft targets (Olaleye et al. 2022, Eq. 4).
        loss = nn.functional.binary_cross_entropy_with_logits(model(heard, batch["lengths"]), batch["targets"])
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


@torch.no_grad()
def detection_scores(model: nn.Module, lesson: Lesson, batch_size: int = 32) -> npt.NDArray[np.float64]:
    """Detection scores of a whole split, shape = (U, W), in [0, 1]."""
    model.eval()
    device = next(model.parameters()).device
    scores = np.empty(lesson.targets.shape)
    for utterances in in_order(lesson.lengths[0], batch_size):
        batch = lesson.collate([(0, utterance) for utterance in utterances])
        logits: Tensor = model(batch["features"].to(device), batch["lengths"].to(device))
        scores[utterances] = logits.double().sigmoid().cpu().numpy()
    return scores


def _bce(scores: npt.NDArray[np.float64], targets: npt.NDArray[np.float32]) -> float:
    return float(nn.functional.binary_cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets).double()))


def _finish(
    out: Path, recipe: Recipe, corpus: Corpus, model: nn.Module, lesson: Lesson, dev: Lesson, state: State
) -> None:
    """With the best epoch's weights: thresholds and the model card."""
    model.load_state_dict(read_weights(out))
    vocabulary = model.vocabulary
    assert isinstance(vocabulary, Vocabulary)
    scores = detection_scores(model, dev)
    write_one_threshold(out, best_threshold(scores, dev.targets))
    write_thresholds(out, vocabulary, keyword_thresholds(scores, dev.targets, lesson.targets))
    write_card(out, recipe, corpus, vocabulary, state.curve)
