"""How long an epoch will take on this machine, measured on a part of one, so that a budget of minutes can be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from earmark.corpus import Corpus
from earmark.features import extractor
from earmark.models.written import build
from earmark.recipe import Recipe
from earmark.train.batches import BucketSampler
from earmark.train.loop import make_optimizer, one_epoch, read_lesson
from earmark.vocabulary import Vocabulary

BATCHES = 6  # that are timed, after one that warms everything up


class _Part:
    """The first batches of a loader."""

    def __init__(self, loader: Any, batches: int) -> None:
        self.loader, self.batches = loader, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Any]:
        return islice(self.loader, self.batches)


def epoch_seconds(recipe: Recipe, corpus: Corpus, keywords: Vocabulary) -> float:
    """Seconds that an epoch of this recipe takes here: a few of its batches, and its pass over dev, in proportion.

    Reading the corpus's features comes before and does not count: they are computed once and kept. Nothing is
    written but these.

    Raises
    ------
    EarmarkError
        As training itself.
    """
    accelerator = Accelerator()
    lesson = read_lesson(recipe, corpus, "train", keywords, recipe.augment.speeds)
    dev = read_lesson(recipe, corpus, "dev", keywords, [1.0])
    sampler = BucketSampler(lesson.lengths, recipe.training.batch_size, recipe.training.seed)
    heard = extractor(recipe.features)
    model = build(recipe.model, heard.dimension, keywords, heard.grid)
    loader = DataLoader(lesson, batch_sampler=sampler, collate_fn=lesson.collate)
    model, optimizer, loader = accelerator.prepare(model, make_optimizer(model, recipe.training), loader)

    one_epoch(model, optimizer, _Part(loader, 1), accelerator, recipe, 0)
    part = _Part(loader, min(BATCHES, len(loader)))
    began = time.monotonic()
    one_epoch(model, optimizer, part, accelerator, recipe, 0)
    taught = time.monotonic()
    checked = _hear(model, part)
    ended = time.monotonic()
    return (taught - began) * len(lesson) / checked + (ended - taught) * len(dev) / checked


@torch.no_grad()
def _hear(model: Any, part: _Part) -> int:
    """Score the batches of a part, without learning; returns how many utterances they held."""
    model.eval()
    utterances = 0
    for batch in part:
        model(batch["features"], batch["lengths"]).cpu()  # a GPU is waited for
        utterances += len(batch["lengths"])
    return utterances
