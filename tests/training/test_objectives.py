"""Losses of training objectives against loops over their formulae, with every pair encoded by itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from earmark.core.corpus import Corpus, Utterance, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.types import Prompt
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.recipe import Recipe
from earmark.recipe.schema import Loss
from earmark.training.data import shuffled_pairs
from earmark.training.devices import accelerated
from earmark.training.fit import make_loader
from earmark.training.objectives import kinds, make_objective
from earmark.training.objectives._pairs import PairDataset, PairIndex, collate_pairs
from support import slow_pairs

SPEEDS = [0.9, 1.0]
LOSSES: dict[str, dict[str, Any]] = {
    "contrastive": {"kind": "contrastive", "positives": 2, "negatives": 3},
    "regression": {"kind": "regression", "positives": 2, "negatives": 3, "right": 1.0, "wrong": 0.25},
    "triplet": {"kind": "triplet", "margin": 0.8, "image_to_speech": 1.5, "speech_to_image": 1.2},
    "tags": {"kind": "tags"},
}


SIMILARITY = {"tags": "keywords", "triplet": "misa"}  # of each loss; else localising attention
DRAWS = ["corpus", "batch"]


def recipe_of(
    loss: str, similarity: str, shuffle_pairs: bool = False, draw: str = "corpus", batch_size: int = 3
) -> Recipe:
    kind = {"kind": "matchmap", "pool": similarity} if similarity in ("misa", "sisa", "sima") else {"kind": similarity}
    return Recipe.model_validate(
        {
            "name": f"{loss} of {similarity}",
            "localisation": "score-aggregation" if loss == "tags" else "matchmap",
            "shuffle_pairs": shuffle_pairs,
            "augment": {"speeds": SPEEDS},
            "model": {
                "speech": {"kind": "conv", "layers": [{"channels": 6, "kernel": 5, "stride": 12}]},
                "image": {"kind": "small", "side": 32, "channels": [4, 4, 4]},
                "dimension": 4,
                "similarity": kind,
            },
            "loss": LOSSES[loss] | ({"draw": draw} if "negatives" in LOSSES[loss] else {}),
            "training": {"epochs": 2, "batch_size": batch_size},
        }
    )


def objective(recipe: Recipe, corpus: Corpus) -> tuple[Any, Any]:
    """An objective, and its model in evaluation mode."""
    torch.manual_seed(0)
    words, extract = Vocabulary(corpus.keywords), extractor(recipe.features)
    model = build(recipe.model, extract.dimension, words).requires_grad_(False)
    made = make_objective(recipe, corpus, words, model, extract)
    return made, model.eval()


def batch_of(made: Any, indices: Sequence[Any]) -> dict[str, Tensor]:
    """A batch of the training split."""
    return made.collate([made.dataset[index] for index in indices])


def loss_of(made: Any, batch: dict[str, Tensor], seed: int = 0) -> float:
    """As the training loop computes it, in double precision from the networks' outputs on."""
    output = made.output(made.model, batch)
    double = tuple(part.double() if part.is_floating_point() else part for part in output)
    return float(made.loss(double, batch, torch.Generator().manual_seed(seed)))


class Encoded:
    """Utterances and pictures of a split, each encoded by itself from its own file of the corpus."""

    def __init__(self, model: Any, split: Any, utterances: Sequence[Utterance]) -> None:
        self.model, self.split, self.utterances = model, split, utterances

    def frames(self, utterance: int, speed: int) -> Tensor:
        features = torch.from_numpy(np.array(self.split.features[speed][utterance], dtype=np.float32))
        frames, _ = self.model.encode_speech(features[None], torch.tensor([len(features)]))
        return frames[0].double()

    def compared(self, utterance: int, speed: int) -> Tensor:
        return slow_pairs.inner(self.frames(utterance, speed))

    def pixels(self, utterance: int) -> Tensor:
        image = self.utterances[utterance].image
        assert image is not None
        return self.model.encode_images([Prompt(image)])[0].flatten(0, 1).double()


Variant = tuple[int, int]  # utterance, speed


