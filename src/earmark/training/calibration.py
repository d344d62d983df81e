"""Detection thresholds and operating points, estimated on dev from the training targets: no transcript is needed.

For keyword queries see :mod:`earmark.training.thresholds` and :mod:`earmark.training.false_alarms`. For image queries,
every keyword is queried with the images of dev that have its highest tags, leaving out each utterance's own image; the
threshold is the one with the highest expected F1 by the tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.core.types import ImageQuery, Prompt, unique
from earmark.core.vocabulary import Vocabulary
from earmark.models.base import EncodedQueries
from earmark.models.checkpoint import write_global_threshold, write_image_threshold, write_thresholds
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.learning_test import LearningTest, write_learning_test
from earmark.models.operating_points import (
    ANY_PICTURE,
    IMAGE_OPERATING_POINTS,
    OPERATING_POINTS,
    OperatingPoints,
    write_operating_points,
)
from earmark.models.padding import in_order
from earmark.models.prompts import Prompts
from earmark.training.data import TrainingSplit
from earmark.training.false_alarms import S_PER_HOUR, expected_precision, false_alarm_curve
from earmark.training.permutation import learning_test
from earmark.training.thresholds import best_threshold

IMAGES_PER_QUERY = 10  # at most, as in Nortje and Kamper (2022)
MIN_RELATIVE_TAG = 0.5  # of a keyword's highest tag: an image with less is no prompt for it
BATCH = 16


@dataclass(frozen=True)
class Calibration:
    """Thresholds and operating points of a model; None for queries that it does not accept.

    Attributes
    ----------
    learning_test : LearningTest
        Of keywords, or for a model that accepts none, of image queries.
    keyword_thresholds : numpy.ndarray, shape = (W,), or None
    global_threshold : float or None
        One detection threshold for all keywords.
    operating_points : OperatingPoints or None
        Of keyword queries.
    image_threshold : float or None
    image_operating_points : OperatingPoints or None
    """

    learning_test: LearningTest
    keyword_thresholds: npt.NDArray[np.float64] | None = None
    global_threshold: float | None = None
    operating_points: OperatingPoints | None = None
    image_threshold: float | None = None
    image_operating_points: OperatingPoints | None = None


def write_calibration(out: Path, keywords: Vocabulary, calibration: Calibration) -> None:
    """Write thresholds, operating points and the outcome of the learning test into a run's folder."""
    write_learning_test(out, calibration.learning_test)
    if calibration.global_threshold is not None:
        write_global_threshold(out, calibration.global_threshold)
    if calibration.keyword_thresholds is not None:
        write_thresholds(out, keywords, calibration.keyword_thresholds)
    if calibration.operating_points is not None:
        write_operating_points(out / OPERATING_POINTS, calibration.operating_points)
    if calibration.image_threshold is not None:
        write_image_threshold(out, calibration.image_threshold)
    if calibration.image_operating_points is not None:
        write_operating_points(out / IMAGE_OPERATING_POINTS, calibration.image_operating_points)


def calibrate_images(model: ImageQueryModel, dev: TrainingSplit) -> Calibration:
    """The threshold and the operating points of image queries.

    Parameters
    ----------
    model : ImageQueryModel
    dev : TrainingSplit
        With images.
    """
    assert dev.images is not None
    keywords = np.flatnonzero(np.nan_to_num(dev.targets).max(axis=0))  # those that any image has a tag for
    scores = image_query_scores(model, dev, dev.images.utterance_paths, keywords)
    targets = dev.targets[:, keywords]
    known = np.isfinite(scores) & ~np.isnan(targets)
    threshold = best_threshold(scores[known][:, None], targets[known][:, None])
    hours = float((known * dev.durations_s[:, None]).sum()) / S_PER_HOUR  # once for every query
    precision = expected_precision(scores[known] >= threshold, targets[known])
    curves = {ANY_PICTURE: false_alarm_curve(scores[known], targets[known], hours)}
    return Calibration(
        learning_test(scores, targets, dev.pictures),
        image_threshold=threshold,
        image_operating_points=OperatingPoints(hours, precision, curves),
    )


@torch.no_grad()
def image_query_scores(
    model: ImageQueryModel, dev: TrainingSplit, images: Sequence[Path], keywords: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Detection scores of Q keywords that are queried with images, shape = (U, Q).

    NaN where there is no image but an utterance's own.
    """
    words = [model.vocabulary.words[keyword] for keyword in keywords]
    prompts = Prompts(model, queries_from_tags(dev.targets[:, keywords], images, words))
    scores = np.empty((len(images), len(keywords)))
    for utterances in in_order(dev.lengths[0], BATCH):
        batch = dev.batch(utterances)
        frames, lengths = model.encode_speech(batch["features"].to(model.device), batch["lengths"].to(model.device))

        def score(
            rows: Sequence[int], queries: EncodedQueries, frames: Tensor = frames, lengths: Tensor = lengths
        ) -> Tensor:
            return model.score((frames[list(rows)], lengths[list(rows)]), queries)[0]

        logits = prompts.predict([images[utterance] for utterance in utterances], score)
        scores[utterances] = logits.double().sigmoid().cpu().numpy()
    return scores


def queries_from_tags(
    tags: npt.NDArray[np.float32], images: Sequence[Path], keywords: Sequence[str]
) -> list[ImageQuery]:
    """An image query for each keyword: the images with its highest tags, each image once.

    A keyword with few images of about its highest tag has few prompts.

    Parameters
    ----------
    tags : numpy.ndarray, shape = (U, Q)
        NaN where unknown.
    images : sequence of Path, U of them
    keywords : sequence of str, Q of them
    """
    queries = []
    for keyword, column in zip(keywords, np.nan_to_num(tags).T, strict=True):
        least = MIN_RELATIVE_TAG * column.max()
        ranked = unique(images[u] for u in np.argsort(-column, kind="stable") if column[u] >= least)
        queries.append(ImageQuery(keyword, tuple(Prompt(path) for path in ranked[:IMAGES_PER_QUERY])))
    return queries
