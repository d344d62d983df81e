"""Moonshine: the encoder of a small English speech recogniser, whose weights ship inside a package.

Three convolutions over the waveform (a frame every 24 ms) and a transformer in which every frame depends on all others
(Jeffries et al. 2024, "Moonshine: speech recognition for live transcription and voice commands"). The features are the
encoder's output, each dimension brought to mean 0 and variance 1 over the utterance. The networks are run as they are
and never trained further.

====  ==================  =========  =====================
size  package             dimension  runs on
====  ==================  =========  =====================
tiny  moonshine-voice     288        Linux, macOS, Windows
base  moonshine-cpp       416        Linux on x86-64
====  ==================  =========  =====================

Base takes three times as long and is much better. A model finds words only where its own size is installed: one that
is to be used on other systems is trained with the size tiny.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from earmark.core.packaged import PackagedFile
from earmark.core.timing import SAMPLE_GRID
from earmark.features.base import FeatureExtractor
from earmark.features.onnx import OnnxNetwork
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings

CONVOLUTIONS = ((127, 64), (7, 3), (3, 2))  # kernel and stride of each
DIMENSIONS = {"tiny": 288, "base": 416}
FILES = {
    "tiny": PackagedFile(
        "moonshine-voice==0.0.59",
        "moonshine_voice",
        "assets/tiny-en/encoder_model.ort",
        "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    ),
    "base": PackagedFile(
        "moonshine-cpp==0.1.4",
        "moonshine_cpp",
        "models/base-en/encoder_model.ort",
        "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
    ),
}
OTHERWISE = "use features of the kind mfcc (the recipe earmark-mfcc)"
OTHERWISE_TINY = "on other systems than Linux on x86-64, where it can't be, use a model trained with features.size=tiny"


class Settings(FeatureSettings):
    """The output of Moonshine's encoder."""

    kind: Literal["moonshine"] = "moonshine"
    size: Literal["tiny", "base", "best"] = Field(
        "tiny", description="base is three times as slow; best: base where it is installed, else tiny"
    )


class Moonshine(FeatureExtractor):
    """Waveform to normalised output of Moonshine's encoder.

    Parameters
    ----------
    size : {"tiny", "base"}

    Raises
    ------
    EarmarkError
        If the package with the network is not installed, or its file is another one.
    """

    context = "global"
    grid = reduce(lambda grid, layer: grid.then(*layer), CONVOLUTIONS, SAMPLE_GRID)
    licence = "MIT"
    learned_from = "transcribed English speech (Moonshine, Useful Sensors 2024)"

    def __init__(self, size: Literal["tiny", "base"] = "tiny") -> None:
        self.dimension = DIMENSIONS[size]
        self._network = OnnxNetwork(FILES[size].find(OTHERWISE if size == "tiny" else OTHERWISE_TINY))
        self._takes_mask = size == "tiny"

    def raw(self, waveform: Waveform) -> Tensor:
        """The encoder's output, shape = (T, dimension)."""
        samples = np.pad(waveform, (0, max(0, self.grid.field - len(waveform)))).astype(np.float32)[None]
        inputs = {"input_values": samples}
        if self._takes_mask:
            inputs["attention_mask"] = np.ones(samples.shape, np.int64)  # type: ignore[assignment]
        return torch.from_numpy(self._network(**inputs)[0])


def build(settings: Settings) -> Moonshine:
    """The extractor that the settings describe."""
    return Moonshine(_size(settings))


def resolve(settings: Settings, download: bool = False) -> Settings:
    """As :func:`earmark.features.resolve`: with the size that is used on this machine."""
    return settings.model_copy(update={"size": _size(settings)})


def _size(settings: Settings) -> Literal["tiny", "base"]:
    if settings.size != "best":
        return settings.size
    return "base" if FILES["base"].installed() is not None else "tiny"
