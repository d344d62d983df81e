"""Attention: the weights with which the frames are pooled (Olaleye et al. 2022, Eq. 11)."""

from __future__ import annotations

from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._frames import model_scores
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech


def check_model(model: SpeechModel) -> str | None:
    """It needs a model that pools by attention."""
    return None if model.frame_scores == "attention" else "this model has no attention over time"


def localise(model: SpeechModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Attention weights of the frames: alpha_{w,t}, which sum to 1 over an utterance."""
    return model_scores(model, encoded, queries, logits=False)
