"""From a recipe's description of a model to the model, with fresh weights."""

from __future__ import annotations

from earmark.models import written
from earmark.models.pictured import PairModel, PicturedModel
from earmark.models.shared_words import SharedWords
from earmark.models.written import WrittenModel
from earmark.recipe import Model, Pictured
from earmark.vocabulary import Vocabulary

AnyModel = WrittenModel | PicturedModel


def build(settings: Model | Pictured, features: int, vocabulary: Vocabulary) -> AnyModel:
    """The model that a recipe describes, with fresh weights.

    Parameters
    ----------
    settings : Model or Pictured
    features : int
        Feature dimensions.
    vocabulary : Vocabulary
        The keywords that can be asked for, or that it learns from.
    """
    if isinstance(settings, Model):
        return written.build(settings, features, vocabulary)
    kind = SharedWords if settings.similarity.kind == "keywords" else PairModel
    return kind(settings, features, vocabulary)
