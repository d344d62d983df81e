"""What a course of training feeds to its loss: every pair encoded by itself, and looped over as the formula says."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from earmark.core.corpus import Corpus, Utterance, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.types import Prompt
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.recipe import Recipe
from earmark.training.data import Group, shuffled_pairs
from earmark.training.objectives import make_objective
from support import slow_pairs

SPEEDS = [0.9, 1.0]
LOSSES: dict[str, dict[str, Any]] = {
    "contrastive": {"kind": "contrastive", "positives": 2, "negatives": 3},
    "regression": {"kind": "regression", "positives": 2, "negatives": 3, "right": 1.0, "wrong": 0.25},
    "triplet": {"kind": "triplet", "margin": 0.8, "image_to_speech": 1.5, "speech_to_image": 1.2},
    "tags": {"kind": "tags"},
}


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
    """A course, and a model in evaluation mode."""
    torch.manual_seed(0)
    words = Vocabulary(corpus.keywords)
    model = build(recipe.model, extractor(recipe.features).dimension, words).requires_grad_(False)
    made = make_objective(recipe, corpus, words, model)
    return made, model.eval()


def loss_of(made: Any, model: Any, batch: dict[str, Tensor], seed: int = 0) -> float:
    """As the training loop computes it, in double precision from the networks' outputs on."""
    output = made.output(model, batch["features"], batch)
    double = tuple(part.double() if part.is_floating_point() else part for part in output)
    return float(made.loss(model, double, batch, torch.Generator().manual_seed(seed)))


class Encoded:
    """Utterances and pictures of a split, each encoded by itself from its own file of the corpus."""

    def __init__(self, model: Any, split_data: Any, utterances: Sequence[Utterance]) -> None:
        self.model, self.split_data, self.utterances = model, split_data, utterances

    def frames(self, utterance: int, speed: int) -> Tensor:
        features = torch.from_numpy(np.array(self.split_data.features[speed][utterance], dtype=np.float32))
        frames, _ = self.model.encode_speech(features[None], torch.tensor([len(features)]))
        return frames[0].double()

    def compared(self, utterance: int, speed: int) -> Tensor:
        return slow_pairs.inner(self.frames(utterance, speed))

    def pixels(self, utterance: int) -> Tensor:
        image = self.utterances[utterance].image
        assert image is not None
        return self.model.encode_images([Prompt(image)])[0].flatten(0, 1).double()


Variant = tuple[int, int]


def drawn(group: Group) -> list[tuple[Variant, list[Variant], list[Variant]]]:
    """Each anchor with its positives and its negatives: which utterance at which speed."""
    heard = [(utterance, speed) for speed, utterance in group.variants]
    rows = zip(group.anchors, group.positives, group.negatives, strict=True)
    return [(heard[a], [heard[row] for row in p], [heard[row] for row in n]) for a, p, n in rows]


# Positives and negatives by keyword


@pytest.mark.parametrize("draw", DRAWS)
def test_contrastive_contexts_are_those_of_each_pair_by_itself(tiny_corpus: Corpus, draw: str) -> None:
    size = 3 if draw == "corpus" else 8
    made, model = objective(recipe_of("contrastive", "localising-attention", draw=draw, batch_size=size), tiny_corpus)
    encoded = Encoded(model, made.loader.dataset.split_data, tiny_corpus.utterances("train"))
    batches = list(made.sampler)
    for some in (batches[0], batches[-1]) if draw == "corpus" else batches[:1]:
        assert drawn(some[0])
        found = loss_of(made, model, made.loader.collate_fn(some))
        assert found == pytest.approx(slow_contrastive(encoded, some[0]), rel=1e-4)


