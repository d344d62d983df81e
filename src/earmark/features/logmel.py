"""Log-mel: the logarithm of the energy in 40 bands, every 10 ms.

The bands are Kaldi's (Povey window of 25 ms, pre-emphasis 0.97, 20 Hz to 7.6 kHz, one frame a hop), from Lhotse's
torch layer. Each band is brought to mean 0 and variance 1 over the utterance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.audio import Waveform
from earmark.features.mfcc import PCM_SCALE, at_least_a_window, normalise
from earmark.timing import FEATURE_GRID, HOP_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES, samples_to_s


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
