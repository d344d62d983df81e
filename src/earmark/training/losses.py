"""Losses over pairs of an image and an utterance, as pure functions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from earmark.models import matchmap
from earmark.models.image_query_models import PairModel


class Pairs(NamedTuple):
    """B images and B utterances, as the networks encode them.

    Attributes
    ----------
    pixels : torch.Tensor, shape = (B, P, D)
    frames : torch.Tensor, shape = (B, T, D)
    mask : torch.Tensor, shape = (B, T), bool
        True for the frames that are compared.
    """

    pixels: Tensor
    frames: Tensor
    mask: Tensor

    def audio_contexts(self) -> Tensor:
        """The context of each utterance in its image, (B, D)."""
        return matchmap.audio_context(self._matchmaps(), self.mask, self.frames)

    def image_contexts(self) -> Tensor:
        """The context of each image in its utterance, (B, D)."""
        return matchmap.image_context(self._matchmaps(), self.mask, self.pixels)

    def contexts(self) -> tuple[Tensor, Tensor]:
        """Audio contexts and image contexts, (B, D) each."""
        matches = self._matchmaps()
        audio = matchmap.audio_context(matches, self.mask, self.frames)
        return audio, matchmap.image_context(matches, self.mask, self.pixels)

    def similarities(self, model: PairModel) -> Tensor:
        """The similarity of each image and its utterance, (B,)."""
        return model.similarity.paired(self.pixels, self.frames, self.mask)

    def select(self, rows: Tensor) -> Pairs:
        """The pairs of some rows, one after the other: of (A, n) rows first the n of the first anchor."""
        return Pairs(*(part[rows.flatten()] for part in self))

    def repeat(self, count: int) -> Pairs:
        """Each pair `count` times in a row, as the rows of :meth:`select` lie."""
        return Pairs(*(part.repeat_interleave(count, dim=0) for part in self))

    def with_speech(self, other: Pairs) -> Pairs:
        """These images with the utterances of other pairs."""
        return Pairs(self.pixels, other.frames, other.mask)

    def with_images(self, other: Pairs) -> Pairs:
        """These utterances with the images of other pairs."""
        return Pairs(other.pixels, self.frames, self.mask)

    def _matchmaps(self) -> Tensor:
        return matchmap.paired_matchmap(self.pixels, self.frames)


def contrastive(
    anchors: tuple[Tensor, Tensor], positives: tuple[Tensor, Tensor], negatives: tuple[Tensor, Tensor]
) -> Tensor:
    """Mean squared distance of cosines from 1 and -1 (Nortje and Kamper 2022, as released).

    With c_A and c_V the contexts of the anchor's own utterance and image in each other, c_A+ and c_A- those of other
    utterances in the anchor's image, and c_V+ and c_V- those of other images in the anchor's utterance, there are four
    groups of an anchor, what should be like it, and what should not:

    (c_A; c_V; c_A-), (c_A; c_A+; c_V-), (c_V; c_A; c_V-) and (c_V; c_V+; c_A-).

    Parameters
    ----------
    anchors : c_A, c_V, each of shape (B, D)
    positives : c_A+, c_V+, each of shape (B, p, D)
    negatives : c_A-, c_V-, each of shape (B, n, D)

    Returns
    -------
    torch.Tensor, shape = ()
        The mean over the four groups, in each of which every cosine weighs the same.
    """
    (audio, image), (positive_audio, positive_image), (negative_audio, negative_image) = anchors, positives, negatives
    groups = [
        (audio, image[:, None], negative_audio),
        (audio, positive_audio, negative_image),
        (image, audio[:, None], negative_image),
        (image, positive_image, negative_audio),
    ]
    distances = []
    for anchor, alike, unlike in groups:
        near, far = (matchmap.cosine(others, anchor[:, None]) for others in (alike, unlike))
        distances.append(torch.cat([near - 1, far + 1], dim=1).square().mean())
    return torch.stack(distances).mean()


def regression(right: Tensor, wrong: Tensor, high: float, low: float) -> Tensor:
    """Mean squared distance of similarities from what they should be (Nortje et al. 2024, arXiv:2409.06013).

    Parameters
    ----------
    right, wrong : torch.Tensor, any shape
        Similarities of pairs that belong together, and of others.
    high, low : float
        What they should be.
    """
    return torch.cat([right.flatten() - high, wrong.flatten() - low]).square().mean()


def triplet(similarities: Tensor, same: Tensor, margin: float, rng: torch.Generator, released: bool = False) -> Tensor:
    """Hinge loss of matching pairs against two impostors each, from images to utterances.

    Each image has two impostors among the batch's utterances: a random one, and the semi-hard one, the most similar of
    those that are less similar than the match (Jansen et al. 2018; Harwath et al. 2018). Transposed, it is the loss
    from utterances to images.

    Parameters
    ----------
    similarities : torch.Tensor, shape = (B, B)
        Of each image (row) with each utterance (column); matches are on the diagonal.
    same : torch.Tensor, shape = (B, B), bool
        Where image and utterance show the same image, which is no impostor.
    margin : float
    rng : torch.Generator
        Of the CPU.
    released : bool
        The semi-hard impostor as the code has it that Nortje and Kamper (2022) released: what is not below the match
        counts as 0 instead of being left out, so that the similarity of the impostor is at least 0.

    Returns
    -------
    torch.Tensor, shape = ()
        Mean over images of the sum over impostors of max(0, impostor - match + margin).
    """
    right = similarities.diagonal()[:, None]
    impostors = ~same
    drawn = torch.rand(similarities.shape, generator=rng).to(similarities.device).masked_fill(same, -1)
    random = torch.zeros_like(same).scatter_(1, drawn.argmax(dim=1, keepdim=True), True) & impostors
    below = impostors & (similarities < right)
    hinge = (similarities - right + margin).clamp_min(0)
    if released:
        semi_hard_similarity = similarities.masked_fill(~below, 0).amax(dim=1, keepdim=True)
        semi_hard_hinge = (semi_hard_similarity - right + margin).clamp_min(0)
        return ((hinge * random).sum(dim=1) + semi_hard_hinge[:, 0]).mean()
    hardest = similarities.masked_fill(~below, -torch.inf).argmax(dim=1, keepdim=True)
    semi_hard = torch.zeros_like(same).scatter_(1, hardest, True) & below
    return (hinge * (random.float() + semi_hard.float())).sum(dim=1).mean()
