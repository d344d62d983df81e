"""What models learn from besides tags: losses over pairs of a picture and an utterance."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from earmark.models import matchmap
from earmark.models.image_query_models import PairModel


class Pairs(NamedTuple):
    """Pictures and utterances of the same number, as the networks encode them.

    Attributes
    ----------
    pixels : torch.Tensor, shape = (B, P, D)
    frames : torch.Tensor, shape = (B, T, D)
    real : torch.Tensor, shape = (B, T), bool
    """

    pixels: Tensor
    frames: Tensor
    real: Tensor

    def contexts(self) -> tuple[Tensor, Tensor]:
        """Contexts of the utterances and of the pictures, (B, D) each."""
        matches = matchmap.paired_matchmap(self.pixels, self.frames)
        heard = matchmap.audio_context(matches, self.real, self.frames)
        return heard, matchmap.image_context(matches, self.real, self.pixels)

    def similarities(self, model: PairModel) -> Tensor:
        """How alike each picture and its utterance are, (B,)."""
        return model.similarity.paired(self.pixels, self.frames, self.real)

    def chosen(self, rows: Tensor) -> Pairs:
        """The pairs of some rows, one after the other: of (B, n) rows first the n of the first anchor."""
        return Pairs(*(part[rows.flatten()] for part in self))

    def times(self, times: int) -> Pairs:
        """Each pair so many times in a row, as the rows of :meth:`chosen` lie."""
        return Pairs(*(part.repeat_interleave(times, dim=0) for part in self))

    def with_speech(self, other: Pairs) -> Pairs:
        """The pictures, with the utterances of other pairs."""
        return Pairs(self.pixels, other.frames, other.real)

    def with_pictures(self, other: Pairs) -> Pairs:
        """The utterances, with the pictures of other pairs."""
        return Pairs(other.pixels, self.frames, self.real)


def contrastive(
    right: tuple[Tensor, Tensor], positives: tuple[Tensor, Tensor], negatives: tuple[Tensor, Tensor]
) -> Tensor:
    """Mean squared distance of cosines from 1 and -1 (Nortje and Kamper 2022, as released).

    With c_A and c_V the contexts of the anchor's own utterance and picture in each other, c_A+ and c_A- those of other
    utterances with the anchor's picture, and c_V+ and c_V- those of other pictures with the anchor's utterance, there
    are four groups of an anchor, what should be like it, and what should not:

    (c_A; c_V; c_A-), (c_A; c_A+; c_V-), (c_V; c_A; c_V-) and (c_V; c_V+; c_A-).

    Parameters
    ----------
    right : c_A, c_V, each of shape (B, D)
    positives : c_A+, c_V+, each of shape (B, p, D)
    negatives : c_A-, c_V-, each of shape (B, n, D)

    Returns
    -------
    torch.Tensor, shape = ()
        Each group weighs as much as any other, and in it each cosine.
    """
    (heard, seen), (heard_too, seen_too), (heard_not, seen_not) = right, positives, negatives
    groups = [
        (heard, seen[:, None], heard_not),
        (heard, heard_too, seen_not),
        (seen, heard[:, None], seen_not),
        (seen, seen_too, heard_not),
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


def triplet(similarities: Tensor, same: Tensor, margin: float, rng: torch.Generator) -> Tensor:
    """How far imposters come within a margin of the right ones, from pictures to utterances.

    Each picture has two imposters among the batch's utterances: one drawn by chance, and the semi-hard one, the most
    alike of those that are less alike than the right one (Jansen et al. 2018; Harwath et al. 2018). Transposed, it is
    the loss from utterances to pictures.

    Parameters
    ----------
    similarities : torch.Tensor, shape = (B, B)
        Of each picture (row) with each utterance (column); those of the same number belong together.
    same : torch.Tensor, shape = (B, B), bool
        Where picture and utterance show the same picture, which is no imposter.
    margin : float
    rng : torch.Generator
        Of the CPU.

    Returns
    -------
    torch.Tensor, shape = ()
        Mean over pictures of the sum over imposters of max(0, imposter - right + margin).
    """
    right = similarities.diagonal()[:, None]
    imposters = ~same
    drawn = torch.rand(similarities.shape, generator=rng).to(similarities.device).masked_fill(same, -1)
    random = torch.zeros_like(same).scatter_(1, drawn.argmax(dim=1, keepdim=True), True) & imposters
    below = imposters & (similarities < right)
    hardest = similarities.masked_fill(~below, -torch.inf).argmax(dim=1, keepdim=True)
    semi_hard = torch.zeros_like(same).scatter_(1, hardest, True) & below
    hinge = (similarities - right + margin).clamp_min(0)
    return (hinge * (random.float() + semi_hard.float())).sum(dim=1).mean()
