"""Which way to learn a recipe asks for."""

from __future__ import annotations

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.models import AnyModel
from earmark.models.image_query_models import PairModel
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import Recipe, TripletLoss
from earmark.training.objectives._objective import TrainingObjective
from earmark.training.objectives.pairs import PairObjective
from earmark.training.objectives.tags import SharedKeywordsObjective, TagObjective
from earmark.training.objectives.triplets import TripletObjective


def make_objective(recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: AnyModel) -> TrainingObjective:
    """The way to learn that a recipe asks for, with all that it needs read.

    Raises
    ------
    EarmarkError
        If the corpus lacks something that is needed.
    """
    if isinstance(model, SharedKeywords):
        return SharedKeywordsObjective(recipe, corpus, keywords, model)
    if isinstance(model, PairModel):
        kind = TripletObjective if isinstance(recipe.loss, TripletLoss) else PairObjective
        return kind(recipe, corpus, keywords, model)
    return TagObjective(recipe, corpus, keywords)
