"""A recipe: everything that builds and trains a model, checked on reading.

Recipes are YAML files. A misspelled key, a missing one or a value out of range is refused with the key's name.
"""

from __future__ import annotations

from earmark.recipe.hearing import AnyFeatures, Augment, Features, PretrainedFeatures
from earmark.recipe.lessons import (
    ContrastiveLoss,
    Loss,
    RegressionLoss,
    Sampled,
    TagLoss,
    Training,
    TripletLoss,
)
from earmark.recipe.pictured import (
    ConvSpeech,
    Cpc,
    CpcSpeech,
    Highest,
    Keywords,
    LocalisingAttention,
    Matchmap,
    Pictured,
    PretrainedImage,
    SmallImage,
)
from earmark.recipe.pretraining import CpcPretraining, pretraining_for
from earmark.recipe.reading import read_recipe, shipped_names, shipped_recipes, write_recipe
from earmark.recipe.whole import Recipe
from earmark.recipe.written import Attention, ConvLayer, LogMeanExp, Maximum, Model

__all__ = [
    "AnyFeatures",
    "Attention",
    "Augment",
    "ContrastiveLoss",
    "ConvLayer",
    "ConvSpeech",
    "Cpc",
    "CpcPretraining",
    "CpcSpeech",
    "Features",
    "Highest",
    "Keywords",
    "LocalisingAttention",
    "LogMeanExp",
    "Loss",
    "Matchmap",
    "Maximum",
    "Model",
    "Pictured",
    "PretrainedFeatures",
    "PretrainedImage",
    "Recipe",
    "RegressionLoss",
    "Sampled",
    "SmallImage",
    "TagLoss",
    "Training",
    "TripletLoss",
    "pretraining_for",
    "read_recipe",
    "shipped_names",
    "shipped_recipes",
    "write_recipe",
]
