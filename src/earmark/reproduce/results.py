"""Stored results of the cells of a reproduction, and the provenance of its folder.

A cell is stored as its metrics (JSON) and its predictions (.npz). All models in a folder learn from one corpus.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE
from earmark.core.files import replacing, write_text
from earmark.core.model_folder import WEIGHTS
from earmark.core.results import Metrics
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.evaluation.data import Floats, Predictions, measurable
from earmark.evaluation.query_images import image_queries_of
from earmark.evaluation.runner import Evaluation, write_metrics
from earmark.models.checkpoint import IMAGE_THRESHOLD
from earmark.reproduce.grid import Cell, Training

SPLIT = "test"
SEED = re.compile(r"-seed-(\d+)$")  # the end of a cell's file name


@dataclass(frozen=True, eq=False)
class Result:
    """An evaluated cell.

    Attributes
    ----------
    cell : Cell
    metrics : Metrics
    corpus : str
        Name of the corpus.
    keywords : tuple of str
        The W keywords of the queries, in order: of image queries, those that have an image.
    thresholds : numpy.ndarray, shape = (W,)
        Detection thresholds that training chose on dev.
    utterances : tuple of str
        Ids of the U utterances of the test split that were evaluated.
    predictions : Predictions
        For these utterances and keywords.
    """

    cell: Cell
    metrics: Metrics
    corpus: str
    keywords: tuple[str, ...]
    thresholds: Floats
    utterances: tuple[str, ...]
    predictions: Predictions

    @property
    def without_image(self) -> tuple[str, ...]:
        """The keywords that have no image query because no utterance has an image for them."""
        images = self.metrics.query_images
        return images.excluded.keywords if images else ()


def run_folder(out: Path, training: Training) -> Path:
    """The folder of a model of the grid."""
    return out / "runs" / training.name


def is_trained(out: Path, training: Training) -> bool:
    """Whether the training of a model is complete; its card is written last."""
    return (run_folder(out, training) / "model-card.md").is_file()


def is_evaluated(out: Path, cell: Cell) -> bool:
    """Whether a cell is stored, and not older than the model that it was measured on."""
    path, run = _cell_file(out, cell), run_folder(out, cell.training)
    used = [run / name for name in (WEIGHTS, "thresholds.json", IMAGE_THRESHOLD) if (run / name).is_file()]
    return path.is_file() and all(path.stat().st_mtime_ns >= file.stat().st_mtime_ns for file in used)


def write_result(out: Path, cell: Cell, evaluation: Evaluation) -> None:
    """Store the evaluation of a cell. The metrics are written last: a cell that has them is complete."""
    path = _cell_file(out, cell)
    with replacing(path.with_suffix(".npz")) as partial:
        np.savez_compressed(
            partial,
            scores=evaluation.predictions.scores,
            times_s=evaluation.predictions.times_s,
            evaluated=evaluation.predictions.evaluated,
            utterances=np.array([utterance.id for utterance in evaluation.utterances]),
        )
    write_metrics(evaluation, path)
    location_cache(out, cell).unlink(missing_ok=True)


def seeds_in(out: Path) -> list[int]:
    """The seeds with which cells of a folder were trained, beside those of the recipes."""
    found = (SEED.search(path.stem) for path in (out / "cells").glob("*.json"))
    return sorted({int(seed[1]) for seed in found if seed})


def location_cache(out: Path, cell: Cell) -> Path:
    """The file in which a costly localisation method stores locations of an unfinished cell."""
    return _cell_file(out, cell).with_suffix(".partial.jsonl")


def read_results(out: Path, cells: Iterable[Cell], corpus: Corpus, keywords: Vocabulary) -> dict[Cell, Result]:
    """Results of those cells that are evaluated, all on one test split and for one list of keywords.

    Raises
    ------
    EarmarkError
        If a file is damaged; or if a cell is of another corpus, of other keywords or another order of them, or of
        other utterances or query images than the corpus has now.
    """
    results = {cell: read_result(out, cell) for cell in cells if is_evaluated(out, cell)}
    names = tuple(utterance.id for utterance in measurable(corpus.utterances(SPLIT)))
    for cell, result in results.items():
        if result.corpus != corpus.name:
            raise EarmarkError(
                f"{out} holds results on the corpus {result.corpus!r} ({cell.name}), not on {corpus.name!r}: "
                "choose another --out."
            )
        known = tuple(word for word in keywords if word not in result.without_image)
        if result.keywords != known or len(known) + len(result.without_image) != len(keywords):
            raise EarmarkError(
                f"{out} holds results for other keywords, or for another order of them ({cell.name}): "
                "give the same list as then, or choose another --out."
            )
        if result.utterances != names:
            raise EarmarkError(
                f"{cell.name} was evaluated on other utterances than the split {SPLIT} of {corpus.folder} has now: "
                f"choose another --out, or delete {out / 'cells'} to measure again."
            )
    of_images = {cell: result for cell, result in results.items() if cell.row.queries == IMAGE}
    now = image_queries_of(corpus, SPLIT, keywords).by_keyword(corpus.folder) if of_images else {}
    for cell, result in of_images.items():
        if result.metrics.query_images is None or result.metrics.query_images.by_keyword != now:
            raise EarmarkError(
                f"{cell.name} was evaluated with other images than {corpus.folder} gives now: "
                f"choose another --out, or delete {out / 'cells'} to measure again."
            )
    return results


def read_result(out: Path, cell: Cell) -> Result:
    """Read the stored result of a cell.

    Raises
    ------
    EarmarkError
        If a file of it is damaged.
    """
    path = _cell_file(out, cell)
    try:
        metrics = Metrics.from_json(path.read_bytes())
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            predictions = Predictions(arrays["scores"], arrays["times_s"], arrays["evaluated"])
            utterances = tuple(str(name) for name in arrays["utterances"])
        if predictions.scores.shape != (len(utterances), len(metrics.per_keyword)):
            raise ValueError("metrics and scores do not belong together")
        by_keyword = metrics.per_keyword
        thresholds = np.array([measures.threshold for measures in by_keyword.values()], dtype=float)
        if cell.row.queries == IMAGE and metrics.query_images is None:
            raise ValueError("the images of the queries are missing")
        return Result(cell, metrics, metrics.corpus, tuple(by_keyword), thresholds, utterances, predictions)
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


def _cell_file(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name.replace('/', '-')}.json"


FILE = "provenance.json"


def check_provenance(out: Path, corpus: Corpus) -> None:
    """Record that the models in a folder learn from this corpus, or check that they do.

    Parameters
    ----------
    out : Path
        New or not.
    corpus : Corpus
        With the splits train and dev. It is identified by its name and by the ids of their utterances.

    Raises
    ------
    EarmarkError
        If the folder belongs to another corpus, or its record is damaged.
    """
    path, identity = out / FILE, _identity(corpus)
    if not path.is_file():
        write_text(path, json.dumps(identity, ensure_ascii=False, indent=1) + "\n")
        return
    try:
        recorded = json.loads(read_text(path))
        name = str(recorded["name"])
    except (ValueError, LookupError, TypeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): delete it if {corpus.folder} is the corpus.") from error
    if recorded != identity:
        changed = "with other utterances in train or dev" if name == corpus.name else f"not from {corpus.name!r}"
        raise EarmarkError(f"The models in {out} learn from the corpus {name!r}, {changed}: choose another --out.")


def _identity(corpus: Corpus) -> dict[str, str]:
    return {"name": corpus.name, **{split: _hash(corpus, split) for split in ("train", "dev")}}


def _hash(corpus: Corpus, split: str) -> str:
    names = json.dumps([utterance.id for utterance in corpus.utterances(split)])
    return hashlib.sha256(names.encode()).hexdigest()
