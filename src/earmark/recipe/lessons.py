"""What a model learns from tags, and at which pace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from earmark.recipe.strict import Strict, Width


class TagLoss(Strict):
    """Cross-entropy of keywords against soft tags (Olaleye et al. 2022, Eq. 4)."""

    kind: Literal["tags"] = "tags"


class TripletLoss(Strict):
    """Right pairs above wrong ones of the same batch by a margin, in both directions (Harwath et al. 2018)."""

    kind: Literal["triplet"]
    margin: float = Field(1.0, gt=0)
    image_to_speech: float = Field(1.0, ge=0, description="weight of the utterances sought for a picture")
    speech_to_image: float = Field(1.0, ge=0, description="weight of the pictures sought for an utterance")


class Sampled(Strict):
    """Positives and negatives by keyword (Nortje and Kamper 2022). A picture is labelled by its highest tags."""

    top: Width | None = Field(3, description="so many of a picture's highest tags; none: all that are high enough")
    least: float = Field(0.6, gt=0, le=1, description="tag from which a keyword is a label")
    positives: Width = Field(1, description="pairs drawn for each anchor that share one of its keywords")
    negatives: Width = Field(3, description="pairs drawn for each anchor, of other keywords")
    draw: Literal["corpus", "batch"] = Field(
        "corpus", description="from where: each anchor's own, or one another's, which takes a part of the time"
    )


class ContrastiveLoss(Sampled):
    """Cosines of contexts towards 1 and -1 (Nortje and Kamper 2022)."""

    kind: Literal["contrastive"]


class RegressionLoss(Sampled):
    """Similarities of pairs towards two numbers (Nortje et al. 2024, arXiv:2409.06013)."""

    kind: Literal["regression"]
    right: float = Field(1.0, description="what pairs that share a keyword should have")
    wrong: float = Field(-1.0, description="what other pairs should have")


Loss = Annotated[TagLoss | TripletLoss | ContrastiveLoss | RegressionLoss, Field(discriminator="kind")]

Epoch = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


class Training(Strict):
    """How the model is trained."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    later_rates: dict[Epoch, Rate] = Field({}, description="with a constant schedule: other rates after so many epochs")
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1, description="part of the steps over which the rate rises from 0")
    weight_decay: float = Field(0.0, ge=0)
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _rates_fit(self) -> Training:
        if self.later_rates and self.schedule != "constant":
            raise ValueError(f"later_rates need a constant schedule, not {self.schedule!r}")
        return self
