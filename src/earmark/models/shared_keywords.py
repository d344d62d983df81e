"""One model for keyword and image queries: speech and images meet in the embeddings of keywords.

Every keyword w has one vector e_w. The logit of w in a frame a is a . e_w + b_w, in a pixel v it is v . e_w + c_w;
frames and pixels are pooled by log-mean-exp. So the speech encoder and the image encoder each learn from tags by
cross-entropy, and share the keywords' vectors.

For a keyword query the detection score is p(w | utterance), as of any keyword model. For an image query it is the
probability that what the images show is spoken,

    sum_w p(w is meant | images) p(w | utterance),

and the localisation scores are the same sum with p(w | frame). What n images of one thing have in common is: with z_i
the log-odds of w in image i, above the prior log-odds of w in any image,

    p(w is meant | images) ~ exp(sqrt(n) mean_i z_i).

For a single image its log-odds are used as they are. The evidence of n independent images would weigh n times as much,
that of n copies once; the square root lies between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.core.timing import FrameGrid
from earmark.core.vocabulary import Vocabulary
from earmark.models.base import Speech
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.pooling import log_mean_exp
from earmark.recipe import ImageQueryModelSettings, Keywords

MIN_LOG_ODDS = -6.0  # below which an image is no stronger evidence against a keyword
MIN_TAG = 1e-3  # mean tag of a keyword that hardly any image shows
INITIAL_BIAS = -3.0  # most keywords are in few utterances: the first epoch need not learn that


class SharedKeywords(ImageQueryModel):
    """Compares speech and images by the keywords that both name."""

    accepts = frozenset({"keyword", "image"})
    frame_scores = "logits"
    prior_logits: Tensor

    def __init__(
        self, settings: ImageQueryModelSettings, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid
    ) -> None:
        super().__init__(settings, features, vocabulary, feature_grid)
        assert isinstance(settings.similarity, Keywords)
        self.r = settings.similarity.r
        keywords = len(vocabulary)
        self.words = nn.Embedding(keywords, settings.dimension)
        nn.init.normal_(self.words.weight, std=2 * settings.dimension**-0.5)
        self.frame_bias = nn.Parameter(torch.full((keywords,), INITIAL_BIAS))
        self.pixel_bias = nn.Parameter(torch.full((keywords,), INITIAL_BIAS))
        self.register_buffer("prior_logits", torch.zeros(keywords))

    @property
    def candidate_multiplier(self) -> int:
        """Window summaries hold the very scores; but one word is in up to three windows, and is one hit."""
        return 4

    def fit_prior(self, tags: Tensor) -> None:
        """Take from tags (U, W), NaN where unknown, the log-odds of each keyword in any image."""
        self.prior_logits = tags.nanmean(dim=0).nan_to_num().clamp(MIN_TAG, 1 - MIN_TAG).logit()

    def frame_logits(self, frames: Tensor) -> Tensor:
        """Logits of each keyword in each frame: (B, T', D) to (B, W, T')."""
        return (frames @ self.words.weight.T + self.frame_bias).transpose(1, 2)

    def pixel_logits(self, pixels: Tensor) -> Tensor:
        """Logits of each keyword in each pixel: (N, P, D) to (N, W, P)."""
        return (pixels @ self.words.weight.T + self.pixel_bias).transpose(1, 2)

    def image_logits(self, pixels: Tensor) -> Tensor:
        """Logits of each keyword in each image: (N, P, D) to (N, W)."""
        counts = torch.full((len(pixels),), pixels.shape[1], device=pixels.device)
        return log_mean_exp(self.pixel_logits(pixels), counts, self.r)

    def build_queries(self, encoded: Sequence[Tensor | str]) -> Tensor:
        """The probability (Q, W) that each keyword is meant."""
        return torch.stack([self._one_hot(q) if isinstance(q, str) else self._meant(q) for q in encoded])

    def _one_hot(self, word: str) -> Tensor:
        only = torch.zeros(len(self.vocabulary), device=self.device)
        only[self.vocabulary.index(word)] = 1
        return only

    def _meant(self, images: Tensor) -> Tensor:
        """The probability (W,) that each keyword is what images (n, height, width, D) have in common."""
        logits = self.image_logits(images.flatten(1, 2))
        evidence = torch.maximum(logits, self.prior_logits.clamp_max(MIN_LOG_ODDS)) - self.prior_logits
        weight = math.sqrt(len(images))
        return (weight * evidence.mean(dim=0)).softmax(dim=0)

    def score(self, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the probability that what is meant is spoken in the utterance, and in each frame."""
        frames, lengths = speech
        logits = self.frame_logits(frames)
        detection = _mixture(log_mean_exp(logits, lengths, self.r), queries)
        return detection, _mixture(logits.transpose(1, 2), queries).transpose(1, 2)

    def window_summary(self, speech: Speech, codebook: Tensor) -> Tensor:
        """The probability (B, W) that each keyword is spoken; the codebook is not needed."""
        frames, lengths = speech
        return log_mean_exp(self.frame_logits(frames), lengths, self.r).sigmoid()

    def query_summary(self, queries: Tensor, codebook: Tensor) -> Tensor:
        """The probability (W,) that each keyword is meant, so that the inner product is the detection score."""
        return queries[0]

    def matchmaps(self, speech: Speech, images: Tensor) -> Tensor:
        """The probability that pixel and frame both show one keyword, of those that are meant."""
        pixels = self.pixel_logits(images.flatten(1, 2)).sigmoid()
        frames = self.frame_logits(speech[0])[0].sigmoid() * self._meant(images)[:, None]
        return torch.einsum("nwp,wt->npt", pixels, frames).view(*images.shape[:3], -1)

    def forward(self, features: Tensor, lengths: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of all keywords in utterances (B, W) and in images (N, W)."""
        frames, lengths = self.encode_speech(features, lengths)
        spoken = log_mean_exp(self.frame_logits(frames), lengths, self.r)
        return spoken, self.image_logits(self.image_encoder(images).flatten(1, 2))


def _mixture(logits: Tensor, weights: Tensor) -> Tensor:
    """The logit of sum_w p(w) sigmoid(logit_w): (..., W) and (Q, W) to (..., Q)."""
    weights = weights.double()  # in which the logit of a sigmoid is exact however large it is
    spoken, silent = ((sign * logits.double()).sigmoid() @ weights.T for sign in (1, -1))
    return (spoken.log() - silent.log()).to(logits.dtype)
