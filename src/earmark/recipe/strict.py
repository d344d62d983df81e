"""What all parts of a recipe share: no key that isn't known, no value that changes after reading."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A part of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Strict, because a union's complaint about a word that is no number is then one that people understand.
Width = Annotated[int, Field(strict=True, ge=1)]
