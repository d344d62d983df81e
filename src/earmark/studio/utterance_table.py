"""``utterances.csv`` of a project: the takes that a model may learn from, as ``earmark corpus table`` reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.studio.project import Project
from earmark.studio.speakers import Speaker, read_speaker
from earmark.studio.take import Take

UTTERANCES = "utterances.csv"
COLUMNS = (
    "audio",
    "image",
    "utterance_id",
    "speaker",
    "text",
    "translation",
    "spoken_translation",
    "consent",
    "licence",
    "access",
    "language",
    "take",
    "version",
    "kind",
    "question",
    "recorded_at",
    "duration_s",
    "warnings",
)


def write_table(folder: Path, takes: Iterable[Take]) -> None:
    """Write the table: the latest version of each take that has sound, of speakers who gave their consent.

    Parameters
    ----------
    folder : Path
        The project folder, to which paths in the table are relative.
    takes : iterable of Take
        All of them.
    """
    takes = list(takes)
    spoken = {take.of: take.file for take in takes if take.kind == "translation" and take.is_latest}
    people: dict[str, Speaker | None] = {}
    licence = _project_licence(folder)
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for take in takes:
        if take.speaker not in people:
            people[take.speaker] = _speaker(folder, take.speaker)
        speaker = people[take.speaker]
        if speaker is None or not speaker.consents:
            continue
        if take.kind != "translation" and take.is_latest and take.is_usable:
            table.writerow(_row(folder, take, speaker, spoken.get(take.id, ""), licence))
    path = folder / UTTERANCES
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text.getvalue():
            return
    write_text(path, text.getvalue())


def count_takes(folder: Path) -> tuple[int, int]:
    """The number of takes that a model may learn from, and of the pictures and questions that they are about."""
    try:
        with (folder / UTTERANCES).open(encoding="utf-8", newline="") as file:
            rows = [(row["image"], row["question"]) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        return 0, 0  # there is none yet, or it is made anew when the takes are next opened
    return len(rows), len({image or question for image, question in rows if image or question})


def _row(folder: Path, take: Take, speaker: Speaker, spoken_translation: str, licence: str) -> dict[str, str]:
    consent = speaker.consents[-1]
    has_picture = bool(take.item) and (folder / take.item).is_file()
    return {
        "audio": take.file,
        "image": take.item if has_picture else "",
        "utterance_id": take.name,
        "speaker": take.speaker,
        "text": take.text,
        "translation": take.translation,
        "spoken_translation": spoken_translation,
        "consent": f"{consent.kind} {consent.given_on}",
        "licence": speaker.licence or licence,
        "access": speaker.access,
        "language": "; ".join(speaker.languages),
        "take": take.id,
        "version": str(take.version),
        "kind": take.kind,
        "question": take.question,
        "recorded_at": take.recorded_at,
        "duration_s": f"{take.duration_s:.3f}",
        "warnings": " ".join(take.warnings),
    }


def _project_licence(folder: Path) -> str:
    """The licence of the project; "" where the folder has no settings."""
    try:
        return Project(folder).settings().licence
    except EarmarkError:
        return ""


def _speaker(folder: Path, id_: str) -> Speaker | None:
    try:
        return read_speaker(folder, id_)
    except EarmarkError:
        return None
