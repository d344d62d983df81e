"""A trained model as a folder that describes itself. Nothing in it is unpickled.

===========================  ==========================================================================
``model.safetensors``        weights
``recipe.yaml``              all that built the model
``vocabulary.txt``           the keywords, one a line, in the order of the outputs
``thresholds.json``          by keyword, the detection score from which it counts as detected
``global-threshold.json``    the best single score for all of them, to compare with
``image-threshold.json``     that of queries that are pictures, if the model knows such
``false-alarms.json``        by keyword, the score from which so many false alarms an hour are expected
``image-false-alarms.json``  that of queries that are pictures
``learning-test.json``       whether the model has learned anything from its tags
``model-card.md``            what the model is and what it learned from
===========================  ==========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.hub import device
from earmark.core.model_folder import WEIGHTS, read_vocabulary, read_weights, write_vocabulary, write_weights
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.features import extractor
from earmark.models import SpeechModel, build
from earmark.models.learning_test import LearningTest, read_learning_test, warning_of
from earmark.models.operating_points import OperatingPoints, read_image_operating_points, read_operating_points
from earmark.recipe import FeatureSettings, FeaturesModelSettings, Recipe, Training, read_recipe, write_recipe

GLOBAL_THRESHOLD = "global-threshold.json"
IMAGE_THRESHOLD = "image-threshold.json"
DEFAULT_THRESHOLD = 0.5  # the paper's (Olaleye et al. 2022, Section IV-C)


@dataclass(frozen=True)
class Checkpoint:
    """A model with what is needed to use it.

    Attributes
    ----------
    folder : Path
    recipe : Recipe
    model : SpeechModel
        In evaluation mode.
    thresholds : numpy.ndarray, shape = (W,)
        Detection scores in [0, 1].
    global_threshold : float or None
        The best single threshold for all keywords, from training; None for a run without one.
    image_threshold : float or None
        The same for queries that are pictures; None for a model that takes none.
    operating_points, image_operating_points : OperatingPoints or None
        Expected false alarms an hour of keywords, and of images; None for a run without them.
    learning_test : LearningTest or None
        Whether the model has learned anything from its tags; None for a run without it.
    """

    folder: Path
    recipe: Recipe
    model: SpeechModel
    thresholds: npt.NDArray[np.float64]
    global_threshold: float | None = None
    image_threshold: float | None = None
    operating_points: OperatingPoints | None = None
    image_operating_points: OperatingPoints | None = None
    learning_test: LearningTest | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The keywords that the model knows."""
        return self.model.vocabulary

    @property
    def expected_precision(self) -> float | None:
        """The share of what the thresholds of keywords detect that is expected to be right, on dev; None if unknown."""
        return self.operating_points.expected_precision if self.operating_points else None

    @property
    def warning(self) -> str:
        """A sentence for whoever uses the model if it has learned nothing; else ""."""
        return warning_of(self.learning_test)


def write_description(folder: Path, recipe: Recipe, vocabulary: Vocabulary) -> None:
    """Write what is known of a model before its training: ``recipe.yaml`` and ``vocabulary.txt``."""
    write_text(folder / "recipe.yaml", write_recipe(recipe))
    write_vocabulary(folder, vocabulary)


def write_features_model(folder: Path, features: FeatureSettings) -> None:
    """Write a model that is features alone: it needs no training, and accepts spoken examples only."""
    recipe = Recipe(
        name=folder.name,
        supervision="none",
        localisation="score-aggregation",
        features=features.model_copy(update={"normalise": "none"}),
        model=FeaturesModelSettings(),
        training=Training(epochs=1),
    )
    write_description(folder, recipe, Vocabulary.empty())
    write_weights(folder, {})


def write_thresholds(folder: Path, vocabulary: Vocabulary, thresholds: npt.NDArray[np.float64]) -> None:
    """Write the detection thresholds by keyword."""
    by_word = {word: float(f"{value:.6g}") for word, value in zip(vocabulary, thresholds, strict=True)}
    write_text(folder / "thresholds.json", json.dumps(by_word, ensure_ascii=False, indent=1) + "\n")


