"""Schema of a recipe: features, model, training objective and CPC pretraining, validated by pydantic.

Unknown keys are refused and values are frozen. The models are those of Olaleye et al. (2022; keyword queries) and of
Nortje and Kamper (2022; image queries); the numbers of CPC pretraining are those of the released configuration of
Nortje and Kamper, except where a comment says otherwise.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from earmark.core import registry


class Kinds:
    """Marks a field that holds settings of a kind found by name.

    The union of all kinds is built when the first recipe is checked (such classes have ``defer_build``), so that
    importing the schema imports no network.

    Parameters
    ----------
    package : str
        Of :mod:`earmark.core.registry`; each module in it has a class ``Settings``.
    default : str, optional
        The kind of settings that do not state theirs.
    """

    def __init__(self, package: str, default: str | None = None) -> None:
        self.package, self.default = package, default

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The tagged union of the settings of all kinds."""
        classes = {kind: registry.module_of(self.package, kind).Settings for kind in registry.kinds(self.package)}
        choices = {kind: handler.generate_schema(settings) for kind, settings in classes.items()}
        return core_schema.tagged_union_schema(choices, self._kind_of)

    def _kind_of(self, value: Any) -> str | None:
        if isinstance(value, dict):
            return str(value["kind"]) if "kind" in value else self.default
        return getattr(value, "kind", self.default)


class Strict(BaseModel):
    """A part of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Strict, because a union's complaint about a word that is no number is then one that people understand.
Width = Annotated[int, Field(strict=True, ge=1)]


class FeatureSettings(Strict):
    """Features of one kind; each kind states its own keys in :mod:`earmark.features.kinds`."""

    kind: str
    normalise: Literal["utterance", "none"] = Field(
        "utterance", description="mean 0 and variance 1 over the utterance; none: for whoever does it later"
    )


AnyFeatures = Annotated[FeatureSettings, Kinds(registry.FEATURES, default="mfcc")]


Speed = Annotated[float, Field(ge=0.5, le=2)]


class Augment(Strict):
    """How an utterance is varied in training.

    Speed perturbation (Ko et al. 2015) makes other voices of it. SpecAugment (Park et al. 2019) warps time, and
    silences blocks of frames and of feature dimensions.
    """

    speeds: list[Speed] = Field([1.0], min_length=1, description="in each epoch an utterance is heard at one of these")
    time_warp: int = Field(
        0, ge=0, description="W of SpecAugment: frames by which a point of the utterance is moved in time, at most"
    )
    time_masks: int = Field(2, ge=0)
    time_width: float = Field(0.1, ge=0, le=1, description="widest block, as a part of the utterance")
    feature_masks: int = Field(1, ge=0)
    feature_width: float = Field(0.15, ge=0, le=1, description="widest block, as a part of the dimensions")


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
        description="fixed: they stay as drawn, as in the paper's released code",
    )
    deviation: float | None = Field(
        None,
        gt=0,
        description="of the normal distribution from which each number of a query is drawn; 1 in the paper's released "
        "code; none: one over the root of their dimension, so that queries begin with unit length",
    )


class KeywordModelSettings(Strict):
    """Encoder, pooling and classifier of a model for written queries (Olaleye et al. 2022, Eq. 2)."""

    encoder: list[ConvLayer] = Field(min_length=1)
    pooling: Annotated[LogMeanExp | Maximum | Attention, Field(discriminator="kind")]
    classifier: list[Width] | None = Field(None, description="widths of the hidden layers; none: no classifier")
    members: Width = Field(1, description="encoders that learn side by side, whose scores of a frame are averaged")

    losses: ClassVar[tuple[str, ...]] = ("tags",)
    similarity: ClassVar[None] = None

    @model_validator(mode="after")
    def _parts_fit(self) -> KeywordModelSettings:
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
        if self.members > 1 and self.pooling.kind != "log-mean-exp":
            raise ValueError("only a model with log-mean-exp pooling can have several members")
        return self


class SpeechEncoderSettings(Strict):
    """A speech encoder of one kind; each kind states its own keys in :mod:`earmark.models.speech_encoders`."""

    kind: str

    @property
    def output_dimension(self) -> int | None:
        """Numbers a frame, for an encoder that can't have another dimension."""
        return None


class ImageEncoderSettings(Strict):
    """An image encoder of one kind; each kind states its own keys in :mod:`earmark.models.image_encoders`."""

    kind: str


class SimilaritySettings(Strict):
    """A similarity of images and speech."""

    kind: str
    losses: ClassVar[tuple[str, ...]] = ("triplet", "regression")
    """Kinds of loss that can train it."""
    minimum: ClassVar[float] = -math.inf
    """Of its values."""


class Matchmap(SimilaritySettings):
    """The matchmap of pixels and frames, pooled (Harwath et al. 2018)."""

    kind: Literal["matchmap"]
    pool: Literal["misa", "sisa", "sima"] = Field(
        "misa", description="the mean of: a frame's best pixel, all there is, or a pixel's best frame"
    )


class LocalisingAttention(SimilaritySettings):
    """The cosine of two contexts, each weighted by the matchmap (Nortje and Kamper 2022)."""

    kind: Literal["localising-attention"]
    losses: ClassVar[tuple[str, ...]] = ("triplet", "regression", "contrastive")


