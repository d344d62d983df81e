"""What a model is trained on when judgements teach it: judged windows, and speech for which it is to stay as it is.

A batch holds as many utterances of one as of the other. The loss is the cross-entropy of judged words against the
judgements, and of all other words, in all utterances, against the scores of the old model for the same augmented
features (Hinton et al. 2015, "Distilling the knowledge in a neural network"; Li and Hoiem 2016, "Learning without
forgetting").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.features.augment import spec_augment
from earmark.features.cache import FeatureSet
from earmark.recipe import Augment, Recipe
from earmark.training.data import Batch, EpochSampler, Item, TrainingSplit, collate, load_split
from earmark.training.objectives.tags import known_cross_entropy

TAGS = "judged"  # of a corpus of judged places
CHECKED = 5  # one window of so many is not learned from: it tells whether the model stayed the same


@dataclass(frozen=True)
class JudgedSplits:
    """The splits of a corpus of judged places.

    Attributes
    ----------
    train, test : TrainingSplit
        Judged places to learn from, and those that are held out.
    windows, checked : TrainingSplit or None
        Windows where nothing was judged, to learn from and to check with; None where there are none.
    """

    train: TrainingSplit
    test: TrainingSplit
    windows: TrainingSplit | None
    checked: TrainingSplit | None


def load_judged(recipe: Recipe, corpus: Corpus, keywords: Vocabulary, extract: FeatureExtractor) -> JudgedSplits:
    """Features and judgements of a corpus of judged places.

    Raises
    ------
    EarmarkError
        If it has no judged places, or a recording can't be read.
    """
    recipe = recipe.model_copy(update={"supervision": TAGS, "shuffle_pairs": False})
    train = load_split(recipe, corpus, "train", keywords, extract, recipe.augment.speeds)
    test = load_split(recipe, corpus, "test", keywords, extract)
    windows = checked = None
    if "dev" in corpus.splits() and corpus.utterances("dev"):
        every = load_split(recipe, corpus, "dev", keywords, extract)
        is_checked = np.arange(every.utterances) % CHECKED == 0
        checked = _part(every, np.flatnonzero(is_checked))
        windows = _part(every, np.flatnonzero(~is_checked)) if not is_checked.all() else None
    return JudgedSplits(train, test, windows, checked)


class TeachingObjective:
    """Cross-entropy against judgements, and against the old model elsewhere.

    Parameters
    ----------
    model : nn.Module
    old : nn.Module
        In evaluation mode, on the device of the training.
    judged : TrainingSplit
    retained : TrainingSplit or None
        Utterances for which the model is to stay as it is.
    recipe : Recipe
    """

    def __init__(
        self, model: nn.Module, old: nn.Module, judged: TrainingSplit, retained: TrainingSplit | None, recipe: Recipe
    ) -> None:
        self.model, self._old = model, old
        self._augment: Augment = recipe.augment
        self.dataset = _Together(judged, retained)
        self.sampler: EpochSampler = _HalfAndHalf(judged, retained, recipe.training.batch_size, recipe.training.seed)

    def collate(self, items: Sequence[Item]) -> Batch:
        """Pad and stack."""
        return collate(items)

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """``loss``, and its parts ``judged_loss`` and ``retained_loss``."""
        augmented = spec_augment(batch["features"], batch["lengths"], self._augment, rng)
        logits = forward(augmented, batch["lengths"])
        with torch.no_grad():
            old_scores = self._old(augmented, batch["lengths"]).float().sigmoid()
        judged, retained = teaching_losses(logits, batch["targets"], old_scores)
        return {"loss": judged + retained, "judged_loss": judged.detach(), "retained_loss": retained.detach()}

    def dev_loss(self) -> None:
        """Nothing: judged places are too few to choose an epoch by some of them, too."""


def teaching_losses(logits: Tensor, targets: Tensor, old_scores: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of judged cells, and of all others against the old model.

    Parameters
    ----------
    logits : torch.Tensor, shape = (B, W) or (M, B, W)
        Of each of M members of an ensemble.
    targets : torch.Tensor, shape = (B, W)
        NaN where nothing was judged.
    old_scores : torch.Tensor, shape = (B, W)
        In [0, 1].

    Returns
    -------
    tuple of torch.Tensor
        Two scalars, each a mean over its cells; 0 where it has none.
    """
    members = logits if logits.dim() == 3 else logits[None]
    others = torch.where(targets.isnan(), old_scores, torch.nan)
    judged, retained = (
        torch.stack([known_cross_entropy(each, wanted) for each in members]).mean() for wanted in (targets, others)
    )
    return judged, retained


class _Together(Dataset[Item]):
    """The items of judged places, and then those of what is to stay, of whose words nothing is known."""

    def __init__(self, judged: TrainingSplit, retained: TrainingSplit | None) -> None:
        self._judged, self._retained = judged, retained

    def __len__(self) -> int:
        return len(self._judged) + (len(self._retained) if self._retained else 0)

    def __getitem__(self, index: int) -> Item:
        if index < len(self._judged):
            return self._judged[index]
        assert self._retained is not None
        item = self._retained[index - len(self._judged)]
        return {**item, "targets": np.full_like(item["targets"], np.nan)}


class _HalfAndHalf(EpochSampler):
    """Batches of which one half is judged; every judged place comes once an epoch, at one of its speeds."""

    def __init__(self, judged: TrainingSplit, retained: TrainingSplit | None, size: int, seed: int) -> None:
        self._judged, self._retained, self._seed = judged, retained, seed
        self._half = max(1, size // 2)

    def __len__(self) -> int:
        return math.ceil(self._judged.utterances / self._half)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self._seed, self.epoch))
        order = rng.permutation(self._judged.utterances)
        items = order + self._judged.utterances * rng.integers(len(self._judged.features), size=len(order))
        for start in range(0, len(items), self._half):
            batch = items[start : start + self._half].tolist()
            if self._retained is not None:
                batch += (len(self._judged) + rng.integers(len(self._retained), size=len(batch))).tolist()
            yield batch


def _part(split: TrainingSplit, utterances: npt.NDArray[np.int64]) -> TrainingSplit:
    """Some utterances of a split."""
    frames = [
        FeatureSet(
            np.concatenate([one.frames[one.starts[u] : one.starts[u + 1]] for u in utterances]),
            np.append(0, one.lengths[utterances].cumsum()),
        )
        for one in split.features
    ]
    columns: dict[str, Any] = {
        name: getattr(split, name)[utterances] for name in ("targets", "durations_s", "pictures")
    }
    return replace(split, features=frames, **columns)
