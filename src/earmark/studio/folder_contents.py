"""What a folder of existing recordings holds: utterances with their pictures, texts, translations and speakers.

Documents of ELAN, Praat and FLEx and tables are read by the importers of :mod:`earmark.corpora`. A recording that none
of them names belongs to the picture that is called like it.
"""

from __future__ import annotations

import csv
import logging
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from earmark.core.corpus import Corpus, Utterance
from earmark.core.csv_tables import Problems
from earmark.core.errors import EarmarkError
from earmark.corpora import elan, flextext, table, textgrid
from earmark.corpora._import_log import FILE as SKIPPED
from earmark.corpora._import_log import Note, NothingLeftError
from earmark.media.audio import audio_info
from earmark.media.kinds import is_named_as_audio

Reason = Literal[
    "unreadable", "nothingWritten", "noTimes", "noRecording", "noSound", "tooShort", "row", "alone", "unknown"
]

DOCUMENTS: dict[str, Callable[..., Corpus]] = {
    ".eaf": elan.prepare,
    ".textgrid": textgrid.prepare,
    ".flextext": flextext.prepare,
}
TIERED = (".eaf", ".textgrid")
TABLES = (".csv", ".tsv")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
# Names of tiers with translations, of the usual templates: of ELAN, SayMore, FLEx and others.
TRANSLATIONS = ("*transl*", "*traduc*", "*traduz*", "ft@*", "ft", "*free*", "*gloss*", "*tafsiri*", "*terjemah*")
REASONS: dict[str, Reason] = {  # by how the importers put them
    "they can't be read": "unreadable",
    "nothing is written in them": "nothingWritten",
    "they have no times": "noTimes",
    "their recording is not found": "noRecording",
    "there is no such audio file": "noRecording",
    "the audio can't be read": "noSound",
    "less than 0.1 s of their recording is there": "tooShort",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeftOut:
    """Something of a folder that can't become a take.

    Attributes
    ----------
    which : str
        A file, or an utterance or a row of one.
    reason : str
        One of `Reason`.
    detail : str
        In English; may be empty.
    """

    which: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True)
class FolderContents:
    """What a folder holds.

    Attributes
    ----------
    utterances : tuple of Utterance
    left_out : tuple of LeftOut
    """

    utterances: tuple[Utterance, ...]
    left_out: tuple[LeftOut, ...]


def read_folder(folder: Path) -> FolderContents:
    """Read what can become takes from a folder and all below it; nothing in it is changed.

    Raises
    ------
    EarmarkError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise EarmarkError(f"There is no folder {folder}: name the one that holds the recordings.", code="noFolder")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    utterances: list[Utterance] = []
    left_out: list[LeftOut] = []
    for suffix in DOCUMENTS:
        if any(path.suffix.lower() == suffix for path in files):
            found, lacking = _of_documents(folder, suffix)
            utterances += found
            left_out += lacking
    for path in files:
        if path.suffix.lower() in TABLES:
            found, lacking = _of_table(path)
            utterances += found
            left_out += lacking
    named = {medium for one in utterances for medium in (one.audio, one.image)}
    others = [path for path in files if path not in named]
    for found_or_lacking in _of_equal_names(others):
        if isinstance(found_or_lacking, Utterance):
            utterances.append(found_or_lacking)
        else:
            left_out.append(found_or_lacking)
    relative = partial(_relative, folder)
    return FolderContents(tuple(utterances), tuple(map(relative, left_out)))


def _of_documents(folder: Path, suffix: str) -> tuple[list[Utterance], list[LeftOut]]:
    """Utterances of all documents of a kind."""
    options = {"translation": [*TRANSLATIONS]} if suffix in TIERED else {}
    with tempfile.TemporaryDirectory(prefix="earmark-") as out:
        try:
            corpus = DOCUMENTS[suffix](folder, Path(out) / "corpus", **options)
        except NothingLeftError as problem:
            return [], list(_left_out(problem.notes))
        found = [utterance for split in corpus.splits() for utterance in corpus.utterances(split)]
        return found, list(_left_out(_notes(corpus.folder / SKIPPED)))


def _notes(path: Path) -> Iterator[Note]:
    """What an importer noted beside its corpus."""
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            yield from (Note(**row) for row in csv.DictReader(file))


def _left_out(notes: Iterable[Note]) -> Iterator[LeftOut]:
    for note in notes:
        outcome, _, why = note.outcome.partition(": ")
        if outcome == "left out" and note.what != "words":
            yield LeftOut(note.which, REASONS.get(why, "unknown"), note.detail or why)


def _of_table(path: Path) -> tuple[list[Utterance], list[LeftOut]]:
    problems = Problems()
    try:
        found = table.usable_rows(path, problems)
    except EarmarkError as problem:
        return [], [LeftOut(str(path), "unreadable", str(problem))]
    return found, [LeftOut(f"{where} {row}", "row", what) for where, row, what in problems]


def _of_equal_names(paths: list[Path]) -> Iterator[Utterance | LeftOut]:
    """Each recording with the picture beside it that has its name."""
    pictures = {_name_of(path): path for path in paths if path.suffix.lower() in PICTURES}
    used: set[Path] = set()
    for path in filter(is_named_as_audio, paths):
        picture = pictures.get(_name_of(path))
        if picture is None:
            yield LeftOut(str(path), "alone")
            continue
        used.add(picture)
        try:
            info = audio_info(path)
        except EarmarkError as problem:
            yield LeftOut(str(path), "noSound", str(problem))
            continue
        yield Utterance(path.stem, path, info.sample_rate, info.samples, info.channels, image=picture)
    yield from (LeftOut(str(picture), "alone") for picture in pictures.values() if picture not in used)


def _name_of(path: Path) -> tuple[Path, str]:
    return path.parent, unicodedata.normalize("NFC", path.stem).casefold()


def _relative(folder: Path, left_out: LeftOut) -> LeftOut:
    """The same with paths that begin at the folder."""
    start = f"{folder}/"
    return LeftOut(left_out.which.replace(start, ""), left_out.reason, left_out.detail.replace(start, ""))
