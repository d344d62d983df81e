"""Which way to learn a recipe asks for."""

from __future__ import annotations

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.models import AnyModel
from earmark.models.image_query_models import PairModel
from earmark.models.shared_keywords import SharedWords
from earmark.recipe import Recipe, TripletLoss
from earmark.training.objectives._objective import Course
from earmark.training.objectives.pairs import PairCourse
from earmark.training.objectives.tags import SharedWordsCourse, TagCourse
from earmark.training.objectives.triplets import TripletCourse


def course_of(recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: AnyModel) -> Course:
    """The way to learn that a recipe asks for, with all that it needs read.

    Raises
    ------
    EarmarkError
        If the corpus lacks something that is needed.
    """
    if isinstance(model, SharedWords):
        return SharedWordsCourse(recipe, corpus, keywords, model)
    if isinstance(model, PairModel):
        kind = TripletCourse if isinstance(recipe.loss, TripletLoss) else PairCourse
        return kind(recipe, corpus, keywords, model)
    return TagCourse(recipe, corpus, keywords)
