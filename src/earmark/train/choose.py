"""Which way to learn a recipe asks for."""

from __future__ import annotations

from earmark.corpus import Corpus
from earmark.models.build import AnyModel
from earmark.models.pictured import PairModel
from earmark.models.shared_words import SharedWords
from earmark.recipe import Recipe, TripletLoss
from earmark.train.by_pairs import PairCourse
from earmark.train.by_shared_words import SharedWordsCourse
from earmark.train.by_tags import TagCourse
from earmark.train.by_triplets import TripletCourse
from earmark.train.course import Course
from earmark.vocabulary import Vocabulary


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
