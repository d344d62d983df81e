"""Speech encoders: features in, one vector a frame out.

Padding never leaks: an utterance gets the same frames alone and in a batch. Convolutions set it to zero and keep it out
of the statistics of batch normalisation and out of max pooling. For LSTMs it is zero before the convolution, lies
behind what an LSTM from the past to the future has read, and is left out by those in both directions.

The network of Nortje and Kamper (2022), contrastive predictive coding (CPC) under bidirectional LSTMs::

    features
      convolution, kernel 4, stride 2; ReLU
      linear layers, each after layer norm and ReLU      -> latents, half the rate: what CPC predicts
      LSTMs, from the past to the future                 -> contexts: what CPC predicts from
      LSTMs, in both directions                          -> frames
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from earmark.core.timing import FEATURE_GRID, FrameGrid, layer_frames
from earmark.models.padding import padding_mask
from earmark.recipe import ConvLayer, ConvSpeech, Cpc, CpcSpeech


class SpeechEncoder(nn.Module):
    """What all speech encoders state.

    Attributes
    ----------
    dimension : int
        K, numbers a frame.
    feature_grid, grid : FrameGrid
        Where the features and the encoder's frames lie in the waveform.
    """

    dimension: int
    feature_grid: FrameGrid
    grid: FrameGrid

    @property
    def output_norm(self) -> MaskedBatchNorm | None:
        """The batch normalisation of the last layer, for an encoder that ends in one."""
        return None

    def transferable(self) -> list[str] | None:
        """Names of the weights that another model can start from; None if it is pretrained in a way of its own."""
        return None


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


class Block(nn.Module):
    """Convolution, then, where the recipe says so: batch norm, ReLU, dropout, a shortcut around them, max pooling."""

    def __init__(self, inputs: int, layer: ConvLayer, keywords: int) -> None:
        super().__init__()
        outputs = keywords if layer.channels == "keywords" else layer.channels
        padding = (layer.kernel - 1) // 2
        self.conv = nn.Conv1d(inputs, outputs, layer.kernel, layer.stride, padding, bias=not layer.norm)
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
        return out * real[:, None], lengths


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
        count = int(real.sum())
        if not self.training or count == 1:  # a single frame has no variance to be divided by
            return nn.functional.batch_norm(
                frames, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        mask = real[:, None]
        frames = frames.to(self.weight.dtype)  # in full precision, whatever the convolutions are computed in
        mean = (frames * mask).sum(dim=(0, 2)) / count
        centred = (frames - mean[:, None]) * mask
        variance = centred.square().sum(dim=(0, 2)) / count
        self._update_stats(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias[:, None], centred, scale[:, None])

    def _update_stats(self, mean: Tensor, variance: Tensor) -> None:
        """Take this batch's statistics into the running ones, as nn.BatchNorm1d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def build_speech_encoder(
    settings: ConvSpeech | CpcSpeech, features: int, dimension: int, feature_grid: FrameGrid
) -> SpeechEncoder:
    """The network that `settings` describe, with fresh weights.

    Parameters
    ----------
    settings : ConvSpeech or CpcSpeech
    features : int
        Feature dimensions.
    dimension : int
        Numbers a frame.
    feature_grid : FrameGrid
        Where the features lie in the waveform.
    """
    if isinstance(settings, CpcSpeech):
        return CpcEncoder(features, settings, feature_grid)
    # Normed, so that frames differ from one another more than they have in common when training begins.
    linear = ConvLayer(channels=dimension, kernel=1, norm=True, relu=False)
    return ConvEncoder(features, [*settings.layers, linear], dimension, feature_grid)


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
    settings : CpcSpeech
        Its `start` is not read here: see :func:`earmark.models.init_from.load_cpc`.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Attributes
    ----------
    dimension : int
        K, both directions of the last LSTM side by side.
    grid : FrameGrid
        Where its frames lie in the waveform; the field is that of the convolution, since an LSTM depends on all frames.
    """

    def __init__(self, inputs: int, settings: CpcSpeech, feature_grid: FrameGrid = FEATURE_GRID) -> None:
        super().__init__()
        self.settings = settings
        self.cpc = CpcNetwork(inputs, settings)
        both = [2 * width for width in settings.lstm]
        self.lstms = _lstms([settings.context[-1], *both], bidirectional=True)
        self.dimension = both[-1]
        self.feature_grid = feature_grid
        self.grid = feature_grid.then(KERNEL, STRIDE, PADDING)

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


def _linear(inputs: int, outputs: int, bias: bool) -> Iterable[nn.Module]:
    return nn.LayerNorm(inputs), nn.ReLU(), nn.Linear(inputs, outputs, bias=bias)


def _lstms(widths: list[int], bidirectional: bool = False) -> nn.ModuleList:
    """LSTMs, each from one width to the next; that of one in both directions is of the two together."""
    directions = 2 if bidirectional else 1
    return nn.ModuleList(
        nn.LSTM(inputs, outputs // directions, batch_first=True, bidirectional=bidirectional)
        for inputs, outputs in pairwise(widths)
    )
