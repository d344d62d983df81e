"""Many versions of one utterance, of which each has a stretch exchanged, encoded together without doing anything twice.

Input masking asks for the encoder's frames of some two thousand versions of an utterance: in each, a segment from one
sequence of features (`inside`) lies in another (`outside`). Almost all of their frames are equal. At any layer, a frame
of a version

- sees nothing of the segment: it is the frame of `outside`;
- sees nothing but the segment: it is the frame of `inside`;
- sees only one edge of the segment: it is shared by all segments that start (or end) there;
- sees both edges: only this one is the segment's own.

So a layer is kept as a heap of distinct frames, its *rows*, with arithmetic that says which row stands where in which
version. The next layer is computed from the heap, row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from earmark.core.timing import layer_frames
from earmark.models.speech_encoders.conv import Block, ConvEncoder, MaskedBatchNorm

NUMBERS_AT_ONCE = 1 << 20  # of the inputs that are laid out for one matrix product; they should stay in the cache


@dataclass(frozen=True)
class MatchmapData:
    """What a layer's frames see of the features: frame j those from ``j stride - before`` to ``j stride + after``."""

    stride: int = 1
    before: int = 0
    after: int = 0

    def then(self, layer: Step) -> MatchmapData:
        """The sight of a layer on top."""
        return MatchmapData(
            self.stride * layer.stride,
            self.before + self.stride * layer.padding,
            self.after + self.stride * (layer.kernel - 1 - layer.padding),
        )

    def first(self, edges: Tensor) -> Tensor:
        """The first frame that sees both sides of an edge, which lies before the feature of its number."""
        return -((self.after - edges) // self.stride)

    def behind_last(self, edges: Tensor) -> Tensor:
        """The frame behind the last that sees both sides of an edge."""
        return (edges - 1 + self.before) // self.stride + 1

    @property
    def most(self) -> int:
        """How many frames see both sides of an edge, at the most."""
        return (self.before + self.after - 1) // self.stride + 1


class Step(Protocol):
    """One step of an encoder, from frames at certain places to a frame."""

    kernel: int
    stride: int
    padding: int

    def frames(self, before: int) -> int:
        """How many frames leave it when so many enter."""

    def places(self, frames: Tensor, before: int) -> Tensor:
        """Which frames (M, kernel) each of its frames (M,) is computed from, when `before` frames enter."""

    def compute(self, taps: Tensor) -> Tensor:
        """Frames (M, C') from those that each is computed from, (M, kernel, C)."""


class Convolution:
    """A block's convolution and all that follows it but its pooling, as in evaluation.

    Attributes
    ----------
    weight : torch.Tensor, shape = (kernel x C, C')
    bias : torch.Tensor, shape = (C',)
        Of the convolution, with what its batch norm does in evaluation multiplied in.
    """

    def __init__(self, block: Block) -> None:
        self.kernel, self.stride = block.conv.kernel_size[0], block.conv.stride[0]
        self.padding = int(block.conv.padding[0])
        self.relu, self.residual = block.relu, block.residual
        self.weight = block.conv.weight.permute(2, 1, 0).flatten(0, 1)
        self.bias = block.conv.bias if block.conv.bias is not None else self.weight.new_zeros(self.weight.shape[1])
        if block.norm is not None:
            self.weight, self.bias = _normed(block.norm, self.weight, self.bias)

    @property
    def is_affine(self) -> bool:
        """Whether a frame is nothing but its inputs times the weight, and the bias."""
        return not (self.relu or self.residual)

    def frames(self, before: int) -> int:
        return int(layer_frames(before, self.kernel, self.stride, self.padding))

    def places(self, frames: Tensor, before: int) -> Tensor:
        return frames[:, None] * self.stride - self.padding + torch.arange(self.kernel, device=frames.device)

    def compute(self, taps: Tensor) -> Tensor:
        out = torch.addmm(self.bias, taps.flatten(1), self.weight)
        if self.relu:
            out = out.relu_()
        return out + taps[:, self.padding] if self.residual else out


def _normed(norm: MaskedBatchNorm, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return weight * scale, (bias - norm.running_mean) * scale + norm.bias


class Pooling:
    """Max pooling over frames that do not overlap."""

    padding = 0

    def __init__(self, width: int) -> None:
        self.kernel = self.stride = width

    def frames(self, before: int) -> int:
        return max(before // self.kernel, 1)

    def places(self, frames: Tensor, before: int) -> Tensor:
        # Of fewer frames than the width the last is taken several times, which changes no maximum.
        places = frames[:, None] * self.stride + torch.arange(self.kernel, device=frames.device)
        return places.minimum(torch.tensor(before - 1, device=frames.device))

    def compute(self, taps: Tensor) -> Tensor:
        return taps.amax(dim=1)


def steps_of(encoder: ConvEncoder) -> list[Step]:
    """The steps that an encoder takes one after the other."""
    steps: list[Step] = []
    for block in encoder.blocks:
        assert isinstance(block, Block)
        steps.append(Convolution(block))
        if block.pool > 1:
            steps.append(Pooling(block.pool))
    return steps


@dataclass(frozen=True)
class Cuts:
    """Where segments lie: S segments with E different edges.

    Attributes
    ----------
    edges : torch.Tensor, shape = (E,)
        All starts, then all ends, in features; each edge lies before the feature of its number.
    is_end : torch.Tensor, shape = (E,), bool
    start, end : torch.Tensor, shape = (S,)
        Which edges are a segment's own.
    """

    edges: Tensor
    is_end: Tensor
    start: Tensor
    end: Tensor


def cuts(segments: Tensor) -> Cuts:
    """The edges of segments (S, 2), each from a feature up to, but not with, another."""
    starts, start = segments[:, 0].unique(return_inverse=True)
    ends, end = segments[:, 1].unique(return_inverse=True)
    is_end = torch.arange(len(starts) + len(ends), device=segments.device) >= len(starts)
    return Cuts(torch.cat([starts, ends]), is_end, start, end + len(starts))


class Layout:
    """Which row stands where: the arithmetic of one layer.

    The rows are, in this order, the frames of `outside`, those of `inside`, a window of frames around every edge, the
    frames of the segments that see both their edges, and one of zeros that stands for all that lies outside of the
    utterance.
    """

    def __init__(self, cuts: Cuts, sight: MatchmapData, frames: int) -> None:
        self.cuts, self.sight, self.frames = cuts, sight, frames
        self.window = sight.most
        self.first = sight.first(cuts.edges)
        self.own_first = self.first[cuts.end]  # a segment's own frames begin with the first that sees its end
        behind = sight.behind_last(cuts.edges)[cuts.start]
        self.own = (behind - self.own_first).clamp_min(0)
        self.own_behind = self.own.cumsum(0)
        self.around_edges = 2 * frames
        self.owned = self.around_edges + len(cuts.edges) * self.window
        self.zeros = self.owned + (int(self.own_behind[-1]) if len(self.own) else 0)

    def of_edge(self, edge: Tensor, frame: Tensor) -> Tensor:
        """Row at a frame of the version that has only one edge."""
        place = frame - self.first[edge]
        before, after = (self.frames * (self.cuts.is_end[edge] ^ behind) for behind in (False, True))
        row = torch.where(place < 0, before + frame, after + frame)
        near = (place >= 0) & (place < self.window)
        return self._real(torch.where(near, self.around_edges + edge * self.window + place, row), frame)

    def of_segment(self, segment: Tensor, frame: Tensor) -> Tensor:
        """Row at a frame of a segment's version."""
        place, own = frame - self.own_first[segment], self.own[segment]
        edge = torch.where(place < 0, self.cuts.start[segment], self.cuts.end[segment])
        mine = (place >= 0) & (place < own)
        row = self.owned + self.own_behind[segment] - own + place
        return self._real(torch.where(mine, row, self.of_edge(edge, frame)), frame)

    def of_whole(self, whole: int, frame: Tensor) -> Tensor:
        """Row at a frame of `outside` (0) or `inside` (1)."""
        return self._real(whole * self.frames + frame, frame)

    def _real(self, row: Tensor, frame: Tensor) -> Tensor:
        return torch.where((frame >= 0) & (frame < self.frames), row, self.zeros)

    def sources(self, step: Step, below: Layout) -> Tensor:
        """Rows of the layer below that each row of this one, but the zeros, is computed from: (rows, kernel)."""
        device = self.first.device
        whole = step.places(torch.arange(self.frames, device=device), below.frames)
        edge = torch.arange(len(self.cuts.edges), device=device)[:, None].expand(-1, self.window)
        near = step.places((self.first[:, None] + torch.arange(self.window, device=device)).flatten(), below.frames)
        segment = torch.arange(len(self.own), device=device).repeat_interleave(self.own)
        number = torch.arange(len(segment), device=device) - (self.own_behind - self.own)[segment]
        own = step.places(self.own_first[segment] + number, below.frames)
        return torch.cat(
            [
                below.of_whole(0, whole),
                below.of_whole(1, whole),
                below.of_edge(edge.reshape(-1, 1), near),
                below.of_segment(segment[:, None], own),
            ]
        )


@dataclass(frozen=True)
class Mosaic:
    """All versions of an utterance at one layer.

    Attributes
    ----------
    rows : torch.Tensor, shape = (R, C)
        Distinct frames; the last is zero.
    layout : Layout
        Which row stands where.
    """

    rows: Tensor
    layout: Layout

    def then(self, step: Step) -> Mosaic:
        """All versions after one more step of the encoder."""
        layout = self.above(step)
        sources = layout.sources(step, self.layout)
        at_once = max(1, NUMBERS_AT_ONCE // (step.kernel * self.rows.shape[1]))
        parts = [step.compute(self.at(some)) for some in sources.split(at_once)]
        rows = torch.cat([*parts, parts[0].new_zeros(1, parts[0].shape[1])])
        return Mosaic(rows, layout)

    def at(self, places: Tensor) -> Tensor:
        """The frames that stand in some rows, of any shape: (..., C)."""
        return self.rows.index_select(0, places.flatten()).view(*places.shape, -1)

    def above(self, step: Step) -> Layout:
        """The layout of the next layer."""
        return Layout(self.layout.cuts, self.layout.sight.then(step), step.frames(self.layout.frames))

    def frames_of(self, segments: Tensor) -> Tensor:
        """All frames of some versions, by the numbers (N,) of their segments: (N, T, C)."""
        every = torch.arange(self.layout.frames, device=segments.device)
        return self.at(self.layout.of_segment(segments[:, None], every))


def lay(outside: Tensor, inside: Tensor, segments: Tensor) -> Mosaic:
    """The versions' features: `inside` (T, F) within each segment (S, 2), `outside` (T, F) elsewhere."""
    rows = torch.cat([outside, inside, outside.new_zeros(1, outside.shape[1])])
    return Mosaic(rows, Layout(cuts(segments), MatchmapData(), len(outside)))
