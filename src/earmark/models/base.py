"""What all models share: a speech encoder, queries that it accepts, and what is declared about its scores.

Every model has one interface, so that recordings are encoded once and searched many times::

    speech = model.encode_speech(features, lengths)        # frames (B, T', K) and lengths (B,)
    queries = model.encode_queries(["dog", "water"])       # Q of them
    logits, scores = model.score(speech, queries)          # (B, Q), and (B, Q, T') or None

What a model can do beyond that is stated by its attributes. Other code reads them and never the class
of the model, so that a new architecture is used everywhere as soon as it exists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from earmark.core.timing import FrameGrid
from earmark.core.types import Query, QueryKind
from earmark.core.vocabulary import Vocabulary
from earmark.models.speech_encoders import SpeechEncoder

Speech = tuple[Tensor, Tensor]
# Of Q queries, by model: indices (Q,), vectors (Q, W), or a list with the pixels (n, P, D) of each query's images.
EncodedQueries = Tensor | list[Tensor]
FrameScores = Literal["logits", "attention", "matchmap"]


class SpeechModel(nn.Module, ABC):
    """A model that scores encoded speech for queries.

    Parameters
    ----------
    vocabulary : Vocabulary
        The keywords of its queries, or those that its training is evaluated with.
    speech_encoder : SpeechEncoder

    Attributes
    ----------
    accepts : frozenset of str
        Kinds of query that :meth:`encode_queries` takes: "keyword", "image" or both.
    objectives : frozenset of str
        Kinds of loss in a recipe that can train it.
    frame_scores : str or None
        What the localisation scores of :meth:`score` are: "logits" of the keyword being spoken in the frame,
        "attention" weights that sum to 1 over the utterance, or "matchmap", the best inner product of the frame with a
        pixel; None for a model whose frames have no scores.
    """

    accepts: frozenset[QueryKind]
    objectives: frozenset[str]
    frame_scores: FrameScores | None

    def __init__(self, vocabulary: Vocabulary, speech_encoder: SpeechEncoder) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.speech_encoder = speech_encoder

    @property
    def grid(self) -> FrameGrid:
        """Where the frames of :meth:`encode_speech` lie in the waveform."""
        return self.speech_encoder.grid

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device

    def encode_speech(self, features: Tensor, lengths: Tensor) -> Speech:
        """Features (B, T, F) and lengths (B,) to frames (B, T', K) and lengths (B,)."""
        frames: Tensor
        frames, lengths = self.speech_encoder(features, lengths)
        return frames, lengths

    @abstractmethod
    def encode_queries(self, queries: Sequence[Query]) -> EncodedQueries:
        """Q queries in the form that :meth:`score` takes.

        Raises
        ------
        EarmarkError
            If the model does not accept a kind of query, a word is not in the vocabulary, or an image can't be read.
        """

    @abstractmethod
    def score(self, speech: Speech, queries: Any) -> tuple[Tensor, Tensor | None]:
        """Detection logits (B, Q), and the model's own localisation scores (B, Q, T') if it has any."""
