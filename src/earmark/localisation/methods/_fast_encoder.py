"""Encoding of many masked versions of one utterance together: frames that are equal in several versions are shared.

Input masking needs the encoder's frames of some two thousand versions of an utterance: in each, a segment from one
sequence of features (`inside`) replaces that of another (`outside`). Almost all of their frames are equal. At any
layer, the receptive field of a version's frame

- lies outside the segment: it is the frame of `outside`;
- lies inside the segment: it is the frame of `inside`;
- contains only one edge of the segment: it is shared by all segments that start (or end) there;
- contains both edges: only such a frame belongs to a single segment.

So a layer is stored as a table of distinct frames, its *rows*, with a :class:`FrameIndex` that computes which row is
which frame of which version. The next layer is computed from the table, row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from earmark.core.timing import layer_frames
from earmark.models.speech_encoders.conv import Block, ConvEncoder, MaskedBatchNorm

NUMBERS_AT_ONCE = 1 << 20  # of the inputs that are gathered for one matrix product; they should stay in the cache


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive fields of a layer's frames: frame j sees features ``j stride - before`` to ``j stride + after``."""

    stride: int = 1
    before: int = 0
    after: int = 0

    def compose(self, layer: Step) -> ReceptiveField:
        """The receptive field of a layer on top."""
        return ReceptiveField(
            self.stride * layer.stride,
            self.before + self.stride * layer.padding,
            self.after + self.stride * (layer.kernel - 1 - layer.padding),
        )

    def first(self, edges: Tensor) -> Tensor:
        """The first frame that sees both sides of an edge, which lies before the feature of its number."""
        return -((self.after - edges) // self.stride)

    def end(self, edges: Tensor) -> Tensor:
        """One past the last frame that sees both sides of an edge."""
        return (edges - 1 + self.before) // self.stride + 1

    @property
    def limit(self) -> int:
        """The largest number of frames that see both sides of one edge."""
        return (self.before + self.after - 1) // self.stride + 1


class Step(Protocol):
    """One step of an encoder: each of its frames is computed from `kernel` frames of the step before."""

    kernel: int
    stride: int
    padding: int

    def frames(self, before: int) -> int:
        """Number of its frames, when `before` frames enter."""

    def inputs(self, frames: Tensor, before: int) -> Tensor:
        """Numbers (M, kernel) of the frames that each of its frames (M,) is computed from, when `before` enter."""

    def compute(self, taps: Tensor) -> Tensor:
        """Frames (M, C') from their inputs (M, kernel, C)."""


class Convolution:
    """A block's convolution with all that follows it but its pooling, in evaluation mode.

    Attributes
    ----------
    weight : torch.Tensor, shape = (kernel x C, C')
    bias : torch.Tensor, shape = (C',)
        Of the convolution, with its batch norm folded in.
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
        """Whether a frame is an affine function of its inputs."""
        return not (self.relu or self.residual)

    def frames(self, before: int) -> int:
        return int(layer_frames(before, self.kernel, self.stride, self.padding))

    def inputs(self, frames: Tensor, before: int) -> Tensor:
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

    def inputs(self, frames: Tensor, before: int) -> Tensor:
        # Of fewer frames than the width the last is taken several times, which changes no maximum.
        inputs = frames[:, None] * self.stride + torch.arange(self.kernel, device=frames.device)
        return inputs.minimum(torch.tensor(before - 1, device=frames.device))

    def compute(self, taps: Tensor) -> Tensor:
        return taps.amax(dim=1)


def steps_of(encoder: ConvEncoder) -> list[Step]:
    """The steps of an encoder, in order."""
    steps: list[Step] = []
    for block in encoder.blocks:
        assert isinstance(block, Block)
        steps.append(Convolution(block))
        if block.pool > 1:
            steps.append(Pooling(block.pool))
    return steps


@dataclass(frozen=True)
class MaskEdges:
    """The edges of S masked segments, E of them distinct.

    Attributes
    ----------
    positions : torch.Tensor, shape = (E,)
        All starts, then all ends, as numbers of features; each edge lies before its feature.
    is_end : torch.Tensor, shape = (E,), bool
    start, end : torch.Tensor, shape = (S,)
        Numbers of each segment's edges.
    """

    positions: Tensor
    is_end: Tensor
    start: Tensor
    end: Tensor


def mask_edges(segments: Tensor) -> MaskEdges:
    """The edges of segments (S, 2), each from its first feature to one past its last."""
    starts, start = segments[:, 0].unique(return_inverse=True)
    ends, end = segments[:, 1].unique(return_inverse=True)
    is_end = torch.arange(len(starts) + len(ends), device=segments.device) >= len(starts)
    return MaskEdges(torch.cat([starts, ends]), is_end, start, end + len(starts))


class FrameIndex:
    """Which row of one layer is which frame of which version.

    The rows are, in this order, the frames of `outside`, those of `inside`, a window of frames around every edge, the
    frames of each segment that see both its edges, and one of zeros for all that lies outside the utterance.
    """

    def __init__(self, edges: MaskEdges, field: ReceptiveField, frames: int) -> None:
        self.edges, self.field, self.frames = edges, field, frames
        self.window = field.limit
        self.starts = field.first(edges.positions)
        self.own_starts = self.starts[edges.end]  # frames that see both edges begin with the first that sees the end
        past_own = field.end(edges.positions)[edges.start]
        self.own_counts = (past_own - self.own_starts).clamp_min(0)
        self.own_ends = self.own_counts.cumsum(0)
        self.edge_rows = 2 * frames
        self.own_rows = self.edge_rows + len(edges.positions) * self.window
        self.zeros = self.own_rows + (int(self.own_ends[-1]) if len(self.own_counts) else 0)

    def of_edge(self, edge: Tensor, frame: Tensor) -> Tensor:
        """Row of a frame of the version that has only one edge."""
        offset = frame - self.starts[edge]
        before, after = (self.frames * (self.edges.is_end[edge] ^ is_after) for is_after in (False, True))
        row = torch.where(offset < 0, before + frame, after + frame)
        near = (offset >= 0) & (offset < self.window)
        return self._real(torch.where(near, self.edge_rows + edge * self.window + offset, row), frame)

    def of_segment(self, segment: Tensor, frame: Tensor) -> Tensor:
        """Row of a frame of a segment's version."""
        offset, own = frame - self.own_starts[segment], self.own_counts[segment]
        edge = torch.where(offset < 0, self.edges.start[segment], self.edges.end[segment])
        is_own = (offset >= 0) & (offset < own)
        row = self.own_rows + self.own_ends[segment] - own + offset
        return self._real(torch.where(is_own, row, self.of_edge(edge, frame)), frame)

    def of_whole(self, whole: int, frame: Tensor) -> Tensor:
        """Row of a frame of `outside` (0) or `inside` (1)."""
        return self._real(whole * self.frames + frame, frame)

    def _real(self, row: Tensor, frame: Tensor) -> Tensor:
        return torch.where((frame >= 0) & (frame < self.frames), row, self.zeros)

    def sources(self, step: Step, below: FrameIndex) -> Tensor:
        """Rows of the layer below from which each row of this one, but the zeros, is computed: (rows, kernel)."""
        device = self.starts.device
        whole = step.inputs(torch.arange(self.frames, device=device), below.frames)
        edge = torch.arange(len(self.edges.positions), device=device)[:, None].expand(-1, self.window)
        near = step.inputs((self.starts[:, None] + torch.arange(self.window, device=device)).flatten(), below.frames)
        segment = torch.arange(len(self.own_counts), device=device).repeat_interleave(self.own_counts)
        number = torch.arange(len(segment), device=device) - (self.own_ends - self.own_counts)[segment]
        own = step.inputs(self.own_starts[segment] + number, below.frames)
        return torch.cat(
            [
                below.of_whole(0, whole),
                below.of_whole(1, whole),
                below.of_edge(edge.reshape(-1, 1), near),
                below.of_segment(segment[:, None], own),
            ]
        )


@dataclass(frozen=True)
class SharedFrames:
    """All versions of an utterance at one layer.

    Attributes
    ----------
    rows : torch.Tensor, shape = (R, C)
        Distinct frames; the last is zero.
    index : FrameIndex
        Which row is which frame.
    """

    rows: Tensor
    index: FrameIndex

    def apply(self, step: Step) -> SharedFrames:
        """All versions after one more step of the encoder."""
        index = self.next_index(step)
        sources = index.sources(step, self.index)
        at_once = max(1, NUMBERS_AT_ONCE // (step.kernel * self.rows.shape[1]))
        parts = [step.compute(self.gather(some)) for some in sources.split(at_once)]
        rows = torch.cat([*parts, parts[0].new_zeros(1, parts[0].shape[1])])
        return SharedFrames(rows, index)

    def gather(self, numbers: Tensor) -> Tensor:
        """The rows of some numbers, of any shape: (..., C)."""
        return self.rows.index_select(0, numbers.flatten()).view(*numbers.shape, -1)

    def next_index(self, step: Step) -> FrameIndex:
        """The frame index of the next layer."""
        return FrameIndex(self.index.edges, self.index.field.compose(step), step.frames(self.index.frames))

    def frames_of(self, segments: Tensor) -> Tensor:
        """All frames (N, T, C) of the versions of some segments, given by number (N,)."""
        every = torch.arange(self.index.frames, device=segments.device)
        return self.gather(self.index.of_segment(segments[:, None], every))


def shared_features(outside: Tensor, inside: Tensor, segments: Tensor) -> SharedFrames:
    """The features of all versions: `inside` (T, F) within each segment (S, 2), `outside` (T, F) elsewhere."""
    rows = torch.cat([outside, inside, outside.new_zeros(1, outside.shape[1])])
    return SharedFrames(rows, FrameIndex(mask_edges(segments), ReceptiveField(), len(outside)))
