"""Several encoders of one build side by side: those of a deep ensemble (Lakshminarayanan et al. 2017).

Networks that differ in nothing but their first weights make different mistakes where there is little to learn from, so
the mean of their scores ranks better than each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.models.speech_encoders import SpeechEncoder


class EnsembleEncoder(SpeechEncoder):
    """The frames of several encoders, one behind the other.

    Parameters
    ----------
    members : sequence of SpeechEncoder
        M encoders of one grid and one dimension K.
    """

    def __init__(self, members: Sequence[SpeechEncoder]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        first = members[0]
        self.dimension, self.feature_grid, self.grid = len(members) * first.dimension, first.feature_grid, first.grid

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) to frames (B, T', M K), zero where padded, and lengths (B,)."""
        frames, frame_lengths = zip(*(member(features, lengths) for member in self.members), strict=True)
        return torch.cat(frames, dim=2), frame_lengths[0]
