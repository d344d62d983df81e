"""Mel filter banks and cepstra as Kaldi computes them, and what all feature kinds share.

Frames of 25 ms every 10 ms, without snipping: the waveform is mirrored at its ends, so that there is one frame a hop.
Each frame is freed of its mean, pre-emphasised (0.97) and multiplied by a Povey window, a Hann window to the power of
0.85. Its power spectrum is summed in triangles that are evenly spaced on the mel scale, 1127 ln(1 + f / 700), between
20 Hz and 7.6 kHz; the logarithm of these sums are the log-mel energies. Cepstra are their orthonormal DCT-II, liftered:
the k-th is multiplied by 1 + 11 sin(pi k / 22). Definitions: the Kaldi toolkit (Povey et al. 2011), compute-mfcc-feats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from earmark.core.timing import HOP_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES, feature_frames
from earmark.media.audio import Waveform

PCM_SCALE = 32768.0  # Kaldi's constants are meant for 16-bit integers
FFT_SAMPLES = 512
FRAMES_AT_ONCE = 250  # of a long waveform; more would leave the processor's cache
LOWEST_HZ, HIGHEST_HZ = 20.0, SAMPLE_RATE / 2 - 400
PRE_EMPHASIS, LIFTER = 0.97, 22
CEPSTRA = 13
MIN_ENERGY = torch.finfo(torch.float32).eps  # whose logarithm is finite
MIN_STD = 1e-3  # more than rounding makes of silence, less than a sound has


def log_mel_energies(waveform: Waveform, filters: int) -> Tensor:
    """Log-mel energies of a waveform.

    Parameters
    ----------
    waveform : numpy.ndarray, shape = (samples,)
        Mono, 16 kHz, full scale 1. Less than one window gets silence behind it.
    filters : int
        M, triangles on the mel scale.

    Returns
    -------
    torch.Tensor, shape = (T, M)
        T = :func:`earmark.core.timing.feature_frames` of the samples.
    """
    return _log_mel(_windows(torch.from_numpy(waveform) * PCM_SCALE), filters)


def can_share_frames(waveform: Waveform, starts: Sequence[int], samples: int) -> bool:
    """Whether stretches of a waveform lie on its frames and inside it, as :func:`shared_log_mel_energies` needs."""
    on_frames = all(number % HOP_SAMPLES == 0 for number in (samples, *starts))
    return on_frames and len(starts) > 0 and samples >= WINDOW_SAMPLES and max(starts) + samples <= len(waveform)


def shared_log_mel_energies(waveform: Waveform, starts: Sequence[int], samples: int, filters: int) -> Tensor:
    """Log-mel energies of overlapping stretches of a waveform, each as if it stood alone.

    A frame is computed once for all stretches that hold it. Only the first and the last frame of a stretch depend on
    where it ends, since the waveform is mirrored there.

    Parameters
    ----------
    waveform : numpy.ndarray, shape = (n,)
    starts : sequence of int
        First sample of each of B stretches.
    samples : int
        Of a stretch.
    filters : int
        M, triangles on the mel scale.

    Returns
    -------
    torch.Tensor, shape = (B, T, M)
    """
    first = min(starts)
    scaled = torch.from_numpy(waveform[first : max(starts) + samples]) * PCM_SCALE
    offsets = [start - first for start in starts]
    shared = torch.cat([_log_mel(some, filters) for some in _windows(scaled).split(FRAMES_AT_ONCE)])
    frames = shared[torch.tensor(offsets)[:, None] // HOP_SAMPLES + torch.arange(samples // HOP_SAMPLES)]
    stretches = [scaled[offset : offset + samples] for offset in offsets]
    mirrored = (WINDOW_SAMPLES - HOP_SAMPLES) // 2
    inside = WINDOW_SAMPLES - mirrored
    firsts = torch.stack([torch.cat([one[:mirrored].flip(0), one[:inside]]) for one in stretches])
    lasts = torch.stack([torch.cat([one[-inside:], one[-mirrored:].flip(0)]) for one in stretches])
    frames[:, 0], frames[:, -1] = _log_mel(firsts, filters), _log_mel(lasts, filters)
    return frames


def _log_mel(windows: Tensor, filters: int) -> Tensor:
    """Log-mel energies (T, M) of windows (T, 400) of samples."""
    frames = windows - windows.mean(dim=1, keepdim=True)
    padded = nn.functional.pad(frames, (0, FFT_SAMPLES - WINDOW_SAMPLES))
    emphasised = padded[:, :WINDOW_SAMPLES]
    emphasised[:, 1:].sub_(frames[:, :-1], alpha=PRE_EMPHASIS)
    emphasised[:, 0] *= 1 - PRE_EMPHASIS  # the sample before the first is like it
    emphasised *= _povey_window()
    spectra = torch.fft.rfft(padded)
    power = spectra.real.square().addcmul_(spectra.imag, spectra.imag)
    energies: Tensor = power @ _mel_filters(filters)
    return energies.clamp_min_(MIN_ENERGY).log_()


def cepstra(waveform: Waveform, filters: int, count: int = CEPSTRA) -> Tensor:
    """The first `count` mel-frequency cepstral coefficients of a waveform, liftered: (T, count)."""
    return cepstra_of(log_mel_energies(waveform, filters), count)


def cepstra_of(energies: Tensor, count: int = CEPSTRA) -> Tensor:
    """Liftered cepstra of log-mel energies: (..., T, M) to (..., T, count)."""
    return energies @ _liftered_dct(energies.shape[-1], count)


def deltas(frames: Tensor, reach: int) -> Tensor:
    """Slope of the regression line through `reach` frames on either side, the edges repeated.

    Parameters
    ----------
    frames : torch.Tensor, shape = (..., T, D)

    Returns
    -------
    torch.Tensor, shape = (..., T, D), per frame
    """
    count = frames.shape[-2]
    first, last = (frames.narrow(-2, at, 1).expand(*frames.shape[:-2], reach, -1) for at in (0, count - 1))
    padded = torch.cat([first, frames, last], dim=-2)
    squares = 2 * sum(step**2 for step in range(1, reach + 1))
    slopes = torch.zeros_like(frames)
    for step in range(1, reach + 1):
        slopes.add_(padded.narrow(-2, reach + step, count), alpha=step / squares)
        slopes.sub_(padded.narrow(-2, reach - step, count), alpha=step / squares)
    return slopes


def normalise(frames: Tensor) -> Tensor:
    """Bring every dimension of frames (..., T, D) to mean 0 and variance 1 over time; a constant one becomes 0."""
    exact = frames.double()  # in single precision the mean of a constant is a little off, and the rest is noise
    centred = exact - exact.mean(dim=-2, keepdim=True)
    std = centred.square().mean(dim=-2, keepdim=True).sqrt()  # in a quarter of the time of Tensor.std
    return (centred / std.clamp_min(MIN_STD)).to(frames.dtype)


def _windows(samples: Tensor) -> Tensor:
    """Overlapping windows (T, 400) of samples (n,), which are mirrored at both ends."""
    samples = nn.functional.pad(samples, (0, max(0, WINDOW_SAMPLES - len(samples))))
    count = feature_frames(len(samples))
    left = (WINDOW_SAMPLES - HOP_SAMPLES) // 2
    right = max(0, (count - 1) * HOP_SAMPLES + WINDOW_SAMPLES - left - len(samples))
    mirrored = torch.cat([samples[:left].flip(0), samples, samples[len(samples) - right :].flip(0)])
    return mirrored.unfold(0, WINDOW_SAMPLES, HOP_SAMPLES)[:count]


@lru_cache
def _povey_window() -> Tensor:
    return torch.hann_window(WINDOW_SAMPLES, periodic=False, dtype=torch.float64).pow(0.85).float()


@lru_cache
def _mel_filters(count: int) -> Tensor:
    """Weights of the power spectrum's bins in each triangle, shape = (257, count)."""
    lowest, highest = _mel(torch.tensor([LOWEST_HZ, HIGHEST_HZ], dtype=torch.float64))
    bins = _mel(torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT_SAMPLES)[:, None]
    width = (highest - lowest) / (count + 1)
    centres = lowest + width * torch.arange(1, count + 1, dtype=torch.float64)
    weights: Tensor = 1 - (bins - centres).abs() / width
    return weights.clamp_min(0).float()


def _mel(hertz: Tensor) -> Tensor:
    mel: Tensor = 1127 * (1 + hertz / 700).log()
    return mel


@lru_cache
def _liftered_dct(filters: int, count: int) -> Tensor:
    """The matrix from log-mel energies to cepstra, shape = (filters, count)."""
    band = torch.arange(filters, dtype=torch.float64)[:, None]
    order = torch.arange(count, dtype=torch.float64)
    dct = (math.pi / filters * (band + 0.5) * order).cos() * math.sqrt(2 / filters)
    dct[:, 0] /= math.sqrt(2)
    return (dct * (1 + LIFTER / 2 * (math.pi * order / LIFTER).sin())).float()
