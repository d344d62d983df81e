"""SpecAugment: silence random blocks of frames and of feature dimensions while training (Park et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.recipe import Augment


def spec_augment(features: Tensor, lengths: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Set random blocks to 0, which is the mean of normalised features.

    Parameters
    ----------
    features : torch.Tensor, shape = (B, T, F)
    lengths : torch.Tensor, shape = (B,)
        Frames of each utterance; blocks lie within them and are drawn anew for each utterance.
    settings : Augment
        How many blocks, and how wide at most. A block's width is uniform between nothing and the widest.
    generator : torch.Generator
        Random generator, on the CPU.

    Returns
    -------
    torch.Tensor, shape = (B, T, F), a copy
    """
    batch, frames, dimensions = features.shape
    silent_frames = _blocks(lengths, frames, settings.time_masks, settings.time_width, generator)
    all_dimensions = torch.full((batch,), dimensions, device=lengths.device)
    silent_dimensions = _blocks(all_dimensions, dimensions, settings.feature_masks, settings.feature_width, generator)
    silent = silent_frames[:, :, None] | silent_dimensions[:, None, :]
    return features.masked_fill(silent, 0.0)


def _blocks(extents: Tensor, size: int, count: int, widest: float, generator: torch.Generator) -> Tensor:
    """Union of `count` random blocks in each row: bool (B, size); a block is a part of the row's extent.

    Random numbers come from the CPU, the same for all devices; extents stay where they are, so that no device is
    waited for.
    """
    shape, device = (len(extents), count, 1), extents.device
    room = extents.view(-1, 1, 1)
    widths = (torch.rand(shape, generator=generator).to(device) * widest * room).floor()
    starts = (torch.rand(shape, generator=generator).to(device) * (room - widths + 1)).floor()
    places = torch.arange(size, device=device)
    return ((places >= starts) & (places < starts + widths)).any(dim=1)
