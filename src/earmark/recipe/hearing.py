"""What a network hears: features, and how an utterance is varied in training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from earmark.recipe.strict import Strict


class Features(Strict):
    """Features that are computed by a formula."""

    kind: Literal["mfcc", "log-mel"] = "mfcc"
    mel_filters: int = Field(40, ge=13, le=128)


class PretrainedFeatures(Strict):
    """Hidden states of a frozen speech network of transformers: wav2vec 2.0, HuBERT, WavLM and their like."""

    kind: Literal["pretrained"]
    network: str = Field(min_length=1, description="a folder, or hub:NAME for one that may be downloaded")
    layer: int | None = Field(None, ge=0, description="0: what enters the first layer; none: what leaves the last")
    sha256: str | None = Field(None, description="of the network; training writes it down, to know it again")


def _kind_of_features(value: Any) -> str:
    """A recipe may leave the kind out."""
    return str(value.get("kind", "mfcc") if isinstance(value, dict) else getattr(value, "kind", "mfcc"))


AnyFeatures = Annotated[
    Annotated[Features, Tag("mfcc")]
    | Annotated[Features, Tag("log-mel")]
    | Annotated[PretrainedFeatures, Tag("pretrained")],
    Discriminator(_kind_of_features),
]


Speed = Annotated[float, Field(ge=0.5, le=2)]


class Augment(Strict):
    """How an utterance is varied in training.

    Speed perturbation (Ko et al. 2015) makes other voices of it. SpecAugment (Park et al. 2019) silences blocks of
    frames and of feature dimensions.
    """

    speeds: list[Speed] = Field([1.0], min_length=1, description="in each epoch an utterance is heard at one of these")
    time_masks: int = Field(2, ge=0)
    time_width: float = Field(0.1, ge=0, le=1, description="widest block, as a part of the utterance")
    feature_masks: int = Field(1, ge=0)
    feature_width: float = Field(0.15, ge=0, le=1, description="widest block, as a part of the dimensions")
