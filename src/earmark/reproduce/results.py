"""What is kept of every cell: its metrics, and what the model said of every utterance and keyword.

What the models in a folder learned from: one corpus, wherever it lies, and no other after it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.evaluation.data import Floats, Predictions, measurable
from earmark.evaluation.image_queries import query_pictures
from earmark.evaluation.keyword_queries import IMAGE, Evaluation, write_metrics
from earmark.models.checkpoint import IMAGE_THRESHOLD, WEIGHTS
from earmark.reproduce.grid import Cell, Training

SPLIT = "test"


@dataclass(frozen=True, eq=False)
class Result:
    """An evaluated cell.

    Attributes
    ----------
    cell : Cell
    metrics : dict
        In the form of ``schemas/metrics.schema.json``.
    corpus : str
        Name of the corpus.
    keywords : tuple of str
        The W keywords that were asked for, in order: of image queries, those that have a picture.
    thresholds : numpy.ndarray, shape = (W,)
        Detection thresholds that training chose on dev.
    utterances : tuple of str
        Ids of the U utterances of the test split that were measured on.
    predictions : Predictions
        For these utterances and keywords.
    """

    cell: Cell
    metrics: dict[str, Any]
    corpus: str
    keywords: tuple[str, ...]
    thresholds: Floats
    utterances: tuple[str, ...]
    predictions: Predictions

    @property
    def unpictured(self) -> tuple[str, ...]:
        """The keywords that could not be asked for, for want of a picture."""
        pictures = self.metrics.get("query_pictures")
        return tuple(pictures["left_out"]["keywords"]) if pictures else ()


def run_folder(out: Path, training: Training) -> Path:
    """Where a model of the grid is kept."""
    return out / "runs" / training.name


def is_trained(out: Path, training: Training) -> bool:
    """Whether a model is trained to its end; its card is written last."""
    return (run_folder(out, training) / "model-card.md").is_file()


def is_evaluated(out: Path, cell: Cell) -> bool:
    """Whether a cell is there, and was measured on its run as that is now."""
    path, run = _place(out, cell), run_folder(out, cell.training)
    used = [run / name for name in (WEIGHTS, "thresholds.json", IMAGE_THRESHOLD) if (run / name).is_file()]
    return path.is_file() and all(path.stat().st_mtime_ns >= file.stat().st_mtime_ns for file in used)


def write_result(out: Path, cell: Cell, evaluation: Evaluation) -> None:
    """Keep what was found out about a cell. The metrics come last, so that a cell that has them is whole."""
    path = _place(out, cell)
    with replacing(path.with_suffix(".npz")) as partial:
        np.savez_compressed(
            partial,
            scores=evaluation.predictions.scores,
            times_s=evaluation.predictions.times_s,
            asked=evaluation.predictions.answered,
            utterances=np.array([utterance.id for utterance in evaluation.utterances]),
        )
    write_metrics(evaluation, path)
    located_so_far(out, cell).unlink(missing_ok=True)


def located_so_far(out: Path, cell: Cell) -> Path:
    """Where a costly localisation method keeps what it has found for a cell that is not whole yet."""
    return _place(out, cell).with_suffix(".partial.jsonl")


def read_results(out: Path, cells: Iterable[Cell], corpus: Corpus, keywords: Vocabulary) -> dict[Cell, Result]:
    """What was kept of those cells that are evaluated, all of them on one test split and for one list of keywords.

    Raises
    ------
    EarmarkError
        If a file is damaged; or if a cell is of another corpus, of other keywords or another order of them, or of
        other utterances or query pictures than the corpus has now.
    """
    results = {cell: read_result(out, cell) for cell in cells if is_evaluated(out, cell)}
    names = tuple(utterance.id for utterance in measurable(corpus.utterances(SPLIT)))
    for cell, result in results.items():
        if result.corpus != corpus.name:
            raise EarmarkError(
                f"{out} holds results on the corpus {result.corpus!r} ({cell.name}), not on {corpus.name!r}: "
                "choose another --out."
            )
        known = tuple(word for word in keywords if word not in result.unpictured)
        if result.keywords != known or len(known) + len(result.unpictured) != len(keywords):
            raise EarmarkError(
                f"{out} holds results for other keywords, or for another order of them ({cell.name}): "
                "give the same list as then, or choose another --out."
            )
        if result.utterances != names:
            raise EarmarkError(
                f"{cell.name} was measured on other utterances than the split {SPLIT} of {corpus.folder} has now: "
                f"choose another --out, or delete {out / 'cells'} to measure again."
            )
    pictured = {cell: result for cell, result in results.items() if cell.row.queries == IMAGE}
    now = query_pictures(corpus, SPLIT, keywords).to_json(corpus.folder) if pictured else {}
    for cell, result in pictured.items():
        if result.metrics["query_pictures"]["of_keywords"] != now:
            raise EarmarkError(
                f"{cell.name} was asked with other pictures than {corpus.folder} gives now: "
                f"choose another --out, or delete {out / 'cells'} to measure again."
            )
    return results


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
            # Cells that were kept before there were image queries say nothing of where they were asked: everywhere.
            predictions = Predictions(kept["scores"], kept["times_s"], kept.get("asked"))
            utterances = tuple(str(name) for name in kept["utterances"])
        if predictions.scores.shape != (len(utterances), len(metrics["per_keyword"])):
            raise ValueError("metrics and scores do not belong together")
        by_word = metrics["per_keyword"]
        thresholds = np.array([measures["threshold"] for measures in by_word.values()], dtype=float)
        if cell.row.queries == IMAGE and not isinstance(metrics["query_pictures"]["of_keywords"], dict):
            raise ValueError("it does not say which pictures were asked with")
        return Result(cell, metrics, str(metrics["corpus"]), tuple(by_word), thresholds, utterances, predictions)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise EarmarkError(f"{path} or the .npz beside it is damaged ({error}): delete both, and run again.") from error


def read_curve(out: Path, training: Training) -> list[dict[str, float]]:
    """``epoch`` and ``dev_loss`` of every epoch of a training; empty where the file is not there, or damaged."""
    try:
        lines = (run_folder(out, training) / "curve.jsonl").read_text(encoding="utf-8").splitlines()
        points = [json.loads(line) for line in lines]
        return [{name: float(point[name]) for name in ("epoch", "dev_loss")} for point in points]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _place(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name.replace('/', '-')}.json"


FILE = "learned-from.json"


def check_provenance(out: Path, corpus: Corpus) -> None:
    """Make a folder this corpus's, or make sure that it is.

    A folder that says nothing of a corpus yet becomes this one's.

    Parameters
    ----------
    out : Path
        New or not.
    corpus : Corpus
        With the splits train and dev. It is known again by its name and by the ids of their utterances.

    Raises
    ------
    EarmarkError
        If the folder is another corpus's, or what it says is damaged.
    """
    path, mine = out / FILE, _identity(corpus)
    if not path.is_file():
        write_text(path, json.dumps(mine, ensure_ascii=False, indent=1) + "\n")
        return
    try:
        kept = json.loads(read_text(path))
        name = str(kept["name"])
    except (ValueError, LookupError, TypeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): delete it if {corpus.folder} is the corpus.") from error
    if kept != mine:
        changed = "with other utterances in train or dev" if name == corpus.name else f"not from {corpus.name!r}"
        raise EarmarkError(f"The models in {out} learn from the corpus {name!r}, {changed}: choose another --out.")


def _identity(corpus: Corpus) -> dict[str, str]:
    return {"name": corpus.name, **{split: _digest(corpus, split) for split in ("train", "dev")}}


def _digest(corpus: Corpus, split: str) -> str:
    names = json.dumps([utterance.id for utterance in corpus.utterances(split)])
    return hashlib.sha256(names.encode()).hexdigest()
