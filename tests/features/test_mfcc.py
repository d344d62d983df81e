"""MFCC and log-mel against independent implementations, and what holds for every kind of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import kaldi_native_fbank
import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.timing import FEATURE_GRID, SAMPLE_RATE, WINDOW_SAMPLES, feature_frames, samples_to_s
from earmark.features import extractor
from earmark.features.kaldi import CEPSTRA, PCM_SCALE, cepstra, deltas, normalise
from earmark.features.kinds import log_mel, mfcc
from earmark.features.kinds.log_mel import LogMel
from earmark.features.kinds.mfcc import DELTA_REACH, Mfcc
from support.media import tone

Floats = npt.NDArray[np.float32]
KINDS = ("mfcc", "log-mel")
EXTRACT: dict[str, Callable[[Floats], torch.Tensor]] = {
    "mfcc": extractor(mfcc.Settings()),
    "log-mel": extractor(log_mel.Settings()),
}
SAMPLES = st.integers(1, 3 * SAMPLE_RATE)
ROUNDING = 1e-4  # both work in single precision, in another order; cepstra are up to 100


def noise(samples: int, seed: int = 0) -> Floats:
    """White noise over a tone, so that no band is empty."""
    rng = np.random.default_rng(seed)
    return (tone(samples_to_s(samples)) + 0.05 * rng.normal(size=samples)).astype(np.float32)


def kaldi(waveform: Floats, kind: str, mel_filters: int) -> Floats:
    """The frames that Kaldi's own code makes of a waveform."""
    options = {"mfcc": kaldi_native_fbank.MfccOptions, "log-mel": kaldi_native_fbank.FbankOptions}[kind]()
    options.frame_opts.window_type = "povey"
    options.frame_opts.snip_edges = False
    options.frame_opts.dither = 0
    options.frame_opts.preemph_coeff = 0.97
    options.mel_opts.num_bins = mel_filters
    options.mel_opts.high_freq = -400
    options.use_energy = False
    if kind == "mfcc":
        options.num_ceps = CEPSTRA
        options.cepstral_lifter = 22
    online = {"mfcc": kaldi_native_fbank.OnlineMfcc, "log-mel": kaldi_native_fbank.OnlineFbank}[kind](options)
    online.accept_waveform(SAMPLE_RATE, (waveform * PCM_SCALE).tolist())
    online.input_finished()
    return np.stack([online.get_frame(frame) for frame in range(online.num_frames_ready)])


def test_by_default_there_are_39_numbers_from_40_filters() -> None:
    features = EXTRACT["mfcc"](noise(SAMPLE_RATE))
    assert features.shape == (100, 39)
    torch.testing.assert_close(features, Mfcc(40)(noise(SAMPLE_RATE)))


@pytest.mark.parametrize("mel_filters", [23, 40, 80])
@pytest.mark.parametrize("samples", [WINDOW_SAMPLES, 5_000, 16_079, 16_080])
def test_the_cepstra_are_kaldis(samples: int, mel_filters: int) -> None:
    waveform = noise(samples)
    # With 80 filters the lowest hold a single bin, and Kaldi's own rounding is up to 6e-4 there.
    np.testing.assert_allclose(cepstra(waveform, mel_filters), kaldi(waveform, "mfcc", mel_filters), atol=10 * ROUNDING)


@pytest.mark.parametrize("samples", [5_000, 16_079])
def test_the_features_are_kaldis_cepstra_with_librosas_differences_normalised(samples: int) -> None:
    static = kaldi(noise(samples), "mfcc", 40)
    slope = librosa.feature.delta(static, width=9, axis=0, mode="nearest")
    bend = librosa.feature.delta(slope, width=9, axis=0, mode="nearest")
    expected = np.concatenate([static, slope, bend], axis=1)
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(EXTRACT["mfcc"](noise(samples)), expected, atol=ROUNDING)


@pytest.mark.parametrize("samples", [5_000, 16_079])
def test_the_bands_are_kaldis_normalised(samples: int) -> None:
    expected = kaldi(noise(samples), "log-mel", 40)
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(LogMel(40)(noise(samples)), expected, atol=ROUNDING)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_differences_are_librosas(frames: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(frames, 3))
    expected = librosa.feature.delta(values, width=9, axis=0, mode="nearest")
    np.testing.assert_allclose(deltas(torch.from_numpy(values), DELTA_REACH), expected, atol=1e-12)