def slow_contrastive(encoded: Encoded, some: Group) -> float:
    groups: list[list[float]] = [[], [], [], []]
    for (u, speed), positives, negatives in drawn(some):
        pixels, frames = encoded.pixels(u), encoded.compared(u, speed)
        heard, seen = slow_pairs.audio_context(pixels, frames), slow_pairs.image_context(pixels, frames)
        heard_too, heard_not = (
            [slow_pairs.audio_context(pixels, encoded.compared(*other)) for other in others]
            for others in (positives, negatives)
        )
        seen_too, seen_not = (
            [slow_pairs.image_context(encoded.pixels(other), frames) for other, _ in others]
            for others in (positives, negatives)
        )
        for group, anchor, alike, unlike in zip(
            groups,
            (heard, heard, seen, seen),
            ([seen], heard_too, [heard], seen_too),
            (heard_not, seen_not, seen_not, heard_not),
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
    encoded = Encoded(model, made.loader.dataset.split_data, tiny_corpus.utterances("train"))
    some = next(iter(made.sampler))
    alike = slow_pairs.SIMILARITIES[similarity]
    distances = []
    for (u, speed), positives, negatives in drawn(some[0]):
        pixels, frames = encoded.pixels(u), encoded.compared(u, speed)
        distances.append(alike(pixels, frames) - 1.0)
        for others, wanted in ((positives, 1.0), (negatives, 0.25)):
            distances += [alike(pixels, encoded.compared(*other)) - wanted for other in others]
            distances += [alike(encoded.pixels(other), frames) - wanted for other, _ in others]
    assert len(distances) == len(some[0].anchors) * (1 + 2 * 2 + 2 * 3) > 0
    expected = (sum(distance**2 for distance in distances) / len(distances)).item()
    assert loss_of(made, model, made.loader.collate_fn(some)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", ["contrastive", "regression", "triplet", "tags"])
def test_dev_is_checked_by_the_same_loss_on_the_same_batches(tiny_corpus: Corpus, loss: str) -> None:
    """Weighed by how many anchors a batch has, whatever mode the model is in, and the same each time."""
    similarity = {"tags": "keywords", "triplet": "misa"}.get(loss, "localising-attention")
    made, model = objective(recipe_of(loss, similarity), tiny_corpus)
    checked = made.check(model.train())
    assert made.check(model) == checked
    assert not model.training
    if loss in ("contrastive", "regression"):
        encoded = [(len(some[0].anchors), loss_of(made, model, made.dev.collate(some))) for some in made.dev_batches]
        assert {u for [some] in made.dev_batches for (u, _), _, _ in drawn(some)} == set(range(8))
        assert len({size for size, _ in encoded}) == 2
        assert checked == pytest.approx(sum(size * value for size, value in encoded) / 8, rel=1e-4)


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
    batch = made.loader.collate_fn(next(iter(made.sampler)))
    nobody = {name: batch[name][:0] for name in ("anchors", "positives", "negatives")}
    model.requires_grad_(True)
    loss = made.loss(model, made.output(model, batch["features"], batch), batch | nobody, torch.Generator())
    assert loss.item() == 0
    loss.backward()
    assert all(not weights.grad.any() for weights in model.parameters())


def test_the_scale_of_similarities_follows_those_in_training(tiny_corpus: Corpus) -> None:
    """A tenth of each batch's mean and deviation; dev and cosines teach no scale."""
    for loss, similarity in (("regression", "misa"), ("triplet", "max")):
        made, model = objective(recipe_of(loss, similarity), tiny_corpus)
        heard: list[Tensor] = []
        update_stats = model.update_stats
        model.update_stats = lambda alike, heard=heard, update_stats=update_stats: (
            heard.append(alike),
            update_stats(alike),
        )
        made.check(model)
        assert (model.running_mean, model.running_std) == (0, 1)
        heard.clear()
        model.train()
        middle, deviation = 0.0, 1.0
        for batch in itertools.islice(made.loader, 3):
            made.loss(model, made.output(model, batch["features"], batch), batch, torch.Generator())
            middle = 0.9 * middle + 0.1 * heard[-1].mean().item()
            deviation = 0.9 * deviation + 0.1 * heard[-1].std().item()
        assert len(heard) == 3
        assert model.running_mean.item() == pytest.approx(middle, rel=1e-4)
        assert model.running_std.item() == pytest.approx(deviation, rel=1e-4)
    made, model = objective(recipe_of("regression", "localising-attention"), tiny_corpus)
    batch = next(iter(made.loader))
    made.loss(model.train(), made.output(model, batch["features"], batch), batch, torch.Generator())
    assert (model.running_mean, model.running_std) == (0, 1)


# Triplets


@pytest.mark.parametrize("similarity", ["misa", "localising-attention"])
def test_triplets_are_weighed_by_their_direction(tiny_corpus: Corpus, similarity: str) -> None:
    """From pictures to utterances 1.5 and from utterances to pictures 1.2, each with a semi-hard and a drawn one."""
    made, model = objective(recipe_of("triplet", similarity), tiny_corpus)
    encoded = Encoded(model, made.split_data, tiny_corpus.utterances("train"))
    (some,) = next(iter(made.sampler))
    alike = [  # pictures in rows
        [slow_pairs.SIMILARITIES[similarity](encoded.pixels(i), encoded.compared(u, speed)).item() for speed, u in some]
        for _, i in some
    ]
    sought = losses_of_choices(alike)
    shown = losses_of_choices([list(column) for column in zip(*alike, strict=True)])
    right, reversed_ = (
        [to_speech * one + to_image * other for one, other in itertools.product(sought, shown)]
        for to_speech, to_image in ((1.5, 1.2), (1.2, 1.5))
    )
    found = {round(loss_of(made, model, made.loader.collate_fn([some]), seed), 6) for seed in range(8)}
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
    made, model = objective(recipe_of("triplet", "misa"), own_corpus)
    for batch in made.loader:
        assert batch["picture"].unique().tolist() == [0]
        assert loss_of(made, model, batch) == 0


def with_one_picture(corpus: Corpus) -> None:
    splits = {split: list(corpus.utterances(split)) for split in ("train", "dev", "test")}
    image = splits["train"][0].image
    write_corpus(corpus, {split: [replaced(u, image) for u in some] for split, some in splits.items()})


def replaced(utterance: Utterance, image: Path | None) -> Utterance:
    values = {**vars(utterance), "image": image}
    return Utterance(**values)


# Tags


def test_shared_words_learn_what_is_said_and_what_is_shown(tiny_corpus: Corpus) -> None:
    """The sum of two cross-entropies, with the tags of each utterance's own picture."""
    made, model = objective(recipe_of("tags", "keywords"), tiny_corpus)
    encoded = Encoded(model, made.split_data, tiny_corpus.utterances("train"))
    (some,) = next(iter(made.sampler))
    said, shown = [], []
    for speed, u in some:
        target = torch.from_numpy(made.split_data.targets[u]).double()
        frames = encoded.frames(u, speed).float()[None]
        words = model.encode_queries(model.vocabulary.words)
        heard = model.score((frames, torch.tensor([frames.shape[1]])), words)[0][0].double().sigmoid()
        seen = model.image_logits(encoded.pixels(u).float()[None])[0].double().sigmoid()
        for p, kept in ((heard, said), (seen, shown)):
            kept += (-target * p.log() - (1 - target) * (1 - p).log()).tolist()
    expected = sum(said) / len(said) + sum(shown) / len(shown)
    assert loss_of(made, model, made.loader.collate_fn([some])) == pytest.approx(expected, rel=1e-4)
    mean = torch.from_numpy(made.split_data.targets).mean(dim=0)
    torch.testing.assert_close(model.prior_logits, mean.logit())


# What all of them share


@pytest.mark.parametrize("loss", LOSSES)
def test_a_control_has_the_pictures_and_the_tags_of_others(tiny_corpus: Corpus, loss: str) -> None:
    """Tags go with the pictures: what an utterance gets of both is one other's."""
    similarity = {"tags": "keywords", "triplet": "misa"}.get(loss, "localising-attention")
    recipe = recipe_of(loss, similarity, shuffle_pairs=True)
    made, _ = objective(recipe, tiny_corpus)
    true, _ = objective(recipe_of(loss, similarity), tiny_corpus)
    for split in ("train", "dev"):
        own = [utterance.image for utterance in tiny_corpus.utterances(split)]
        order = shuffled_pairs(recipe, len(own))
        shuffled, plain = (_shown(some, split) for some in (made, true))
        assert shuffled[0].images == [own[i] for i in order] != own
        assert plain[0].images == own
        np.testing.assert_array_equal(shuffled[1].targets, plain[1].targets[order])
        assert not np.array_equal(shuffled[1].targets, plain[1].targets)
        for one, other in zip(shuffled[1].features, plain[1].features, strict=True):
            np.testing.assert_array_equal(one[5], other[5])  # the sound stays where it is


def _shown(made: Any, split: str) -> tuple[Any, Any]:
    """Gallery and lesson of a split."""
    if hasattr(made, "dev_batches"):
        part = made.loader.dataset if split == "train" else made.dev
        return part.image_set, part.split_data
    return (made.image_set, made.split_data) if split == "train" else (made.dev_gallery, made.dev)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_utterance_without_a_picture_is_refused(own_corpus: Corpus, loss: str, split: str) -> None:
    similarity = {"tags": "keywords", "triplet": "misa"}.get(loss, "localising-attention")
    splits = {name: list(own_corpus.utterances(name)) for name in ("train", "dev", "test")}
    splits[split][3] = replaced(splits[split][3], None)
    corpus = write_corpus(own_corpus, splits)
    with pytest.raises(EarmarkError) as error:
        objective(recipe_of(loss, similarity), read_corpus(corpus.folder))
    assert str(error.value).startswith(f"The utterance {split} 3 of {corpus.folder} has no picture: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("loss", LOSSES)
def test_batches_have_what_a_loop_over_devices_needs(tiny_corpus: Corpus, loss: str) -> None:
    similarity = {"tags": "keywords", "triplet": "misa"}.get(loss, "localising-attention")
    made, _ = objective(recipe_of(loss, similarity), tiny_corpus)
    assert isinstance(made.loader, DataLoader)
    assert made.loader.batch_sampler is made.sampler
    batch = next(iter(made.loader))
    assert {"features", "lengths", "pictures"} <= batch.keys()
    assert len(batch["features"]) == len(batch["lengths"]) == len(batch["pictures"])
