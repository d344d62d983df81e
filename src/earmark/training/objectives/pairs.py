"""Learning from pairs: what belongs to an anchor by its keywords, and what does not (Nortje and Kamper 2022)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.models import SpeechModel
from earmark.models.image_query_models import PairModel
from earmark.models.padding import pad
from earmark.recipe import ContrastiveLoss, Recipe, RegressionLoss, Sampled
from earmark.supervision.pair_sampling import PairSampler, labels
from earmark.training.data import (
    Group,
    GroupSampler,
    ImageSet,
    TrainingSplit,
    load_image_set,
    load_split,
    shuffled_pairs,
)
from earmark.training.image_thresholds import write_image_threshold
from earmark.training.losses import Pairs, contrastive, regression
from earmark.training.objectives._objective import Batch

DEV_SEED = 0  # of what is drawn on dev, once for all epochs


class PairDataset(Dataset[Group]):
    """A split to draw pairs from."""

    def __init__(self, split_data: TrainingSplit, image_set: ImageSet) -> None:
        self.split_data, self.image_set = split_data, image_set

    def __len__(self) -> int:
        return len(self.split_data)

    def __getitem__(self, group: Group) -> Group:
        return group

    def collate(self, batch: list[Group]) -> Batch:
        """What is heard and seen, (N, ...), and which of it are anchors, positives and negatives."""
        (group,) = batch
        features, lengths = pad([self.split_data.features[speed][utterance] for speed, utterance in group.variants])
        drawn = {name: torch.from_numpy(getattr(group, name)) for name in ("anchors", "positives", "negatives")}
        pictures = self.image_set[[utterance for _, utterance in group.variants]]
        return {"features": features, "lengths": lengths, "pictures": pictures, **drawn}


class PairObjective:
    """Anchors, positives and negatives."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel) -> None:
        assert isinstance(recipe.loss, Sampled)
        self.settings = recipe.loss
        training = recipe.training
        anchors, pairs = self._split(recipe, corpus, keywords, model, "train", recipe.augment.speeds)
        self.dev, dev_pairs = self._split(recipe, corpus, keywords, model, "dev", [1.0])
        self.sampler = GroupSampler(pairs, len(recipe.augment.speeds), training.batch_size, training.seed)
        self.dev_batches = list(GroupSampler(dev_pairs, 1, training.batch_size, DEV_SEED))
        if not any(len(group.anchors) for (group,) in self.dev_batches):
            raise EarmarkError(
                f"Among {training.batch_size} pairs of dev no one finds both a positive and a negative: "
                "raise training.batch_size, or set loss.draw to corpus."
            )
        self.loader = DataLoader(anchors, batch_sampler=self.sampler, collate_fn=anchors.collate)

    def _split(
        self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel, split: str, speeds: list[float]
    ) -> tuple[PairDataset, PairSampler]:
        split_data = load_split(recipe, corpus, split, keywords, speeds)
        image_set = load_image_set(corpus, split, model.image_encoder)
        if recipe.shuffle_pairs:
            image_set = image_set.shuffled_pairs(shuffled_pairs(recipe, len(image_set.of)))
        labelled = labels(split_data.targets, self.settings.top, self.settings.least)
        try:
            return PairDataset(split_data, image_set), PairSampler(labelled, image_set.of.tolist(), self.settings)
        except EarmarkError as error:
            raise EarmarkError(f"The split {split} of {corpus.folder}: {error}") from None

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Frames, lengths and pixels."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: SpeechModel, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """The recipe's loss over the pairs that anchors make with what was drawn for them."""
        frames, lengths, pixels = output
        if not len(batch["anchors"]):  # nobody in a small batch found what an anchor needs
            loss: Tensor = 0 * (frames.sum() + pixels.sum())
            return loss
        assert isinstance(model, PairModel)
        every = Pairs(pixels, frames, model.frame_mask(lengths, frames.shape[1]))
        own, positive, negative = (every.chosen(batch[part]) for part in ("anchors", "positives", "negatives"))
        p, n = self.settings.positives, self.settings.negatives
        if isinstance(self.settings, ContrastiveLoss):
            return contrastive(
                own.contexts(),
                (_heard(own, positive, p), _seen(own, positive, p)),
                (_heard(own, negative, n), _seen(own, negative, n)),
            )
        assert isinstance(self.settings, RegressionLoss)
        right = [own, own.times(p).with_speech(positive), own.times(p).with_pictures(positive)]
        wrong = [own.times(n).with_speech(negative), own.times(n).with_pictures(negative)]
        near, far = (torch.cat([pairs.similarities(model) for pairs in some]) for some in (right, wrong))
        model.update_stats(torch.cat([near, far]))
        return regression(near, far, self.settings.right, self.settings.wrong)

    @torch.no_grad()
    def check(self, model: SpeechModel) -> float:
        """The same loss, over what was drawn on dev once for all epochs."""
        model.eval()
        losses, rng = [], torch.Generator()
        for drawn in self.dev_batches:
            batch = {name: part.to(model.device) for name, part in self.dev.collate(drawn).items()}
            output = self.output(model, batch["features"], batch)
            losses.append(float(self.loss(model, output, batch, rng)) * len(batch["anchors"]))
        return sum(losses) / sum(len(group.anchors) for (group,) in self.dev_batches)

    def finish(self, model: SpeechModel, out: Path) -> None:
        """The threshold for pictures."""
        assert isinstance(model, PairModel)
        write_image_threshold(model, self.dev.split_data, self.dev.image_set.images, out)


def _heard(own: Pairs, drawn: Pairs, times: int) -> Tensor:
    """Contexts of drawn utterances in the anchors' pictures, (B, times, D)."""
    heard, _ = own.times(times).with_speech(drawn).contexts()
    return heard.view(-1, times, heard.shape[1])


def _seen(own: Pairs, drawn: Pairs, times: int) -> Tensor:
    """Contexts of drawn pictures in the anchors' utterances, (B, times, D)."""
    _, seen = own.times(times).with_pictures(drawn).contexts()
    return seen.view(-1, times, seen.shape[1])
