"""Where a query is in an utterance: localisation scores, the methods that compute them, and the keyword spotter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.models.encoded import EncodedSpeech
from earmark.models.padding import padding_mask


@dataclass(frozen=True)
class LocalisationScores:
    """One number a frame or segment and query; the highest is the location (Olaleye et al. 2022, Eq. 5).

    Attributes
    ----------
    scores : torch.Tensor, shape = (B, Q, S)
        S frames or segments; minus infinity where an utterance has no such frame or segment.
    starts_s, ends_s : torch.Tensor, shape = (S,)
        Bounds of each frame or segment, in seconds from the start of the utterance.
    detection : torch.Tensor, shape = (B, Q)
        The model's detection logits for the whole utterances.
    logits : bool
        Whether the scores are logits; else they lie in [0, 1].
    """

    scores: Tensor
    starts_s: Tensor
    ends_s: Tensor
    detection: Tensor
    logits: bool

    @classmethod
    def from_frames(
        cls, encoded: EncodedSpeech, scores: Tensor, detection: Tensor, logits: bool = False
    ) -> LocalisationScores:
        """Localisation scores from scores of the encoder's frames, with the frames' times.

        Parameters
        ----------
        encoded : EncodedSpeech
            Whose frames were scored; its grid says where they lie.
        scores : torch.Tensor, shape = (B, Q, T')
            Those of padding are not used.
        detection : torch.Tensor, shape = (B, Q)
        logits : bool
            Whether the scores are logits.
        """
        padded = ~padding_mask(encoded.frame_lengths, scores.shape[2])[:, None]
        centres = encoded.grid.centre_s(torch.arange(scores.shape[2], dtype=torch.float64, device=scores.device))
        half = encoded.grid.stride_s / 2
        return cls(scores.masked_fill(padded, -math.inf), centres - half, centres + half, detection, logits)

    @property
    def times_s(self) -> Tensor:
        """Centre of each frame or segment, shape = (S,)."""
        return (self.starts_s + self.ends_s) / 2

    def locations_s(self) -> Tensor:
        """Centre of the best frame or segment for each query, shape = (B, Q)."""
        return self.times_s[self.scores.argmax(dim=2)]

    def curves(self) -> Tensor:
        """The scores for display, in [0, 1], shape = (B, Q, S); 0 where an utterance has no frame or segment.

        Logits go through the sigmoid. Other scores are divided by the highest of their utterance and query.
        """
        if self.logits:
            return self.scores.sigmoid()
        scores = self.scores.clamp_min(0)
        highest = scores.amax(dim=2, keepdim=True)
        return scores / highest.where(highest > 0, torch.ones_like(highest))

    @property
    def overlap(self) -> bool:
        """Whether they overlap, as segments do, or lie side by side, as frames do."""
        return bool((self.starts_s[1:] < self.ends_s[:-1] - 1e-6).any())

    def over_time(self) -> tuple[Tensor, Tensor]:
        """The curves as functions of time: at each centre the best value of those with that centre.

        Returns
        -------
        times_s : torch.Tensor, shape = (C,)
            Every centre once, in order.
        curves : torch.Tensor, shape = (B, Q, C)
        """
        times_s, centre = (self.times_s * 1e6).round().unique(return_inverse=True)
        curves = self.curves()
        best = curves.new_zeros(*curves.shape[:2], len(times_s))
        return times_s / 1e6, best.scatter_reduce(2, centre.expand_as(curves), curves, "amax")


Localise = Callable[[Any, EncodedSpeech, Any], LocalisationScores]


def names() -> list[str]:
    """Names of all methods, as a recipe writes them."""
    return list(registry.kinds(registry.LOCALISATION_METHODS))


def cost_grows_with_queries(name: str) -> bool:
    """Whether the method `name` takes a time that grows with the number of queries."""
    return bool(getattr(_module(name), "COST_GROWS_WITH_QUERIES", False))


def needs_features(name: str) -> bool:
    """Whether the method `name` uses the features of encoded speech, which an archive does not store."""
    return bool(getattr(_module(name), "NEEDS_FEATURES", False))


def method(name: str, model: Any) -> Localise:
    """The localisation method `name`, for use with `model`.

    Raises
    ------
    EarmarkError
        If there is no such method, or it can't be used with this model (with the reason).
    """
    module = _module(name)
    reason = module.check_model(model)
    if reason is not None:
        raise EarmarkError(f"The localisation method {name} can't be used here: {reason}.")
    localise: Localise = module.localise
    return localise


def _module(name: str) -> Any:
    if name not in names():
        raise EarmarkError(f"There is no localisation method {name!r}: choose from {', '.join(names())}.")
    return registry.module_of(registry.LOCALISATION_METHODS, name)
