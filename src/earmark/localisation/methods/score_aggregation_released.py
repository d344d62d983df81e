"""Score aggregation as the code has it that Olaleye et al. (2022) released: the last peak of the frames' scores.

The scores go through the sigmoid, and the location is the last of their peaks with a prominence of at least 0.05, not
the highest frame (Eq. 5). Without any peak the released code has no location; here it is the first frame.
"""

from __future__ import annotations

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._released_peaks import last_peak_alone
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech

PROMINENCE = 0.05


def check_model(model: SpeechModel) -> str | None:
    """It needs a model whose frames are scored for every keyword."""
    return None if model.frame_scores == "logits" else "this model's frames have no scores of their own"


def localise(model: SpeechModel, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
    """The sigmoid of the last peak's score, and 0 for all other frames."""
    detection, scores = model.score(encoded.speech, queries)
    assert scores is not None
    peaks = last_peak_alone(scores.sigmoid(), encoded.frame_lengths, PROMINENCE)
    return LocalisationScores.from_frames(encoded, peaks, detection)
