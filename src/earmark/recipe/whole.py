"""All that builds and trains a model, and what of it goes together."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from earmark.recipe.hearing import AnyFeatures, Augment, Features
from earmark.recipe.lessons import Loss, RegressionLoss, TagLoss, Training
from earmark.recipe.pictured import Pictured
from earmark.recipe.strict import Strict
from earmark.recipe.written import Model

# What each way to compare pictures with speech can learn from.
LOSSES = {
    "matchmap": ("triplet", "regression"),
    "localising-attention": ("triplet", "regression", "contrastive"),
    "highest": ("triplet", "regression"),
    "keywords": ("tags",),
}


def _kind_of_model(value: Any) -> str:
    has = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return "pictured" if "image" in has or "speech" in has or "similarity" in has else "written"


class Recipe(Strict):
    """All that builds a model."""

    name: str
    supervision: str = Field("vgs", pattern=r"^[a-z0-9-]+$", description="which of the corpus's tags teach")
    localisation: str
    shuffle_pairs: bool = Field(False, description="control: every utterance gets another one's targets")
    features: AnyFeatures = Features()
    augment: Augment = Augment()
    model: Annotated[
        Annotated[Model, Tag("written")] | Annotated[Pictured, Tag("pictured")], Discriminator(_kind_of_model)
    ]
    loss: Loss = TagLoss()
    training: Training

    @model_validator(mode="after")
    def _loss_fits(self) -> Recipe:
        similarity = self.model.similarity.kind if isinstance(self.model, Pictured) else None
        allowed = LOSSES[similarity] if similarity else ("tags",)
        if self.loss.kind not in allowed:
            what = f"similarity {similarity!r}" if similarity else "a model for written queries"
            raise ValueError(f"loss {self.loss.kind!r} does not fit {what}, which learns from {' or '.join(allowed)}")
        if similarity == "highest" and isinstance(self.loss, RegressionLoss) and self.loss.wrong < 0:
            raise ValueError(
                f"loss.wrong {self.loss.wrong:g} can't be reached: the similarity 'highest' is at least 0; set it to 0"
            )
        return self
