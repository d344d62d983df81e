"""Batches of anchors with positives and negatives: what each has, and on what it depends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
import scipy.stats
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given
from hypothesis import strategies as st

from earmark.recipe import ContrastiveLoss
from earmark.supervision.pair_sampling import PairSampler
from earmark.training.objectives._pairs import PairBatchSampler, PairIndex

LABELLED = np.array(
    [[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0]], dtype=bool
)
IMAGES = [0, 1, 2, 3, 4, 5, 5, 0]
PAIRS = len(LABELLED)
Draw = Literal["corpus", "batch"]
Batch = list[PairIndex]


def pair_sampler(draw: Draw) -> PairSampler:
    return PairSampler(LABELLED, IMAGES, ContrastiveLoss(kind="contrastive", positives=2, negatives=3, draw=draw))


def batches(seed: int = 0, epoch: int = 0, size: int = 3, speeds: int = 2, draw: Draw = "corpus") -> list[Batch]:
    sampler = PairBatchSampler(pair_sampler(draw), speeds, size, seed)
    sampler.set_epoch(epoch)
    made = list(sampler)
    assert len(made) == len(sampler)
    return made


def utterances(batch: Batch) -> list[int]:
    return [index.item % PAIRS for index in batch]


def anchors(batch: Batch) -> list[int]:
    return [row for row, index in enumerate(batch) if index.positives]


@given(size=st.integers(1, 9), seed=st.integers(0, 5), epoch=st.integers(0, 5), speeds=st.integers(1, 3))
def test_batches_from_the_corpus_have_each_anchor_once_with_pairs_of_its_own(
    size: int, seed: int, epoch: int, speeds: int
) -> None:
    made = batches(seed, epoch, size, speeds)
    assert sorted(utterances(batch)[row] for batch in made for row in anchors(batch)) == list(range(PAIRS))
    assert all(len(anchors(batch)) == size for batch in made[:-1])
    for batch in made:
        rows = [row for index in batch for row in (*index.positives, *index.negatives)]
        assert sorted([*anchors(batch), *rows]) == list(range(len(batch)))  # no pair is encoded for nothing, or for two
        check_rules(batch)
    assert {index.item // PAIRS for batch in made for index in batch} <= set(range(speeds))


@given(size=st.integers(1, 9), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_batches_of_mutual_pairs_have_every_pair_once(size: int, seed: int, epoch: int) -> None:
    made = batches(seed, epoch, size, draw="batch")
    assert sorted(utterance for batch in made for utterance in utterances(batch)) == list(range(PAIRS))
    sampler = pair_sampler("batch")
    for batch in made:
        check_rules(batch)
        members, rng = np.array(utterances(batch)), np.random.default_rng(0)
        possible = [row for row, u in enumerate(members.tolist()) if sampler.sample_from(u, members, rng)]
        assert anchors(batch) == possible
    if size == 1:
        assert not any(anchors(batch) for batch in made)
    if size > PAIRS:
        assert len(anchors(made[0])) == PAIRS


def has_keyword(utterance: int, keyword: int) -> bool:
    """Whether any pair of the utterance's image is labelled with the keyword."""
    return any(LABELLED[u, keyword] for u in range(PAIRS) if IMAGES[u] == IMAGES[utterance])


def check_rules(batch: Batch) -> None:
    """Some keyword of each anchor is that of its positives, and that of none of its negatives."""
    own = utterances(batch)
    for row in anchors(batch):
        positives, negatives = ([own[i] for i in drawn] for drawn in (batch[row].positives, batch[row].negatives))
        assert (len(positives), len(negatives)) == (2, 3)
        assert any(
            all(LABELLED[u, keyword] for u in positives) and not any(has_keyword(u, keyword) for u in negatives)
            for keyword in np.flatnonzero(LABELLED[own[row]])
        )
        assert IMAGES[own[row]] not in {IMAGES[u] for u in (*positives, *negatives)}


@pytest.mark.parametrize("draw", ["corpus", "batch"])
def test_batches_depend_on_seed_and_epoch_alone(draw: Draw) -> None:
    assert batches(1, 2, draw=draw) == batches(1, 2, draw=draw)
    assert batches(1, 2, draw=draw) != batches(1, 3, draw=draw)
    assert batches(1, 2, draw=draw) != batches(2, 2, draw=draw)
    sampler = PairBatchSampler(pair_sampler(draw), 2, 3, 1)
    epochs = []
    for epoch in (0, 2):  # an epoch is the same whether or not others came before it
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs[1] == batches(1, 2, draw=draw)


@pytest.mark.parametrize("draw", ["corpus", "batch"])
def test_every_speed_is_as_likely(draw: Draw) -> None:
    speeds = Counter(
        index.item // PAIRS for epoch in range(60) for batch in batches(epoch=epoch, draw=draw) for index in batch
    )
    assert set(speeds) == {0, 1}
    assert scipy.stats.chisquare([speeds[0], speeds[1]]).pvalue > 1e-3


@pytest.mark.parametrize("devices", [2, 3])
def test_accelerate_shards_pair_batches_completely(devices: int) -> None:
    sampler = PairBatchSampler(pair_sampler("corpus"), 1, 2, 0)
    shards = [BatchSamplerShard(sampler, devices, process) for process in range(devices)]
    sharded: list[Sequence[PairIndex]] = [batch for shard in shards for batch in shard]
    assert {utterances(list(batch))[row] for batch in sharded for row in anchors(list(batch))} == set(range(PAIRS))
    assert len({len(list(shard)) for shard in shards}) == 1
