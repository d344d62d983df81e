"""How a CPC network learns from untranscribed speech, before a model starts from it.

Source of the numbers: the released configuration of Nortje and Kamper (2022), but where a comment says otherwise.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from earmark.errors import EarmarkError
from earmark.recipe.hearing import Features
from earmark.recipe.pictured import Cpc
from earmark.recipe.strict import Strict, Width
from earmark.recipe.whole import Recipe


class CpcPretraining(Strict):
    """How a CPC network learns from untranscribed speech."""

    features: Features = Features(kind="log-mel", mel_filters=40)
    network: Cpc = Cpc()
    sample_frames: Width = Field(128, description="feature frames of one stretch of speech")
    utterances: Width = Field(8, description="stretches of one speaker that are told from one another")
    speakers: Width = Field(4, description="speakers a batch")
    steps: Width = Field(6, description="how many latents ahead are predicted")
    negatives: Width = Field(17, description="wrong latents beside each right one")
    # Ours: the released epoch is one draw of 8 utterances a speaker, and the one that was used is number 1500.
    epochs: Width = Field(20, description="passes over all speech")
    # These two are ours, since the configuration has none for this part.
    learning_rate: float = Field(4e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="part of the steps over which the rate rises from 0")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _there_is_something_to_predict(self) -> CpcPretraining:
        if self.sample_frames // 2 < self.steps + 2:
            raise ValueError(f"{self.steps} steps need sample_frames of {2 * self.steps + 4} at least")
        return self


def pretraining_for(recipe: Recipe, **changes: Any) -> CpcPretraining:
    """Pretraining of a network that the recipe's model can start from, with `changes` of what is free.

    Raises
    ------
    EarmarkError
        If the model has no CPC network.
    """
    speech = getattr(recipe.model, "speech", None)
    if not isinstance(speech, Cpc):
        raise EarmarkError(f"The recipe {recipe.name} has no CPC network: choose one whose model.speech.kind is 'cpc'.")
    network = Cpc(**{name: getattr(speech, name) for name in Cpc.model_fields})
    return CpcPretraining(features=recipe.features, network=network, **changes)
