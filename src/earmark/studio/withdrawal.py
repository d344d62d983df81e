"""Withdrawal: a speaker takes the consent back, and what was recorded is deleted wherever the project reaches."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import SPLITS, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import flush_folder
from earmark.studio.speakers import note_withdrawal, speaker_folder, withdrawn
from earmark.studio.takes import TakeStore

CORPUS, MODEL, ARCHIVE, EXPORTS, JOBS = "corpus", "model", "archive", "exports", "jobs"
READABLE = (".csv", ".json", ".jsonl", ".txt", ".eaf", ".TextGrid", ".xml", ".yaml", ".flextext", ".srt", ".vtt")


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal did, and what is left to do by hand.

    Attributes
    ----------
    takes, utterances : int
        That were deleted from the takes and from the corpus.
    model_learned : bool
        Whether a model learned from a corpus with the speaker: it has to be trained again, or deleted.
    has_archive : bool
        Whether there is an index: it may hold what was derived from the takes.
    exports : tuple of str
        Files of the project's exports that name the speaker or the takes; copies that were given away are like them.
    """

    takes: int
    utterances: int
    model_learned: bool
    has_archive: bool
    exports: tuple[str, ...]


def withdraw(store: TakeStore, speaker: str) -> Withdrawal:
    """Delete all that a speaker gave to a project. After a power cut, opening the project completes it.

    Parameters
    ----------
    store : TakeStore
    speaker : str
        Id of the speaker.

    Raises
    ------
    EarmarkError
        If there is no such speaker.
    """
    folder = store.folder
    names = [take.name for take in store.takes(speaker)]
    note_withdrawal(folder, speaker)
    return Withdrawal(
        takes=store.delete_speaker(speaker),
        utterances=_delete_traces(folder, speaker),
        model_learned=(folder / MODEL).is_dir() and any((folder / MODEL).iterdir()),
        has_archive=(folder / ARCHIVE).is_dir() and any((folder / ARCHIVE).iterdir()),
        exports=_exports_with(folder, [speaker, *names]),
    )


def complete_withdrawals(store: TakeStore) -> None:
    """Complete what a power cut interrupted."""
    for speaker in withdrawn(store.folder):
        if (store.folder / "takes" / speaker).exists():
            store.delete_speaker(speaker)
        if speaker_folder(store.folder, speaker).exists():
            _delete_traces(store.folder, speaker)


def _delete_traces(folder: Path, speaker: str) -> int:
    """Delete a speaker's rows in the corpus, and at last the consents; the number of rows."""
    count = _delete_utterances(folder / CORPUS, speaker)
    _delete_derived(folder, speaker)
    shutil.rmtree(speaker_folder(folder, speaker), ignore_errors=False)
    flush_folder(folder / "speakers")
    return count


def _delete_utterances(corpus_folder: Path, speaker: str) -> int:
    try:
        corpus = read_corpus(corpus_folder)
    except EarmarkError:  # there is none, or it is being made: then it is made of takes that are there
        return 0
    present = [split for split in SPLITS if corpus.manifest(split).is_file()]
    rows = {split: corpus.utterances(split) for split in present}
    left = {split: [row for row in rows[split] if row.speaker != speaker] for split in present}
    count = sum(map(len, rows.values())) - sum(map(len, left.values()))
    if count:
        write_corpus(corpus, left)
    return count


def _delete_derived(folder: Path, speaker: str) -> None:
    """Delete what was computed from the takes: features of the voice, and what the last training was given."""
    named = re.compile(rf"(?<!\w){speaker}(?![^\W_])")
    shutil.rmtree(folder / CORPUS / "features", ignore_errors=True)  # computed anew by the next training
    for path in [*(folder / JOBS).rglob("*"), *(folder / MODEL).glob("*.json")]:
        if path.suffix in READABLE and path.is_file() and named.search(path.read_text("utf-8", errors="replace")):
            path.unlink()


def _exports_with(folder: Path, names: list[str]) -> tuple[str, ...]:
    """Files of the exports that hold one of some names, or are called so."""
    named = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?![^\W_])")
    found = []
    for path in sorted((folder / EXPORTS).rglob("*")):
        if not path.is_file():
            continue
        text = f"{path.name} " + (path.read_text(encoding="utf-8", errors="replace") if path.suffix in READABLE else "")
        if named.search(text):
            found.append(path.relative_to(folder).as_posix())
    return tuple(found)
