"""A model that is asked with pictures: a speech network, an image network, and how what they see is compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from earmark.recipe.strict import Strict, Width
from earmark.recipe.written import ConvLayer, residuals_fit


def _no_keyword_channels(layers: list[ConvLayer]) -> list[ConvLayer]:
    if any(layer.channels == "keywords" for layer in layers):
        raise ValueError("no layer can have 'keywords' channels: the model's dimension is that of its last frames")
    return residuals_fit(layers)


class ConvSpeech(Strict):
    """Convolutions over the features, and a linear map to the model's dimension."""

    kind: Literal["conv"]
    layers: Annotated[list[ConvLayer], Field(min_length=1), AfterValidator(_no_keyword_channels)]


class Cpc(Strict):
    """An encoder of frames to latents, and LSTMs that gather the latents heard so far (van den Oord et al. 2018)."""

    channels: Width = Field(512, description="of the convolution and the layers above it")
    layers: Width = Field(5, description="linear layers above the convolution, the last one to the latent")
    latent: Width = Field(64, description="what contrastive predictive coding predicts")
    context: list[Width] = Field([512, 512, 512, 512], min_length=1, description="LSTMs over the latents")


class CpcSpeech(Cpc):
    """CPC encoder and context, then bidirectional LSTMs (Nortje and Kamper 2022; van den Oord et al. 2018).

    The last LSTM's two directions side by side are the model's dimension.
    """

    kind: Literal["cpc"]
    lstm: list[Width] = Field([512, 1024], min_length=1, description="bidirectional LSTMs, units in each direction")
    start: str | None = Field(None, description="folder that 'earmark pretrain cpc' made, to start from")


class SmallImage(Strict):
    """A small convolutional network, trained with the rest: it needs no download."""

    kind: Literal["small"]
    side: int = Field(96, ge=32, le=512, description="pictures are scaled to a square of this many pixels")
    channels: list[Width] = Field([32, 48, 96, 128], min_length=2, description="of each layer; all but the last halve")
    dropout: float = Field(0.2, ge=0, lt=1)
    mirror: bool = Field(True, description="learn from mirrored pictures too; not for writing")


class PretrainedImage(Strict):
    """A frozen network of transformers, and a trained 1x1 convolution of its last map to the model's dimension."""

    kind: Literal["pretrained"]
    network: str = Field(min_length=1, description="a folder, or hub:NAME for one that may be downloaded")
    side: int | None = Field(
        None, ge=32, le=1024, description="pictures are scaled to such a square; else the network's own"
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of the network; training writes it here")


class Matchmap(Strict):
    """The matchmap of pixels and frames, pooled (Harwath et al. 2018)."""

    kind: Literal["matchmap"]
    pool: Literal["misa", "sisa", "sima"] = Field(
        "misa", description="the mean of: a frame's best pixel, all there is, or a pixel's best frame"
    )


class LocalisingAttention(Strict):
    """The cosine of two contexts, each weighted by the matchmap (Nortje and Kamper 2022)."""

    kind: Literal["localising-attention"]


class Highest(Strict):
    """The matchmap's highest value, at least 0 (Nortje et al. 2024, arXiv:2409.06013)."""

    kind: Literal["highest"]


class Keywords(Strict):
    """Pictures and frames are compared by the keywords that they name: Earmark's own."""

    kind: Literal["keywords"]
    r: float = Field(1.0, gt=0, description="of the log-mean-exp over frames and over pixels")


class Pictured(Strict):
    """Speech network, image network, and the space in which they meet."""

    speech: Annotated[ConvSpeech | CpcSpeech, Field(discriminator="kind")]
    image: Annotated[SmallImage | PretrainedImage, Field(discriminator="kind")]
    dimension: Width = Field(description="numbers a frame and a pixel")
    similarity: Annotated[Matchmap | LocalisingAttention | Highest | Keywords, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _lstms_end_in_the_dimension(self) -> Pictured:
        if isinstance(self.speech, CpcSpeech) and 2 * self.speech.lstm[-1] != self.dimension:
            raise ValueError(
                f"the dimension {self.dimension} is not that of the last LSTM's two directions of "
                f"{self.speech.lstm[-1]}: make it {2 * self.speech.lstm[-1]}"
            )
        return self