class MatchmapMaximum(SimilaritySettings):
    """The matchmap's maximum, at least 0 (Nortje et al. 2024, arXiv:2409.06013)."""

    kind: Literal["max"]
    minimum: ClassVar[float] = 0.0


class Keywords(SimilaritySettings):
    """Pictures and frames are compared by the keywords that they name: Earmark's own."""

    kind: Literal["keywords"]
    losses: ClassVar[tuple[str, ...]] = ("tags",)
    r: float = Field(1.0, gt=0, description="of the log-mean-exp over frames and over pixels")


class ImageQueryModelSettings(Strict):
    """Speech network, image network, and the space in which they meet."""

    model_config = ConfigDict(defer_build=True)

    speech: Annotated[SpeechEncoderSettings, Kinds(registry.SPEECH_ENCODERS)]
    image: Annotated[ImageEncoderSettings, Kinds(registry.IMAGE_ENCODERS)]
    dimension: Width = Field(description="numbers a frame and a pixel")
    edge: int = Field(
        2,
        ge=0,
        description="frames at either end of an utterance that are not compared, where convolutions see the padding",
    )
    similarity: Annotated[Matchmap | LocalisingAttention | MatchmapMaximum | Keywords, Field(discriminator="kind")]

    @property
    def losses(self) -> tuple[str, ...]:
        """Kinds of loss that can train the model."""
        return self.similarity.losses

    @model_validator(mode="after")
    def _speech_has_the_dimension(self) -> ImageQueryModelSettings:
        own = self.speech.output_dimension
        if own not in (None, self.dimension):
            raise ValueError(
                f"the dimension {self.dimension} is not that of the frames of speech encoder {self.speech.kind!r}: "
                f"make it {own}"
            )
        return self


class FeaturesModelSettings(Strict):
    """No network: frames are the features themselves, in which spoken examples are searched for."""

    frames: Literal["features"] = "features"

    losses: ClassVar[tuple[str, ...]] = ("tags",)
    similarity: ClassVar[None] = None


class TagLoss(Strict):
    """Cross-entropy of keywords against soft tags (Olaleye et al. 2022, Eq. 4)."""

    kind: Literal["tags"] = "tags"
    bag: Literal["utterance", "picture"] = Field(
        "utterance", description="whose the tags are: each utterance's, or of all utterances of a picture together"
    )


class TripletLoss(Strict):
    """Right pairs above wrong ones of the same batch by a margin, in both directions (Harwath et al. 2018)."""

    kind: Literal["triplet"]
    margin: float = Field(1.0, gt=0)
    image_to_speech: float = Field(1.0, ge=0, description="weight of the utterances sought for a picture")
    speech_to_image: float = Field(1.0, ge=0, description="weight of the pictures sought for an utterance")
    semi_hard: Literal["below", "released"] = Field(
        "below",
        description="impostor beside the random one: the best below the match, or none; released: at least 0 always",
    )


class Sampled(Strict):
    """Positives and negatives by keyword (Nortje and Kamper 2022). A picture is labelled by its highest tags."""

    top: Width | None = Field(3, description="so many of a picture's highest tags; none: all that are high enough")
    least: float = Field(0.6, gt=0, le=1, description="tag from which a keyword is a label")
    positives: Width = Field(1, description="pairs drawn for each anchor that share one of its keywords")
    positives_by: Literal["pair", "picture"] = Field(
        "pair", description="whether each of their pairs is as likely, or each of their pictures, as released"
    )
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


def _kind_of_model(value: Any) -> str:
    has = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    if "frames" in has or isinstance(value, FeaturesModelSettings):
        return "features"
    return "image-query" if "image" in has or "speech" in has or "similarity" in has else "keyword"


class Recipe(Strict):
    """All that builds a model."""

    model_config = ConfigDict(defer_build=True)

    name: str
    supervision: str = Field("vgs", pattern=r"^[a-z0-9-]+$", description="which of the corpus's tags teach")
    localisation: str
    shuffle_pairs: bool = Field(False, description="control: every utterance gets another one's targets")
    features: AnyFeatures = Field(default_factory=lambda: registry.module_of(registry.FEATURES, "mfcc").Settings())
    augment: Augment = Augment()
    model: Annotated[
        Annotated[KeywordModelSettings, Tag("keyword")]
        | Annotated[ImageQueryModelSettings, Tag("image-query")]
        | Annotated[FeaturesModelSettings, Tag("features")],
        Discriminator(_kind_of_model),
    ]
    loss: Loss = TagLoss()
    training: Training

    @model_validator(mode="after")
    def _loss_fits(self) -> Recipe:
        model = self.model
        if self.loss.kind not in model.losses:
            what = f"similarity {model.similarity.kind!r}" if model.similarity else "a model for keyword queries"
            raise ValueError(
                f"loss {self.loss.kind!r} does not fit {what}, which learns from {' or '.join(model.losses)}"
            )
        if model.similarity and isinstance(self.loss, RegressionLoss) and self.loss.wrong < model.similarity.minimum:
            raise ValueError(
                f"loss.wrong {self.loss.wrong:g} can't be reached: the similarity {model.similarity.kind!r} is at "
                f"least {model.similarity.minimum:g}; set it to {model.similarity.minimum:g}"
            )
        return self


def rebuild() -> None:
    """Build the unions of kinds anew, after one was registered."""
    for model in (ImageQueryModelSettings, Recipe):
        model.model_rebuild(force=True)


registry.on_register(rebuild)
