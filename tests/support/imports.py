"""What an import has made, for tests of the importers."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from earmark.core.corpus import Corpus, Utterance, read_corpus

# What a file may hold in the place of a recording or a picture.
DAMAGED = b"404 Not Found"


def write(path: Path, *lines: str | bytes, end: bytes = b"\n") -> Path:
    """Write a text file; lines of bytes are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + end for line in lines))
    return path


def utterances(corpus: Corpus) -> dict[str, tuple[str, Utterance]]:
    """Split and utterance by id, as they can be read again."""
    read = read_corpus(corpus.folder)
    assert read == corpus
    return {u.id: (split, u) for split in read.splits() for u in read.utterances(split)}


def spoken(utterance: Utterance) -> list[tuple[str, float, float]] | None:
    """Its words with their times."""
    return None if utterance.words is None else [(word.word, word.start_s, word.end_s) for word in utterance.words]


def noted(folder: Path) -> dict[tuple[str, str], list[str]]:
    """Which things of what kind have what outcome, from the table beside the corpus."""
    found: dict[tuple[str, str], list[str]] = {}
    with open(folder / "skipped.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["what"], row["outcome"]), []).append(row["which"])
    return found


def totals(printed: str) -> dict[str, tuple[int, int, int]]:
    """What was read, left out and kept of each kind, from what was printed."""
    counts = re.findall(r"^(.+): (\d+) read, (\d+) left out, (\d+) kept$", printed, re.M)
    return {what: (int(read), int(left_out), int(imported)) for what, read, left_out, imported in counts}


def assert_account_is_right(corpus: Corpus, printed: str) -> None:
    """What was kept is in the corpus, what was left out is in the table beside it, and nothing else was read."""
    found = [utterance for _, utterance in utterances(corpus).values()]
    counts = Counter(
        what for (what, outcome), which in noted(corpus.folder).items() for _ in which if "left" in outcome
    )
    for what, (read, left_out, imported) in totals(printed).items():
        assert read == left_out + imported, what
        assert left_out == counts[what], what
    assert totals(printed)["utterances"][2] == len(found)
    if "words" in totals(printed):
        assert totals(printed)["words"][2] == sum(len(utterance.words or ()) for utterance in found)


def assert_same_bytes(prepare: Callable[[Path], Corpus], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An import that is done twice, into one folder or two, makes the same files."""
    first, second = prepare(folder / "first"), prepare(folder / "second")
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    assert before == {path.name: path.read_bytes() for path in second.folder.iterdir()}
    prepare(folder / "first")
    assert before == {path.name: path.read_bytes() for path in first.folder.iterdir()}
    capsys.readouterr()
