"""What is kept of every cell: its metrics, and what the model said of every utterance and keyword."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.errors import EarmarkError
from earmark.evaluate.runner import Evaluation, write_metrics
from earmark.evaluate.truth import Predictions
from earmark.files import replacing
from earmark.models.checkpoint import WEIGHTS
from earmark.reproduce.olaleye2022.grid import Cell, Training

SPLIT = "test"


@dataclass(frozen=True, eq=False)
class Result:
    """An evaluated cell.

    Attributes
    ----------
    cell : Cell
    metrics : dict
        In the form of ``schemas/metrics.schema.json``.
    utterances : tuple of str
        Ids of the U utterances of the test split that were measured on.
    predictions : Predictions
        For the keywords in the order of the metrics.
    """

    cell: Cell
    metrics: dict[str, Any]
    utterances: tuple[str, ...]
    predictions: Predictions


def run_folder(out: Path, training: Training) -> Path:
    """Where a model of the grid is kept."""
    return out / "runs" / training.name


def is_trained(out: Path, training: Training) -> bool:
    """Whether a model is trained to its end; its card is written last."""
    return (run_folder(out, training) / "model-card.md").is_file()


def is_evaluated(out: Path, cell: Cell) -> bool:
    """Whether a cell is there, and was measured on its run as that is now."""
    path, run = _place(out, cell), run_folder(out, cell.training)
    used = [run / name for name in (WEIGHTS, "thresholds.json") if (run / name).is_file()]
    return path.is_file() and all(path.stat().st_mtime_ns >= file.stat().st_mtime_ns for file in used)


def write_result(out: Path, cell: Cell, evaluation: Evaluation) -> None:
    """Keep what was found out about a cell. The metrics come last, so that a cell that has them is whole."""
    path = _place(out, cell)
    with replacing(path.with_suffix(".npz")) as partial:
        np.savez_compressed(
            partial,
            scores=evaluation.predictions.scores,
            times_s=evaluation.predictions.times_s,
            utterances=np.array([utterance.id for utterance in evaluation.utterances]),
        )
    write_metrics(evaluation, path)


def read_result(out: Path, cell: Cell) -> Result:
    """What was kept of an evaluated cell.

    Raises
    ------
    EarmarkError
        If a file of it is damaged.
    """
    path = _place(out, cell)
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as kept:
            predictions = Predictions(kept["scores"], kept["times_s"])
            utterances = tuple(str(name) for name in kept["utterances"])
        if predictions.scores.shape != (len(utterances), len(metrics["per_keyword"])):
            raise ValueError("metrics and scores do not belong together")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise EarmarkError(f"{path} or the .npz beside it is damaged ({error}): delete both, and run again.") from error
    return Result(cell, metrics, utterances, predictions)


def _place(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name.replace('/', '-')}.json"
