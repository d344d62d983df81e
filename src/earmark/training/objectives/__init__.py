"""Training objectives, one file each, found by the kind of loss that a recipe names.

``objectives/KIND.py`` has a class ``Objective``, a subclass of :class:`.base.SpeechObjective`; its settings are the
recipe's loss of that kind (:mod:`earmark.recipe`). Nothing else knows what kinds there are.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.models import SpeechModel
from earmark.recipe import Recipe
from earmark.training.objectives.base import SpeechObjective


def kinds() -> list[str]:
    """The kinds of loss that there is an objective for."""
    names = (module.name for module in iter_modules(__path__))
    return sorted(name for name in names if name != "base" and not name.startswith("_"))


def make_objective(
    recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SpeechModel, extract: FeatureExtractor
) -> SpeechObjective:
    """The objective of a recipe's kind of loss, with its train and dev splits loaded.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the splits train and dev.
    keywords : Vocabulary
    model : SpeechModel
        To be trained.
    extract : FeatureExtractor
        Built from the recipe's features.

    Raises
    ------
    EarmarkError
        If the corpus lacks something that is needed.
    """
    objective: type[SpeechObjective] = import_module(f"{__name__}.{recipe.loss.kind}").Objective
    return objective(recipe, corpus, keywords, model, extract)
