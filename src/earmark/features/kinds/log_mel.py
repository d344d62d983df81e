"""Log-mel: the logarithm of the energy in 40 bands, every 10 ms.

The bands are Kaldi's (:mod:`earmark.features.kaldi`). Each is brought to mean 0 and variance 1 over the utterance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from earmark.core.timing import FEATURE_GRID
from earmark.features.base import FeatureExtractor
from earmark.features.kaldi import can_share_frames, log_mel_energies, shared_log_mel_energies
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings


class Settings(FeatureSettings):
    """Log-mel energies."""

    kind: Literal["log-mel"] = "log-mel"
    mel_filters: int = Field(40, ge=13, le=128)


class LogMel(FeatureExtractor):
    """Waveform to normalised log-mel energies.

    Parameters
    ----------
    mel_filters : int
        Bands, and so the dimension.
    """

    grid = FEATURE_GRID

    def __init__(self, mel_filters: int = 40) -> None:
        self.dimension = mel_filters

    def raw(self, waveform: Waveform) -> Tensor:
        """Log-mel energies of one utterance, shape = (T, mel_filters)."""
        return log_mel_energies(waveform, self.dimension)

    def windows(self, waveform: Waveform, starts: Sequence[int], samples: int) -> list[Tensor]:
        """Features of windows of a waveform; those that overlap share their frames."""
        whole = [start for start in starts if start + samples <= len(waveform)]
        if not can_share_frames(waveform, whole, samples):
            return super().windows(waveform, starts, samples)
        features = self.finish(shared_log_mel_energies(waveform, whole, samples, self.dimension))
        by_start = dict(zip(whole, features, strict=True))
        return [by_start[start] if start in by_start else self(waveform[start:]) for start in starts]


def build(settings: Settings) -> LogMel:
    """The extractor that the settings describe."""
    return LogMel(settings.mel_filters)
