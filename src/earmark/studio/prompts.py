"""Prompts of a recording session: what a speaker is shown, in which order, and what comes next.

``prompts.yaml`` of the project has the plan; a speaker's order follows from the plan's seed and the speaker's id, so
that it is the same on every device and after every restart, and pictures that are added later move no other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from earmark.core.errors import EarmarkError
from earmark.core.files import append_durably, write_durably
from earmark.core.yaml_text import to_yaml
from earmark.studio.speakers import speaker_folder
from earmark.studio.take import Take

PLAN = "prompts.yaml"
SKIPPED = "skipped.jsonl"
PICTURES = "pictures"
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MOST_QUESTIONS = 500
MOST_CHARACTERS = 500

PromptKind = Literal["describe", "name", "answer"]
Translation = Literal["none", "typed", "spoken"]
Order = Literal["random", "sequential"]


@dataclass(frozen=True)
class Plan:
    """How speakers are prompted.

    Attributes
    ----------
    kind : {"describe", "name", "answer"}
        Describe a picture freely, name what it shows, or answer a question.
    question : str
        Shown with each picture; "" for the sentence of the page.
    questions : tuple of str
        Prompts without pictures.
    pictures : bool
        Whether pictures are shown.
    translation : {"none", "typed", "spoken"}
        What follows a take.
    order : {"random", "sequential"}
    seed : int
        Another one gives other orders.
    """

    kind: PromptKind = "describe"
    question: str = ""
    questions: tuple[str, ...] = ()
    pictures: bool = True
    translation: Translation = "none"
    order: Order = "random"
    seed: int = 0


CHOICES = {"kind": get_args(PromptKind), "translation": get_args(Translation), "order": get_args(Order)}


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes
    ----------
    id : str
        A picture's path in the project folder, or ``question:`` and a hash of its text.
    image : str
        Path of the picture in the project folder; "" for a question alone.
    question : str
    """

    id: str
    image: str = ""
    question: str = ""


@dataclass(frozen=True)
class PromptState:
    """A prompt of one speaker's session.

    Attributes
    ----------
    prompt : Prompt
    takes : int
        Versions that were recorded.
    is_skipped : bool
        Whether the speaker did not want it; a later take of it takes this back.
    """

    prompt: Prompt
    takes: int
    is_skipped: bool

    @property
    def is_open(self) -> bool:
        """Whether it is still to be recorded."""
        return not self.takes and not self.is_skipped


def read_plan(folder: Path) -> Plan:
    """The plan of a project; the default one where there is none.

    Raises
    ------
    EarmarkError
        If it can't be read.
    """
    path = folder / PLAN
    if not path.exists():
        return Plan()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
        return _checked(Plan(**{**values, "questions": tuple(values.get("questions") or ())}))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise EarmarkError(f"{path} can't be read ({error}): correct it, or delete it.") from error


def change_plan(folder: Path, **values: Any) -> Plan:
    """Change some values of a project's plan, and write it.

    Raises
    ------
    EarmarkError
        If a value is not possible.
    """
    plan = _checked(replace(read_plan(folder), **values))
    text = to_yaml({**asdict(plan), "questions": list(plan.questions)})
    write_durably(folder / PLAN, text.encode())
    return plan


def prompts(folder: Path, plan: Plan, pictures: Iterable[str] | None = None) -> list[Prompt]:
    """All prompts of a project, in the order of their names.

    Parameters
    ----------
    folder : Path
    plan : Plan
    pictures : iterable of str, optional
        Paths of the pictures in the project folder; else all picture files of its folder ``pictures``.
    """
    paths = sorted(_pictures(folder) if pictures is None else pictures) if plan.pictures else []
    shown = [Prompt(path, path, plan.question) for path in paths]
    return [*shown, *(Prompt(_question_id(text), question=text) for text in plan.questions)]


def ordered(listed: Sequence[Prompt], plan: Plan, speaker: str) -> list[Prompt]:
    """Prompts in the order of one speaker: by a hash of seed, speaker and prompt."""
    if plan.order == "sequential":
        return list(listed)

    def place(prompt: Prompt) -> tuple[bytes, str]:
        return hashlib.sha256(f"{plan.seed}\n{speaker}\n{prompt.id}".encode()).digest(), prompt.id

    return sorted(listed, key=place)


