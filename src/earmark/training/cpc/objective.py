"""Contrastive predictive coding: from the context so far, tell the next latent from negatives (InfoNCE)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.features.cache import FeatureSet
from earmark.models.cpc_pretraining import CpcPretraining
from earmark.models.speech_encoders.cpc import CpcNetwork
from earmark.training.cpc.data import WindowDataset, WindowSampler
from earmark.training.data import Batch


class CpcModel(nn.Module):
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
        """The mean loss over the steps ahead, and the accuracy of the predictions.

        Parameters
        ----------
        windows : torch.Tensor, shape = (S, U, T, F)
            U windows of each of S speakers.
        """
        speakers, utterances, frames, _ = windows.shape
        lengths = torch.full((speakers * utterances,), frames, device=windows.device)
        latents, contexts, _ = self.network(windows.flatten(0, 1), lengths)
        latents, contexts = (part.unflatten(0, (speakers, utterances)) for part in (latents, contexts))
        predicting = latents.shape[2] - len(self.predictors)  # nothing is so far ahead of the last ones
        outcomes = []
        for step, predict in enumerate(self.predictors, start=1):
            ahead = latents[:, :, step : step + predicting]
            negatives = draw_negatives(speakers, utterances, predicting, self.negatives, windows.device)
            outcomes.append(torch.stack(info_nce(predict(contexts[:, :, :predicting]), ahead, negatives)))
        loss, accuracy = torch.stack(outcomes).mean(dim=0)
        return loss, accuracy.detach()


class CpcObjective:
    """InfoNCE over all windows of recordings; nothing is held out.

    Parameters
    ----------
    inputs : int
        Feature dimensions.
    settings : CpcPretraining
    features : FeatureSet
        Of R recordings.
    speakers : sequence of str, R of them
    """

    def __init__(self, inputs: int, settings: CpcPretraining, features: FeatureSet, speakers: Sequence[str]) -> None:
        self.model = CpcModel(inputs, settings)
        self.utterances = settings.utterances
        self.dataset = WindowDataset(features, settings.sample_frames)
        self.sampler = WindowSampler(features.lengths, speakers, settings)

    def collate(self, items: Sequence[Tensor]) -> Batch:
        """``windows`` (speakers, utterances, T, F): a batch is whole groups."""
        return {"windows": torch.stack(list(items)).unflatten(0, (-1, self.utterances))}

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Loss and accuracy. Negatives are drawn by the process's own generator, which the loop seeds."""
        loss, accuracy = forward(batch["windows"])
        return {"loss": loss, "accuracy": accuracy}

    def dev_loss(self) -> None:
        """None."""


def info_nce(predicted: Tensor, latents: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the true latent among negatives (van den Oord et al. 2018, Eq. 4).

    A prediction and a latent are compared by their inner product over the root of their dimension, so that the
    loss begins near its chance level, log(N + 1), whatever the dimension.

    Parameters
    ----------
    predicted, latents : torch.Tensor, shape = (S, U, L, D)
        Predictions and true latents at L positions in U windows of S speakers.
    negatives : torch.Tensor, shape = (S, U, L, N), int64
        Which latents of the same speaker are the negatives, counted through windows and positions.

    Returns
    -------
    loss : torch.Tensor, shape = ()
    accuracy : torch.Tensor, shape = ()
        Part of the predictions that are nearer to the true latent than to all negatives.
    """
    predicted, latents = predicted.flatten(1, 2), latents.flatten(1, 2)
    scores = predicted @ latents.transpose(1, 2) / math.sqrt(latents.shape[2])
    right = scores.diagonal(dim1=1, dim2=2)[:, :, None]
    wrong = scores.gather(2, negatives.flatten(1, 2))
    logits = torch.cat([right, wrong], dim=2)
    loss = (logits.logsumexp(dim=2) - right[:, :, 0]).mean()
    return loss, (right[:, :, 0] > wrong.amax(dim=2)).float().mean()


def draw_negatives(speakers: int, utterances: int, positions: int, count: int, device: torch.device) -> Tensor:
    """Random negatives: latents of the same speaker, in any window, at any position but the true latent's.

    Returns
    -------
    torch.Tensor, shape = (S, U, L, N), int64
    """
    shape = (speakers, utterances, positions, count)
    windows = torch.randint(utterances, shape, device=device)
    away = torch.randint(1, positions, shape, device=device)
    here = torch.arange(positions, device=device)[:, None]
    return windows * positions + (here + away) % positions
