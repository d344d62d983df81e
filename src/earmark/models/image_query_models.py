"""Models that are asked with pictures: a speech network, an image network, and how alike the two find things.

==================  ==============================================================  =================================
similarity          score of a picture and an utterance                             source
==================  ==============================================================  =================================
matchmap            the matchmap pooled: MISA, SISA or SIMA                         DAVEnet, Harwath et al. 2018
localising-         the cosine of two contexts, weighed by the matchmap             Nortje and Kamper 2022
attention
highest             the matchmap's highest value                                    Nortje et al. 2024
keywords            :class:`earmark.models.shared_words.SharedKeywords`                Earmark's own
==================  ==============================================================  =================================

All keep the contract of :mod:`earmark.models.written`, with pictures for queries. A query of several pictures has the
mean of their detection scores, and the localisation scores of the one that scores best (Nortje and Kamper 2022).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from earmark.core.errors import EarmarkError
from earmark.core.timing import FrameGrid
from earmark.core.types import PICTURES_ALONE, Prompt, Query
from earmark.core.vocabulary import Vocabulary
from earmark.media.images import read_image
from earmark.models import matchmap
from earmark.models.image_encoder import SmallImageNetwork, image_network
from earmark.models.keyword_models import Speech
from earmark.models.padding import inner_mask, padding_mask
from earmark.models.speech_encoders import ConvEncoder, speech_network
from earmark.recipe import ImageQueryModelSettings, Matchmap

AT_ONCE = 16  # pictures that the image network looks at together
SMALLEST = 1e-6  # a deviation
EDGE = 2  # frames at either end
FEW = 10.0  # a frame whose match is a deviation below the best one's counts exp(-FEW) of it
MOMENTUM = 0.1  # with which the middle and the spread of similarities follow those of each batch
POOLS = {
    "misa": matchmap.misa,
    "sisa": matchmap.sisa,
    "sima": matchmap.sima,
    "highest": matchmap.highest,
    "localising-attention": None,  # it compares contexts, not matches
}


class ImageQueryModel(nn.Module, ABC):
    """A model that is asked with pictures."""

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.speech = speech_network(settings.speech, features, settings.dimension, feature_grid)
        self.image = image_network(settings.image, settings.dimension)

    @property
    def grid(self) -> FrameGrid:
        """Where the frames of :meth:`encode_speech` lie in the waveform."""
        return cast(FrameGrid, self.speech.grid)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.parameters()).device

    def encode_speech(self, features: Tensor, lengths: Tensor) -> Speech:
        """Features (B, T, F) and lengths (B,) to frames (B, T', D) and lengths (B,)."""
        frames: Tensor
        frames, lengths = self.speech(features, lengths)
        return frames, lengths

    def see(self, prompts: Sequence[Prompt]) -> Tensor:
        """Pictures to their pixels' vectors, shape = (N, height, width, D).

        Raises
        ------
        EarmarkError
            If a picture can't be read, or a part of it lies outside it.
        """
        parts = []
        for start in range(0, len(prompts), AT_ONCE):
            pictures = [read_image(prompt.path, prompt.box) for prompt in prompts[start : start + AT_ONCE]]
            parts.append(self.image(self.image.look(pictures).to(self.device)))
        return torch.cat(parts)

    def encode_queries(self, queries: Sequence[Query]) -> Any:
        """Q queries to what :meth:`score` wants.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, or the model can't be asked with words; or as :meth:`see`.
        """
        return self.ask([query if isinstance(query, str) else self.see(query.prompts) for query in queries])

    @abstractmethod
    def ask(self, subjects: Sequence[Tensor | str]) -> Any:
        """As :meth:`encode_queries`, for keywords and pictures that were seen, (n, height, width, D) a query."""

    @abstractmethod
    def score(self, speech: Speech, asked: Any) -> tuple[Tensor, Tensor]:
        """Detection logits (B, Q), and localisation scores (B, Q, T')."""

    @property
    @abstractmethod
    def candidate_multiplier(self) -> int:
        """How many times as many utterances as are wanted to score, of those that answer best by their digests."""

    @abstractmethod
    def window_summary(self, speech: Speech, typical: Tensor) -> Tensor:
        """What utterances come to, whatever will be asked, (B, S).

        Parameters
        ----------
        speech : frames (B, T', D) and lengths (B,)
        typical : torch.Tensor, shape = (C, D)
            Frames that others are like.
        """

    @abstractmethod
    def query_summary(self, asked: Any, typical: Tensor) -> Tensor:
        """What to look for in digests, (S,): its inner product with one guesses how well an utterance answers.

        Parameters
        ----------
        asked : Any
            One query, of :meth:`ask`.
        typical : torch.Tensor, shape = (C, D)
            That the digests were made with.
        """

    def compared(self, lengths: Tensor, frames: int) -> Tensor:
        """Which frames of utterances of these lengths (B,), padded to `frames`, take part: shape = (B, T'), bool."""
        return padding_mask(lengths, frames)

    @abstractmethod
    def matches(self, speech: Speech, subject: Tensor) -> Tensor:
        """The matchmap of one utterance with each picture of one query.

        Parameters
        ----------
        speech : frames (1, T', D) and lengths (1,)
        subject : torch.Tensor, shape = (n, height, width, D)

        Returns
        -------
        torch.Tensor, shape = (n, height, width, T')
        """


class PairModel(ImageQueryModel):
    """Pictures and utterances are compared pair by pair: DAVEnet, the localising attention network, and the like."""

    middle: Tensor
    deviation: Tensor

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        kind = settings.similarity
        self.pool = POOLS[kind.pool if isinstance(kind, Matchmap) else kind.kind]
        for norm in _last_norms(self):  # so that inner products begin with deviation 1, whatever the dimension
            nn.init.constant_(norm.weight, settings.dimension**-0.25)
        # Inner products have no scale of their own: a sigmoid of hundreds is 1, whatever is shown. Detection scores are
        # sigmoids of how far a similarity is from the middle of those in training, in their deviations.
        self.register_buffer("middle", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    @property
    def candidate_multiplier(self) -> int:
        """More where digests guess less well: see :meth:`query_summary`."""
        return 8 if self.pool in (matchmap.misa, matchmap.sisa) else 64

    def ask(self, subjects: Sequence[Tensor | str]) -> list[Tensor]:
        """The pixels of each query's pictures, (n, P, D)."""
        asked = []
        for subject in subjects:
            if isinstance(subject, str):
                raise EarmarkError(PICTURES_ALONE.format(subject))
            asked.append(subject.flatten(1, 2))
        return asked

    @torch.no_grad()
    def remember(self, similarities: Tensor) -> None:
        """Learn the scale of similarities from those of a batch in training. Cosines have one of their own."""
        if self.training and self.pool is not None and similarities.numel() > 1:
            self.middle.lerp_(similarities.mean(), MOMENTUM)
            self.deviation.lerp_(similarities.std().clamp_min(SMALLEST), MOMENTUM)

    def compared(self, lengths: Tensor, frames: int) -> Tensor:
        """Those that don't touch an edge.

        A network hears an edge in what it was padded with. Attention that is measured by its highest value learns to
        hold on to that, as to a standard that every utterance has, and then points at the edges instead of at words.
        """
        return inner_mask(lengths, frames, EDGE)

    def similarities(self, speech: Speech, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Similarities (B, N) of utterances and pictures (N, P, D), and localisation scores (B, N, T')."""
        frames, lengths = speech
        real = self.compared(lengths, frames.shape[1])[:, None]
        matches = matchmap.matchmap(pixels, frames)
        if self.pool is None:
            return matchmap.attended(matches, real, pixels, frames), matchmap.audio_attention(matches, real)
        return self.pool(matches, real), matches.amax(dim=2).masked_fill(~real, -math.inf)

    def score(self, speech: Speech, asked: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The mean detection score of each query's pictures, as logits, and the curve of the one that scores best."""
        logits, curves = [], []
        for pixels in asked:
            alike, each = self.similarities(speech, pixels)
            logits.append(_mean_of_sigmoids((alike - self.middle) / self.deviation))
            curves.append(each[torch.arange(len(each)), alike.argmax(dim=1)])
        return torch.stack(logits, dim=1), torch.stack(curves, dim=1)

    def window_summary(self, speech: Speech, typical: Tensor) -> Tensor:
        """Which part of the frames that are compared is nearest to each typical one, (B, C)."""
        frames, lengths = speech
        real = self.compared(lengths, frames.shape[1])
        nearest = (frames @ typical.T - typical.square().sum(dim=1) / 2).argmax(dim=2)
        parts = real / real.sum(dim=1, keepdim=True)
        return frames.new_zeros(len(frames), len(typical)).scatter_add_(1, nearest, parts.to(frames.dtype))

    def query_summary(self, asked: list[Tensor], typical: Tensor) -> Tensor:
        """What each typical frame adds to the similarity, (C,), as if all frames were typical ones.

        MISA and SISA are means over frames, and this is what they would be. SIMA and the highest match hang on few
        frames: these count far more than all others, but how many of them there are should not count and does. Of
        localising attention it is the numerator alone. How often that finds what scoring all would find is in
        ``docs/results.md``.
        """
        return torch.stack([self._added(pixels, typical) for pixels in asked[0]]).mean(dim=0)

    def _added(self, pixels: Tensor, typical: Tensor) -> Tensor:
        matches = pixels @ typical.T
        if self.pool is matchmap.misa:
            return matches.amax(dim=0)
        if self.pool is matchmap.sisa:
            return matches.mean(dim=0)
        if self.pool is None:
            every = torch.ones_like(matches[0], dtype=torch.bool)
            seen = matchmap.image_attention(matches, every) @ pixels
            return matchmap.audio_attention(matches, every) * (typical @ seen)
        rivals = matches if self.pool is matchmap.sima else matches.amax(dim=0, keepdim=True)
        behind = (rivals - rivals.amax(dim=1, keepdim=True)) / matches.std().clamp_min(SMALLEST)
        return (FEW * behind).exp().mean(dim=0)

    def matches(self, speech: Speech, subject: Tensor) -> Tensor:
        """Inner products of pixels and frames."""
        matches = matchmap.matchmap(subject.flatten(1, 2), speech[0])[0]
        return matches.view(*subject.shape[:3], -1)

    def forward(self, features: Tensor, lengths: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (B, T', D), lengths (B,) and pixels (N, P, D), for a loss to compare."""
        return *self.encode_speech(features, lengths), self.image(seen).flatten(1, 2)


def _last_norms(model: ImageQueryModel) -> list[_BatchNorm]:
    """The batch norms that frames and pixels leave small networks by; other networks have none."""
    speech = model.speech.blocks[-1].norm if isinstance(model.speech, ConvEncoder) else None
    image = model.image.norm if isinstance(model.image, SmallImageNetwork) else None
    return [norm for norm in (speech, image) if isinstance(norm, _BatchNorm)]


def _mean_of_sigmoids(logits: Tensor) -> Tensor:
    """The logit of the mean over the last dimension; it never rounds to that of 0 or 1, however sure they are."""
    logsigmoid = nn.functional.logsigmoid
    return logsigmoid(logits).logsumexp(dim=-1) - logsigmoid(-logits).logsumexp(dim=-1)
