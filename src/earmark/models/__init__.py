"""From a recipe's description of a model to the model, with fresh weights."""

from __future__ import annotations

from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.core.vocabulary import Vocabulary
from earmark.models import keyword_models
from earmark.models.image_query_models import ImageQueryModel, PairModel
from earmark.models.keyword_models import KeywordModel
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import ImageQueryModelSettings, Model

AnyModel = KeywordModel | ImageQueryModel


def build(
    settings: Model | ImageQueryModelSettings,
    features: int,
    vocabulary: Vocabulary,
    feature_grid: FrameGrid = FEATURE_GRID,
) -> AnyModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : Model or ImageQueryModelSettings
    features : int
        Feature dimensions.
    vocabulary : Vocabulary
        The keywords that can be asked for, or that it learns from.
    feature_grid : FrameGrid
        Where the features lie in the waveform.

    Raises
    ------
    EarmarkError
        If a pretrained image network is missing, damaged, or another one than the settings say.
    """
    if isinstance(settings, Model):
        return keyword_models.build(settings, features, vocabulary, feature_grid)
    kind = SharedKeywords if settings.similarity.kind == "keywords" else PairModel
    return kind(settings, features, vocabulary, feature_grid)
