"""The matchmap: each frame's best pixel of the query's picture (Harwath et al. 2018; Nortje, Kamper 2022).

For a localising attention network it is the attention over time. The location depends on the query; in the released
baselines it does not.
"""

from __future__ import annotations

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._frames import model_scores
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech


def check_model(model: SpeechModel) -> str | None:
    """It needs a model that compares every pixel with every frame."""
    return None if model.frame_scores == "matchmap" else "this model has no matchmap of pixels and frames"


def localise(model: SpeechModel, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
    """For each frame the highest inner product with any pixel; of several pictures, with the one that scores best."""
    return model_scores(model, encoded, queries, logits=False)
