"""Several encoders of one build, whose frames are averaged: a deep ensemble (Lakshminarayanan et al. 2017).

Networks that differ in nothing but their first weights make different mistakes where there is little to learn from, so
the mean of their scores ranks better than each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from earmark.models.speech_encoders import SpeechEncoder


class EnsembleEncoder(SpeechEncoder):
    """The mean of the frames of several encoders, which have one grid and one dimension.

    Parameters
    ----------
    members : sequence of SpeechEncoder
    """

    def __init__(self, members: Sequence[SpeechEncoder]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        first = members[0]
        self.dimension, self.feature_grid, self.grid = first.dimension, first.feature_grid, first.grid

    def of_members(self, features: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """The frames of each member, (B, T', K), and their lengths (B,)."""
        encoded = [member(features, lengths) for member in self.members]
        return [frames for frames, _ in encoded], cast(Tensor, encoded[0][1])

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) to frames (B, T', K), zero where padded, and lengths (B,)."""
        frames, lengths = self.of_members(features, lengths)
        return torch.stack(frames).mean(0), lengths
