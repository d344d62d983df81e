"""Proposals for tagging: which undecided pictures are most like those that show a word.

The vectors of a pretrained image network are computed in the background (``earmark studio-step vectors
PROJECT``) and kept in ``pictures/vectors``, which may be deleted. A word's pictures are set apart from the others by a
linear discriminant whose covariance is that of all pictures, decided or not (Hariharan, Malik and Ramanan 2012,
"Discriminative decorrelation for clustering and classification", Eq. 5), so that a few examples are enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.features.efficientnet_lite import VARIANTS
from earmark.studio.jobs import JobStep
from earmark.studio.pictures import list_pictures, picture_path
from earmark.studio.project import Project
from earmark.studio.words import SHOWN_FROM

BACKBONE = "lite2"
VECTORS, MATRIX, NAMES = "vectors", "vectors.npy", "vectors.json"
FEWEST = 2  # pictures that show a word, from which on there are proposals
RIDGE = 0.3  # of the mean variance, added to the covariance

Floats = npt.NDArray[np.float32]


def can_propose() -> bool:
    """Whether the image network is installed."""
    return VARIANTS[BACKBONE].file.installed() is not None


def steps() -> list[JobStep]:
    """Steps of the job that computes the vectors."""
    return [JobStep("vectors", "earmark", ("studio-step", "vectors", "."))]


def is_complete(project: Project) -> bool:
    """Whether all pictures have vectors."""
    names, _ = _read(project)
    return {picture.image for picture in list_pictures(project)} <= set(names)


def compute_vectors(project: Project) -> None:
    """Compute the vectors of all pictures that have none; damaged ones are passed over."""
    from earmark.features.image_cache import vectors_of
    from earmark.features.image_encoder import read_backbone
    from earmark.media.images import check_image

    folder = project.pictures / VECTORS
    images = []
    for picture in list_pictures(project):
        try:
            check_image(picture_path(project, picture.image))
        except EarmarkError:
            continue
        images.append(picture.image)
    if not images:
        return
    backbone = read_backbone(BACKBONE)
    paths = [project.pictures / image for image in images]
    vectors = vectors_of(paths, backbone.vectors, folder / backbone.sha256[:16], "Vectors of pictures")
    with replacing(folder / MATRIX) as partial, partial.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)
    write_text(folder / NAMES, json.dumps(images, ensure_ascii=False))


def proposals(project: Project, values: Mapping[str, float]) -> tuple[list[str], int]:
    """Undecided pictures, the likeliest first, and how many of them probably show the word.

    Parameters
    ----------
    project : Project
    values : mapping of str to float
        Decided tags of the word, by image.
    """
    names, vectors = _read(project)
    place = {name: i for i, name in enumerate(names)}
    shown = [place[image] for image, value in values.items() if value >= SHOWN_FROM and image in place]
    others = [place[image] for image, value in values.items() if value < SHOWN_FROM and image in place]
    if len(shown) < FEWEST:
        return [], 0
    scores = discriminant_scores(vectors, shown, others)
    open_ = [i for i, name in enumerate(names) if name not in values]
    open_.sort(key=lambda i: -scores[i])
    rest = scores[others].mean() if others else scores.mean()
    middle = (scores[shown].mean() + rest) / 2
    return [names[i] for i in open_], int(sum(scores[i] > middle for i in open_))


def discriminant_scores(vectors: Floats, shown: list[int], others: list[int]) -> Floats:
    """Scores of all N pictures for one word: ``v^T S^-1 (m1 - m0)``.

    Parameters
    ----------
    vectors : numpy.ndarray, shape = (N, D)
    shown : list of int
        Pictures that show the word; their mean is m1.
    others : list of int
        Pictures that do not; m0 is the mean of all pictures with these counted once more.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    centre = unit.mean(axis=0)
    centred = unit - centre
    covariance = centred.T @ centred / len(unit)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance), dtype=np.float32)
    away = centred[others].sum(axis=0) / (len(others) + 1)
    direction = np.linalg.solve(covariance, centred[shown].mean(axis=0) - away)
    scores: Floats = (centred @ direction).astype(np.float32)
    return scores


def _read(project: Project) -> tuple[list[str], Floats]:
    """Names of pictures and their vectors, as far as they are computed and the pictures are there."""
    matrix = project.pictures / VECTORS / MATRIX
    try:
        names, vectors = _read_matrix(matrix, matrix.stat().st_mtime_ns)
    except (OSError, ValueError):
        return [], np.zeros((0, 1), np.float32)
    present = {picture.image for picture in list_pictures(project)}
    there = [i for i, name in enumerate(names) if name in present]
    return [names[i] for i in there], vectors[there]


@lru_cache(maxsize=2)
def _read_matrix(path: Path, _mtime_ns: int) -> tuple[list[str], Floats]:
    names = json.loads(path.with_name(NAMES).read_text(encoding="utf-8"))
    vectors = np.load(path, allow_pickle=False).astype(np.float32)
    if len(names) != len(vectors):
        raise ValueError("a power cut came between the two files")
    return names, vectors
