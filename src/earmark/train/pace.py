"""How long an epoch will take on this machine, measured on a part of one, so that a budget of minutes can be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from accelerate import Accelerator

from earmark.corpus import Corpus
from earmark.features import extractor
from earmark.models.build import build
from earmark.recipe import Recipe
from earmark.train.choose import course_of
from earmark.train.loop import make_optimizer, one_epoch, settled_recipe
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
    """Seconds that an epoch of this recipe takes here: a few of its batches, in proportion, and its pass over dev.

    Reading the corpus's features comes before and does not count: they are computed once and kept. Nothing is
    written but these.

    Raises
    ------
    EarmarkError
        As training itself.
    """
    accelerator = Accelerator()
    recipe = settled_recipe(recipe, download=True)
    heard = extractor(recipe.features)
    model = build(recipe.model, heard.dimension, keywords, heard.grid)
    course = course_of(recipe, corpus, keywords, model)
    optimizer = make_optimizer(model, recipe.training)
    model, optimizer, loader = accelerator.prepare(model, optimizer, course.loader)

    one_epoch(model, optimizer, _Part(loader, 1), accelerator, course, recipe, 0)
    part = _Part(loader, min(BATCHES, len(loader)))
    began = time.monotonic()
    one_epoch(model, optimizer, part, accelerator, course, recipe, 0)
    taught = time.monotonic()
    course.check(accelerator.unwrap_model(model))
    return (taught - began) * len(loader) / len(part) + time.monotonic() - taught
