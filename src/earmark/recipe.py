"""A recipe: everything that builds and trains a model, checked on reading.

Recipes are YAML files. A misspelled key, a missing one or a value out of range is refused with the key's name.
"""

from __future__ import annotations

import difflib
import reprlib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from earmark.errors import EarmarkError
from earmark.vocabulary import read_text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Strict, because a union's complaint about a word that is no number is then one that people understand.
Width = Annotated[int, Field(strict=True, ge=1)]


class Features(_Strict):
    """What the network hears."""

    kind: Literal["mfcc", "log-mel"] = "mfcc"
    mel_filters: int = Field(40, ge=13, le=128)


Speed = Annotated[float, Field(ge=0.5, le=2)]


class Augment(_Strict):
    """How an utterance is varied in training.

    Speed perturbation (Ko et al. 2015) makes other voices of it. SpecAugment (Park et al. 2019) silences blocks of
    frames and of feature dimensions.
    """

    speeds: list[Speed] = Field([1.0], min_length=1, description="in each epoch an utterance is heard at one of these")
    time_masks: int = Field(2, ge=0)
    time_width: float = Field(0.1, ge=0, le=1, description="widest block, as a part of the utterance")
    feature_masks: int = Field(1, ge=0)
    feature_width: float = Field(0.15, ge=0, le=1, description="widest block, as a part of the dimensions")


class ConvLayer(_Strict):
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


class LogMeanExp(_Strict):
    """Log-mean-exp pooling over time (Olaleye et al. 2022, Eq. 10)."""

    kind: Literal["log-mean-exp"] = "log-mean-exp"
    r: float = Field(1.0, gt=0)


class Maximum(_Strict):
    """Max pooling over time (Olaleye et al. 2022, Section IV-B)."""

    kind: Literal["max"]


class Attention(_Strict):
    """Attention pooling with one query vector a keyword (Olaleye et al. 2022, Eqs. 11 and 12)."""

    kind: Literal["attention"]
    queries: Literal["learned", "fixed"] = Field(
        "learned",
        description="fixed: they stay as drawn, as in the paper's released code (which draws them with deviation 1)",
    )


class Model(_Strict):
    """Encoder, pooling and classifier of a model for written queries (Olaleye et al. 2022, Eq. 2)."""

    encoder: list[ConvLayer] = Field(min_length=1)
    pooling: Annotated[LogMeanExp | Maximum | Attention, Field(discriminator="kind")]
    classifier: list[Width] | None = Field(None, description="widths of the hidden layers; none: no classifier")

    @model_validator(mode="after")
    def _parts_fit(self) -> Model:
        per_keyword = self.encoder[-1].channels == "keywords"
        if any(layer.channels == "keywords" for layer in self.encoder[:-1]):
            raise ValueError("only the last layer of the encoder can have 'keywords' channels")
        before = [None, *(layer.channels for layer in self.encoder)]
        if any(layer.residual and layer.channels != width for layer, width in zip(self.encoder, before, strict=False)):
            raise ValueError("a residual layer needs a layer before it with as many channels")
        if self.pooling.kind == "log-mean-exp" and (not per_keyword or self.classifier is not None):
            raise ValueError("log-mean-exp pooling needs a last layer of 'keywords' channels and no classifier")
        if self.pooling.kind != "log-mean-exp" and (per_keyword or self.classifier is None):
            raise ValueError(
                f"{self.pooling.kind} pooling needs a classifier, and a last layer with a number of channels"
            )
        return self


