"""Contrastive predictive coding (CPC) under bidirectional LSTMs, the speech encoder of Nortje and Kamper (2022).

::

    features
      convolution, kernel 4, stride 2; ReLU
      linear layers, each after layer norm and ReLU      -> latents, half the rate: what CPC predicts
      LSTMs, from the past to the future                 -> contexts: what CPC predicts from
      LSTMs, in both directions                          -> frames

Padding is zero before the convolution, comes after all that a causal LSTM has read, and is left out
by those in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import WEIGHTS
from earmark.core.timing import FEATURE_GRID, FrameGrid, layer_frames
from earmark.models.cpc_pretraining import DESCRIPTION, Cpc, read_cpc_weights
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders import SpeechEncoder
from earmark.recipe import FeatureSettings, SpeechEncoderSettings
from earmark.recipe.schema import Width


class Settings(Cpc, SpeechEncoderSettings):
    """CPC encoder and context, then bidirectional LSTMs (Nortje and Kamper 2022; van den Oord et al. 2018).

    The last LSTM's two directions side by side are the model's dimension.
    """

    kind: Literal["cpc"] = "cpc"
    lstm: list[Width] = Field([512, 1024], min_length=1, description="bidirectional LSTMs, units in each direction")
    init_from: str | None = Field(None, description="folder that 'earmark pretrain cpc' made")

    @property
    def output_dimension(self) -> int:
        """Both directions of the last LSTM."""
        return 2 * self.lstm[-1]


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
        real = padding_mask(lengths, features.shape[1])[:, :, None]
        frames = nn.functional.pad((features * real).transpose(1, 2), (0, max(0, STRIDE - features.shape[1])))
        hidden = self.conv(frames).relu().transpose(1, 2)
        lengths = layer_frames(lengths, KERNEL, STRIDE, PADDING).clamp_min(1)
        real = padding_mask(lengths, hidden.shape[1])[:, :, None]
        latents = contexts = self.linear(hidden) * real
        for lstm in self.context:
            contexts, _ = lstm(contexts)
        return latents, contexts * real, lengths


class CpcEncoder(SpeechEncoder):
    """CPC encoder and context, then bidirectional LSTMs (Nortje and Kamper 2022).

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    settings : Settings
        Its `init_from` is not read here, but by :meth:`load_pretrained`.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Attributes
    ----------
    dimension : int
        K, both directions of the last LSTM side by side.
    grid : FrameGrid
        Where its frames lie in the waveform; the field is that of the convolution, since an LSTM depends on all frames.
    """

    def __init__(self, inputs: int, settings: Settings, feature_grid: FrameGrid = FEATURE_GRID) -> None:
        super().__init__()
        self.settings = settings
        self.cpc = CpcNetwork(inputs, settings)
        both = [2 * width for width in settings.lstm]
        self.lstms = _lstms([settings.context[-1], *both], bidirectional=True)
        self.dimension = both[-1]
        self.feature_grid = feature_grid
        self.grid = feature_grid.then(KERNEL, STRIDE, PADDING)

    def load_pretrained(self, features: FeatureSettings) -> None:
        """Load the CPC weights of the folder that the settings name, if they name one."""
        if not self.settings.init_from:
            return
        folder = Path(self.settings.init_from)
        weights = read_cpc_weights(folder, self.settings, features)
        try:
            self.cpc.load_state_dict(weights)
        except RuntimeError as error:
            raise EarmarkError(
                f"{folder / WEIGHTS} does not fit {DESCRIPTION} beside it: put back the files that belong together."
            ) from error

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


def build(settings: Settings, features: int, dimension: int, feature_grid: FrameGrid) -> CpcEncoder:
    """The encoder of the settings; a recipe ensures that their last LSTM has the dimension."""
    return CpcEncoder(features, settings, feature_grid)


def _linear(inputs: int, outputs: int, bias: bool) -> Iterable[nn.Module]:
    return nn.LayerNorm(inputs), nn.ReLU(), nn.Linear(inputs, outputs, bias=bias)


def _lstms(widths: list[int], bidirectional: bool = False) -> nn.ModuleList:
    """LSTMs, each from one width to the next; that of one in both directions is of the two together."""
    directions = 2 if bidirectional else 1
    return nn.ModuleList(
        nn.LSTM(inputs, outputs // directions, batch_first=True, bidirectional=bidirectional)
        for inputs, outputs in pairwise(widths)
    )
