"""Padding: which frames of a batch are real."""

from __future__ import annotations

import torch
from torch import Tensor


def real_frames(lengths: Tensor, frames: int) -> Tensor:
    """Mask of the frames that are not padding.

    Parameters
    ----------
    lengths : torch.Tensor, shape = (B,)
    frames : int
        T, the frames of the padded batch.

    Returns
    -------
    torch.Tensor, shape = (B, T), bool
    """
    return torch.arange(frames, device=lengths.device) < lengths[:, None]
