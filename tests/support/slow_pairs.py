"""Similarities of a picture and an utterance from their formulae, one number at a time, for gradients too.

A picture is given by its pixels' vectors (P, D), an utterance by its real frames' vectors (T, D), in double precision.
Models compare :func:`inner` frames alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Matches = list[list[Tensor]]  # a row a pixel, a column a frame
EPSILON = 1e-6


def inner(frames: Tensor) -> Tensor:
    """All but the two frames at either end; of fewer than five the one or two in the middle."""
    for _ in range(2):
        frames = frames[1:-1] if len(frames) > 2 else frames
    return frames


def with_edges(values: list[float], count: int, at_edge: float) -> list[float]:
    """Values of the inner ones of `count` frames, with one value for all that are left out at either end."""
    edge = [at_edge] * ((count - len(values)) // 2)
    return [*edge, *values, *edge]


def matches(pixels: Tensor, frames: Tensor) -> Matches:
    """M_jt, the inner product of pixel j and frame t."""
    return [[sum(pixel[d] * frame[d] for d in range(len(pixel))) for frame in frames] for pixel in pixels]


def misa(pixels: Tensor, frames: Tensor) -> Tensor:
    """The mean over frames of the best pixel."""
    return sum(best_pixels(pixels, frames)) / len(frames)


def sisa(pixels: Tensor, frames: Tensor) -> Tensor:
    """The mean over everything."""
    return sum(sum(row) for row in matches(pixels, frames)) / (len(pixels) * len(frames))


def sima(pixels: Tensor, frames: Tensor) -> Tensor:
    """The mean over pixels of the best frame."""
    return sum(best_frames(pixels, frames)) / len(pixels)


def highest(pixels: Tensor, frames: Tensor) -> Tensor:
    """The highest match, at least 0."""
    return max(torch.zeros((), dtype=pixels.dtype, requires_grad=True), *best_pixels(pixels, frames))


def best_pixels(pixels: Tensor, frames: Tensor) -> list[Tensor]:
    """max_j M_jt of each frame."""
    return [max(column) for column in zip(*matches(pixels, frames), strict=True)]


def best_frames(pixels: Tensor, frames: Tensor) -> list[Tensor]:
    """max_t M_jt of each pixel."""
    return [max(row) for row in matches(pixels, frames)]


def stretched(values: list[Tensor]) -> list[Tensor]:
    """From 0 for the lowest to 1 for the highest; 1 where all are alike."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else torch.ones_like(value) for value in values]


def audio_context(pixels: Tensor, frames: Tensor) -> list[Tensor]:
    """c_A = (1/T) sum_t a_t A_t."""
    return weighed(stretched(best_pixels(pixels, frames)), frames)


def image_context(pixels: Tensor, frames: Tensor) -> list[Tensor]:
    """c_V = (1/P) sum_j b_j V_j."""
    return weighed(stretched(best_frames(pixels, frames)), pixels)


def weighed(weights: list[Tensor], vectors: Tensor) -> list[Tensor]:
    """The mean of vectors, each times its weight."""
    count = len(weights)
    return [sum(weights[i] * vectors[i][d] for i in range(count)) / count for d in range(vectors.shape[1])]


def cosine(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Of two contexts."""
    lengths = [max(sum(x * x for x in vector) ** 0.5, torch.tensor(EPSILON)) for vector in (one, other)]
    return sum(x * y for x, y in zip(one, other, strict=True)) / math.prod(lengths)


def attended(pixels: Tensor, frames: Tensor) -> Tensor:
    """S = cos(c_A, c_V)."""
    return cosine(audio_context(pixels, frames), image_context(pixels, frames))


SIMILARITIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "misa": misa,
    "sisa": sisa,
    "sima": sima,
    "max": highest,
    "localising-attention": attended,
}
