"""Encoded speech: computed once, then scored, localised, stored and searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from earmark.core.timing import FrameGrid
from earmark.models.base import SpeechModel


@dataclass(frozen=True, eq=False)
class EncodedSpeech:
    """A batch of utterances after the speech encoder.

    Attributes
    ----------
    frames : torch.Tensor, shape = (B, T', K)
        The encoder's frames, zero where padded.
    frame_lengths : torch.Tensor, shape = (B,)
        Frames of each utterance.
    grid : FrameGrid
        Where the frames lie in the utterance.
    features : torch.Tensor, shape = (B, T, F), or None
        What was encoded; None for frames from an archive, which stores no features.
    lengths : torch.Tensor, shape = (B,), or None
        Features of each utterance.
    """

    frames: Tensor
    frame_lengths: Tensor
    grid: FrameGrid
    features: Tensor | None = None
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def speech(self) -> tuple[Tensor, Tensor]:
        """Frames and their lengths, as a model's ``score`` takes them."""
        return self.frames, self.frame_lengths

    def select(self, rows: Sequence[int]) -> EncodedSpeech:
        """Some utterances of the batch."""
        index = list(rows)
        return replace(
            self,
            frames=self.frames[index],
            frame_lengths=self.frame_lengths[index],
            features=None if self.features is None else self.features[index],
            lengths=None if self.lengths is None else self.lengths[index],
        )


def encode(model: SpeechModel, features: Tensor, lengths: Tensor) -> EncodedSpeech:
    """Encode a padded batch of features (B, T, F) with lengths (B,), on the model's device."""
    frames, frame_lengths = model.encode_speech(features, lengths)
    return EncodedSpeech(frames, frame_lengths, model.grid, features, lengths)
