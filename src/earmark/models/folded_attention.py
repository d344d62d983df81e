"""Attention over the frames of an affine last convolution, without computing those frames.

With x_t for all that frame t is computed from, its K numbers are h_t = W x_t + b. The product with a query is
q . h_t = (W^T q) . x_t + q . b (Olaleye et al. 2022, Eq. 11 before its softmax), so that the queries are folded into
the convolution. And since the attention weights sum to 1, the context is W (sum_t a_t x_t) + b (Eq. 12): the
convolution is done once for each query instead of once for each frame. It was half of a training step of CNN-Attend.
Masked localisation folds by the same equations (:mod:`earmark.localisation.methods`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from earmark.core.timing import layer_frames
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders.conv import Block


def is_affine(block: Block) -> bool:
    """Whether a block is a convolution and nothing else."""
    return (
        block.norm is None
        and not block.relu
        and not block.residual
        and block.pool == 1
        and isinstance(block.dropout, nn.Identity)
    )


def saves_work(block: Block, inputs: int, queries: int) -> bool:
    """Whether folding takes fewer multiply-adds than computing the frames of `inputs` frames does."""
    frames, outputs = inputs // block.conv.stride[0], block.conv.out_channels
    return frames * outputs > 2 * frames * queries + queries * outputs


def folded_contexts(block: Block, inputs: Tensor, lengths: Tensor, queries: Tensor) -> Tensor:
    """Context vectors of the attention over a block's frames.

    Parameters
    ----------
    block : Block
        The last one, affine.
    inputs : torch.Tensor, shape = (B, C, T)
        What it gets, zero where padded.
    lengths : torch.Tensor, shape = (B,)
        Frames of these.
    queries : torch.Tensor, shape = (Q, K)

    Returns
    -------
    torch.Tensor, shape = (B, Q, K)
    """
    conv = block.conv
    kernel, stride, padding = conv.kernel_size[0], conv.stride[0], int(conv.padding[0])
    assert conv.bias is not None
    folded = torch.einsum("qk,kci->qci", queries, conv.weight)
    similarity = nn.functional.conv1d(inputs, folded, queries @ conv.bias, stride, padding)
    frames = similarity.shape[2]
    padded = ~padding_mask(layer_frames(lengths, kernel, stride, padding), frames)[:, None]
    weights = similarity.masked_fill(padded, -math.inf).softmax(dim=2)
    around = nn.functional.pad(inputs, (padding, padding)).transpose(1, 2)
    last = (frames - 1) * stride + 1
    sums = torch.stack([weights @ around[:, i : i + last : stride] for i in range(kernel)], dim=3)  # (B, Q, C, kernel)
    contexts: Tensor = sums.flatten(2) @ conv.weight.flatten(1).T + conv.bias
    return contexts
