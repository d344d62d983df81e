"""MFCC: 13 cepstra with their first and second differences over time, 39 numbers every 10 ms.

The cepstra are Kaldi's (:mod:`earmark.features.kaldi`), the differences slopes over 9 frames. Each dimension is brought
to mean 0 and variance 1 over the utterance, which removes much of the microphone and of the loudness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from earmark.core.timing import FEATURE_GRID
from earmark.features.base import FeatureExtractor
from earmark.features.kaldi import (
    CEPSTRA,
    can_share_frames,
    cepstra,
    cepstra_of,
    deltas,
    shared_log_mel_energies,
)
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings

DELTA_REACH = 4  # frames on either side of the one whose slope is taken


class Settings(FeatureSettings):
    """Mel-frequency cepstral coefficients."""

    kind: Literal["mfcc"] = "mfcc"
    mel_filters: int = Field(40, ge=13, le=128)


class Mfcc(FeatureExtractor):
    """Waveform to normalised MFCC with differences.

    Parameters
    ----------
    mel_filters : int
        Triangular filters on the mel scale, between 20 Hz and 7.6 kHz.
    """

    dimension, grid = 3 * CEPSTRA, FEATURE_GRID

    def __init__(self, mel_filters: int = 40) -> None:
        self.mel_filters = mel_filters

    def raw(self, waveform: Waveform) -> Tensor:
        """Cepstra of one utterance with their differences, shape = (T, 39)."""
        return _with_deltas(cepstra(waveform, self.mel_filters))

    def windows(self, waveform: Waveform, starts: Sequence[int], samples: int) -> list[Tensor]:
        """Features of windows of a waveform; those that overlap share their frames."""
        whole = [start for start in starts if start + samples <= len(waveform)]
        if not can_share_frames(waveform, whole, samples):
            return super().windows(waveform, starts, samples)
        energies = shared_log_mel_energies(waveform, whole, samples, self.mel_filters)
        features = self.finish(_with_deltas(cepstra_of(energies)))
        by_start = dict(zip(whole, features, strict=True))
        return [by_start[start] if start in by_start else self(waveform[start:]) for start in starts]


def _with_deltas(static: Tensor) -> Tensor:
    """Cepstra with their first and second differences: (..., T, 13) to (..., T, 39)."""
    slope = deltas(static, DELTA_REACH)
    return torch.cat([static, slope, deltas(slope, DELTA_REACH)], dim=-1)


def build(settings: Settings) -> Mfcc:
    """The extractor that the settings describe."""
    return Mfcc(settings.mel_filters)
