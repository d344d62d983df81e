"""Models for keyword queries: encoder, pooling, classifier (Olaleye et al. 2022, Eq. 2 and Table I).

The architectures of Table I and the classes here:

==================  =====================  ============  =========================  ==========================
architecture        encoder                pooling       classifier                 class
==================  =====================  ============  =========================  ==========================
PSC                 CNN, one channel a     log-mean-exp  none                       :class:`FrameScoreModel`
                    keyword
CNN-Pool            CNN-Pool               max           one output a keyword       :class:`MaxModel`
CNN-Attend          CNN                    attention     one output                 :class:`AttentionModel`
CNN-PoolAttend      CNN-Pool               attention     one output                 :class:`AttentionModel`
==================  =====================  ============  =========================  ==========================

The encoders are in the recipes, layer by layer (``recipes/olaleye2022``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.core.types import WORDS_ALONE, Query
from earmark.core.vocabulary import Vocabulary
from earmark.models.base import Speech, SpeechModel
from earmark.models.folded_attention import folded_contexts, is_affine, saves_work
from earmark.models.pooling import AttentionPooling, log_mean_exp, maximum
from earmark.models.speech_encoders._ensemble import EnsembleEncoder
from earmark.models.speech_encoders.conv import Block, ConvEncoder
from earmark.recipe import KeywordModelSettings


class KeywordModel(SpeechModel):
    """A convolutional encoder, pooling over time, and a classifier of the keywords of a vocabulary."""

    accepts = frozenset({"keyword"})
    objectives = frozenset({"tags"})
    speech_encoder: ConvEncoder | EnsembleEncoder

    def __init__(
        self, settings: KeywordModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        members = [
            ConvEncoder(features, settings.encoder, len(vocabulary), feature_grid) for _ in range(settings.members)
        ]
        super().__init__(vocabulary, members[0] if settings.members == 1 else EnsembleEncoder(members))

    def encode_queries(self, queries: Sequence[Query]) -> Tensor:
        """Indices (Q,) of keywords.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, or a query is an image.
        """
        indices = []
        for query in queries:
            if not isinstance(query, str):
                raise EarmarkError(WORDS_ALONE.format(query.name))
            indices.append(self.vocabulary.index(query))
        return torch.tensor(indices, dtype=torch.long, device=self.device)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Detection logits for the whole vocabulary: (B, T, F), (B,) -> (B, W)."""
        every = torch.arange(len(self.vocabulary), device=features.device)
        return self.score(self.encode_speech(features, lengths), every)[0]


class FrameScoreModel(KeywordModel):
    """Every frame is scored for every keyword, and the scores are pooled: PSC, and Earmark's own default.

    The encoder's last layer has one channel a keyword. Of several encoders, the members of an ensemble, each learns by
    a loss of its own. Their scores of a frame are averaged, and so are their pooled logits, which ranks utterances
    better than pooling of the averaged scores.
    """

    frame_scores = "logits"

    def __init__(
        self, settings: KeywordModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert settings.pooling.kind == "log-mean-exp"
        self.r, self.members = settings.pooling.r, settings.members

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Detection logits for the whole vocabulary, (B, W); in training those of each of M > 1 members, (M, B, W)."""
        every = torch.arange(len(self.vocabulary), device=features.device)
        logits, _ = self._scores_of_members(self.encode_speech(features, lengths), every)
        return logits.transpose(0, 1) if self.training and self.members > 1 else logits.mean(dim=1)

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled logits (B, Q), and the frames' own logits (B, Q, T')."""
        logits, scores = self._scores_of_members(speech, queries)
        return logits.mean(dim=1), scores.mean(dim=1)

    def _scores_of_members(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled logits of each member (B, M, Q), and the frames' own (B, M, Q, T')."""
        frames, lengths = speech
        scores = frames.unflatten(2, (self.members, -1))[..., queries].permute(0, 2, 3, 1)
        logits = log_mean_exp(scores.flatten(1, 2), lengths, self.r).unflatten(1, (self.members, -1))
        return logits, scores


class MaxModel(KeywordModel):
    """Frames are pooled by their maximum, and a classifier judges all keywords at once: CNN-Pool."""

    frame_scores = None
    speech_encoder: ConvEncoder

    def __init__(
        self, settings: KeywordModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        self.classifier = _perceptron(self.speech_encoder.dimension, settings.classifier or [], len(vocabulary))

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, None]:
        """The classifier's logits (B, Q); no localisation scores of its own."""
        logits: Tensor = self.classifier(maximum(*speech))
        return logits[:, queries], None


class AttentionModel(KeywordModel):
    """Frames are pooled by attention to the keyword's query, and a classifier judges the result: CNN-Attend."""

    frame_scores = "attention"
    speech_encoder: ConvEncoder

    def __init__(
        self, settings: KeywordModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert settings.pooling.kind == "attention"
        self.pooling = AttentionPooling(len(vocabulary), self.speech_encoder.dimension, settings.pooling.deviation)
        self.pooling.queries.requires_grad_(settings.pooling.queries == "learned")
        self.classifier = _perceptron(self.speech_encoder.dimension, settings.classifier or [], 1)

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The classifier's logits (B, Q), and the attention weights (B, Q, T')."""
        contexts, weights = self.pooling(*speech, queries)
        return self.classifier(contexts).squeeze(2), weights

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Detection logits for the whole vocabulary, (B, W); frames are not computed where that saves time."""
        queries, last = self.pooling.queries.weight, cast(Block, self.speech_encoder.blocks[-1])
        inputs, lengths = self.speech_encoder.before_last(features, lengths)
        if is_affine(last) and saves_work(last, inputs.shape[2], len(queries)):
            contexts = folded_contexts(last, inputs, lengths, queries)
        else:
            frames, lengths = last(inputs, lengths)
            every = torch.arange(len(queries), device=queries.device)
            contexts, _ = self.pooling(frames.transpose(1, 2), lengths, every)
        logits: Tensor = self.classifier(contexts).squeeze(2)
        return logits


def build(
    settings: KeywordModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid = FEATURE_GRID
) -> KeywordModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : Model
    features : int
        Feature dimensions.
    vocabulary : Vocabulary
        The keywords of its queries.
    feature_grid : FrameGrid
        Where the features lie in the waveform: that of MFCC and log-mel, or the extractor's own.
    """
    kinds: dict[str, Callable[[KeywordModelSettings, int, Vocabulary, FrameGrid], KeywordModel]] = {
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
