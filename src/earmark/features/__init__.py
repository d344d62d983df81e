"""Features: waveform to frames, one kind a file in :mod:`earmark.features.kinds`, and their cache on disk."""

from __future__ import annotations

from typing import cast

from earmark.core import registry
from earmark.features.base import FeatureExtractor
from earmark.recipe import FeatureSettings

__all__ = ["FeatureExtractor", "describe_features", "extractor", "resolve"]


def extractor(settings: FeatureSettings) -> FeatureExtractor:
    """The feature extractor that `settings` describe.

    Raises
    ------
    EarmarkError
        If it is a pretrained network that is missing, damaged, another one than the settings say, or of no use here.
    """
    built = cast(FeatureExtractor, registry.module_of(registry.FEATURES, settings.kind).build(settings))
    built.normalises = settings.normalise == "utterance"
    return built


def resolve(settings: FeatureSettings, download: bool = False) -> FeatureSettings:
    """The same settings, made so that they hold from any folder and for the very same pretrained network.

    Parameters
    ----------
    settings : FeatureSettings
    download : bool
        Whether ``hub:NAME`` may be fetched: only where the user has just written it.

    Raises
    ------
    EarmarkError
        If the network is missing, or is another one than the settings already say.
    """
    resolve_kind = getattr(registry.module_of(registry.FEATURES, settings.kind), "resolve", None)
    return resolve_kind(settings, download) if resolve_kind else settings


def describe_features(settings: FeatureSettings, extract: FeatureExtractor) -> str:
    """A kind of features in words: its name, and what a pretrained network learned from.

    >>> from earmark.features.kinds import mfcc
    >>> describe_features(mfcc.Settings(), extractor(mfcc.Settings()))
    'mfcc'
    """
    if not extract.learned_from:
        return settings.kind
    return f"{settings.kind}, a pretrained network that learned from {extract.learned_from}; licence {extract.licence}"
