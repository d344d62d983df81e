"""Waveform to frames. Each kind is one file and states its dimension, and on which grid its frames lie.

Whatever the kind, every dimension has mean 0 and variance 1 over an utterance: 0 says nothing, and can stand for
silence where something is masked.
"""

from __future__ import annotations

from earmark.features import speech_encoder
from earmark.features.spectral import LogMel, Mfcc
from earmark.features.speech_encoder import PretrainedSpeech
from earmark.recipe import AnyFeatures, PretrainedFeatures

Extractor = Mfcc | LogMel | PretrainedSpeech


def extractor(settings: AnyFeatures) -> Extractor:
    """The feature extractor that `settings` name.

    Raises
    ------
    EarmarkError
        If it is a pretrained network that is missing, damaged, another one than the settings say, or of no use here.
    """
    if isinstance(settings, PretrainedFeatures):
        return PretrainedSpeech(settings)
    return Mfcc(settings.mel_filters) if settings.kind == "mfcc" else LogMel(settings.mel_filters)


def resolve(settings: AnyFeatures, download: bool = False) -> AnyFeatures:
    """The same settings, made so that they hold from any folder and for the very same pretrained network.

    Parameters
    ----------
    settings : Features or PretrainedFeatures
    download : bool
        Whether ``hub:NAME`` may be fetched: only where the user has just written it.

    Raises
    ------
    EarmarkError
        If the network is missing, or is another one than the settings already say.
    """
    return speech_encoder.resolve(settings, download) if isinstance(settings, PretrainedFeatures) else settings
