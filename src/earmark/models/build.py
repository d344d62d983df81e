"""From a recipe's description of a model to the model, with fresh weights."""

from __future__ import annotations

from earmark.models import written
from earmark.models.pictured import PairModel, PicturedModel
from earmark.models.shared_words import SharedWords
from earmark.models.written import WrittenModel
from earmark.recipe import Model, Pictured
from earmark.timing import FEATURE_GRID, FrameGrid
from earmark.vocabulary import Vocabulary

AnyModel = WrittenModel | PicturedModel


def build(
    settings: Model | Pictured, features: int, vocabulary: Vocabulary, feature_grid: FrameGrid = FEATURE_GRID
) -> AnyModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : Model or Pictured
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
        return written.build(settings, features, vocabulary, feature_grid)
    kind = SharedWords if settings.similarity.kind == "keywords" else PairModel
    return kind(settings, features, vocabulary, feature_grid)
