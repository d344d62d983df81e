"""Pooling over time, from frame scores or vectors to one score or vector per keyword; padding is masked."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from earmark.models.padding import padding_mask


def log_mean_exp(scores: Tensor, lengths: Tensor, r: float) -> Tensor:
    """Pool scores over time with a smooth maximum (Olaleye et al. 2022, Eq. 10, before its sigmoid).

    .. math:: \\frac{1}{r} \\log \\frac{1}{T} \\sum_t \\exp(r\\, h_{w,t})

    Parameters
    ----------
    scores : torch.Tensor, shape = (B, Q, T)
    lengths : torch.Tensor, shape = (B,)
    r : float
        Towards 0 this is the mean, towards infinity the maximum.

    Returns
    -------
    torch.Tensor, shape = (B, Q)
    """
    real = padding_mask(lengths, scores.shape[2])[:, None]
    total = (r * scores).masked_fill(~real, -math.inf).logsumexp(dim=2)
    return (total - lengths[:, None].to(total.dtype).log()) / r


def maximum(frames: Tensor, lengths: Tensor) -> Tensor:
    """Pool frames over time by the largest number of each dimension: (B, T, K) and (B,) to (B, K)."""
    real = padding_mask(lengths, frames.shape[1])
    return frames.masked_fill(~real[:, :, None], -math.inf).amax(dim=1)


class AttentionPooling(nn.Module):
    """One context vector a keyword: a mean of the frames, weighted by their similarity to the keyword's query.

    The queries are a lookup table that is trained (Olaleye et al. 2022, Eqs. 11 and 12).

    Parameters
    ----------
    keywords, dimension : int
        W queries of K numbers.
    deviation : float, optional
        Standard deviation of the numbers as they are drawn. Without it that of vectors of unit length, whose first
        weights are nearly even, so that every frame is learned from.
    """

    def __init__(self, keywords: int, dimension: int, deviation: float | None = None) -> None:
        super().__init__()
        self.queries = nn.Embedding(keywords, dimension)
        nn.init.normal_(self.queries.weight, std=dimension**-0.5 if deviation is None else deviation)

    def forward(self, frames: Tensor, lengths: Tensor, keywords: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the frames for each queried keyword.

        Parameters
        ----------
        frames : torch.Tensor, shape = (B, T, K)
        lengths : torch.Tensor, shape = (B,)
        keywords : torch.Tensor, shape = (Q,)
            Indices.

        Returns
        -------
        contexts : torch.Tensor, shape = (B, Q, K)
        weights : torch.Tensor, shape = (B, Q, T); each row sums to 1, padding has 0
        """
        similarity = torch.einsum("qk,btk->bqt", self.queries(keywords), frames)
        padded = ~padding_mask(lengths, frames.shape[1])[:, None]
        weights = similarity.masked_fill(padded, -math.inf).softmax(dim=2)
        return weights @ frames, weights
