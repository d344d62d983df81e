"""From a recipe's description of a model to the model, with fresh weights."""

from __future__ import annotations

from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.core.vocabulary import Vocabulary
from earmark.models import keyword_models
from earmark.models.base import SpeechModel
from earmark.models.features_model import FeaturesModel
from earmark.models.image_query_models import PairModel
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import FeaturesModelSettings, ImageQueryModelSettings, KeywordModelSettings

__all__ = ["SpeechModel", "build"]


def build(
    settings: KeywordModelSettings | ImageQueryModelSettings | FeaturesModelSettings,
    features: int,
    vocabulary: Vocabulary,
    feature_grid: FrameGrid = FEATURE_GRID,
) -> SpeechModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : KeywordModelSettings, ImageQueryModelSettings or FeaturesModelSettings
    features : int
        Feature dimensions.
    vocabulary : Vocabulary
        The keywords of its queries, or those that it is trained with.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Raises
    ------
    EarmarkError
        If a pretrained image network is missing, damaged, or another one than in the settings.
    """
    if isinstance(settings, FeaturesModelSettings):
        return FeaturesModel(features, feature_grid)
    if isinstance(settings, KeywordModelSettings):
        return keyword_models.build(settings, features, vocabulary, feature_grid)
    kind = SharedKeywords if settings.similarity.kind == "keywords" else PairModel
    return kind(settings, features, vocabulary, feature_grid)
