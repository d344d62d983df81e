"""Similarity of images and utterances from their matchmap.

A matchmap M has the inner product of every pixel's vector with every frame's (Harwath et al. 2018, Section 3.5; Nortje
and Kamper 2022). Here pixels are rows and frames are columns; dimensions before these two, of any number, are pairs of
an image and an utterance. Frames that the mask leaves out take no part in anything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

EPSILON = 1e-6  # below which the length of a context counts as this much


def matchmap(pixels: Tensor, frames: Tensor) -> Tensor:
    """Matchmaps of every image with every utterance.

    Parameters
    ----------
    pixels : torch.Tensor, shape = (N, P, D)
    frames : torch.Tensor, shape = (B, T, D)

    Returns
    -------
    torch.Tensor, shape = (B, N, P, T)
    """
    return torch.einsum("npd,btd->bnpt", pixels, frames)


def paired_matchmap(pixels: Tensor, frames: Tensor) -> Tensor:
    """Matchmaps of each image with the utterance of the same number: (B, P, D) and (B, T, D) to (B, P, T)."""
    return pixels @ frames.transpose(1, 2)


def misa(matches: Tensor, mask: Tensor) -> Tensor:
    """The mean over frames of each frame's best pixel: maximum over the image, sum over the audio.

    Parameters
    ----------
    matches : torch.Tensor, shape = (..., P, T)
    mask : torch.Tensor, shape = (..., T), bool
        Which frames are no padding.

    Returns
    -------
    torch.Tensor, shape = (...)
    """
    return _mean(matches.amax(dim=-2), mask)


def sisa(matches: Tensor, mask: Tensor) -> Tensor:
    """The mean over all pixels and frames: shapes as for :func:`misa`."""
    return _mean(matches.mean(dim=-2), mask)


def sima(matches: Tensor, mask: Tensor) -> Tensor:
    """The mean over pixels of each pixel's best frame: shapes as for :func:`misa`."""
    return _without(matches, mask[..., None, :]).amax(dim=-1).mean(dim=-1)


def maximum(matches: Tensor, mask: Tensor) -> Tensor:
    """The best match of any pixel with any frame, at least 0 (Nortje et al. 2024): shapes as for :func:`misa`."""
    return _without(matches.amax(dim=-2), mask).amax(dim=-1).clamp_min(0)


def audio_attention(matches: Tensor, mask: Tensor) -> Tensor:
    """Weight of each frame, by its best pixel: 0 for the worst real frame, 1 for the best.

    Where all frames are alike, all weigh 1.

    Parameters
    ----------
    matches : torch.Tensor, shape = (..., P, T)
    mask : torch.Tensor, shape = (..., T), bool

    Returns
    -------
    torch.Tensor, shape = (..., T)
        0 where padded.
    """
    best = matches.amax(dim=-2)
    lowest = best.masked_fill(~mask, math.inf).amin(dim=-1, keepdim=True)
    top = _without(best, mask).amax(dim=-1, keepdim=True)
    return _between(best, lowest, top) * mask


def image_attention(matches: Tensor, mask: Tensor) -> Tensor:
    """Weight of each pixel, by its best real frame: 0 for the worst pixel, 1 for the best: (..., P).

    Where all pixels are alike, all weigh 1.
    """
    best = _without(matches, mask[..., None, :]).amax(dim=-1)
    return _between(best, best.amin(dim=-1, keepdim=True), best.amax(dim=-1, keepdim=True))


def audio_context(matches: Tensor, mask: Tensor, frames: Tensor) -> Tensor:
    """The mean of an utterance's frames, each weighed by its attention.

    Parameters
    ----------
    matches : torch.Tensor, shape = (B, P, T)
    mask : torch.Tensor, shape = (B, T), bool
    frames : torch.Tensor, shape = (B, T, D)

    Returns
    -------
    torch.Tensor, shape = (B, D)
    """
    weighed = torch.einsum("bt,btd->bd", audio_attention(matches, mask), frames)
    return weighed / mask.sum(dim=1, keepdim=True)


def image_context(matches: Tensor, mask: Tensor, pixels: Tensor) -> Tensor:
    """The mean of a image's pixels (B, P, D), each weighed by its attention: (B, D)."""
    return torch.einsum("bp,bpd->bd", image_attention(matches, mask), pixels) / pixels.shape[1]


def localising_attention_score(matches: Tensor, mask: Tensor, pixels: Tensor, frames: Tensor) -> Tensor:
    """S of Nortje and Kamper (2022): the cosine between what a image and an utterance see in each other.

    Parameters
    ----------
    matches : torch.Tensor, shape = (B, N, P, T)
        Of every image with every utterance.
    mask : torch.Tensor, shape = (B, 1, T), bool
    pixels : torch.Tensor, shape = (N, P, D)
    frames : torch.Tensor, shape = (B, T, D)

    Returns
    -------
    torch.Tensor, shape = (B, N), in [-1, 1]
    """
    image = torch.einsum("bnp,npd->bnd", image_attention(matches, mask), pixels) / pixels.shape[1]
    audio = torch.einsum("bnt,btd->bnd", audio_attention(matches, mask), frames) / mask.sum(dim=-1, keepdim=True)
    return cosine(image, audio)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """The cosine of two contexts (..., D)."""
    return nn.functional.cosine_similarity(one, other, dim=-1, eps=EPSILON)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum(dim=-1) / mask.sum(dim=-1)


def _without(values: Tensor, mask: Tensor) -> Tensor:
    return values.masked_fill(~mask, -math.inf)


def _between(values: Tensor, lowest: Tensor, top: Tensor) -> Tensor:
    span = top - lowest
    flat = span <= 0
    return torch.where(flat, torch.ones_like(values), (values - lowest) / span.masked_fill(flat, 1))
