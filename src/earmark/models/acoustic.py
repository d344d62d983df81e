"""The acoustic network of Nortje and Kamper (2022): contrastive predictive coding (CPC), then bidirectional LSTMs.

::

    features, 100 a second
      convolution, kernel 4, stride 2; ReLU
      linear layers, each after layer norm and ReLU      -> latents, 50 a second: what CPC predicts
      LSTMs, from the past to the future                 -> contexts: what CPC predicts from
      LSTMs, in both directions                          -> frames

Padding never leaks: it is zero before the convolution, lies behind what an LSTM from the past to the future has heard,
and is left out by the LSTMs in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from earmark.models.masking import real_frames
from earmark.recipe import Cpc, CpcSpeech
from earmark.timing import FEATURE_GRID, FrameGrid, layer_frames

KERNEL, STRIDE, PADDING = 4, 2, 1  # of the convolution


class CpcNetwork(nn.Module):
    """Encoder and context of contrastive predictive coding (van den Oord et al. 2018), with linear layers above one
    convolution.

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    settings : Cpc
    """

    def __init__(self, inputs: int, settings: Cpc) -> None:
        super().__init__()
        width = settings.channels
        self.conv = nn.Conv1d(inputs, width, KERNEL, STRIDE, PADDING, bias=False)
        hidden = [layer for _ in range(settings.layers - 1) for layer in _linear(width, width, bias=False)]
        self.linear = nn.Sequential(*hidden, *_linear(width, settings.latent, bias=True))
        self.context = _lstms([settings.latent, *settings.context])

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode a batch.

        Parameters
        ----------
        features : torch.Tensor, shape = (B, T, F)
        lengths : torch.Tensor, shape = (B,)

        Returns
        -------
        latents : torch.Tensor, shape = (B, T', latent)
        contexts : torch.Tensor, shape = (B, T', context)
            Both zero where padded.
        lengths : torch.Tensor, shape = (B,)
        """
        real = real_frames(lengths, features.shape[1])[:, :, None]
        frames = nn.functional.pad((features * real).transpose(1, 2), (0, max(0, STRIDE - features.shape[1])))
        hidden = self.conv(frames).relu().transpose(1, 2)
        lengths = layer_frames(lengths, KERNEL, STRIDE, PADDING).clamp_min(1)
        real = real_frames(lengths, hidden.shape[1])[:, :, None]
        latents = contexts = self.linear(hidden) * real
        for lstm in self.context:
            contexts, _ = lstm(contexts)
        return latents, contexts * real, lengths


class AcousticNetwork(nn.Module):
    """Speech network of a pictured model.

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    settings : CpcSpeech
        Its `start` is not read here: see :func:`earmark.models.cpc_folder.load_cpc`.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Attributes
    ----------
    dimension : int
        K, both directions of the last LSTM side by side.
    grid : FrameGrid
        Where its frames lie in the waveform; the field is that of the convolution, since an LSTM hears everything.
    """

    def __init__(self, inputs: int, settings: CpcSpeech, feature_grid: FrameGrid = FEATURE_GRID) -> None:
        super().__init__()
        self.settings = settings
        self.cpc = CpcNetwork(inputs, settings)
        both = [2 * width for width in settings.lstm]
        self.lstms = _lstms([settings.context[-1], *both], bidirectional=True)
        self.dimension = both[-1]
        self.grid = feature_grid.then(KERNEL, STRIDE, PADDING)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch.

        Parameters
        ----------
        features : torch.Tensor, shape = (B, T, F)
        lengths : torch.Tensor, shape = (B,)

        Returns
        -------
        frames : torch.Tensor, shape = (B, T', K); zero where padded
        lengths : torch.Tensor, shape = (B,)
            Half of what came in, rounded down, at least 1.
        """
        _, contexts, lengths = self.cpc(features, lengths)
        packed = pack_padded_sequence(contexts, lengths.cpu(), batch_first=True, enforce_sorted=False)
        for lstm in self.lstms:
            packed, _ = lstm(packed)
        frames, _ = pad_packed_sequence(packed, batch_first=True, total_length=contexts.shape[1])
        return frames, lengths


def _linear(inputs: int, outputs: int, bias: bool) -> Iterable[nn.Module]:
    return nn.LayerNorm(inputs), nn.ReLU(), nn.Linear(inputs, outputs, bias=bias)


def _lstms(widths: list[int], bidirectional: bool = False) -> nn.ModuleList:
    """LSTMs, each from one width to the next; that of one in both directions is of the two together."""
    directions = 2 if bidirectional else 1
    return nn.ModuleList(
        nn.LSTM(inputs, outputs // directions, batch_first=True, bidirectional=bidirectional)
        for inputs, outputs in pairwise(widths)
    )
