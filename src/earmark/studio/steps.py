"""The seven steps of a project: how far each is, and which is next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earmark.studio.pictures import count_pictures
from earmark.studio.project import Project
from earmark.studio.prompts import prompts, read_plan
from earmark.studio.recordings import listed_folders
from earmark.studio.speakers import speakers
from earmark.studio.utterance_table import count_takes

Progress = Literal["open", "started", "done"]


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes
    ----------
    name : str
        Of the page's module, too: ``step-NAME.js``.
    progress : {"open", "started", "done"}
    counts : dict of str to int
        What there is, by the name under which the page's catalogues have a sentence: ``count.NAME``.
    """

    name: str
    progress: Progress
    counts: dict[str, int]


def steps(project: Project) -> list[Step]:
    """All steps, in their order."""
    return [Step(name, *measure(project)) for name, measure in STEPS.items()]


def next_step(found: list[Step]) -> str:
    """The name of the first step that is not done; of the last, if all are."""
    return next((step.name for step in found if step.progress != "done"), found[-1].name)


def _pictures(project: Project) -> tuple[Progress, dict[str, int]]:
    words = len(project.settings().words)
    pictures = count_pictures(project)
    is_tagged = (project.pictures / "tags.csv").is_file()
    progress: Progress = "done" if words and pictures and is_tagged else "started" if words or pictures else "open"
    return progress, {"pictures": pictures, "words": words}


def _speakers(project: Project) -> tuple[Progress, dict[str, int]]:
    found = speakers(project.folder)
    consenting = sum(bool(speaker.consents) for speaker in found)
    progress: Progress = "done" if consenting else "started" if found else "open"
    return progress, {"speakers": len(found)}


def _record(project: Project) -> tuple[Progress, dict[str, int]]:
    takes, prompted = count_takes(project.folder)
    wanted = len(prompts(project.folder, read_plan(project.folder)))
    progress: Progress = "done" if wanted and prompted >= wanted else "started" if takes else "open"
    return progress, {"takes": takes}


def _learn(project: Project) -> tuple[Progress, dict[str, int]]:
    return ("done" if (project.model / "model.safetensors").is_file() else "open"), {}


def _recordings(project: Project) -> tuple[Progress, dict[str, int]]:
    archive, model = project.archive / "archive.json", project.model / "model.safetensors"
    if not archive.is_file():
        return ("started" if listed_folders(project) else "open"), {}
    is_older = model.is_file() and model.stat().st_mtime > archive.stat().st_mtime
    return ("started" if is_older else "done"), {}  # a new model has to index them again


def _find(project: Project) -> tuple[Progress, dict[str, int]]:
    return "open", {}


def _home(project: Project) -> tuple[Progress, dict[str, int]]:
    return ("done" if _files(project, "exports") else "open"), {}


def _files(project: Project, name: str) -> list[Path]:
    folder = project.folder / name
    return list(folder.iterdir()) if folder.is_dir() else []


STEPS: dict[str, Callable[[Project], tuple[Progress, dict[str, int]]]] = {
    "pictures": _pictures,
    "speakers": _speakers,
    "record": _record,
    "learn": _learn,
    "recordings": _recordings,
    "find": _find,
    "home": _home,
}
