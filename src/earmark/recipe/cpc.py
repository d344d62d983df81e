"""Contrastive predictive coding (CPC): its network, and how that learns from speech alone.

Source of the numbers: the released configuration of Nortje and Kamper (2022), but where a comment says otherwise.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from earmark.recipe.hearing import Features
from earmark.recipe.strict import Strict, Width


class Cpc(Strict):
    """An encoder of frames to latents, and LSTMs that gather the latents heard so far (van den Oord et al. 2018)."""

    channels: Width = Field(512, description="of the convolution and the layers above it")
    layers: Width = Field(5, description="linear layers above the convolution, the last one to the latent")
    latent: Width = Field(64, description="what contrastive predictive coding predicts")
    context: list[Width] = Field([512, 512, 512, 512], min_length=1, description="LSTMs over the latents")


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