class Training(_Strict):
    """How the model is trained."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1, description="part of the steps over which the rate rises from 0")
    weight_decay: float = Field(0.0, ge=0)
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")
    seed: int = Field(0, ge=0)


class Recipe(_Strict):
    """All that builds a model."""

    name: str
    supervision: str = Field("vgs", pattern=r"^[a-z0-9-]+$", description="which of the corpus's tags teach")
    localisation: str
    shuffle_pairs: bool = Field(False, description="control: every utterance gets another one's targets")
    features: Features = Features()
    augment: Augment = Augment()
    model: Model
    training: Training


def shipped_recipes() -> Path:
    """Folder of the recipes that come with Earmark."""
    package = Path(__file__).parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parents[1] / "recipes"


def shipped_names() -> list[str]:
    """Names of the recipes that come with Earmark."""
    folder = shipped_recipes()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def read_recipe(path: Path | str, changes: list[str] | None = None) -> Recipe:
    """Read a recipe and check it.

    Parameters
    ----------
    path : path
        A YAML file, or the name of a recipe that comes with Earmark (``earmark``, ``olaleye2022/psc``).
    changes : list of str
        Values to set instead of the file's, each ``key=value`` with dots between levels
        (``training.epochs=5``).

    Raises
    ------
    EarmarkError
        If there is no such recipe; or naming the key that is misspelled, missing or has a value that can't be.
    """
    path = Path(path)
    shipped = shipped_recipes() / f"{path}.yaml"
    if not path.is_file() and shipped.is_file():
        path = shipped
    if not path.is_file():
        raise EarmarkError(
            f"There is no recipe {path}: give a file, or one that comes with Earmark ({', '.join(shipped_names())})."
        )
    values = _read_mapping(path)
    for change in changes or []:
        _set(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise EarmarkError(f"{path}: {_first_problem(error)}") from None


def write_recipe(recipe: Recipe) -> str:
    """The recipe as YAML with every value written out."""
    return yaml.safe_dump(recipe.model_dump(exclude_none=True), sort_keys=False, allow_unicode=True)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise EarmarkError(f"{path} is not valid YAML{where}: mend that line.") from None
    except ValueError as error:  # such as a 13th month in what looks like a date
        raise EarmarkError(f"{path} holds a value that YAML can't read ({error}): put it in quotes.") from None
    if not isinstance(values, dict):
        raise EarmarkError(f"{path} is not a recipe: it must hold keys with values, like recipes/earmark.yaml.")
    return values


def _set(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise EarmarkError(f"--set takes key=value, not {change!r}.")
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise EarmarkError(f"--set {change}: {parent!r} has no keys below it.")
    try:
        values[last] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise EarmarkError(f"--set {change}: {text!r} is no value that YAML knows; put it in quotes.") from None


def _first_problem(error: ValidationError) -> str:
    """What is wrong with a recipe, in words. A misspelled key comes first: it often makes another one missing."""
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] in UNKNOWN_KEY), problems[0])
    key, given, kind = _key(problem), problem["input"], problem["type"]
    if kind in UNKNOWN_KEY:
        near = difflib.get_close_matches(str(problem["loc"][-1]), sorted(KEYS), 1)
        return f"there is no key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ": remove it.")
    if kind in ("missing", "union_tag_not_found"):
        return f"the key {key!r} is missing: add it."
    if kind == "value_error":
        return f"in {key!r} {problem['msg'].removeprefix('Value error, ')}."
    if kind == "union_tag_invalid":
        return f"the key {key!r} can't be {problem['ctx']['tag']!r}: it should be {problem['ctx']['expected_tags']}."
    if kind in ("model_type", "model_attributes_type"):
        return f"the key {key!r} can't be {given!r}: it should hold keys with values."
    # A key that may hold one of several kinds of value has a complaint for each.
    wanted = [p["msg"].partition(" should ")[2] for p in problems if _key(p) == key]
    return f"the key {key!r} can't be {reprlib.repr(given)}: it should {', or '.join(wanted)}."


def _key(problem: ErrorDetails) -> str:
    """The key that a problem is about, with dots between levels. Names of alternatives are left out."""
    *parents, last = problem["loc"]
    place = [part for part in parents if isinstance(part, int) or part in KEYS]
    if isinstance(last, int) or last in KEYS or problem["type"] in UNKNOWN_KEY:
        place.append(last)
    if problem["type"].startswith("union_tag"):
        place.append("kind")
    return ".".join(str(part) for part in place)


UNKNOWN_KEY = ("extra_forbidden", "invalid_key")  # pydantic's names for a key it doesn't know, or that is no text
KEYS = frozenset(
    name
    for part in (Recipe, Features, Augment, ConvLayer, LogMeanExp, Maximum, Attention, Model, Training)
    for name in part.model_fields
)
