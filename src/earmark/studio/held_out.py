"""What a model recognises on takes that it did not learn from, in numbers that need no statistics to be read.

A word's held-out takes are ranked by the model. If n of them are about pictures that show the word, the question is how
many of the n best are: the word's R-precision. Whether that is more than luck, the hypergeometric distribution says.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from earmark.core.corpus import read_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import flush_folder, write_text
from earmark.core.progress import progress
from earmark.studio.jobs import job_folder
from earmark.studio.learning import JOB
from earmark.studio.project import Project
from earmark.studio.tags import TagsByImage, read_tags
from earmark.studio.words import SHOWN_FROM

RESULT = "held-out.json"
LUCK = 0.05  # a result at least so good has this probability without any knowledge
WELL_FROM = 0.5  # of the best takes that are right
FEWEST = 2  # takes about pictures that show a word, from which on something can be said
EXAMPLES = 4

Verdict = Literal["well", "somewhat", "no", "unknown"]


@dataclass(frozen=True)
class BestHit:
    """Where a word is most likely spoken in a take."""

    score: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class HeldOutTake:
    """A take that the model did not learn from, with its best hit of each word."""

    file: str
    image: str
    hits: dict[str, BestHit]


@dataclass(frozen=True)
class Example:
    """A take for people to listen to.

    Attributes
    ----------
    number : int
        Of the take among the held-out ones.
    image : str
    start_s, end_s : float
    is_right : bool
        Whether its picture shows the word.
    """

    number: int
    image: str
    start_s: float
    end_s: float
    is_right: bool


@dataclass(frozen=True)
class WordResult:
    """How well a word is recognised.

    Attributes
    ----------
    word : str
    verdict : {"well", "somewhat", "no", "unknown"}
    shown : int
        Held-out takes about pictures that show it: n.
    right : int
        How many of the n best takes are among them.
    decided : int
        Held-out takes about pictures of which it is decided whether they show it.
    by_luck : float
        How many of the n best would be right without any knowledge.
    examples : tuple of Example
        The best takes, the best first.
    """

    word: str
    verdict: Verdict
    shown: int
    right: int
    decided: int
    by_luck: float
    examples: tuple[Example, ...]


def score_held_out(project: Project, job: str = JOB) -> None:
    """Score the held-out takes with the model that a job has trained, and put it in the place of the former one."""
    from earmark.localisation.spotter import load_model

    trained = job_folder(project, job) / "model"
    if not trained.is_dir() and (project.model / RESULT).is_file():
        return  # a power cut came after the last step
    spotter = load_model(trained)
    words = list(spotter.vocabulary)
    takes = []
    utterances = read_corpus(project.corpus).utterances("test")
    with progress("Testing", len(utterances)) as advance:
        for utterance in utterances:
            best = {hit.query: hit for hit in reversed(spotter.find(words, [utterance.audio], top=1))}
            hits = {word: BestHit(hit.score, hit.start_s, hit.end_s) for word, hit in best.items()}
            image = utterance.image.name if utterance.image else ""
            file = Path(os.path.relpath(utterance.audio, project.folder.resolve())).as_posix()
            takes.append(HeldOutTake(file, image, hits))
            advance()
    write_text(trained / RESULT, json.dumps([asdict(take) for take in takes], ensure_ascii=False, indent=1))
    _take_place(trained, project.model)


def results(project: Project) -> list[WordResult] | None:
    """How well each word of the model is recognised, by the tags as they are now; None without a tested model."""
    takes = read_result(project)
    if takes is None:
        return None
    tags = read_tags(project)
    words = dict.fromkeys(word for take in takes for word in take.hits)
    return [word_result(word, takes, tags) for word in words]


def read_result(project: Project) -> list[HeldOutTake] | None:
    """The held-out takes with their hits; None without a tested model. Takes that were deleted since are left out."""
    try:
        content = json.loads((project.model / RESULT).read_text(encoding="utf-8"))
        takes = [
            HeldOutTake(one["file"], one["image"], {word: BestHit(**hit) for word, hit in one["hits"].items()})
            for one in content
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return [take for take in takes if (project.folder / take.file).is_file()]


def held_out_file(project: Project, number: int) -> Path:
    """The sound of a held-out take.

    Raises
    ------
    EarmarkError
        If there is no such take, or it is not among the project's takes.
    """
    takes = read_result(project) or []
    if not 0 <= number < len(takes):
        raise EarmarkError("There is no such take: load the page again.", code="reload")
    path = (project.folder / takes[number].file).resolve()
    if not path.is_relative_to(project.takes.resolve()):
        raise EarmarkError("There is no such take: load the page again.", code="reload")
    return path


def word_result(word: str, takes: Sequence[HeldOutTake], tags: TagsByImage) -> WordResult:
    """How well a word is recognised, from scores and tags.

    Parameters
    ----------
    word : str
    takes : sequence of HeldOutTake
    tags : mapping
        Decided tags; takes about pictures of which nothing is decided do not count.
    """
    known = [
        (number, take, take.hits[word], value >= SHOWN_FROM)
        for number, take in enumerate(takes)
        if word in take.hits and (value := tags.get(take.image, {}).get(word)) is not None
    ]
    known.sort(key=lambda one: -one[2].score)
    shown = sum(is_right for *_, is_right in known)
    right = sum(is_right for *_, is_right in known[:shown])
    examples = tuple(
        Example(number, take.image, hit.start_s, hit.end_s, is_right)
        for number, take, hit, is_right in known[:EXAMPLES]
    )
    by_luck = shown * shown / len(known) if known else 0.0
    verdict: Verdict = "unknown"
    if FEWEST <= shown < len(known):
        beyond_luck = luck(right, shown, len(known)) < LUCK
        verdict = "no" if not beyond_luck else "well" if right / shown >= WELL_FROM else "somewhat"
    return WordResult(word, verdict, shown, right, len(known), by_luck, examples)


def luck(right: int, shown: int, total: int) -> float:
    """Probability that at least `right` of `shown` takes drawn from `total` are among the `shown` that show a word.

    >>> luck(2, 2, 4)  # one of the six pairs
    0.16666666666666666
    """
    ways = math.comb(total, shown)
    return sum(math.comb(shown, k) * math.comb(total - shown, shown - k) for k in range(right, shown + 1)) / ways


def _take_place(new: Path, old: Path) -> None:
    """Put a folder in the place of another, which is there until then."""
    former = new.with_name("former-model")
    shutil.rmtree(former, ignore_errors=True)
    if old.is_dir():
        os.replace(old, former)
    os.replace(new, old)
    flush_folder(old.parent)
    shutil.rmtree(former, ignore_errors=True)
