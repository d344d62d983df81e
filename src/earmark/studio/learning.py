"""Learning: from takes and tags to a model, by the command line's own commands, and what can be expected of it.

The takes of a fifth of the pictures are held out to test the model, those of a tenth choose its best epoch and its
thresholds; a hash of the picture decides, so that a picture stays where it is when others are added.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import keyword_line
from earmark.features.kinds import moonshine
from earmark.studio.jobs import JobStep, job_folder
from earmark.studio.project import Project
from earmark.studio.tags import TagsByImage, read_tags, write_tag_table
from earmark.studio.utterance_table import UTTERANCES
from earmark.studio.words import FEWEST_TAKES, SHOWN_FROM, WANTED_TAKES

JOB = "learn"
TAKES_TABLE, KEYWORDS, TAGS = "utterances.csv", "keywords.txt", "tags.csv"
TEST_SHARE, DEV_SHARE = 0.2, 0.1  # of the pictures
FEWEST_PICTURES = 3  # that takes describe: one for each split
BATCH = 16  # of the recipes
FEWEST_STEPS = 1500  # of training: where takes are few, they are gone through more often
MOST_EPOCHS, FEWEST_EPOCHS = 100, 20
# Measured on two cores (docs/studio.md): seconds of work for each hour of takes, once and in every epoch.
ONCE_S_PER_HOUR, EPOCH_S_PER_HOUR = 250.0, 18.0
TIMES_AS_SLOW = 3.0  # the larger network of the default recipe, where it is installed
MEASURED_CORES = 2


@dataclass(frozen=True)
class Row:
    """A take with a picture, as a row of the project's ``utterances.csv``."""

    cells: dict[str, str]
    image: str
    duration_s: float


@dataclass(frozen=True)
class WordExpectation:
    """A word, and how many takes about pictures that show it there are to learn from."""

    word: str
    takes: int

    @property
    def outlook(self) -> str:
        """``none``: it can't be learned; ``poor``: hardly ever learned; ``fair``; ``good``."""
        if not self.takes:
            return "none"
        return "poor" if self.takes < FEWEST_TAKES else "fair" if self.takes < WANTED_TAKES else "good"


@dataclass(frozen=True)
class Expectation:
    """What can be expected of learning now.

    Attributes
    ----------
    takes, pictures, speakers : int
        To learn from.
    speech_s : float
    words : tuple of WordExpectation
    time_s : float
        Estimate for this machine.
    obstacle : str
        ``words``, ``takes`` or ``tags``: what has to be done first; "" where learning can begin.
    """

    takes: int
    pictures: int
    speakers: int
    speech_s: float
    words: tuple[WordExpectation, ...]
    time_s: float
    obstacle: str


def expectation(project: Project) -> Expectation:
    """What can be expected, before anything is begun."""
    rows, tags = _rows(project), read_tags(project)
    words = tuple(WordExpectation(word, _count(rows, tags, word)) for word in project.settings().words)
    images = {row.image for row in rows}
    speech_s = sum(row.duration_s for row in rows)
    obstacle = ""
    if not words:
        obstacle = "words"
    elif len(images) < FEWEST_PICTURES:
        obstacle = "takes"
    elif not any(word.takes for word in words):
        obstacle = "tags"
    return Expectation(
        takes=len(rows),
        pictures=len(images),
        speakers=len({row.cells["speaker"] for row in rows}),
        speech_s=speech_s,
        words=words,
        time_s=_time_s(speech_s, len(rows)),
        obstacle=obstacle,
    )


