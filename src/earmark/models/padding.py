"""Padding: utterances of different lengths in one tensor, and masks of the frames that are not padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def padding_mask(lengths: Tensor, frames: int) -> Tensor:
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


def inner_mask(lengths: Tensor, frames: int, edge: int) -> Tensor:
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


def pad(utterances: Sequence[npt.NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Stack features to one length, the shorter ones followed by zeros.

    Parameters
    ----------
    utterances : sequence of numpy.ndarray, each of shape = (T_i, F)

    Returns
    -------
    features : torch.Tensor, shape = (B, T, F)
    lengths : torch.Tensor, shape = (B,)
    """
    frames = [torch.from_numpy(u) for u in utterances]
    return torch.nn.utils.rnn.pad_sequence(frames, batch_first=True), torch.tensor([len(f) for f in frames])


def in_order(lengths: npt.NDArray[np.int64], batch_size: int) -> list[list[int]]:
    """Batches of indices from the shortest utterance to the longest, for going through a split once."""
    order = np.argsort(lengths, kind="stable")
    return [[int(u) for u in order[i : i + batch_size]] for i in range(0, len(order), batch_size)]
