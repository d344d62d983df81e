from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.features.augment import spec_augment, time_warp
from earmark.recipe import Augment

FRAMES, DIMENSIONS = 40, 13
LENGTHS = st.lists(st.integers(1, FRAMES), min_size=1, max_size=5).map(torch.tensor)
SETTINGS = st.builds(
    Augment,
    time_masks=st.integers(0, 3),
    time_width=st.floats(0, 1),
    feature_masks=st.integers(0, 3),
    feature_width=st.floats(0, 1),
)


def silenced(lengths: Tensor, how: Augment, seed: int = 0) -> Tensor:
    """Where features of ones have become 0: bool (B, T, F)."""
    ones = torch.ones(len(lengths), FRAMES, DIMENSIONS)
    return spec_augment(ones, lengths, how, torch.Generator().manual_seed(seed)) == 0


def only(**how: float) -> Augment:
    """These blocks and no others."""
    return Augment(**({"time_masks": 0, "feature_masks": 0} | how))


def runs(row: Tensor) -> list[int]:
    """Widths of the stretches of True in a row."""
    widths, width = [], 0
    for silent in [*row.tolist(), False]:
        if not silent and width:
            widths.append(width)
        width = width + 1 if silent else 0
    return widths


@given(LENGTHS, SETTINGS, st.integers(0, 1000))
@settings(deadline=None)
def test_only_whole_frames_and_whole_dimensions_are_silenced(lengths: Tensor, how: Augment, seed: int) -> None:
    for silent in silenced(lengths, how, seed):
        whole_frames, whole_dimensions = silent.all(dim=1), silent.all(dim=0)
        assert torch.equal(silent, whole_frames[:, None] | whole_dimensions)


@given(LENGTHS, st.integers(0, 3), st.floats(0, 1), st.integers(0, 1000))
@settings(deadline=None)
def test_blocks_of_time_lie_within_the_utterance(lengths: Tensor, count: int, widest: float, seed: int) -> None:
    silent = silenced(lengths, only(time_masks=count, time_width=widest), seed)
    for length, frames in zip(lengths.tolist(), silent.all(dim=2), strict=True):
        assert not frames[length:].any()
        assert len(runs(frames)) <= count
        assert frames.sum() <= count * widest * length


@given(LENGTHS, st.integers(0, 3), st.floats(0, 1), st.integers(0, 1000))
@settings(deadline=None)
def test_blocks_of_dimensions_go_through_all_frames(lengths: Tensor, count: int, widest: float, seed: int) -> None:
    silent = silenced(lengths, only(feature_masks=count, feature_width=widest), seed)
    assert torch.equal(silent, silent.all(dim=1, keepdim=True).expand_as(silent))
    for dimensions in silent[:, 0]:
        assert len(runs(dimensions)) <= count
        assert dimensions.sum() <= count * widest * DIMENSIONS


@given(LENGTHS, SETTINGS, st.integers(0, 1000))
@settings(deadline=None)
def test_what_is_left_is_untouched_and_the_original_too(lengths: Tensor, how: Augment, seed: int) -> None:
    features = 1 + torch.rand(len(lengths), FRAMES, DIMENSIONS)
    before = features.clone()
    after = spec_augment(features, lengths, how, torch.Generator().manual_seed(seed))
    assert torch.equal(features, before)
    assert torch.equal(after, torch.where(after == 0, 0.0, before))


@given(LENGTHS, SETTINGS, st.integers(0, 1000))
@settings(deadline=None)
def test_the_same_chance_gives_the_same_blocks(lengths: Tensor, how: Augment, seed: int) -> None:
    assert torch.equal(silenced(lengths, how, seed), silenced(lengths, how, seed))


def test_another_chance_gives_other_blocks_and_so_does_every_utterance() -> None:
    lengths = torch.full((20,), FRAMES)
    how = only(time_masks=1, time_width=0.5)
    assert not torch.equal(silenced(lengths, how, 1), silenced(lengths, how, 2))
    assert len({tuple(frames.tolist()) for frames in silenced(lengths, how)[:, :, 0]}) > 10