def learning_steps(project: Project) -> list[JobStep]:
    """Write what is learned from to the job's folder, and return the steps that learn it.

    A model that is there already stays until another one takes its place.

    Raises
    ------
    EarmarkError
        If there is nothing to learn from yet.
    """
    now = expectation(project)
    if now.obstacle:
        missing = {"words": "words", "takes": "takes about at least three pictures", "tags": "marked pictures"}
        raise EarmarkError(
            f"There are no {missing[now.obstacle]} to learn from yet: add some first.", code="nothingToLearn"
        )
    folder = job_folder(project, JOB)
    folder.mkdir(parents=True, exist_ok=True)
    _write_takes(project, folder / TAKES_TABLE, _rows(project))
    write_tag_table(project, folder / TAGS)
    write_text(folder / KEYWORDS, "".join(keyword_line(word.word) for word in now.words if word.takes))
    shutil.rmtree(folder / "model", ignore_errors=True)  # of a training that was begun anew
    settings = project.settings()
    about = [
        option
        for name, text in (
            ("--name", settings.name),
            ("--language", ", ".join(settings.languages)),
            ("--licence", settings.licence),
        )
        if text
        for option in (name, text)
    ]
    job = f"jobs/{JOB}"
    takes, keywords, tags, model = (f"{job}/{name}" for name in (TAKES_TABLE, KEYWORDS, TAGS, "model"))
    changes = settings.training or [f"training.epochs={_epochs(now.takes)}"]
    chosen = [option for change in changes for option in ("--set", change)]
    recipe = settings.recipe or default_recipe()
    return [
        JobStep("corpus", "earmark", ("corpus", "table", takes, "corpus", "--keywords", keywords, *about)),
        JobStep("tags", "earmark", ("tag", "corpus", "--table", tags)),
        JobStep("train", "earmark", ("train", recipe, "--corpus", "corpus", "--out", model, "--resume", *chosen)),
        JobStep("test", "earmark", ("studio-step", "test", ".")),
    ]


def default_recipe() -> str:
    """The recipe with pretrained features where they are installed, else the one that needs none."""
    return "earmark" if moonshine.FILES["tiny"].installed() is not None else "earmark-mfcc"


def split_of(image: str) -> str:
    """The split of a picture's takes: a hash of its name decides."""
    place = int.from_bytes(hashlib.sha256(image.encode()).digest()[:8]) / 2**64
    return "test" if place < TEST_SHARE else "dev" if place < TEST_SHARE + DEV_SHARE else "train"


def splits_of(images: set[str]) -> dict[str, str]:
    """The split of each picture; of few pictures, those with the lowest hashes, so that no split is empty."""
    ordered = sorted(images, key=lambda image: hashlib.sha256(image.encode()).digest())
    splits = {image: split_of(image) for image in ordered}
    for split, place in (("test", 0), ("dev", 1)):
        if split not in splits.values() and len(ordered) >= FEWEST_PICTURES:
            splits[ordered[place]] = split
    if "train" not in splits.values() and ordered:
        splits[ordered[-1]] = "train"
    return splits


def _rows(project: Project) -> list[Row]:
    """Takes with pictures."""
    path = project.folder / UTTERANCES
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(cells, cells["image"].rsplit("/", 1)[-1], float(cells["duration_s"] or 0))
            for cells in csv.DictReader(file)
            if cells["image"] and cells["audio"]
        ]


def _count(rows: list[Row], tags: TagsByImage, word: str) -> int:
    return sum(tags.get(row.image, {}).get(word, 0.0) >= SHOWN_FROM for row in rows)


def _write_takes(project: Project, path: Path, rows: list[Row]) -> None:
    """The table for ``earmark corpus table``: its paths are relative to its own folder."""
    up = Path(os.path.relpath(project.folder, path.parent)).as_posix()
    splits = splits_of({row.image for row in rows})
    columns = ("audio", "image", "utterance_id", "speaker", "translation", "split")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for row in rows:
            cells = row.cells
            paths = (f"{up}/{cells['audio']}", f"{up}/{cells['image']}")
            table.writerow((*paths, cells["utterance_id"], cells["speaker"], cells["translation"], splits[row.image]))


def _epochs(takes: int) -> int:
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, math.ceil(FEWEST_STEPS * BATCH / max(takes, 1))))


def _time_s(speech_s: float, takes: int) -> float:
    cores = MEASURED_CORES / min(os.cpu_count() or MEASURED_CORES, 8)
    once = ONCE_S_PER_HOUR * (TIMES_AS_SLOW if moonshine.FILES["base"].installed() is not None else 1.0)
    return speech_s / 3600 * (once + EPOCH_S_PER_HOUR * _epochs(takes)) * cores
