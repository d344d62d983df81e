"""Waveform to frames. Each kind is one file and states its dimension; all share :data:`earmark.timing.FEATURE_GRID`."""

from __future__ import annotations

from earmark.features.logmel import LogMel
from earmark.features.mfcc import Mfcc
from earmark.recipe import Features


def extractor(settings: Features) -> Mfcc | LogMel:
    """The feature extractor that `settings` name."""
    return Mfcc(settings.mel_filters) if settings.kind == "mfcc" else LogMel(settings.mel_filters)
