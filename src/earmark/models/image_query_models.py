"""Models that accept image queries: a speech encoder, an image encoder, and a similarity of the two.

:class:`PairModel` compares an image with an utterance by one of :mod:`earmark.models.similarities`;
:class:`earmark.models.shared_keywords.SharedKeywords` by the keywords that both name. A query of several images has the
mean of their detection scores, and the localisation scores of the one that scores best (Nortje and Kamper 2022).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.timing import FrameGrid
from earmark.core.types import PICTURES_ALONE, Prompt, Query
from earmark.core.vocabulary import Vocabulary
from earmark.media.images import read_image
from earmark.models import matchmap
from earmark.models.base import EncodedQueries, Speech, SpeechModel
from earmark.models.image_encoders import ImageEncoder, build_image_encoder
from earmark.models.padding import inner_mask, padding_mask
from earmark.models.similarities import MIN_STD, build_similarity
from earmark.models.speech_encoders import build_speech_encoder
from earmark.recipe import ImageQueryModelSettings

IMAGE_BATCH = 16
MOMENTUM = 0.1  # of the running mean and standard deviation of similarities


class ImageQueryModel(SpeechModel):
    """A model that accepts image queries, alone or beside keywords."""

    image_encoder: ImageEncoder

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(vocabulary, build_speech_encoder(settings.speech, features, settings.dimension, feature_grid))
        self.image_encoder = build_image_encoder(settings.image, settings.dimension)
        self.objectives = frozenset(settings.similarity.losses)

    def encode_images(self, prompts: Sequence[Prompt]) -> Tensor:
        """One vector a pixel of each image, shape = (N, height, width, D).

        Raises
        ------
        EarmarkError
            If an image can't be read, or a box lies outside it.
        """
        parts = []
        for start in range(0, len(prompts), IMAGE_BATCH):
            images = [read_image(prompt.path, prompt.box) for prompt in prompts[start : start + IMAGE_BATCH]]
            parts.append(self.image_encoder(self.image_encoder.prepare(images).to(self.device)))
        return torch.cat(parts)

    def encode_queries(self, queries: Sequence[Query]) -> EncodedQueries:
        """Q queries in the form that :meth:`score` takes.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, or the model does not accept words; or as :meth:`encode_images`.
        """
        return self.build_queries([q if isinstance(q, str) else self.encode_images(q.prompts) for q in queries])

    @abstractmethod
    def build_queries(self, encoded: Sequence[Tensor | str]) -> EncodedQueries:
        """As :meth:`encode_queries`, of keywords and of images that are encoded, (n, height, width, D) a query."""

    @abstractmethod
    def score(self, speech: Speech, queries: Any) -> tuple[Tensor, Tensor]:
        """Detection logits (B, Q), and localisation scores (B, Q, T')."""

    @property
    @abstractmethod
    def candidate_multiplier(self) -> int:
        """How many times as many windows as hits are wanted to score exactly, of those whose summaries rank first."""

    @abstractmethod
    def window_summary(self, speech: Speech, codebook: Tensor) -> Tensor:
        """Vectors that predict the scores of utterances for any query, (B, S).

        Parameters
        ----------
        speech : frames (B, T', D) and lengths (B,)
        codebook : torch.Tensor, shape = (C, D)
            Centroids of frames.
        """

    @abstractmethod
    def query_summary(self, queries: Any, codebook: Tensor) -> Tensor:
        """A vector (S,) whose inner product with a window summary predicts how the utterance scores.

        Parameters
        ----------
        queries : Any
            One query, of :meth:`build_queries`.
        codebook : torch.Tensor, shape = (C, D)
            The one that the window summaries were made with.
        """

    def frame_mask(self, lengths: Tensor, frames: int) -> Tensor:
        """Which frames of utterances of these lengths (B,), padded to `frames`, are compared: (B, T'), bool."""
        return padding_mask(lengths, frames)

    @abstractmethod
    def matchmaps(self, speech: Speech, images: Tensor) -> Tensor:
        """The matchmap of one utterance with each image of one query.

        Parameters
        ----------
        speech : frames (1, T', D) and lengths (1,)
        images : torch.Tensor, shape = (n, height, width, D)

        Returns
        -------
        torch.Tensor, shape = (n, height, width, T')
        """


def accepts_images(model: SpeechModel) -> TypeGuard[ImageQueryModel]:
    """Whether a model accepts image queries, and so can encode images."""
    return "image" in model.accepts


class PairModel(ImageQueryModel):
    """Compares images with utterances pair by pair: DAVEnet, the localising attention network, and the like."""

    accepts = frozenset({"image"})
    frame_scores = "matchmap"
    running_mean: Tensor
    running_std: Tensor

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        self.similarity = build_similarity(settings.similarity)
        self.edge = settings.edge
        # So that inner products begin with a standard deviation of 1, whatever the dimension.
        for norm in (self.speech_encoder.output_norm, self.image_encoder.output_norm):
            if norm is not None:
                nn.init.constant_(norm.weight, settings.dimension**-0.25)
        # Inner products have no scale of their own, and the sigmoid of hundreds is 1 for any image. Detection scores
        # are sigmoids of similarities that are standardised by those in training.
        self.register_buffer("running_mean", torch.zeros(()))
        self.register_buffer("running_std", torch.ones(()))

    @property
    def candidate_multiplier(self) -> int:
        """That of the similarity."""
        return self.similarity.candidate_multiplier

    def build_queries(self, encoded: Sequence[Tensor | str]) -> list[Tensor]:
        """The pixels of each query's images, (n, P, D)."""
        queries = []
        for images in encoded:
            if isinstance(images, str):
                raise EarmarkError(PICTURES_ALONE.format(images))
            queries.append(images.flatten(1, 2))
        return queries

    @torch.no_grad()
    def update_stats(self, similarities: Tensor) -> None:
        """Follow the mean and standard deviation of similarities in training. Cosines keep their own scale."""
        if self.training and not self.similarity.is_bounded and similarities.numel() > 1:
            self.running_mean.lerp_(similarities.mean(), MOMENTUM)
            self.running_std.lerp_(similarities.std().clamp_min(MIN_STD), MOMENTUM)

    def frame_mask(self, lengths: Tensor, frames: int) -> Tensor:
        """Those that are not at an edge, of as many frames as the recipe says.

        A convolution detects an edge by its padding. Attention that is normalised by its maximum would learn to peak
        there, a reference that every utterance has, and would then point at edges instead of words.
        """
        return inner_mask(lengths, frames, self.edge)

    def similarities(self, speech: Speech, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Similarities (B, N) of utterances and images (N, P, D), and localisation scores (B, N, T')."""
        frames, lengths = speech
        return self.similarity.crossed(pixels, frames, self.frame_mask(lengths, frames.shape[1]))

    def score(self, speech: Speech, queries: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The logit of each query's mean detection score over images, and the frame scores of its best image."""
        logits, curves = [], []
        for pixels in queries:
            similarities, frame_scores = self.similarities(speech, pixels)
            logits.append(_mean_of_sigmoids((similarities - self.running_mean) / self.running_std))
            curves.append(frame_scores[torch.arange(len(frame_scores)), similarities.argmax(dim=1)])
        return torch.stack(logits, dim=1), torch.stack(curves, dim=1)

    def window_summary(self, speech: Speech, codebook: Tensor) -> Tensor:
        """Which part of the compared frames is nearest to each of the codebook, (B, C)."""
        frames, lengths = speech
        mask = self.frame_mask(lengths, frames.shape[1])
        nearest = (frames @ codebook.T - codebook.square().sum(dim=1) / 2).argmax(dim=2)
        parts = mask / mask.sum(dim=1, keepdim=True)
        return frames.new_zeros(len(frames), len(codebook)).scatter_add_(1, nearest, parts.to(frames.dtype))

    def query_summary(self, queries: list[Tensor], codebook: Tensor) -> Tensor:
        """What a frame like each of the codebook adds to the similarity, (C,), in the mean over the query's images.

        Exact for MISA and SISA if all frames were those of the codebook. The others depend on few frames, so that the
        ranking is less good: ``docs/results.md`` has how often it finds what scoring all windows would.
        """
        return torch.stack([self.similarity.summary(pixels, codebook) for pixels in queries[0]]).mean(dim=0)

    def matchmaps(self, speech: Speech, images: Tensor) -> Tensor:
        """Inner products of pixels and frames."""
        matches = matchmap.matchmap(images.flatten(1, 2), speech[0])[0]
        return matches.view(*images.shape[:3], -1)

    def forward(self, features: Tensor, lengths: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (B, T', D), lengths (B,) and pixels (N, P, D), for a loss to compare."""
        return *self.encode_speech(features, lengths), self.image_encoder(images).flatten(1, 2)


def _mean_of_sigmoids(logits: Tensor) -> Tensor:
    """The logit of the mean over the last dimension, computed so that it is finite however large the logits are."""
    logsigmoid = nn.functional.logsigmoid
    return logsigmoid(logits).logsumexp(dim=-1) - logsigmoid(-logits).logsumexp(dim=-1)
