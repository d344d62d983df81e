"""PCEN: mel energies over their own slow averages, without steady noise (Wang et al. 2017, arXiv:1607.05666).

With energies E, their averages M_t = (1 - s) M_{t-1} + s E_t, and M_0 = E_0, a feature is

    (E / (eps + M)^alpha + delta)^r - delta^r    (Eq. 1)

The bands are those of ``log-mel``. A recipe names it as ``features: {kind: pcen}``.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from earmark.core.timing import FEATURE_GRID
from earmark.features import FeatureExtractor
from earmark.features.kaldi import log_mel_energies
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings

EPSILON = 1e-6


class Settings(FeatureSettings):
    """Per-channel energy normalisation; the values of the paper are the defaults."""

    kind: Literal["pcen"] = "pcen"
    mel_filters: int = Field(40, ge=13, le=128)
    smoothing: float = Field(0.025, gt=0, le=1, description="s, the weight of a frame in the average")
    gain: float = Field(0.98, ge=0, le=1, description="alpha")
    bias: float = Field(2.0, gt=0, description="delta")
    power: float = Field(0.5, gt=0, le=1, description="r")


class Pcen(FeatureExtractor):
    """Waveform to normalised PCEN."""

    grid, context = FEATURE_GRID, "global"  # the average goes back to the start

    def __init__(self, settings: Settings) -> None:
        self.settings, self.dimension = settings, settings.mel_filters

    def raw(self, waveform: Waveform) -> Tensor:
        """PCEN of one utterance, shape = (T, mel_filters)."""
        return pcen(log_mel_energies(waveform, self.dimension).exp(), self.settings)


def pcen(energies: Tensor, settings: Settings) -> Tensor:
    """Eq. 1 for energies, shape = (T, M)."""
    average = torch.empty_like(energies)
    average[0] = energies[0]
    for t in range(1, len(energies)):
        average[t] = (1 - settings.smoothing) * average[t - 1] + settings.smoothing * energies[t]
    scaled = energies * torch.exp(-settings.gain * torch.log(EPSILON + average))
    return (scaled + settings.bias) ** settings.power - settings.bias**settings.power


def build(settings: Settings) -> Pcen:
    """The extractor that the settings describe."""
    return Pcen(settings)
