"""Tags of pictures that several utterances share: the loss, the batches and the thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.training.data import PictureSampler
from earmark.training.objectives.tags import highest_of_pictures, known_cross_entropy, picture_cross_entropy

NAN = math.nan


def slow_cross_entropy(logits: np.ndarray, targets: np.ndarray, pictures: np.ndarray) -> float:
    """Picture by picture and word by word, with probabilities."""
    total, cells = 0.0, 0
    for picture in np.unique(pictures):
        for word in range(targets.shape[1]):
            members = [u for u in np.flatnonzero(pictures == picture) if not np.isnan(targets[u, word])]
            if not members:
                continue
            absent = math.prod(1 - 1 / (1 + math.exp(-logits[u, word])) for u in members)
            tag = max(targets[u, word] for u in members)
            total -= tag * math.log(1 - absent) + (1 - tag) * math.log(absent)
            cells += len(members)
    return total / max(cells, 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_loss_is_that_of_probabilities(seed: int) -> None:
    rng = np.random.default_rng(seed)
    utterances, words = rng.integers(1, 12), rng.integers(1, 5)
    pictures = rng.integers(0, 5, utterances)
    tags = rng.random((5, words)) * (rng.random((5, words)) < 0.7)
    targets = np.where(rng.random((utterances, words)) < 0.2, NAN, tags[pictures])
    logits = rng.normal(0, 3, (utterances, words))
    loss = picture_cross_entropy(*map(torch.from_numpy, (logits, targets, pictures)))
    assert float(loss) == pytest.approx(slow_cross_entropy(logits, targets, pictures), rel=1e-5, abs=1e-9)


def test_with_a_picture_for_each_utterance_it_is_the_loss_of_utterances() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(6, 3, generator=rng), torch.rand(6, 3, generator=rng)
    targets[2, 1] = NAN
    shared = picture_cross_entropy(logits, targets, torch.arange(6))
    torch.testing.assert_close(shared, known_cross_entropy(logits, targets))


def test_by_hand_one_of_two_sentences_has_the_word() -> None:
    """p = 3/4 and 1/2: the word is in neither with 1/8, so the loss of its tag is -ln 7/8, over two utterances."""
    logits = torch.tensor([[math.log(3.0)], [0.0]], requires_grad=True)
    loss = picture_cross_entropy(logits, torch.ones(2, 1), torch.tensor([4, 4]))
    assert float(loss.detach()) == pytest.approx(-math.log(7 / 8) / 2)
    loss.backward()
    assert logits.grad is not None
    assert abs(logits.grad[0, 0]) > abs(logits.grad[1, 0])  # what is already likely learns more


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("tag", [0.0, 1.0])
def test_sure_scores_leave_the_loss_and_its_gradient_finite(logit: float, tag: float) -> None:
    logits = torch.full((3, 1), logit, requires_grad=True)
    loss = picture_cross_entropy(logits, torch.full((3, 1), tag), torch.tensor([0, 0, 1]))
    loss.backward()
    assert logits.grad is not None
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_a_word_that_is_surely_missed_teaches_as_it_would_in_one_utterance() -> None:
    """Where p is nearly 0 the loss is -ln 2p: its slope at each logit is -1/2, and -1/4 as a mean over two."""
    logits = torch.full((2, 1), -20.0, requires_grad=True)
    picture_cross_entropy(logits, torch.ones(2, 1), torch.tensor([0, 0])).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.full((2, 1), -0.25))


def test_batches_hold_whole_pictures_and_every_utterance_once() -> None:
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 40, 150)
    lengths = rng.integers(10, 500, (3, 150))
    sampler = PictureSampler(lengths, pictures, 8, seed=0)
    orders = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        orders.append(batches)
        utterances = [np.array(batch) % 150 for batch in batches]
        assert sorted(np.concatenate(utterances)) == list(range(150))
        assert {item // 150 for batch in batches for item in batch} == {0, 1, 2}
        for batch in utterances:
            for picture in pictures[batch]:
                assert set(np.flatnonzero(pictures == picture)) <= set(batch)
            assert len(batch) < 8 + max(np.bincount(pictures))
    assert orders[0] != orders[1]
    sampler.set_epoch(0)
    assert list(sampler) == orders[0]


def test_the_highest_of_a_picture() -> None:
    values = np.array([[0.1, NAN], [0.7, NAN], [0.3, 0.2]])
    np.testing.assert_array_equal(highest_of_pictures(values, np.array([1, 0, 1])), [[0.7, NAN], [0.3, 0.2]])
