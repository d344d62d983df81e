"""A model for written queries: convolutions, pooling, classifier (Olaleye et al. 2022)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from earmark.recipe.strict import Strict, Width


class ConvLayer(Strict):
    """One convolution of an encoder, with "same" padding, and what follows it."""

    channels: Width | Literal["keywords"]
    kernel: int = Field(ge=1)
    stride: int = Field(1, ge=1)
    norm: bool = False
    relu: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    residual: bool = False
    pool: Width = Field(1, description="max pooling over so many frames at a time, after all else")

    @model_validator(mode="after")
    def _kernel_is_odd(self) -> ConvLayer:
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that a frame has a centre")
        if self.residual and self.stride != 1:
            raise ValueError("residual needs stride 1")
        return self


def residuals_fit(layers: list[ConvLayer]) -> list[ConvLayer]:
    """Refuse a residual layer whose input has another width than its output."""
    before = [None, *(layer.channels for layer in layers)]
    if any(layer.residual and layer.channels != width for layer, width in zip(layers, before, strict=False)):
        raise ValueError("a residual layer needs a layer before it with as many channels")
    return layers


class LogMeanExp(Strict):
    """Log-mean-exp pooling over time (Olaleye et al. 2022, Eq. 10)."""

    kind: Literal["log-mean-exp"] = "log-mean-exp"
    r: float = Field(1.0, gt=0)


class Maximum(Strict):
    """Max pooling over time (Olaleye et al. 2022, Section IV-B)."""

    kind: Literal["max"]


class Attention(Strict):
    """Attention pooling with one query vector a keyword (Olaleye et al. 2022, Eqs. 11 and 12)."""

    kind: Literal["attention"]
    queries: Literal["learned", "fixed"] = Field(
        "learned",
        description="fixed: they stay as drawn, as in the paper's released code (which draws them with deviation 1)",
    )


class Model(Strict):
    """Encoder, pooling and classifier of a model for written queries (Olaleye et al. 2022, Eq. 2)."""

    encoder: list[ConvLayer] = Field(min_length=1)
    pooling: Annotated[LogMeanExp | Maximum | Attention, Field(discriminator="kind")]
    classifier: list[Width] | None = Field(None, description="widths of the hidden layers; none: no classifier")

    @model_validator(mode="after")
    def _parts_fit(self) -> Model:
        per_keyword = self.encoder[-1].channels == "keywords"
        if any(layer.channels == "keywords" for layer in self.encoder[:-1]):
            raise ValueError("only the last layer of the encoder can have 'keywords' channels")
        residuals_fit(self.encoder)
        if self.pooling.kind == "log-mean-exp" and (not per_keyword or self.classifier is not None):
            raise ValueError("log-mean-exp pooling needs a last layer of 'keywords' channels and no classifier")
        if self.pooling.kind != "log-mean-exp" and (per_keyword or self.classifier is None):
            raise ValueError(
                f"{self.pooling.kind} pooling needs a classifier, and a last layer with a number of channels"
            )
        return self
