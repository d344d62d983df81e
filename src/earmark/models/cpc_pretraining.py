"""Pretraining of CPC networks on untranscribed speech: its settings, and the folder that it leaves.

=====================  ==========================================================
``model.safetensors``  weights of encoder and context; there once the training has ended
``cpc.yaml``           how the network is built, how it was trained, and on how much speech
=====================  ==========================================================

Nothing in the folder is unpickled. Source of the default numbers: the released configuration of Nortje and Kamper
(2022), unless a comment differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.model_folder import WEIGHTS, read_weights
from earmark.core.vocabulary import read_text
from earmark.core.yaml_text import to_yaml
from earmark.recipe import AnyFeatures, FeatureSettings, Recipe
from earmark.recipe.schema import Strict, Width

DESCRIPTION = "cpc.yaml"
VERB = "'earmark pretrain cpc'"


class Cpc(Strict):
    """An encoder of frames to latents, and LSTMs over all latents so far (van den Oord et al. 2018)."""

    channels: Width = Field(512, description="of the convolution and the layers above it")
    layers: Width = Field(5, description="linear layers above the convolution, the last one to the latent")
    latent: Width = Field(64, description="what contrastive predictive coding predicts")
    context: list[Width] = Field([512, 512, 512, 512], min_length=1, description="LSTMs over the latents")


class CpcPretraining(Strict):
    """How a CPC network learns from untranscribed speech."""

    model_config = ConfigDict(defer_build=True)

    features: AnyFeatures = Field(default_factory=lambda: registry.module_of(registry.FEATURES, "log-mel").Settings())
    network: Cpc = Cpc()
    sample_frames: Width = Field(128, description="feature frames of one segment of speech")
    utterances: Width = Field(8, description="segments of one speaker that are discriminated")
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


registry.on_register(lambda: CpcPretraining.model_rebuild(force=True))


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


class PretrainingData(Strict):
    """The speech that a network learned from."""

    recordings: int
    speakers: int
    hours: float
    sha256: str = Field(description="of the recordings' places, lengths and speakers: which they are, without names")


class Description(Strict):
    """The contents of ``cpc.yaml``."""

    pretraining: CpcPretraining
    data: PretrainingData


def write_cpc_description(folder: Path, description: Description) -> None:
    """Write ``cpc.yaml``, before the pretraining begins."""
    write_text(folder / DESCRIPTION, to_yaml(description.model_dump()))


def read_cpc_description(folder: Path) -> Description:
    """Read how a network is built and was trained.

    Raises
    ------
    EarmarkError
        If there is no description, or it is damaged.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise EarmarkError(f"{folder} is no pretrained CPC network (no {DESCRIPTION}): make one with {VERB}.")
    try:
        return Description.model_validate(yaml.safe_load(read_text(path)))
    except (yaml.YAMLError, ValidationError, ValueError) as error:
        raise EarmarkError(f"{path} is damaged ({type(error).__name__}): copy it again, or pretrain again.") from error


def read_cpc_weights(folder: Path, network: Cpc, features: FeatureSettings) -> dict[str, Tensor]:
    """Read the weights of a pretrained CPC network, for an encoder with these settings on these features.

    Parameters
    ----------
    folder : Path
        Made by ``earmark pretrain cpc``.
    network : Cpc
    features : FeatureSettings

    Raises
    ------
    EarmarkError
        If the folder holds none, the pretraining has not ended, or it is of other features or widths.
    """
    known = read_cpc_description(folder).pretraining
    for name, of_folder, of_recipe in _differences(known, features, network):
        raise EarmarkError(
            f"{folder} does not fit the recipe, whose {name} is {of_recipe} where the folder's is {of_folder}: "
            f"change the recipe, or pretrain for it with {VERB} --recipe."
        )
    if not (folder / WEIGHTS).is_file():
        raise EarmarkError(f"The pretraining in {folder} has not ended: go on with it by the same command as before.")
    return read_weights(folder)


def _differences(known: CpcPretraining, features: FeatureSettings, network: Cpc) -> list[tuple[str, object, object]]:
    """Settings that differ between a pretraining and a recipe: the key in the recipe, and both values."""
    parts: list[tuple[str, Strict, Strict, type[Strict]]] = [
        ("features", known.features, features, type(known.features)),
        ("model.speech", known.network, network, Cpc),
    ]
    return [
        (f"{part}.{name}", getattr(one, name), getattr(other, name, None))
        for part, one, other, kind in parts
        for name in kind.model_fields
        if getattr(one, name) != getattr(other, name, None)
    ]
