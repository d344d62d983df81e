"""Losses over pairs against loops over their formulae."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.training.losses import contrastive, regression, triplet
from support import slow_pairs

CLOSE = {"atol": 1e-9, "rtol": 1e-9}
SEED = st.integers(0, 2**31)


def random(*shape: int, rng: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()


def slopes(loss: Tensor, of: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, of, allow_unused=True, materialize_grads=True)


# Contrastive


def slow_group(anchor: Tensor, alike: Sequence[Tensor], unlike: Sequence[Tensor]) -> list[Tensor]:
    """Squared distances of the cosines from [1, ..., -1, ...]."""
    near = [(slow_pairs.cosine(list(other), list(anchor)) - 1) ** 2 for other in alike]
    return near + [(slow_pairs.cosine(list(other), list(anchor)) + 1) ** 2 for other in unlike]


@given(anchors=st.integers(1, 3), p=st.integers(1, 3), n=st.integers(1, 3), dimension=st.integers(1, 3), seed=SEED)
@settings(deadline=None, max_examples=30)
def test_contrastive_is_a_loop_over_the_four_groups(anchors: int, p: int, n: int, dimension: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    speech, images = (random(anchors, dimension, rng=rng) for _ in range(2))
    same_speech, same_images = (random(anchors, p, dimension, rng=rng) for _ in range(2))
    other_speech, other_images = (random(anchors, n, dimension, rng=rng) for _ in range(2))
    groups: list[list[Tensor]] = [[], [], [], []]
    for i in range(anchors):
        groups[0] += slow_group(speech[i], [images[i]], other_speech[i])
        groups[1] += slow_group(speech[i], same_speech[i], other_images[i])
        groups[2] += slow_group(images[i], [speech[i]], other_images[i])
        groups[3] += slow_group(images[i], same_images[i], other_speech[i])
    expected = sum(sum(group) / len(group) for group in groups) / 4
    loss = contrastive((speech, images), (same_speech, same_images), (other_speech, other_images))
    torch.testing.assert_close(loss, expected, **CLOSE)
    every = (speech, images, same_speech, same_images, other_speech, other_images)
    torch.testing.assert_close(slopes(loss, every), slopes(expected, every), **CLOSE)
    if p == 1:  # as released: the mean over 4 B x (1 + n) numbers
        every_distance = list(itertools.chain(*groups))
        assert len(every_distance) == 4 * anchors * (1 + n)
        torch.testing.assert_close(loss, sum(every_distance) / len(every_distance), **CLOSE)


def test_contrastive_by_hand() -> None:
    """East is what is heard, north what is seen; the groups: (1 + 0) / 2, (0 + 4) / 2, (1 + 1) / 2, (4 + 1) / 2."""
    east, north = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    loss = contrastive((east, north), (east[None], -north[None]), (-east[None], east[None]))
    assert loss.item() == pytest.approx((0.5 + 2 + 1 + 2.5) / 4)
    learned = contrastive((east, east), (east[None], east[None]), (-east[None], -east[None]))
    assert learned.item() == pytest.approx(0)


# Regression


@given(right=st.lists(st.floats(-50, 50)), wrong=st.lists(st.floats(-50, 50), min_size=1), high=st.floats(-100, 100))
def test_regression_is_a_mean_of_squares(right: list[float], wrong: list[float], high: float) -> None:
    low = -high / 3
    expected = sum([(s - high) ** 2 for s in right] + [(s - low) ** 2 for s in wrong]) / (len(right) + len(wrong))
    near, far = (torch.tensor(some, dtype=torch.float64) for some in (right, wrong))
    assert regression(near, far, high, low).item() == pytest.approx(expected)
    assert regression(near[:, None], far[None], high, low).item() == pytest.approx(expected)


# Triplets


def slow_triplets(similarities: Tensor, picture: Sequence[int], margin: float) -> list[Tensor]:
    """The loss for every choice of imposters that chance can make."""
    batch = range(len(picture))
    choices = []
    for i in batch:
        right = similarities[i, i]
        imposters = [similarities[i, j] for j in batch if picture[j] != picture[i]]
        below = [imposter for imposter in imposters if imposter < right]
        hinges = [(imposter - right + margin).clamp_min(0) for imposter in imposters]
        semi_hard = (max(below) - right + margin).clamp_min(0) if below else torch.zeros_like(right)
        choices.append([semi_hard + hinge for hinge in hinges] or [torch.zeros_like(right)])
    return [sum(chosen) / len(picture) for chosen in itertools.product(*choices)]


@given(
    picture=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    margin=st.floats(0.1, 3),
    seed=SEED,
    other_way=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_triplet_is_a_loop_over_a_semi_hard_and_any_one_imposter(
    picture: list[int], margin: float, seed: int, other_way: bool
) -> None:
    rng = torch.Generator().manual_seed(seed)
    similarities = random(len(picture), len(picture), rng=rng)
    of = torch.tensor(picture)
    same = of[:, None] == of
    rows = similarities.T if other_way else similarities
    loss = triplet(rows, same, margin, rng)
    possible = slow_triplets(rows, picture, margin)
    expected = min(possible, key=lambda other: (other - loss).abs().item())
    torch.testing.assert_close(loss, expected, **CLOSE)
    if expected.requires_grad:
        torch.testing.assert_close(slopes(loss, [similarities]), slopes(expected, [similarities]), **CLOSE)


@given(
    picture=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True),
    margin=st.floats(0.1, 3),
    shift=st.sampled_from([-5.0, 0.0, 5.0]),
    seed=SEED,
)
@settings(deadline=None, max_examples=60)
def test_the_released_semi_hard_impostor_is_at_least_0(
    picture: list[int], margin: float, shift: float, seed: int
) -> None:
    """As the released code has it: similarities not below the match are multiplied by 0, and the best taken."""
    rng = torch.Generator().manual_seed(seed)
    similarities = random(len(picture), len(picture), rng=rng).detach() + shift
    batch = range(len(picture))
    choices = []
    for i in batch:
        right = similarities[i, i].item()
        masked = [similarities[i, j].item() * (similarities[i, j].item() < right) for j in batch]
        semi_hard = max(0.0, max(masked) - right + margin)
        hinges = [max(0.0, similarities[i, j].item() - right + margin) for j in batch if j != i]
        choices.append([semi_hard + hinge for hinge in hinges] or [semi_hard])
    possible = [sum(chosen) / len(picture) for chosen in itertools.product(*choices)]
    loss = triplet(similarities, torch.eye(len(picture), dtype=torch.bool), margin, rng, released=True).item()
    assert min(abs(other - loss) for other in possible) < 1e-9
    if shift > 0 and len(picture) > 1 and (similarities.diagonal()[:, None] > similarities).sum(dim=1).all():
        same = torch.eye(len(picture), dtype=torch.bool)
        found = [triplet(similarities, same, margin, torch.Generator().manual_seed(3), r).item() for r in (False, True)]
        assert found[0] == pytest.approx(found[1])  # above 0 the two are one


def test_triplet_by_hand() -> None:
    """One imposter each way: from the first it is 0.5 below the right one, from the second 2 above it."""
    similarities = torch.tensor([[1.0, 0.5], [5.0, 3.0]])
    same = torch.eye(2, dtype=torch.bool)
    rng = torch.Generator()
    # Row 0: drawn 0.5 and semi-hard 0.5. Row 1: drawn 3; none is semi-hard.
    assert triplet(similarities, same, 1.0, rng).item() == pytest.approx((0.5 + 0.5 + 3) / 2)
    # Column 0: drawn 5 and none semi-hard. Column 1: the imposter is 2.5 below, farther than the margin.
    assert triplet(similarities.T, same, 1.0, rng).item() == pytest.approx((5 + 0) / 2)


@pytest.mark.parametrize("size", [1, 3])
def test_without_imposters_there_is_nothing_to_learn(size: int) -> None:
    similarities = torch.randn(size, size, requires_grad=True)
    loss = triplet(similarities, torch.ones(size, size, dtype=torch.bool), 1.0, torch.Generator())
    assert loss.item() == 0
    loss.backward()
    assert not similarities.grad.any()


def test_the_drawn_imposter_is_any_of_them_and_never_the_same_picture() -> None:
    """Row 0 has its right one at 0; imposters above it at 1 to 3 are not semi-hard, and tell which was drawn."""
    similarities = torch.tensor([[0.0, 1, 2, 3, 9], *[[0.0] * 5] * 4])
    similarities.diagonal()[1:] = 100
    of = torch.tensor([0, 1, 2, 3, 0])  # the last utterance describes the first picture, too
    rng = torch.Generator().manual_seed(0)
    drawn = Counter(round(5 * triplet(similarities, of[:, None] == of, 1.0, rng).item()) - 1 for _ in range(1500))
    assert set(drawn) == {1, 2, 3}
    assert scipy.stats.chisquare(list(drawn.values())).pvalue > 1e-3