def test_the_slope_of_a_line_is_its_slope() -> None:
    """Worked by hand: away from the edges, 3 a frame upwards and 0.5 downwards."""
    line = torch.arange(20.0)[:, None] * torch.tensor([[3.0, -0.5]])
    torch.testing.assert_close(deltas(line, DELTA_REACH)[4:-4], torch.tensor([[3.0, -0.5]]).expand(12, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_every_dimension_has_mean_0_and_variance_1(kind: str) -> None:
    features = EXTRACT[kind](noise(2 * SAMPLE_RATE)).double()
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(features.shape[1]).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(features.var(dim=0, correction=0), torch.ones(features.shape[1]).double())


@pytest.mark.parametrize("kind", KINDS)
def test_loudness_is_taken_away(kind: str) -> None:
    torch.testing.assert_close(
        EXTRACT[kind](noise(SAMPLE_RATE)), EXTRACT[kind](0.1 * noise(SAMPLE_RATE)), atol=ROUNDING, rtol=0
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.0, 0.3, -0.7])
@pytest.mark.parametrize("samples", [WINDOW_SAMPLES, SAMPLE_RATE, 60 * SAMPLE_RATE])
def test_a_constant_signal_has_no_features(kind: str, level: float, samples: int) -> None:
    features = EXTRACT[kind](np.full(samples, level, dtype=np.float32))
    assert features.abs().max() < 0.1


@given(st.floats(-1e4, 1e4, width=32), st.integers(1, 5_000))
def test_a_constant_dimension_becomes_0(value: float, frames: int) -> None:
    torch.testing.assert_close(normalise(torch.full((frames, 2), value)), torch.zeros(frames, 2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 10, WINDOW_SAMPLES - 1])
def test_less_than_a_window_is_a_window(kind: str, samples: int) -> None:
    features = EXTRACT[kind](noise(samples))
    padded = np.pad(noise(samples), (0, WINDOW_SAMPLES - samples))
    assert features.isfinite().all()
    torch.testing.assert_close(features, EXTRACT[kind](padded))


@pytest.mark.parametrize("kind", KINDS)
@given(samples=SAMPLES)
@settings(deadline=None, max_examples=30)
def test_there_are_as_many_frames_as_the_grid_says(kind: str, samples: int) -> None:
    features = EXTRACT[kind](noise(samples))
    assert len(features) == feature_frames(max(samples, WINDOW_SAMPLES))
    assert features.dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
@given(click=st.integers(0, SAMPLE_RATE - 1))
@settings(deadline=None, max_examples=40)
def test_a_click_is_loudest_in_the_frame_that_the_grid_says(kind: str, click: int) -> None:
    waveform = np.zeros(SAMPLE_RATE, dtype=np.float32)
    waveform[click] = 0.9
    features = EXTRACT[kind](waveform)
    loudness = features[:, 0] if kind == "mfcc" else features.mean(dim=1)
    away_s = abs(FEATURE_GRID.centre_s(int(loudness.argmax())) - samples_to_s(click))
    assert away_s <= FEATURE_GRID.stride_s / 2 + samples_to_s(2)  # pre-emphasis smears the click over two samples


@pytest.mark.parametrize("kind", ["mfcc", "log-mel"])
@pytest.mark.parametrize(
    ("samples", "starts", "length"),
    [
        (31 * SAMPLE_RATE + 77, range(0, 30 * SAMPLE_RATE, 2 * SAMPLE_RATE), 4 * SAMPLE_RATE),
        (31 * SAMPLE_RATE, [4 * SAMPLE_RATE, 8 * SAMPLE_RATE, 10 * SAMPLE_RATE], 4 * SAMPLE_RATE),
        (SAMPLE_RATE, range(0, SAMPLE_RATE, 800), 4800),  # the last ones are shorter
        (SAMPLE_RATE, [0, 100, 200], 3200),  # between the hops
        (30, [0], 4 * SAMPLE_RATE),
    ],
)
def test_features_of_overlapping_windows_are_those_of_each_alone(
    kind: str, samples: int, starts: Sequence[int], length: int
) -> None:
    extract = Mfcc() if kind == "mfcc" else LogMel()
    waveform = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    found = extract.windows(waveform, list(starts), length)
    for start, features in zip(starts, found, strict=True):
        # A few frames deviate little, so that dividing by their deviation shows more of the rounding.
        atol = 1e-5 if length > SAMPLE_RATE else 1e-3
        torch.testing.assert_close(features, extract(waveform[start : start + length]), atol=atol, rtol=0)
