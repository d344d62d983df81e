"""A recipe: everything that builds and trains a model, checked on reading.

Recipes are YAML files. A misspelled key, a missing one or a value out of range is refused with the key's name.
"""

from __future__ import annotations

from earmark.recipe.io import feature_settings, list_recipes, read_recipe, shipped_recipes, write_recipe
from earmark.recipe.schema import (
    AnyFeatures,
    Attention,
    Augment,
    ContrastiveLoss,
    ConvLayer,
    FeatureSettings,
    FeaturesModelSettings,
    ImageEncoderSettings,
    ImageQueryModelSettings,
    KeywordModelSettings,
    Keywords,
    LocalisingAttention,
    LogMeanExp,
    Loss,
    Matchmap,
    MatchmapMaximum,
    Maximum,
    Recipe,
    RegressionLoss,
    Sampled,
    SimilaritySettings,
    SpeechEncoderSettings,
    TagLoss,
    Training,
    TripletLoss,
)

__all__ = [
    "AnyFeatures",
    "Attention",
    "Augment",
    "ContrastiveLoss",
    "ConvLayer",
    "FeatureSettings",
    "FeaturesModelSettings",
    "ImageEncoderSettings",
    "ImageQueryModelSettings",
    "KeywordModelSettings",
    "Keywords",
    "LocalisingAttention",
    "LogMeanExp",
    "Loss",
    "Matchmap",
    "MatchmapMaximum",
    "Maximum",
    "Model",
    "Recipe",
    "RegressionLoss",
    "Sampled",
    "SimilaritySettings",
    "SpeechEncoderSettings",
    "TagLoss",
    "Training",
    "TripletLoss",
    "feature_settings",
    "list_recipes",
    "read_recipe",
    "shipped_recipes",
    "write_recipe",
]