def write_global_threshold(folder: Path, threshold: float) -> None:
    """Write the best single detection threshold, a JSON number."""
    write_text(folder / GLOBAL_THRESHOLD, f"{threshold:.6g}\n")


def write_image_threshold(folder: Path, threshold: float) -> None:
    """Write the detection threshold for queries that are pictures, a JSON number.

    To the last digit: similarities without bounds make scores so near to 1 that fewer would not distinguish them.
    """
    write_text(folder / IMAGE_THRESHOLD, json.dumps(float(threshold)) + "\n")


def read_checkpoint(folder: Path | str, device_name: str | None = None) -> Checkpoint:
    """Load a trained model.

    Parameters
    ----------
    folder : path
    device_name : str, optional
        ``cpu`` or ``cuda:N``; a GPU where there is one without it.

    Raises
    ------
    EarmarkError
        If the folder holds no model, a file of it is missing, damaged or does not fit the others, or there is no such
        device.
    """
    folder, place = Path(folder), device(device_name)
    for name in ("recipe.yaml", "vocabulary.txt"):
        if not (folder / name).is_file():
            raise EarmarkError(
                f"{folder} is not a trained model (it has no {name}): give a folder that 'earmark train' wrote."
            )
    recipe = read_recipe(folder / "recipe.yaml")
    knows_words = not isinstance(recipe.model, FeaturesModelSettings)
    vocabulary = read_vocabulary(folder) if knows_words else Vocabulary.empty()
    with _needed(folder, "speech"):
        speech_features = extractor(recipe.features)
    with _needed(folder, "image"):
        model = build(recipe.model, speech_features.dimension, vocabulary, speech_features.grid)
    try:
        model.load_state_dict(read_weights(folder))
    except RuntimeError as error:
        raise EarmarkError(
            f"{folder / WEIGHTS} does not fit recipe.yaml and vocabulary.txt beside it: "
            "put back the files that belong together."
        ) from error
    thresholds = _read_thresholds(folder, vocabulary)
    one, image = (_read_global_threshold(folder / name) for name in (GLOBAL_THRESHOLD, IMAGE_THRESHOLD))
    operating_points, image_operating_points = (
        read_operating_points(folder, vocabulary),
        read_image_operating_points(folder),
    )
    return Checkpoint(
        folder,
        recipe,
        model.to(place).eval(),
        thresholds,
        one,
        image,
        operating_points,
        image_operating_points,
        read_learning_test(folder),
    )


@contextmanager
def _needed(folder: Path, kind: str) -> Iterator[None]:
    """What is wrong with a network that is no part of the model's folder, reported with the model that needs it."""
    try:
        yield
    except EarmarkError as error:
        raise EarmarkError(
            f"The model in {folder} needs the {kind} network that it was trained with (named in recipe.yaml there; "
            f"if it has moved, write its new place there): {error}"
        ) from error


def _read_thresholds(folder: Path, vocabulary: Vocabulary) -> npt.NDArray[np.float64]:
    path = folder / "thresholds.json"
    if not path.is_file():
        return np.full(len(vocabulary), DEFAULT_THRESHOLD)
    try:
        by_word = json.loads(read_text(path))
        thresholds = np.array([by_word[word] for word in vocabulary], dtype=np.float64)
        if not ((thresholds >= 0) & (thresholds <= 1)).all():
            raise ValueError("a threshold is not between 0 and 1")
        return thresholds
    except KeyError as error:
        raise EarmarkError(f"{path} has no threshold for the keyword {error}: copy it again, or train again.") from None
    except (ValueError, TypeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or train again.") from error


def _read_global_threshold(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        threshold = float(json.loads(read_text(path)))
        if not 0 <= threshold <= 1:
            raise ValueError("the threshold is not between 0 and 1")
        return threshold
    except (ValueError, TypeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or delete it.") from error