def session(folder: Path, speaker: str, takes: Iterable[Take]) -> list[PromptState]:
    """The prompts of a speaker, in order, and what became of each.

    Parameters
    ----------
    folder : Path
    speaker : str
        Id of the speaker.
    takes : iterable of Take
        Of the speaker. Those that are not usable don't count.
    """
    plan = read_plan(folder)
    return _states(folder, speaker, ordered(prompts(folder, plan), plan, speaker), takes)


def count_states(
    folder: Path, listed: Sequence[Prompt], takes: Mapping[str, Sequence[Take]]
) -> dict[str, tuple[int, int]]:
    """How many prompts each speaker has recorded, and how many skipped.

    Parameters
    ----------
    folder : Path
    listed : sequence of Prompt
        Of the project, in any order.
    takes : mapping of str to sequence of Take
        By speaker.
    """
    counts = {}
    for speaker, own in takes.items():
        states = _states(folder, speaker, listed, own)
        counts[speaker] = (sum(bool(state.takes) for state in states), sum(state.is_skipped for state in states))
    return counts


def _states(folder: Path, speaker: str, listed: Sequence[Prompt], takes: Iterable[Take]) -> list[PromptState]:
    counts = Counter(take.item for take in takes if take.kind != "translation" and take.is_usable)
    skipped = _skipped(folder, speaker)
    return [PromptState(prompt, counts[prompt.id], not counts[prompt.id] and prompt.id in skipped) for prompt in listed]


def next_open(states: Sequence[PromptState], after: str = "") -> PromptState | None:
    """The next prompt that is still to be recorded, after the one with an id, then from the start; None at the end."""
    place = next((i for i, state in enumerate(states) if state.prompt.id == after), -1) + 1
    return next((state for state in [*states[place:], *states[:place]] if state.is_open), None)


def skip(folder: Path, speaker: str, item: str, *, is_skipped: bool = True) -> None:
    """Note that a speaker does not want a prompt, or wants it again."""
    known = {prompt.id for prompt in prompts(folder, read_plan(folder))}
    if item not in known:
        raise EarmarkError("There is no such picture or question in this project: open the list again.", code="reload")
    row = {"item": item, "skipped": is_skipped}
    append_durably(speaker_folder(folder, speaker) / SKIPPED, json.dumps(row, ensure_ascii=False))


def _skipped(folder: Path, speaker: str) -> set[str]:
    try:
        lines = (speaker_folder(folder, speaker) / SKIPPED).read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    last: dict[str, bool] = {}
    for line in lines:
        try:
            row = json.loads(line)
            last[row["item"]] = row["skipped"]
        except (ValueError, KeyError, TypeError):
            continue  # torn by a power cut
    return {item for item, is_skipped in last.items() if is_skipped}


def _pictures(folder: Path) -> list[str]:
    root = folder / PICTURES
    files = (path for path in root.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES) if root.is_dir() else ()
    return [path.relative_to(folder).as_posix() for path in files if not path.name.startswith(".") and path.is_file()]


def _question_id(text: str) -> str:
    return f"question:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _checked(plan: Plan) -> Plan:
    for name, choices in CHOICES.items():
        if getattr(plan, name) not in choices:
            raise EarmarkError(f"The {name} {getattr(plan, name)!r} is none of {', '.join(choices)}.")
    questions = tuple(dict.fromkeys(" ".join(str(text).split())[:MOST_CHARACTERS] for text in plan.questions))
    questions = tuple(text for text in questions if text)
    if len(questions) > MOST_QUESTIONS:
        raise EarmarkError(
            f"There are {len(questions)} questions: {MOST_QUESTIONS} at most, so leave some out.",
            code="tooManyQuestions",
        )
    if not isinstance(plan.seed, int) or not isinstance(plan.pictures, bool):
        raise EarmarkError("The seed is a whole number, and 'pictures' true or false.")
    return replace(plan, question=" ".join(str(plan.question).split())[:MOST_CHARACTERS], questions=questions)
