"""What a network hears: features, and how an utterance is varied in training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.recipe.strict import Strict


class Features(Strict):
    """What the network hears."""

    kind: Literal["mfcc", "log-mel"] = "mfcc"
    mel_filters: int = Field(40, ge=13, le=128)


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
