"""What an import read, what it left out, and why: counted while it runs, logged at the end.

The corpora that others distribute hold damaged and missing entries. None of them stops the rest, and none is passed
over in silence: each is noted here, logged by its reason, and listed in full in ``skipped.csv`` beside the corpus.
"""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.core.csv_tables import Problems
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing

logger = logging.getLogger(__name__)

FILE = "skipped.csv"
EXAMPLES = 3


@dataclass(frozen=True)
class Note:
    """Something that was not as it should be: what it is, what became of it and why, and which one."""

    what: str
    outcome: str
    which: str
    detail: str = ""


class NothingLeftError(EarmarkError):
    """An import of which nothing is left.

    Attributes
    ----------
    notes : tuple of Note
        On everything that is left out.
    """

    def __init__(self, sentence: str, notes: Iterable[Note]) -> None:
        super().__init__(sentence)
        self.notes = tuple(notes)


class ImportLog:
    """An account of an import. What it counts (utterances, words, ...) is named in the plural."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._notes: list[Note] = []

    def read(self, what: str, count: int = 1) -> None:
        """Count things that were read; each is kept unless it is skipped as well."""
        self._read[what] += count

    def skip(self, what: str, why: str, which: str, detail: str = "") -> None:
        """Note one that is left out."""
        self._skipped[what] += 1
        self._notes.append(Note(what, f"left out: {why}", which, detail))

    def lack(self, what: str, without: str, which: str, detail: str = "") -> None:
        """Note one that is kept although something of it is missing."""
        self._notes.append(Note(what, f"kept without {without}", which, detail))

    def absent(self, name: str, consequence: str, detail: str) -> None:
        """Note that a file or folder which one can do without is not there, and what comes of that."""
        self._notes.append(Note("files", f"not there: {consequence}", name, detail))

    def skip_problems(self, what: str, why: str, problems: Problems) -> None:
        """Note all that a reader found wrong, each as one that is left out."""
        for path, row, detail in problems:
            self.skip(what, why, f"{path.name} row {row}", detail)

    def imported(self, what: str) -> int:
        """How many were read and not left out."""
        return self._read[what] - self._skipped[what]

    def main_reason(self, what: str) -> str:
        """Why most of `what` were left out, or else kept with a lack, as a sentence about the first; "" if none was."""
        noted = {outcome: notes for (of, outcome), notes in self._by_reason().items() if of == what}
        left_out = [notes for outcome, notes in noted.items() if "left out" in outcome]
        if not noted:
            return ""
        first = max(left_out or noted.values(), key=len)[0]
        detail = f" ({first.detail.rstrip('.')})" if first.detail else ""
        return f"{first.which} was {first.outcome}{detail}."

    @property
    def notes(self) -> tuple[Note, ...]:
        """All that is noted so far."""
        return tuple(self._notes)

    def report(self) -> None:
        """Log what was read, left out and kept; then the reasons, with the first examples of each."""
        for what, read in self._read.items():
            logger.info("%s: %d read, %d left out, %d kept", what, read, self._skipped[what], self.imported(what))
        for (what, outcome), notes in self._by_reason().items():
            examples = ", ".join(list(dict.fromkeys(note.which for note in notes))[:EXAMPLES])
            logger.info("%d %s %s; the first: %s", len(notes), what, outcome, examples)

    def write(self, folder: Path) -> None:
        """List everything that is noted in a table beside the corpus; without notes there is no table."""
        if not self._notes:
            (folder / FILE).unlink(missing_ok=True)
            return
        with replacing(folder / FILE) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["what", "outcome", "which", "detail"])
            rows.writerows([note.what, note.outcome, note.which, note.detail] for note in self._notes)

    def _by_reason(self) -> dict[tuple[str, str], list[Note]]:
        reasons: dict[tuple[str, str], list[Note]] = {}
        for note in self._notes:
            reasons.setdefault((note.what, note.outcome), []).append(note)
        return reasons
