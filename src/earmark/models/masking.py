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


def inner_frames(lengths: Tensor, frames: int, edge: int) -> Tensor:
    """Mask of the real frames but for the first and the last `edge`; of a shorter utterance, its middle.

    Parameters
    ----------
    lengths : torch.Tensor, shape = (B,)
    frames : int
        T, the frames of the padded batch.
    edge : int

    Returns
    -------
    torch.Tensor, shape = (B, T), bool
        True for at least one frame of each.
    """
    place = torch.arange(frames, device=lengths.device)
    inset = torch.minimum(torch.full_like(lengths, edge), (lengths - 1) // 2)[:, None]
    return (place >= inset) & (place < lengths[:, None] - inset)
