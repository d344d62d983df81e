"""Models for written queries: encoder, pooling, classifier (Olaleye et al. 2022, Eq. 2 and Table I).

Table I in this file's words:

==================  =====================  ============  =========================  ==========================
architecture        encoder                pooling       classifier                 class
==================  =====================  ============  =========================  ==========================
PSC                 CNN, one channel a     log-mean-exp  none                       :class:`FrameScoreModel`
                    keyword
CNN-Pool            CNN-Pool               max           one output a keyword       :class:`MaxModel`
CNN-Attend          CNN                    attention     one output                 :class:`AttentionModel`
CNN-PoolAttend      CNN-Pool               attention     one output                 :class:`AttentionModel`
==================  =====================  ============  =========================  ==========================

The encoders are in the recipes, layer by layer (``recipes/olaleye2022``). All kinds keep one contract::

    speech = model.encode_speech(features, lengths)        # frames (B, T', K) and lengths (B,)
    queries = model.encode_queries(["dog", "water"])       # Q of them
    logits, scores = model.score(speech, queries)          # (B, Q), and (B, Q, T') or None

so that recordings are encoded once and searched many times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.core.types import WORDS_ALONE, Query
from earmark.core.vocabulary import Vocabulary
from earmark.models.pooling import AttentionPooling, log_mean_exp, maximum
from earmark.models.speech_encoders import ConvEncoder
from earmark.recipe import Model

Speech = tuple[Tensor, Tensor]


class KeywordModel(nn.Module, ABC):
    """A model that is asked with words of its vocabulary."""

    def __init__(self, settings: Model, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.encoder = ConvEncoder(features, settings.encoder, len(vocabulary), feature_grid)

    @property
    def grid(self) -> FrameGrid:
        """Where the frames of :meth:`encode_speech` lie in the waveform."""
        return self.encoder.grid

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.parameters()).device

    def encode_speech(self, features: Tensor, lengths: Tensor) -> Speech:
        """Features (B, T, F) and lengths (B,) to frames (B, T', K) and lengths (B,)."""
        frames: Tensor
        frames, lengths = self.encoder(features, lengths)
        return frames, lengths

    def encode_queries(self, queries: Sequence[Query]) -> Tensor:
        """Indices (Q,) of keywords.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, or a query is a picture.
        """
        indices = []
        for query in queries:
            if not isinstance(query, str):
                raise EarmarkError(WORDS_ALONE.format(query.name))
            indices.append(self.vocabulary.index(query))
        return torch.tensor(indices, dtype=torch.long, device=self.device)

    @abstractmethod
    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor | None]:
        """Detection logits (B, Q), and the model's own localisation scores (B, Q, T') if it has any."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Detection logits for the whole vocabulary: (B, T, F), (B,) -> (B, W)."""
        every = torch.arange(len(self.vocabulary), device=features.device)
        return self.score(self.encode_speech(features, lengths), every)[0]


class FrameScoreModel(KeywordModel):
    """Every frame is scored for every keyword, and the scores are pooled: PSC, and Earmark's own default.

    The encoder's last layer has one channel a keyword.
    """

    def __init__(self, settings: Model, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert settings.pooling.kind == "log-mean-exp"
        self.r = settings.pooling.r

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled logits (B, Q), and the frames' own logits (B, Q, T')."""
        frames, lengths = speech
        scores = frames[:, :, queries].transpose(1, 2)
        return log_mean_exp(scores, lengths, self.r), scores


class MaxModel(KeywordModel):
    """Frames are pooled by their maximum, and a classifier judges all keywords at once: CNN-Pool."""

    def __init__(self, settings: Model, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        self.classifier = _perceptron(self.encoder.dimension, settings.classifier or [], len(vocabulary))

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, None]:
        """The classifier's logits (B, Q); no localisation scores of its own."""
        logits: Tensor = self.classifier(maximum(*speech))
        return logits[:, queries], None


class AttentionModel(KeywordModel):
    """Frames are pooled by attention to the keyword's query, and a classifier judges the result: CNN-Attend."""

    def __init__(self, settings: Model, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert settings.pooling.kind == "attention"
        self.pooling = AttentionPooling(len(vocabulary), self.encoder.dimension)
        self.pooling.queries.requires_grad_(settings.pooling.queries == "learned")
        self.classifier = _perceptron(self.encoder.dimension, settings.classifier or [], 1)

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The classifier's logits (B, Q), and the attention weights (B, Q, T')."""
        contexts, weights = self.pooling(*speech, queries)
        return self.classifier(contexts).squeeze(2), weights


def build(
    settings: Model, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid = FEATURE_GRID
) -> KeywordModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : Model
    features : int
        Feature dimensions.
    vocabulary : Vocabulary
        The keywords that can be asked for.
    feature_grid : FrameGrid
        Where the features lie in the waveform: that of MFCC and log-mel, or the extractor's own.
    """
    kinds: dict[str, Callable[[Model, int, Vocabulary, FrameGrid], KeywordModel]] = {
        "log-mean-exp": FrameScoreModel,
        "max": MaxModel,
        "attention": AttentionModel,
    }
    return kinds[settings.pooling.kind](settings, features, vocabulary, feature_grid)


def _perceptron(inputs: int, hidden: list[int], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