@pytest.mark.parametrize(
    "nothing",
    [
        only(),
        Augment(time_width=0.0, feature_width=0.0),
        Augment(time_masks=0, feature_width=0.0),
        only(time_masks=2, time_width=0.02),  # less than a whole frame
    ],
)
def test_no_blocks_or_no_width_change_nothing(nothing: Augment) -> None:
    assert not silenced(torch.tensor([FRAMES, 7]), nothing).any()


def test_coverage_is_what_uniform_widths_and_starts_give() -> None:
    """A block's width floor(20 u), u uniform, is each of 0 to 19 equally often; each place is as likely as the next."""
    silent = silenced(torch.full((20_000,), FRAMES), only(time_masks=1, time_width=0.5))[:, :, 0]
    widths = silent.sum(dim=1)
    shares = torch.bincount(widths, minlength=21) / len(widths)
    torch.testing.assert_close(shares[:20], torch.full((20,), 0.05), atol=0.01, rtol=0)
    assert shares[20] == 0
    starts = silent[widths == 11].int().argmax(dim=1)
    shares = torch.bincount(starts, minlength=30) / len(starts)
    torch.testing.assert_close(shares, torch.full((30,), 1 / 30), atol=0.03, rtol=0)


def test_dimensions_are_covered_likewise() -> None:
    silent = silenced(torch.full((20_000,), 3), only(feature_masks=1, feature_width=1.0))[:, 0]
    shares = torch.bincount(silent.sum(dim=1), minlength=DIMENSIONS) / len(silent)
    torch.testing.assert_close(shares, torch.full((DIMENSIONS,), 1 / DIMENSIONS), atol=0.01, rtol=0)


def test_two_blocks_fall_independently() -> None:
    lengths = torch.full((20_000,), FRAMES)
    one, two = (silenced(lengths, only(time_masks=count, time_width=0.5))[:, :, 0] for count in (1, 2))
    left = 1 - one.float().mean(dim=0)
    torch.testing.assert_close(1 - two.float().mean(dim=0), left.square(), atol=0.015, rtol=0)


@given(LENGTHS, st.integers(1, 60), st.integers(0, 1000))
@settings(deadline=None)
def test_time_is_warped_about_one_point(lengths: Tensor, furthest: int, seed: int) -> None:
    """Against numpy's interpolation between three fixed points: both ends, and the point that is moved."""
    rng = torch.Generator().manual_seed(seed)
    features = torch.randn((len(lengths), FRAMES, 3), generator=rng, dtype=torch.float64)
    found = time_warp(features, lengths, furthest, torch.Generator().manual_seed(seed))
    drawn = torch.rand((2, len(lengths)), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for row, length in enumerate(lengths.tolist()):
        last = length - 1
        reach = min(furthest, last / 2)
        point = reach + float(drawn[0, row]) * (last - 2 * reach)
        moved = point + (2 * float(drawn[1, row]) - 1) * reach
        assert reach - 1e-9 <= point <= last - reach + 1e-9
        source = np.interp(np.arange(length), [0, moved, last], [0, point, last]) if last else np.zeros(1)
        for dimension in range(3):
            expected = np.interp(source, np.arange(length), features[row, :length, dimension])
            np.testing.assert_allclose(found[row, :length, dimension], expected, atol=1e-7)
        assert torch.equal(found[row, length:], features[row, length:])


def test_time_is_warped_only_where_the_recipe_says_so() -> None:
    features, lengths = torch.randn(2, FRAMES, DIMENSIONS), torch.tensor([FRAMES, 30])
    for furthest in (0, 5):
        found = spec_augment(features, lengths, only(time_warp=furthest), torch.Generator().manual_seed(1))
        assert torch.equal(found, features) == (furthest == 0)
