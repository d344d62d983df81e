"""Score aggregation: the frames' own scores, before they are pooled (Olaleye et al. 2022, Section III-B3)."""

from __future__ import annotations

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._frames import model_scores
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech


def check_model(model: SpeechModel) -> str | None:
    """It needs a model whose frames are scored for every keyword."""
    return None if model.frame_scores == "logits" else "this model's frames have no scores of their own"


def localise(model: SpeechModel, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
    """Scores of the frames: h_{w,t}, as logits."""
    return model_scores(model, encoded, queries, logits=True)
