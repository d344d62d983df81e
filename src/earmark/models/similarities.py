"""Similarities of image-query models: one class a kind, named as in a recipe.

==================  ==============================================================  =================================
kind                similarity of an image and an utterance                         source
==================  ==============================================================  =================================
misa, sisa, sima    the matchmap pooled over pixels and frames                      DAVEnet, Harwath et al. 2018
max                 the matchmap's maximum, at least 0                              Nortje et al. 2024
localising-         the cosine of two contexts, each weighted by the matchmap       Nortje and Kamper 2022
attention
==================  ==============================================================  =================================

A new similarity is a class here and its settings in :mod:`earmark.recipe.schema`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from earmark.models import matchmap
from earmark.recipe import Matchmap, SimilaritySettings

MIN_STD = 1e-6
SHARPNESS = 10.0  # a frame whose match is a standard deviation below the best one's counts exp(-SHARPNESS) of it


class Similarity(ABC):
    """How images and utterances are compared.

    Attributes
    ----------
    is_bounded : bool
        Whether similarities have a scale of their own, as cosines do; others are standardised by running statistics.
    candidate_multiplier : int
        How many times as many windows as hits are wanted to score exactly, of those that :meth:`summary` ranks first;
        more where it predicts the similarity less well.
    """

    is_bounded = False
    candidate_multiplier = 64

    @abstractmethod
    def paired(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """Similarity of each image with the utterance of the same number.

        Parameters
        ----------
        pixels : torch.Tensor, shape = (B, P, D)
        frames : torch.Tensor, shape = (B, T, D)
        mask : torch.Tensor, shape = (B, T), bool
            Frames that are compared.

        Returns
        -------
        torch.Tensor, shape = (B,)
        """

    @abstractmethod
    def crossed(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Similarities (B, N) of all images (N, P, D) with all utterances (B, T, D), and frame scores (B, N, T)."""

    @abstractmethod
    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """What a frame like each of the codebook (C, D) adds to the similarity with one image (P, D): (C,)."""


class PooledMatchmap(Similarity):
    """A matchmap pooled to one number."""

    @abstractmethod
    def pool(self, matches: Tensor, mask: Tensor) -> Tensor:
        """Matchmaps (..., P, T) and masks (..., T) to similarities (...)."""

    def paired(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`Similarity.paired`."""
        return self.pool(matchmap.paired_matchmap(pixels, frames), mask)

    def crossed(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`Similarity.crossed`; a frame's score is its best match."""
        matches, mask = matchmap.matchmap(pixels, frames), mask[:, None]
        return self.pool(matches, mask), matches.amax(dim=2).masked_fill(~mask, -math.inf)


class Misa(PooledMatchmap):
    """The mean over frames of each frame's best pixel: its summary is exact for frames of the codebook."""

    candidate_multiplier = 8

    def pool(self, matches: Tensor, mask: Tensor) -> Tensor:
        """As :func:`earmark.models.matchmap.misa`."""
        return matchmap.misa(matches, mask)

    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """The best match of each."""
        return (pixels @ codebook.T).amax(dim=0)


class Sisa(PooledMatchmap):
    """The mean over all pixels and frames: its summary is exact for frames of the codebook."""

    candidate_multiplier = 8

    def pool(self, matches: Tensor, mask: Tensor) -> Tensor:
        """As :func:`earmark.models.matchmap.sisa`."""
        return matchmap.sisa(matches, mask)

    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """The mean match of each."""
        return (pixels @ codebook.T).mean(dim=0)


class Sima(PooledMatchmap):
    """The mean over pixels of each pixel's best frame."""

    def pool(self, matches: Tensor, mask: Tensor) -> Tensor:
        """As :func:`earmark.models.matchmap.sima`."""
        return matchmap.sima(matches, mask)

    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """A soft maximum over the codebook, averaged over pixels: few frames decide, but not how many they are."""
        matches = pixels @ codebook.T
        return _soft_maximum(matches, matches.std())


class Maximum(PooledMatchmap):
    """The best match of any pixel with any frame."""

    def pool(self, matches: Tensor, mask: Tensor) -> Tensor:
        """As :func:`earmark.models.matchmap.maximum`."""
        return matchmap.maximum(matches, mask)

    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """A soft maximum over the codebook of each frame's best match."""
        matches = pixels @ codebook.T
        return _soft_maximum(matches.amax(dim=0, keepdim=True), matches.std())


class LocalisingAttention(Similarity):
    """The cosine of an image context and an audio context."""

    is_bounded = True

    def paired(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`Similarity.paired`."""
        matches = matchmap.paired_matchmap(pixels, frames)
        audio = matchmap.audio_context(matches, mask, frames)
        return matchmap.cosine(audio, matchmap.image_context(matches, mask, pixels))

    def crossed(self, pixels: Tensor, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`Similarity.crossed`; a frame's score is its attention."""
        matches, mask = matchmap.matchmap(pixels, frames), mask[:, None]
        scores = matchmap.localising_attention_score(matches, mask, pixels, frames)
        return scores, matchmap.audio_attention(matches, mask)

    def summary(self, pixels: Tensor, codebook: Tensor) -> Tensor:
        """What each adds to the numerator of the cosine, its attention times its match with the image context."""
        matches = pixels @ codebook.T
        every = torch.ones_like(matches[0], dtype=torch.bool)
        image_context = matchmap.image_attention(matches, every) @ pixels
        return matchmap.audio_attention(matches, every) * (codebook @ image_context)


SIMILARITIES: dict[str, type[Similarity]] = {
    "misa": Misa,
    "sisa": Sisa,
    "sima": Sima,
    "max": Maximum,
    "localising-attention": LocalisingAttention,
}


def build_similarity(settings: SimilaritySettings) -> Similarity:
    """The similarity that a recipe names."""
    return SIMILARITIES[settings.pool if isinstance(settings, Matchmap) else settings.kind]()


def _soft_maximum(matches: Tensor, spread: Tensor) -> Tensor:
    """Weights (C,) of the columns of matches (n, C), nearly all on the best of each row."""
    deficit = (matches - matches.amax(dim=1, keepdim=True)) / spread.clamp_min(MIN_STD)
    return (SHARPNESS * deficit).exp().mean(dim=0)
