"""Localisation scores from scores of the encoder's frames, shared by most methods."""

from __future__ import annotations

from earmark.localisation import LocalisationScores
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech


def model_scores(
    model: SpeechModel, encoded: EncodedSpeech, queries: EncodedQueries, logits: bool
) -> LocalisationScores:
    """The localisation scores that the model itself gives with its detection scores."""
    detection, scores = model.score(encoded.speech, queries)
    assert scores is not None
    return LocalisationScores.from_frames(encoded, scores, detection, logits)
