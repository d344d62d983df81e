"""A pretrained CPC network as a folder that describes itself. Nothing in it is unpickled.

=====================  ==========================================================
``model.safetensors``  weights of encoder and context; there once the training has ended
``cpc.yaml``           how the network is built, how it was trained, and on how much speech
=====================  ==========================================================

Starting a pictured model from small networks that have learned something before, all but their last layers.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import read_text
from earmark.models.checkpoint import WEIGHTS, read_weights
from earmark.models.image_encoder import ImageEncoder
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.speech_encoders import CpcEncoder, SpeechEncoder
from earmark.recipe import Cpc, CpcPretraining, FeatureSettings
from earmark.recipe.schema import Strict

DESCRIPTION = "cpc.yaml"
VERB = "'earmark pretrain cpc'"


class PretrainingData(Strict):
    """The speech that a network learned from."""

    recordings: int
    speakers: int
    hours: float
    sha256: str = Field(description="of the recordings' places, lengths and speakers: which they are, without names")


class Description(Strict):
    """What ``cpc.yaml`` says."""

    pretraining: CpcPretraining
    heard: PretrainingData


def write_cpc_description(folder: Path, description: Description) -> None:
    """Write what is known of a pretraining before it begins."""
    write_text(folder / DESCRIPTION, yaml.safe_dump(description.model_dump(), sort_keys=False))


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


def load_cpc(network: CpcEncoder, features: FeatureSettings, folder: Path) -> None:
    """Begin with the weights of a pretrained CPC network. It is for a new training alone.

    Parameters
    ----------
    network : AcousticNetwork
        Its CPC part gets the weights.
    features : FeatureSettings
        What the network is going to hear.
    folder : Path
        Where ``earmark pretrain cpc`` left the weights.

    Raises
    ------
    EarmarkError
        If the folder holds none, the pretraining has not ended, or it is of other features or widths.
    """
    known = read_cpc_description(folder).pretraining
    for name, of_folder, of_recipe in _differences(known, features, network.settings):
        raise EarmarkError(
            f"{folder} does not fit the recipe, whose {name} is {of_recipe} where the folder's is {of_folder}: "
            f"change the recipe, or pretrain for it with {VERB} --recipe."
        )
    if not (folder / WEIGHTS).is_file():
        raise EarmarkError(f"The pretraining in {folder} has not ended: go on with it by the same command as before.")
    try:
        network.cpc.load_state_dict(read_weights(folder))
    except RuntimeError as error:
        raise EarmarkError(
            f"{folder / WEIGHTS} does not fit {DESCRIPTION} beside it: put back the files that belong together."
        ) from error


def _differences(known: CpcPretraining, features: FeatureSettings, network: Cpc) -> list[tuple[str, object, object]]:
    """What a pretraining and a recipe have otherwise: the key in the recipe, and both values."""
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


def init_from(model: ImageQueryModel, folder: Path) -> None:
    """Copy the encoders of a tagger or of another run into a new model, but for their last layers.

    The last layers stay fresh: they map to a space of each model's own.

    Parameters
    ----------
    model : ImageQueryModel
    folder : Path
        Made by ``earmark tagger train``, or by ``earmark train``.

    Raises
    ------
    EarmarkError
        If there is no such network in it, or one is of other widths.
    """
    learned = read_weights(folder)
    parts: dict[str, SpeechEncoder | ImageEncoder] = {
        "speech_encoder.": model.speech_encoder,
        "image_encoder.": model.image_encoder,
    }
    if not any(name.startswith(tuple(parts)) for name in learned):
        learned = {f"image_encoder.{name}": weight for name, weight in learned.items()}  # of a tagger
    wanted: dict[str, Tensor] = {}
    for prefix, encoder in parts.items():
        if any(name.startswith(prefix) for name in learned):
            weights = encoder.state_dict()
            wanted |= {prefix + name: weights[name] for name in encoder.transferable() or ()}
    unfit = [n for n, weight in wanted.items() if n not in learned or learned[n].shape != weight.shape]
    if unfit or not wanted:
        raise EarmarkError(
            f"{folder} has no networks like this recipe's to start from ({unfit[0] if unfit else 'none at all'}): give "
            "the folder of a tagger or of a run for pictures with the same layers."
        )
    model.load_state_dict({name: learned[name] for name in wanted}, strict=False)
