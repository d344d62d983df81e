"""Speech encoders: features in, one vector a frame out. One kind a file, found by its file name.

Every file has

- a docstring with the architecture and its source;
- ``Settings``, a :class:`earmark.recipe.SpeechEncoderSettings` whose ``kind`` is the file's name;
- ``build(settings, features, dimension, feature_grid) -> SpeechEncoder``.

A new kind is one new file here and nothing else. Names that begin with an underscore are passed over.

Padding never leaks: an utterance has the same frames alone and in a batch.
"""

from __future__ import annotations

from typing import cast

from torch import nn

from earmark.core import registry
from earmark.core.timing import FrameGrid
from earmark.recipe import FeatureSettings, SpeechEncoderSettings


class SpeechEncoder(nn.Module):
    """What all speech encoders state.

    Attributes
    ----------
    dimension : int
        K, numbers a frame.
    feature_grid, grid : FrameGrid
        Where the features and the encoder's frames lie in the waveform.
    """

    dimension: int
    feature_grid: FrameGrid
    grid: FrameGrid

    @property
    def output_norm(self) -> nn.BatchNorm1d | None:
        """The batch normalisation of the last layer, for an encoder that ends in one."""
        return None

    def transferable(self) -> list[str] | None:
        """Names of the weights that another model can start from; None if it is pretrained in a way of its own."""
        return None

    def load_pretrained(self, features: FeatureSettings) -> None:
        """Load the pretrained weights that the settings name, if they name some, for a new training.

        Parameters
        ----------
        features : FeatureSettings
            The features that the encoder is trained on, which must be those of the pretraining.

        Raises
        ------
        EarmarkError
            If they can't be read or do not fit.
        """


def build_speech_encoder(
    settings: SpeechEncoderSettings, features: int, dimension: int, feature_grid: FrameGrid
) -> SpeechEncoder:
    """The speech encoder that `settings` describe, with fresh weights.

    Parameters
    ----------
    settings : SpeechEncoderSettings
    features : int
        Feature dimensions.
    dimension : int
        Numbers a frame.
    feature_grid : FrameGrid
        Where the features lie in the waveform.
    """
    module = registry.module_of(registry.SPEECH_ENCODERS, settings.kind)
    return cast(SpeechEncoder, module.build(settings, features, dimension, feature_grid))
