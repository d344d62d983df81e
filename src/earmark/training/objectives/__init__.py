"""Which way to learn a recipe asks for."""

from __future__ import annotations

from typing import cast

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.models import SpeechModel
from earmark.models.image_query_models import PairModel, accepts_images
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import Recipe
from earmark.training.objectives._objective import TrainingObjective
from earmark.training.objectives.pairs import PairObjective
from earmark.training.objectives.tags import SharedKeywordsObjective, TagObjective
from earmark.training.objectives.triplets import TripletObjective


def make_objective(recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SpeechModel) -> TrainingObjective:
    """The way to learn that a recipe asks for, with all that it needs read.

    Raises
    ------
    EarmarkError
        If the corpus lacks something that is needed.
    """
    if recipe.loss.kind == "tags":
        if accepts_images(model):
            return SharedKeywordsObjective(recipe, corpus, keywords, cast(SharedKeywords, model))
        return TagObjective(recipe, corpus, keywords)
    kind = TripletObjective if recipe.loss.kind == "triplet" else PairObjective
    return kind(recipe, corpus, keywords, cast(PairModel, model))
