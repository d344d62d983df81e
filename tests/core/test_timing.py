from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.timing import (
    FEATURE_GRID,
    HOP_SAMPLES,
    SAMPLE_RATE,
    FrameGrid,
    exact_div,
    feature_frames,
    layer_frames,
    s_to_samples,
    samples_to_s,
)

LAYER = st.integers(1, 6).flatmap(  # kernel, stride, padding
    lambda kernel: st.tuples(st.just(kernel), st.integers(1, 4), st.integers(0, kernel // 2))
)
LENGTH = 240


def stack_of(layers: list[tuple[int, int, int]]) -> torch.nn.Sequential:
    """Convolutions whose weights are all 1, so that what a frame can see never cancels out."""
    made = [torch.nn.Conv1d(1, 1, kernel, stride, padding, bias=False) for kernel, stride, padding in layers]
    for convolution in made:
        torch.nn.init.ones_(convolution.weight)
    return torch.nn.Sequential(*made).double()


@settings(deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=3))
def test_the_grid_of_a_stack_is_where_impulses_come_out(layers: list[tuple[int, int, int]]) -> None:
    impulses = torch.eye(LENGTH, dtype=torch.float64)[:, None]  # one impulse at each moment, a batch of them
    with torch.no_grad():
        reached = stack_of(layers)(impulses)[:, 0].numpy() != 0  # moment by frame
    first_reached, last_reached = reached.argmax(axis=0), LENGTH - 1 - reached[::-1].argmax(axis=0)
    grid = reduce(lambda grid, layer: grid.then(*layer), layers, FrameGrid(stride=1, first_centre=0.0, field=1))
    centres = grid.first_centre + grid.stride * np.arange(reached.shape[1])
    first, last = centres - (grid.field - 1) / 2, centres + (grid.field - 1) / 2
    whole = (first >= 0) & (last < LENGTH)  # frames that see no padding
    assert whole.any()
    np.testing.assert_array_equal(first_reached[whole], first[whole])
    np.testing.assert_array_equal(last_reached[whole], last[whole])


@settings(deadline=None)
@given(LAYER, st.integers(1, 200))
def test_frames_of_a_layer(layer: tuple[int, int, int], frames: int) -> None:
    kernel, stride, padding = layer
    if frames + 2 * padding < kernel:
        return
    signal = torch.zeros(1, 1, frames)
    after = layer_frames(frames, kernel, stride, padding)
    assert after == torch.nn.Conv1d(1, 1, kernel, stride, padding)(signal).shape[-1]
    assert after == torch.nn.MaxPool1d(kernel, stride, padding)(signal).shape[-1]


@settings(deadline=None)
@given(st.lists(LAYER, max_size=3), st.integers(0, 5_000))
def test_a_frame_is_the_nearest_to_its_own_centre(layers: list[tuple[int, int, int]], frame: int) -> None:
    grid = reduce(lambda grid, layer: grid.then(*layer), layers, FEATURE_GRID)
    assert grid.nearest_frame(grid.centre_s(frame)) == frame
    assert grid.centre_s(frame + 1) - grid.centre_s(frame) == pytest.approx(grid.stride_s)


@settings(deadline=None)
@given(st.floats(0, 100))
def test_the_nearest_frame_is_nearest(seconds: float) -> None:
    grid = FEATURE_GRID.then(9, stride=4, padding=4)
    centres_s = grid.centre_s(np.arange(grid.nearest_frame(seconds) + 3))
    assert abs(centres_s[grid.nearest_frame(seconds)] - seconds) == pytest.approx(np.abs(centres_s - seconds).min())


def test_no_frame_lies_before_the_first() -> None:
    assert FEATURE_GRID.nearest_frame(-3.0) == 0


@settings(deadline=None)
@given(st.integers(0, 10**10), st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_samples_and_seconds_there_and_back(samples: int, sample_rate: int) -> None:
    assert s_to_samples(samples_to_s(samples, sample_rate), sample_rate) == samples


@settings(deadline=None)
@given(st.integers(1, 10**7))
def test_feature_frames_cover_the_waveform(samples: int) -> None:
    """One frame a hop: the last hop's frame may stick out, or be left over, by half a hop at most."""
    assert abs(feature_frames(samples) * HOP_SAMPLES - samples) <= HOP_SAMPLES / 2


def test_by_hand() -> None:
    """A second at 16 kHz is 100 frames of 10 ms; the middle of the first is at 5 ms."""
    assert feature_frames(SAMPLE_RATE) == 100
    assert FEATURE_GRID.stride_s == 0.01
    assert FEATURE_GRID.field_s == 0.025
    assert FEATURE_GRID.centre_s(0) == 0.005
    assert FEATURE_GRID.centre_s(99) == pytest.approx(0.995)
    # A kernel of 9, stride 4, padding 4 is centred on frame 0, moves by 40 ms and sees 8 hops more than one frame.
    grid = FEATURE_GRID.then(9, stride=4, padding=4)
    assert (grid.centre_s(0), grid.stride_s, grid.field_s) == (0.005, 0.04, pytest.approx(0.105))
    assert layer_frames(100, 9, stride=4, padding=4) == 25


def test_division_without_remainder() -> None:
    assert exact_div(16_000, 160) == 100
    with pytest.raises(ValueError, match="16000 is not a multiple of 3"):
        exact_div(16_000, 3)
