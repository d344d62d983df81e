"""The detection threshold of queries that are pictures, and what false alarms to expect, told from dev by tags.

No transcript is needed. Every keyword is asked for with the pictures of dev that show it best, by their tags; the
threshold is the one with the highest F1 that the tags let expect. No utterance is asked with its own picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.core.types import ImageQuery, Prompt, unique
from earmark.models.checkpoint import write_image_threshold as write
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.operating_points import ANY_PICTURE, IMAGE_OPERATING_POINTS, OperatingPoints, write_operating_points
from earmark.models.padding import in_order
from earmark.models.prompts import Prompts
from earmark.training.data import TrainingSplit
from earmark.training.false_alarms import S_PER_HOUR, curve, expected_precision
from earmark.training.thresholds import best_threshold

PICTURES = 10  # a query at most, as in Nortje and Kamper (2022)
PART = 0.5  # of a keyword's highest tag, from which a picture is taken to show it


def write_image_threshold(model: ImageQueryModel, dev: TrainingSplit, images: Sequence[Path], out: Path) -> None:
    """Choose the threshold, by the pictures that the utterances of dev have, and write it into a run's folder.

    What false alarms are expected of a query is written beside it.
    """
    shown = np.flatnonzero(dev.targets.max(axis=0))  # a keyword that no picture shows can't be asked for with any
    scores, targets = prompted_scores(model, dev, images, shown), dev.targets[:, shown]
    known = np.isfinite(scores)
    threshold = best_threshold(scores[known][:, None], targets[known][:, None])
    write(out, threshold)
    hours = float((known * dev.durations_s[:, None]).sum()) / S_PER_HOUR  # as often as it was asked
    precision = expected_precision(scores[known] >= threshold, targets[known])
    curves = {ANY_PICTURE: curve(scores[known], targets[known], hours)}
    write_operating_points(out / IMAGE_OPERATING_POINTS, OperatingPoints(hours, precision, curves))


@torch.no_grad()
def prompted_scores(
    model: ImageQueryModel, dev: TrainingSplit, images: Sequence[Path], shown: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Detection scores of Q keywords that are asked for with pictures, shape = (U, Q).

    Not a number where nothing but an utterance's own picture could be asked with.
    """
    words = [model.vocabulary.words[keyword] for keyword in shown]
    prompts = Prompts(model, shown_best(dev.targets[:, shown], images, words))
    scores = np.empty((len(images), len(shown)))
    for utterances in in_order(dev.lengths[0], 16):
        batch = dev.collate([(0, utterance) for utterance in utterances])
        frames, lengths = model.encode_speech(batch["features"].to(model.device), batch["lengths"].to(model.device))

        def answer(rows: Sequence[int], asked: Any, frames: Tensor = frames, lengths: Tensor = lengths) -> Tensor:
            return model.score((frames[list(rows)], lengths[list(rows)]), asked)[0]

        logits = prompts.answers([images[utterance] for utterance in utterances], answer)
        scores[utterances] = logits.double().sigmoid().cpu().numpy()
    return scores


def shown_best(tags: npt.NDArray[np.float32], images: Sequence[Path], keywords: Sequence[str]) -> list[ImageQuery]:
    """For each keyword the pictures with its highest tags, each picture once.

    A keyword that few pictures show has few: none with less than a part of its highest tag.
    """
    queries = []
    for keyword, column in zip(keywords, tags.T, strict=True):
        enough = PART * column.max()
        ranked = unique(images[u] for u in np.argsort(-column, kind="stable") if column[u] >= enough)
        queries.append(ImageQuery(keyword, tuple(Prompt(path) for path in ranked[:PICTURES])))
    return queries
