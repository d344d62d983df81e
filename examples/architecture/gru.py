"""A bidirectional GRU over the features (Cho et al. 2014, arXiv:1406.1078), and a linear map to the model's dimension.

Each frame depends on the whole utterance. A recipe names it as ``model.speech: {kind: gru, units: 64}``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from earmark.core.timing import FrameGrid
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders import SpeechEncoder
from earmark.recipe import SpeechEncoderSettings


class Settings(SpeechEncoderSettings):
    """A recurrent network."""

    kind: Literal["gru"] = "gru"
    units: int = Field(64, ge=1, description="in each direction")
    layers: int = Field(1, ge=1)


class GruEncoder(SpeechEncoder):
    """Features to frames, one each."""

    def __init__(self, settings: Settings, features: int, dimension: int, feature_grid: FrameGrid) -> None:
        super().__init__()
        self.dimension, self.feature_grid, self.grid = dimension, feature_grid, feature_grid
        self.recurrent = nn.GRU(features, settings.units, settings.layers, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * settings.units, dimension)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) to frames (B, T, K), zero where padded, and the same lengths.

        Packed, so that the backward direction begins with the last real frame and no padding leaks.
        """
        packed = pack_padded_sequence(features, lengths.cpu(), batch_first=True, enforce_sorted=False)
        frames, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=features.shape[1])
        real = padding_mask(lengths, features.shape[1])
        return self.linear(frames) * real[:, :, None], lengths


def build(settings: Settings, features: int, dimension: int, feature_grid: FrameGrid) -> GruEncoder:
    """The encoder that the settings describe, with fresh weights."""
    return GruEncoder(settings, features, dimension, feature_grid)
