"""What every feature extractor states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from earmark.core.timing import FrameGrid
from earmark.features.kaldi import normalise
from earmark.media.audio import Waveform


class FeatureExtractor(ABC):
    """Waveform to features.

    Whatever the kind, every dimension has mean 0 and variance 1 over an utterance, unless a recipe says otherwise: 0
    carries no information, and can stand for silence where something is masked.

    Attributes
    ----------
    dimension : int
        F, numbers a frame.
    grid : FrameGrid
        Where the frames lie in the waveform, and how much of it a frame of local context depends on.
    context : str
        "local" if a frame depends on the waveform in its field alone, apart from the normalisation; "global" if it
        depends on the whole utterance, so that parts of an utterance have other features than the whole.
    licence : str
        Of the weights; empty for a formula.
    learned_from : str
        The data that the weights were learned from; empty for a formula.
    normalises : bool
        Whether features are normalised over the utterance; else they are :meth:`raw`.
    """

    dimension: int
    grid: FrameGrid
    context: Literal["local", "global"] = "local"
    licence = ""
    learned_from = ""
    normalises = True

    @abstractmethod
    def raw(self, waveform: Waveform) -> Tensor:
        """Features of one utterance before they are normalised.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
            Mono, 16 kHz. What is too short for a single frame is followed by silence.

        Returns
        -------
        torch.Tensor, shape = (T, dimension), on the CPU
        """

    def __call__(self, waveform: Waveform) -> Tensor:
        """Features of one utterance, normalised over it; parameters and shape are those of :meth:`raw`."""
        return self.finish(self.raw(waveform))

    def finish(self, frames: Tensor) -> Tensor:
        """Normalise raw features (..., T, dimension) over time, where that is wished."""
        return normalise(frames) if self.normalises else frames

    def windows(self, waveform: Waveform, starts: Sequence[int], samples: int) -> list[Tensor]:
        """Features of windows of a waveform, each as if it stood alone.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (n,)
            Mono, 16 kHz.
        starts : sequence of int
            First sample of each window.
        samples : int
            Of a window; those that reach beyond the waveform are shorter.

        Returns
        -------
        list of torch.Tensor, each of shape = (T, dimension), on the CPU
        """
        return [self(waveform[start : start + samples]) for start in starts]
