"""Speech networks of pictured models: features in, one vector a frame out."""

from __future__ import annotations

from torch import nn

from earmark.models.acoustic import AcousticNetwork
from earmark.models.encoders import ConvEncoder
from earmark.recipe import ConvLayer, ConvSpeech, CpcSpeech
from earmark.timing import FrameGrid


def speech_network(
    settings: ConvSpeech | CpcSpeech, features: int, dimension: int, feature_grid: FrameGrid
) -> nn.Module:
    """The network that `settings` describe, with fresh weights.

    Parameters
    ----------
    settings : ConvSpeech or CpcSpeech
    features : int
        Feature dimensions.
    dimension : int
        Numbers a frame.
    feature_grid : FrameGrid
        Where the features lie in the waveform.
    """
    if isinstance(settings, CpcSpeech):
        return AcousticNetwork(features, settings, feature_grid)
    # Normed, so that frames differ from one another more than they have in common when training begins.
    linear = ConvLayer(channels=dimension, kernel=1, norm=True, relu=False)
    return ConvEncoder(features, [*settings.layers, linear], dimension, feature_grid)
