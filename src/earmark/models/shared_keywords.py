"""One model for written queries and for pictures: both are understood as keywords.

Every keyword w has one vector e_w. A frame a says the keyword as far as a . e_w + b_w is large, a pixel v shows it as
far as v . e_w + c_w is large; frames and pixels are pooled by log-mean-exp. So the speech network and the image network
each learn from tags by cross-entropy, and meet in the keywords' vectors.

Asked with a keyword, the detection score is p(w | utterance), as of any model for written queries. Asked with pictures,
it is the probability that what the pictures are about is spoken,

    sum_w p(w is meant | pictures) p(w | utterance),

and the localisation scores are the same sum with p(w | frame). What n pictures of one thing are about is what they have
in common: with z_i the log-odds of w in picture i, above those that any picture has,

    p(w is meant | pictures) ~ exp(sqrt(n) mean_i z_i).

One picture is taken at its word. Were the pictures independent, the evidence of n would weigh n times as much; were
they copies, it would weigh once. The square root lies between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.core.timing import FrameGrid
from earmark.core.vocabulary import Vocabulary
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.keyword_models import Speech
from earmark.models.pooling import log_mean_exp
from earmark.recipe import ImageQueryModelSettings, Keywords

RARE = -6.0  # log-odds below which a picture says no more against a keyword
RAREST_TAG = 1e-3  # mean tag of a keyword that is hardly ever shown


class SharedKeywords(ImageQueryModel):
    """Speech and pictures meet in the vectors of keywords."""

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert isinstance(settings.similarity, Keywords)
        self.r = settings.similarity.r
        keywords = len(vocabulary)
        self.words = nn.Embedding(keywords, settings.dimension)
        nn.init.normal_(self.words.weight, std=2 * settings.dimension**-0.5)
        # Most keywords are not in most utterances: begun at 0.05, not at a half, the first epoch is not spent on that.
        self.heard_bias = nn.Parameter(torch.full((keywords,), -3.0))
        self.seen_bias = nn.Parameter(torch.full((keywords,), -3.0))
        self.register_buffer("prior_logits", torch.zeros(keywords))

    def fit_prior(self, tags: Tensor) -> None:
        """Take from tags (U, W) how often each keyword is shown in any picture."""
        self.prior_logits: Tensor = tags.mean(dim=0).clamp(RAREST_TAG, 1 - RAREST_TAG).logit()

    def heard(self, frames: Tensor) -> Tensor:
        """How far each frame says each keyword: (B, T', D) to logits (B, W, T')."""
        return (frames @ self.words.weight.T + self.heard_bias).transpose(1, 2)

    def seen(self, pixels: Tensor) -> Tensor:
        """How far each pixel shows each keyword: (N, P, D) to logits (N, W, P)."""
        return (pixels @ self.words.weight.T + self.seen_bias).transpose(1, 2)

    def shown(self, pixels: Tensor) -> Tensor:
        """How far each picture shows each keyword: (N, P, D) to logits (N, W)."""
        counts = torch.full((len(pixels),), pixels.shape[1], device=pixels.device)
        return log_mean_exp(self.seen(pixels), counts, self.r)

    def ask(self, subjects: Sequence[Tensor | str]) -> Tensor:
        """The probability (Q, W) that each keyword is meant."""
        return torch.stack([self._said(s) if isinstance(s, str) else self._meant(s) for s in subjects])

    def _said(self, word: str) -> Tensor:
        only = torch.zeros(len(self.vocabulary), device=self.device)
        only[self.vocabulary.index(word)] = 1
        return only

    def _meant(self, subject: Tensor) -> Tensor:
        shown = self.shown(subject.flatten(1, 2))
        evidence = torch.maximum(shown, self.prior_logits.clamp_max(RARE)) - self.prior_logits
        weight = math.sqrt(len(subject))
        return (weight * evidence.mean(dim=0)).softmax(dim=0)

    def score(self, speech: Speech, asked: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the probability that what is meant is spoken, and is spoken in each frame."""
        frames, lengths = speech
        heard = self.heard(frames)
        spoken = _mixture(log_mean_exp(heard, lengths, self.r), asked)
        return spoken, _mixture(heard.transpose(1, 2), asked).transpose(1, 2)

    @property
    def candidate_multiplier(self) -> int:
        """Digests tell the very scores; but one word is heard in up to three windows, and is one hit."""
        return 4

    def window_summary(self, speech: Speech, typical: Tensor) -> Tensor:
        """The probability (B, W) that each keyword is spoken: it says all, whatever is typical."""
        frames, lengths = speech
        return log_mean_exp(self.heard(frames), lengths, self.r).sigmoid()

    def query_summary(self, asked: Tensor, typical: Tensor) -> Tensor:
        """The probability (W,) that each keyword is meant, so that the inner product is the detection score."""
        return asked[0]

    def matches(self, speech: Speech, subject: Tensor) -> Tensor:
        """The probability that pixel and frame are about the same, of what the pictures mean."""
        pixels = self.seen(subject.flatten(1, 2)).sigmoid()
        frames = self.heard(speech[0])[0].sigmoid() * self._meant(subject)[:, None]
        return torch.einsum("nwp,wt->npt", pixels, frames).view(*subject.shape[:3], -1)

    def forward(self, features: Tensor, lengths: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of all keywords in utterances (B, W) and in pictures (N, W)."""
        frames, lengths = self.encode_speech(features, lengths)
        return log_mean_exp(self.heard(frames), lengths, self.r), self.shown(self.image(seen).flatten(1, 2))


def _mixture(logits: Tensor, meant: Tensor) -> Tensor:
    """The logit of sum_w p(w) sigmoid(logit_w): (..., W) and (Q, W) to (..., Q)."""
    meant = meant.double()  # in which the logit of a sigmoid is the number that went in, however sure
    spoken, silent = ((sign * logits.double()).sigmoid() @ meant.T for sign in (1, -1))
    return (spoken.log() - silent.log()).to(logits.dtype)
