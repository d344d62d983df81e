"""Convolutional speech encoders, built layer by layer from a recipe.

Padding is set to zero before every convolution and excluded from the statistics of batch normalisation and out of max
pooling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from earmark.core.timing import FEATURE_GRID, FrameGrid, layer_frames
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders import SpeechEncoder
from earmark.recipe import ConvLayer, SpeechEncoderSettings
from earmark.recipe.schema import residuals_fit


def _no_keyword_channels(layers: list[ConvLayer]) -> list[ConvLayer]:
    if any(layer.channels == "keywords" for layer in layers):
        raise ValueError("no layer can have 'keywords' channels: the model's dimension is that of its last frames")
    return residuals_fit(layers)


class Settings(SpeechEncoderSettings):
    """Convolutions over the features, and a linear map to the model's dimension."""

    kind: Literal["conv"] = "conv"
    layers: Annotated[list[ConvLayer], Field(min_length=1), AfterValidator(_no_keyword_channels)]


class ConvEncoder(SpeechEncoder):
    """A stack of 1-d convolutions over time.

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    layers : sequence of ConvLayer
    keywords : int
        How many channels a layer of 'keywords' has.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Attributes
    ----------
    dimension : int
        K, channels of the last layer.
    feature_grid, grid : FrameGrid
        Where the features and the encoder's frames lie in the waveform.
    """

    def __init__(
        self, inputs: int, layers: Sequence[ConvLayer], keywords: int, feature_grid: FrameGrid = FEATURE_GRID
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        self.dimension, self.feature_grid, self.grid = inputs, feature_grid, feature_grid
        for layer in layers:
            block = Block(self.dimension, layer, keywords)
            self.blocks.append(block)
            self.dimension = block.conv.out_channels
            self.grid = block.frames_on(self.grid)

    @property
    def output_norm(self) -> MaskedBatchNorm | None:
        """The batch normalisation of the last block, if that has one."""
        return cast(Block, self.blocks[-1]).norm

    def transferable(self) -> list[str]:
        """All weights but those of the last block, which maps to a space of each model's own."""
        last = f"blocks.{len(self.blocks) - 1}."
        return [name for name in self.state_dict() if not name.startswith(last)]

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
        """
        frames, lengths = self.blocks[-1](*self.before_last(features, lengths))
        return frames.transpose(1, 2), lengths

    def before_last(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What the last block gets of a batch: (B, C, T'), zero where padded, and lengths (B,)."""
        frames = features.transpose(1, 2) * padding_mask(lengths, features.shape[1])[:, None]
        for block in list(self.blocks)[:-1]:
            frames, lengths = block(frames, lengths)
        return frames, lengths


class _Conv1d(nn.Conv1d):
    """A convolution over time that computes with the channels of a frame side by side in memory.

    On a CPU that takes two thirds of the time of the layout that PyTorch has for 1-d convolutions.
    """

    def forward(self, frames: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T')."""
        if frames.device.type != "cpu":
            return super().forward(frames)
        weight = self.weight[:, :, None].contiguous(memory_format=torch.channels_last)
        stride, padding = (1, self.stride[0]), (0, int(self.padding[0]))
        return nn.functional.conv2d(frames[:, :, None], weight, self.bias, stride, padding)[:, :, 0]


class Block(nn.Module):
    """Convolution, then, where the recipe has them: batch norm, ReLU, dropout, a shortcut around them, max pooling."""

    def __init__(self, inputs: int, layer: ConvLayer, keywords: int) -> None:
        super().__init__()
        outputs = keywords if layer.channels == "keywords" else layer.channels
        padding = (layer.kernel - 1) // 2
        self.conv = _Conv1d(inputs, outputs, layer.kernel, layer.stride, padding, bias=not layer.norm)
        self.norm = MaskedBatchNorm(outputs) if layer.norm else None
        self.relu = layer.relu
        self.dropout = nn.Dropout(layer.dropout) if layer.dropout else nn.Identity()
        self.residual = layer.residual
        self.pool = layer.pool

    def frames_on(self, grid: FrameGrid) -> FrameGrid:
        """Where this block's frames lie when its input's lie on `grid`."""
        grid = grid.then(self.conv.kernel_size[0], self.conv.stride[0], int(self.conv.padding[0]))
        return grid.then(self.pool, self.pool)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T) zero where padded -> (B, C', T') zero where padded."""
        out = self.conv(frames)
        lengths = layer_frames(lengths, self.conv.kernel_size[0], self.conv.stride[0], int(self.conv.padding[0]))
        real = padding_mask(lengths, out.shape[2])
        if self.norm is not None:
            out = self.norm(out, real)
        if self.relu:
            out = out.relu()
        out = self.dropout(out)
        if self.residual:
            out = out + frames
        if self.pool > 1:
            out, lengths = max_pool(out, lengths, self.pool)
            real = padding_mask(lengths, out.shape[2])
        return out * real[:, None].to(out.dtype), lengths


def max_pool(frames: Tensor, lengths: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The largest of every `width` real frames; a rest at the end is dropped, unless it is all there is.

    Parameters
    ----------
    frames : torch.Tensor, shape = (B, C, T)
    lengths : torch.Tensor, shape = (B,)
    width : int

    Returns
    -------
    frames : torch.Tensor, shape = (B, C, T'); what stands in padded places means nothing
    lengths : torch.Tensor, shape = (B,)
        ``lengths // width``, at least 1.
    """
    real = padding_mask(lengths, frames.shape[2])[:, None]
    lowest = torch.finfo(frames.dtype).min  # finite, so that a padded place can still be set to 0 by a product
    frames = nn.functional.pad(frames.masked_fill(~real, lowest), (0, max(0, width - frames.shape[2])), value=lowest)
    return nn.functional.max_pool1d(frames, width), (lengths // width).clamp_min(1)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics are those of the real frames alone."""

    def forward(self, frames: Tensor, real: Tensor) -> Tensor:  # type: ignore[override]
        """(B, C, T) and the mask (B, T) -> (B, C, T); what stands in padded places means nothing."""
        frames = frames.to(self.weight.dtype)  # in full precision, whatever the convolutions are computed in
        count = int(real.sum()) if self.training else 0
        if count <= 1:  # a single frame has no variance to be divided by
            return self._by_running_stats(frames)
        mask = real[:, None]
        mean = (frames * mask).sum(dim=(0, 2)) / count
        centred = (frames - mean[:, None]) * mask
        variance = centred.square().sum(dim=(0, 2)) / count
        self._update_stats(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias[:, None], centred, scale[:, None])

    def _by_running_stats(self, frames: Tensor) -> Tensor:
        """As nn.BatchNorm1d, which takes several times as long where a frame's channels lie side by side."""
        assert self.running_mean is not None
        assert self.running_var is not None
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return torch.addcmul((self.bias - self.running_mean * scale)[:, None], frames, scale[:, None])

    def _update_stats(self, mean: Tensor, variance: Tensor) -> None:
        """Take this batch's statistics into the running ones, as nn.BatchNorm1d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def build(settings: Settings, features: int, dimension: int, feature_grid: FrameGrid) -> ConvEncoder:
    """The layers of the settings, and a linear one to the dimension.

    That one is batch normalised, so that frames differ from one another more than they have in common at the start.
    """
    linear = ConvLayer(channels=dimension, kernel=1, norm=True, relu=False)
    return ConvEncoder(features, [*settings.layers, linear], dimension, feature_grid)
