"""MFCC: 13 cepstra with their first and second differences over time, 39 numbers every 10 ms.

The cepstra are Kaldi's (Povey window of 25 ms, pre-emphasis 0.97, lifter 22, one frame a hop), from Lhotse's
torch layer. Each of the 39 dimensions is brought to mean 0 and variance 1 over the utterance, which takes away
much of the microphone and of the loudness.

Log-mel: the logarithm of the energy in 40 bands, every 10 ms.

The bands are Kaldi's (Povey window of 25 ms, pre-emphasis 0.97, 20 Hz to 7.6 kHz, one frame a hop), from Lhotse's
torch layer. Each band is brought to mean 0 and variance 1 over the utterance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.core.timing import FEATURE_GRID, HOP_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES, samples_to_s
from earmark.media.audio import Waveform

CEPSTRA = 13
DIMENSION = 3 * CEPSTRA
DELTA_REACH = 4  # frames on either side of the one whose slope is taken
SMALLEST_DEVIATION = 1e-3  # more than rounding makes of silence, less than a sound has
PCM_SCALE = 32768.0  # Kaldi's constants are meant for 16-bit integers


class Mfcc(nn.Module):
    """Waveform to normalised MFCC with differences.

    Parameters
    ----------
    mel_filters : int
        Triangular filters on the mel scale, between 20 Hz and 7.6 kHz.
    """

    dimension, grid = DIMENSION, FEATURE_GRID

    def __init__(self, mel_filters: int = 40) -> None:
        from lhotse.features.kaldi.layers import Wav2MFCC

        super().__init__()
        self.cepstra = Wav2MFCC(
            sampling_rate=SAMPLE_RATE,
            frame_length=samples_to_s(WINDOW_SAMPLES),
            frame_shift=samples_to_s(HOP_SAMPLES),
            num_filters=mel_filters,
            num_ceps=CEPSTRA,
        )

    @torch.no_grad()
    def forward(self, waveform: Waveform) -> Tensor:
        """Features of one utterance.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
            Mono, 16 kHz.

        Returns
        -------
        torch.Tensor, shape = (T, 39)
            T = :func:`earmark.timing.feature_frames` of the samples, at least that of one window.
        """
        cepstra = self.cepstra(at_least_a_window(waveform)[None] * PCM_SCALE)[0]
        slope = deltas(cepstra)
        return normalise(torch.cat([cepstra, slope, deltas(slope)], dim=1))


def at_least_a_window(waveform: Waveform) -> Tensor:
    """The samples as a tensor, with silence behind them where they are fewer than one analysis window."""
    samples = torch.from_numpy(waveform)
    return nn.functional.pad(samples, (0, max(0, WINDOW_SAMPLES - len(samples))))


def deltas(frames: Tensor, reach: int = DELTA_REACH) -> Tensor:
    """Slope of the regression line through `reach` frames on either side, the edges repeated.

    Parameters
    ----------
    frames : torch.Tensor, shape = (T, D)

    Returns
    -------
    torch.Tensor, shape = (T, D), per frame
    """
    steps = torch.arange(-reach, reach + 1, dtype=frames.dtype)
    weights = (steps / steps.square().sum()).view(1, 1, -1)
    padded = nn.functional.pad(frames.T[:, None], (reach, reach), mode="replicate")
    return nn.functional.conv1d(padded, weights)[:, 0].T


def normalise(frames: Tensor) -> Tensor:
    """Bring every dimension to mean 0 and variance 1 over time; a constant one becomes 0."""
    exact = frames.double()  # in single precision the mean of a constant is a little off, and the rest is noise
    centred = exact - exact.mean(dim=0)
    return (centred / centred.std(dim=0, correction=0).clamp_min(SMALLEST_DEVIATION)).to(frames.dtype)


class LogMel(nn.Module):
    """Waveform to normalised log-mel energies.

    Parameters
    ----------
    mel_filters : int
        Bands, and so the dimension.
    """

    def __init__(self, mel_filters: int = 40) -> None:
        from lhotse.features.kaldi.layers import Wav2LogFilterBank

        super().__init__()
        self.dimension, self.grid = mel_filters, FEATURE_GRID
        self.bands = Wav2LogFilterBank(
            sampling_rate=SAMPLE_RATE,
            frame_length=samples_to_s(WINDOW_SAMPLES),
            frame_shift=samples_to_s(HOP_SAMPLES),
            num_filters=mel_filters,
        )

    @torch.no_grad()
    def forward(self, waveform: Waveform) -> Tensor:
        """Features of one utterance.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
            Mono, 16 kHz.

        Returns
        -------
        torch.Tensor, shape = (T, mel_filters)
            T = :func:`earmark.timing.feature_frames` of the samples, at least that of one window.
        """
        return normalise(self.bands(at_least_a_window(waveform)[None] * PCM_SCALE)[0])
