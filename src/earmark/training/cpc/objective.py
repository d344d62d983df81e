"""Contrastive predictive coding: from what was heard, to tell the latent that comes next from others (InfoNCE)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from earmark.models.speech_encoders import CpcNetwork
from earmark.recipe import CpcPretraining


class CpcObjective(nn.Module):
    """A CPC network, and a linear prediction from its contexts for each step ahead (van den Oord et al. 2018, Eq. 3).

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    settings : CpcPretraining
    """

    def __init__(self, inputs: int, settings: CpcPretraining) -> None:
        super().__init__()
        self.network = CpcNetwork(inputs, settings.network)
        widths = settings.network.context[-1], settings.network.latent
        self.predictors = nn.ModuleList(nn.Linear(*widths) for _ in range(settings.steps))
        self.negatives = settings.negatives

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of the steps' losses, and the part of the predictions that is right.

        Parameters
        ----------
        windows : torch.Tensor, shape = (S, U, T, F)
            U stretches of each of S speakers.
        """
        speakers, utterances, frames, _ = windows.shape
        lengths = torch.full((speakers * utterances,), frames, device=windows.device)
        latents, contexts, _ = self.network(windows.flatten(0, 1), lengths)
        latents, contexts = (part.unflatten(0, (speakers, utterances)) for part in (latents, contexts))
        predicting = latents.shape[2] - len(self.predictors)  # the last ones have too little before them
        outcomes = []
        for step, predict in enumerate(self.predictors, start=1):
            ahead = latents[:, :, step : step + predicting]
            wrong = draw_negatives(speakers, utterances, predicting, self.negatives, windows.device)
            outcomes.append(torch.stack(info_nce(predict(contexts[:, :, :predicting]), ahead, wrong)))
        loss, right = torch.stack(outcomes).mean(dim=0)
        return loss, right.detach()


def info_nce(predicted: Tensor, latents: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the right latent among wrong ones (van den Oord et al. 2018, Eq. 4).

    A prediction and a latent are compared by their inner product over the root of their dimension, so that the
    loss begins near its chance value, log(N + 1), whatever the dimension.

    Parameters
    ----------
    predicted, latents : torch.Tensor, shape = (S, U, L, D)
        Predictions, and what they should have been, at L moments in U stretches of S speakers.
    negatives : torch.Tensor, shape = (S, U, L, N), int64
        Which latents of the same speaker are the wrong ones, counted through stretches and moments.

    Returns
    -------
    loss : torch.Tensor, shape = ()
    accuracy : torch.Tensor, shape = ()
        Part of the predictions that are nearer to the right latent than to all wrong ones.
    """
    predicted, latents = predicted.flatten(1, 2), latents.flatten(1, 2)
    scores = predicted @ latents.transpose(1, 2) / math.sqrt(latents.shape[2])
    right = scores.diagonal(dim1=1, dim2=2)[:, :, None]
    wrong = scores.gather(2, negatives.flatten(1, 2))
    logits = torch.cat([right, wrong], dim=2)
    loss = (logits.logsumexp(dim=2) - right[:, :, 0]).mean()
    return loss, (right[:, :, 0] > wrong.amax(dim=2)).float().mean()


def draw_negatives(speakers: int, utterances: int, moments: int, count: int, device: torch.device) -> Tensor:
    """Wrong latents by chance: of the same speaker, in any stretch, at any moment but the right one's.

    Returns
    -------
    torch.Tensor, shape = (S, U, L, N), int64
    """
    shape = (speakers, utterances, moments, count)
    stretches = torch.randint(utterances, shape, device=device)
    away = torch.randint(1, moments, shape, device=device)
    here = torch.arange(moments, device=device)[:, None]
    return stretches * moments + (here + away) % moments
