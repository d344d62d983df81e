"""SpecAugment while training (Park et al. 2019): warp time, silence random blocks of frames and of dimensions."""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.recipe import Augment


def spec_augment(features: Tensor, lengths: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Warp time, and set random blocks to 0, which is the mean of normalised features.

    Parameters
    ----------
    features : torch.Tensor, shape = (B, T, F)
    lengths : torch.Tensor, shape = (B,)
        Frames of each utterance; blocks lie within them and are drawn anew for each utterance.
    settings : Augment
        How far time is warped; how many blocks, and how wide at most. A block's width is uniform between nothing and
        the widest.
    generator : torch.Generator
        Random generator, on the CPU.

    Returns
    -------
    torch.Tensor, shape = (B, T, F), a copy
    """
    batch, frames, dimensions = features.shape
    if settings.time_warp:
        features = time_warp(features, lengths, settings.time_warp, generator)
    silent_frames = _blocks(lengths, frames, settings.time_masks, settings.time_width, generator)
    all_dimensions = torch.full((batch,), dimensions, device=lengths.device)
    silent_dimensions = _blocks(all_dimensions, dimensions, settings.feature_masks, settings.feature_width, generator)
    silent = silent_frames[:, :, None] | silent_dimensions[:, None, :]
    return features.masked_fill(silent, 0.0)


def time_warp(features: Tensor, lengths: Tensor, furthest: int, generator: torch.Generator) -> Tensor:
    """Move a random point of each utterance in time; what is before and behind it is stretched or pressed.

    Parameters
    ----------
    features : torch.Tensor, shape = (B, T, F)
    lengths : torch.Tensor, shape = (B,)
        Frames of each utterance: its first and its last one stay where they are.
    furthest : int
        W frames: the point is drawn at least so far from both ends, and moved by less than that. For an utterance of
        fewer than 2 W + 1 frames, W is half of its length.
    generator : torch.Generator
        Random generator, on the CPU.

    Returns
    -------
    torch.Tensor, shape = (B, T, F)
        Between frames, features are interpolated linearly; padding is as it was.
    """
    device, last = features.device, (lengths - 1).double()
    reach = torch.minimum(torch.full_like(last, furthest), last / 2)
    drawn = torch.rand((2, len(lengths)), generator=generator, dtype=torch.float64).to(device)
    point = reach + drawn[0] * (last - 2 * reach)
    moved = point + (2 * drawn[1] - 1) * reach
    place = torch.arange(features.shape[1], device=device, dtype=torch.float64)
    point, moved, last = point[:, None], moved[:, None], last[:, None]
    before = place * point / moved.clamp_min(1e-9)
    behind = point + (place - moved) * (last - point) / (last - moved).clamp_min(1e-9)
    source = torch.where(place <= moved, before, behind)
    source = torch.where(place <= last, source.clamp(min=0).minimum(last), place)
    low = source.floor().long().clamp(max=features.shape[1] - 1)
    high = (low + 1).clamp(max=features.shape[1] - 1)
    rows = torch.arange(len(features), device=device)[:, None]
    share = (source - low)[:, :, None].to(features.dtype)
    return features[rows, low] * (1 - share) + features[rows, high] * share


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