def drawn(batch: Sequence[PairIndex], utterances: int) -> list[tuple[Variant, list[Variant], list[Variant]]]:
    """Each anchor with its positives and its negatives: which utterance at which speed."""
    variants = [(index.item % utterances, index.item // utterances) for index in batch]
    return [
        (variants[row], [variants[p] for p in index.positives], [variants[n] for n in index.negatives])
        for row, index in enumerate(batch)
        if index.positives
    ]


# Positives and negatives by keyword


@pytest.mark.parametrize("draw", DRAWS)
def test_contrastive_contexts_are_those_of_each_pair_by_itself(tiny_corpus: Corpus, draw: str) -> None:
    size = 3 if draw == "corpus" else 8
    made, model = objective(recipe_of("contrastive", "localising-attention", draw=draw, batch_size=size), tiny_corpus)
    encoded = Encoded(model, made.train, tiny_corpus.utterances("train"))
    batches = list(made.sampler)
    for some in (batches[0], batches[-1]) if draw == "corpus" else batches[:1]:
        anchors = drawn(some, made.train.utterances)
        assert anchors
        assert loss_of(made, batch_of(made, some)) == pytest.approx(slow_contrastive(encoded, anchors), rel=1e-4)


def slow_contrastive(encoded: Encoded, anchors: Sequence[tuple[Variant, list[Variant], list[Variant]]]) -> float:
    groups: list[list[float]] = [[], [], [], []]
    for (u, speed), positives, negatives in anchors:
        pixels, frames = encoded.pixels(u), encoded.compared(u, speed)
        speech, image_context = slow_pairs.audio_context(pixels, frames), slow_pairs.image_context(pixels, frames)
        same_speech, other_speech = (
            [slow_pairs.audio_context(pixels, encoded.compared(*other)) for other in others]
            for others in (positives, negatives)
        )
        same_image, other_image = (
            [slow_pairs.image_context(encoded.pixels(other), frames) for other, _ in others]
            for others in (positives, negatives)
        )
        for group, anchor, alike, unlike in zip(
            groups,
            (speech, speech, image_context, image_context),
            ([image_context], same_speech, [speech], same_image),
            (other_speech, other_image, other_image, other_speech),
            strict=True,
        ):
            group += [(slow_pairs.cosine(anchor, other).item() - 1) ** 2 for other in alike]
            group += [(slow_pairs.cosine(anchor, other).item() + 1) ** 2 for other in unlike]
    return sum(sum(group) / len(group) for group in groups) / 4


@pytest.mark.parametrize(
    ("similarity", "draw"),
    [
        ("misa", "corpus"),
        ("sima", "corpus"),
        ("max", "corpus"),
        ("localising-attention", "corpus"),
        ("misa", "batch"),
    ],
)
def test_regression_compares_anchors_with_what_was_drawn_for_each(
    tiny_corpus: Corpus, similarity: str, draw: str
) -> None:
    size = 3 if draw == "corpus" else 8
    made, model = objective(recipe_of("regression", similarity, draw=draw, batch_size=size), tiny_corpus)
    encoded = Encoded(model, made.train, tiny_corpus.utterances("train"))
    some = next(iter(made.sampler))
    alike = slow_pairs.SIMILARITIES[similarity]
    distances = []
    anchors = drawn(some, made.train.utterances)
    for (u, speed), positives, negatives in anchors:
        pixels, frames = encoded.pixels(u), encoded.compared(u, speed)
        distances.append(alike(pixels, frames) - 1.0)
        for others, wanted in ((positives, 1.0), (negatives, 0.25)):
            distances += [alike(pixels, encoded.compared(*other)) - wanted for other in others]
            distances += [alike(encoded.pixels(other), frames) - wanted for other, _ in others]
    assert len(distances) == len(anchors) * (1 + 2 * 2 + 2 * 3) > 0
    expected = (sum(distance**2 for distance in distances) / len(distances)).item()
    assert loss_of(made, batch_of(made, some)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", ["contrastive", "regression", "triplet", "tags"])
def test_dev_is_checked_by_the_same_loss_on_the_same_batches(tiny_corpus: Corpus, loss: str) -> None:
    """Weighed by how many anchors a batch has, whatever mode the model is in, and the same each time."""
    similarity = SIMILARITY.get(loss, "localising-attention")
    made, model = objective(recipe_of(loss, similarity), tiny_corpus)
    model.train()
    dev_loss = made.dev_loss()
    assert made.dev_loss() == dev_loss
    assert not model.training
    if loss in ("contrastive", "regression"):
        dev = PairDataset(made.dev)
        batches = [collate_pairs([dev[index] for index in some]) for some in made.dev_batches]
        losses = [(len(batch["anchors"]), loss_of(made, batch)) for batch in batches]
        assert {u for some in made.dev_batches for (u, _), _, _ in drawn(some, made.dev.utterances)} == set(range(8))
        assert len({size for size, _ in losses}) == 2
        assert dev_loss == pytest.approx(sum(size * value for size, value in losses) / 8, rel=1e-4)


def test_a_split_that_nothing_can_be_drawn_from_is_named(own_corpus: Corpus) -> None:
    tags = own_corpus.folder / "tags" / "vgs.csv"
    lines = tags.read_text(encoding="utf-8").splitlines()
    low = [line.replace("0.9", "0.5") if line.startswith("dev") else line for line in lines]
    tags.write_text("\n".join(low) + "\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"^The split dev of .*corpus: No two pictures differ in their labels"):
        objective(recipe_of("contrastive", "localising-attention"), own_corpus)


def test_a_batch_in_which_no_anchor_finds_what_it_needs_teaches_nothing(tiny_corpus: Corpus) -> None:
    """Its loss is 0 and its slopes are, but it has some, as every batch must on several devices."""
    made, model = objective(recipe_of("regression", "misa", draw="batch", batch_size=8), tiny_corpus)
    batch = batch_of(made, next(iter(made.sampler)))
    nobody = {name: batch[name][:0] for name in ("anchors", "positives", "negatives")}
    model.requires_grad_(True)
    loss = made.loss(made.output(model, batch), batch | nobody, torch.Generator())
    assert loss.item() == 0
    loss.backward()
    assert all(not weights.grad.any() for weights in model.parameters())


def test_running_mean_and_std_follow_the_similarities_of_training_batches(tiny_corpus: Corpus) -> None:
    """By a tenth of each batch's; dev and cosines change nothing."""
    for loss, similarity in (("regression", "misa"), ("triplet", "max")):
        made, model = objective(recipe_of(loss, similarity), tiny_corpus)
        updates: list[Tensor] = []
        update_stats = model.update_stats
        model.update_stats = lambda values, updates=updates, update=update_stats: (
            updates.append(values),
            update(values),
        )
        made.dev_loss()
        assert (model.running_mean, model.running_std) == (0, 1)
        updates.clear()
        model.train()
        mean, std = 0.0, 1.0
        for some in itertools.islice(made.sampler, 3):
            batch = batch_of(made, some)
            made.loss(made.output(model, batch), batch, torch.Generator())
            mean = 0.9 * mean + 0.1 * updates[-1].mean().item()
            std = 0.9 * std + 0.1 * updates[-1].std().item()
        assert len(updates) == 3
        assert model.running_mean.item() == pytest.approx(mean, rel=1e-4)
        assert model.running_std.item() == pytest.approx(std, rel=1e-4)
    made, model = objective(recipe_of("regression", "localising-attention"), tiny_corpus)
    batch = batch_of(made, next(iter(made.sampler)))
    made.loss(made.output(model.train(), batch), batch, torch.Generator())
    assert (model.running_mean, model.running_std) == (0, 1)


# Triplets


def variants_of(made: Any, indices: Sequence[int]) -> list[Variant]:
    return [(index % made.train.utterances, index // made.train.utterances) for index in indices]


@pytest.mark.parametrize("similarity", ["misa", "localising-attention"])
def test_triplets_are_weighed_by_their_direction(tiny_corpus: Corpus, similarity: str) -> None:
    """From pictures to utterances 1.5 and from utterances to pictures 1.2, each with a semi-hard and a drawn one."""
    made, model = objective(recipe_of("triplet", similarity), tiny_corpus)
    encoded = Encoded(model, made.train, tiny_corpus.utterances("train"))
    variants = variants_of(made, next(iter(made.sampler)))
    alike = [  # pictures in rows
        [
            slow_pairs.SIMILARITIES[similarity](encoded.pixels(i), encoded.compared(u, speed)).item()
            for u, speed in variants
        ]
        for i, _ in variants
    ]
    in_order = losses_of_choices(alike)
    shown = losses_of_choices([list(column) for column in zip(*alike, strict=True)])
    right, reversed_ = (
        [to_speech * one + to_image * other for one, other in itertools.product(in_order, shown)]
        for to_speech, to_image in ((1.5, 1.2), (1.2, 1.5))
    )
    batch = batch_of(made, next(iter(made.sampler)))
    found = {round(loss_of(made, batch, seed), 6) for seed in range(8)}
    assert len(found) > 1
    assert all(min(abs(loss - other) for other in right) < 2e-5 for loss in found)
    assert any(min(abs(loss - other) for other in reversed_) > 2e-5 for loss in found)


def losses_of_choices(alike: Sequence[Sequence[float]]) -> list[float]:
    """The loss from rows to columns for every choice of drawn imposters."""
    size = range(len(alike))
    rows = []
    for i in size:
        hinges = {j: max(0.0, alike[i][j] - alike[i][i] + 0.8) for j in size if j != i}
        below = [j for j in hinges if alike[i][j] < alike[i][i]]
        semi_hard = hinges[max(below, key=lambda j: alike[i][j])] if below else 0.0
        rows.append([semi_hard + hinge for hinge in hinges.values()])
    return [sum(chosen) / len(alike) for chosen in itertools.product(*rows)]


def test_captions_of_one_picture_are_no_imposters(own_corpus: Corpus) -> None:
    """A batch that shows one picture alone has nothing to learn from."""
    with_one_picture(own_corpus)
    made, _ = objective(recipe_of("triplet", "misa"), own_corpus)
    for some in made.sampler:
        batch = batch_of(made, some)
        assert batch["image"].unique().tolist() == [0]
        assert loss_of(made, batch) == 0


def with_one_picture(corpus: Corpus) -> None:
    splits = {split: list(corpus.utterances(split)) for split in ("train", "dev", "test")}
    image = splits["train"][0].image
    write_corpus(corpus, {split: [replaced(u, image) for u in some] for split, some in splits.items()})


def replaced(utterance: Utterance, image: Path | None) -> Utterance:
    values = {**vars(utterance), "image": image}
    return Utterance(**values)


# Tags


def test_tags_with_images_add_the_cross_entropies_of_speech_and_images(tiny_corpus: Corpus) -> None:
    """With the tags of each utterance's own image."""
    made, model = objective(recipe_of("tags", "keywords"), tiny_corpus)
    encoded = Encoded(model, made.train, tiny_corpus.utterances("train"))
    some = next(iter(made.sampler))
    of_speech, of_images = [], []
    for u, speed in variants_of(made, some):
        target = torch.from_numpy(made.train.targets[u]).double()
        frames = encoded.frames(u, speed).float()[None]
        words = model.encode_queries(model.vocabulary.words)
        spoken = model.score((frames, torch.tensor([frames.shape[1]])), words)[0][0].double().sigmoid()
        shown = model.image_logits(encoded.pixels(u).float()[None])[0].double().sigmoid()
        for p, losses in ((spoken, of_speech), (shown, of_images)):
            losses += (-target * p.log() - (1 - target) * (1 - p).log()).tolist()
    expected = sum(of_speech) / len(of_speech) + sum(of_images) / len(of_images)
    assert loss_of(made, batch_of(made, some)) == pytest.approx(expected, rel=1e-4)
    mean = torch.from_numpy(made.train.targets).mean(dim=0)
    torch.testing.assert_close(model.prior_logits, mean.logit())


# All objectives


def test_every_kind_of_loss_has_an_objective() -> None:
    named = {get_args(part.model_fields["kind"].annotation)[0] for part in get_args(get_args(Loss)[0])}
    assert set(kinds()) == named == set(LOSSES)


@pytest.mark.parametrize("loss", LOSSES)
def test_shuffled_pairs_have_image_and_tags_of_one_other_utterance(tiny_corpus: Corpus, loss: str) -> None:
    recipe = recipe_of(loss, SIMILARITY.get(loss, "localising-attention"), shuffle_pairs=True)
    shuffled, _ = objective(recipe, tiny_corpus)
    plain, _ = objective(recipe_of(loss, SIMILARITY.get(loss, "localising-attention")), tiny_corpus)
    for split in ("train", "dev"):
        own = [utterance.image for utterance in tiny_corpus.utterances(split)]
        order = shuffled_pairs(recipe, len(own))
        one, other = getattr(shuffled, split), getattr(plain, split)
        assert one.images.utterance_paths == [own[i] for i in order] != own
        assert other.images.utterance_paths == own
        np.testing.assert_array_equal(one.targets, other.targets[order])
        assert not np.array_equal(one.targets, other.targets)
        for at_speed, expected in zip(one.features, other.features, strict=True):
            np.testing.assert_array_equal(at_speed[5], expected[5])  # speech stays where it is


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_utterance_without_a_picture_is_refused(own_corpus: Corpus, loss: str, split: str) -> None:
    similarity = SIMILARITY.get(loss, "localising-attention")
    splits = {name: list(own_corpus.utterances(name)) for name in ("train", "dev", "test")}
    splits[split][3] = replaced(splits[split][3], None)
    corpus = write_corpus(own_corpus, splits)
    with pytest.raises(EarmarkError) as error:
        objective(recipe_of(loss, similarity), read_corpus(corpus.folder))
    assert str(error.value).startswith(f"The utterance {split} 3 of {corpus.folder} has no picture: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("loss", LOSSES)
def test_loader_gives_padded_batches_with_images(tiny_corpus: Corpus, loss: str) -> None:
    made, _ = objective(recipe_of(loss, SIMILARITY.get(loss, "localising-attention")), tiny_corpus)
    with accelerated("cpu") as accelerator:
        loader = make_loader(made, accelerator)
        for batch, indices in zip(loader, made.sampler, strict=True):
            assert len(batch["features"]) == len(batch["lengths"]) == len(batch["images"]) == len(indices)
            assert batch["features"].shape[1] == batch["lengths"].max()
