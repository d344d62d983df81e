"""What teaches a model: one number a keyword and utterance, kept in the corpus's folder as ``tags/NAME.csv``.

Training reads nothing but these and the sound. Where they come from (a tagger's tags of the pictures, a tag
file, or the words of the transcripts) is the business of ``earmark tag``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.files import replacing
from earmark.vocabulary import Vocabulary

KEY = "utterance_id"


@dataclass(frozen=True)
class Targets:
    """Soft labels by utterance.

    Attributes
    ----------
    vocabulary : Vocabulary
        The W words of the columns.
    rows : mapping of str to numpy.ndarray, shape = (W,), float32 in [0, 1]
        By utterance id.
    """

    vocabulary: Vocabulary
    rows: Mapping[str, npt.NDArray[np.float32]]

    def matrix(self, utterances: Sequence[str], keywords: Vocabulary) -> npt.NDArray[np.float32]:
        """Targets of the given utterances for the given keywords.

        Returns
        -------
        numpy.ndarray, shape = (U, W), float32

        Raises
        ------
        EarmarkError
            If a keyword has no column or an utterance no row.
        """
        missing = [word for word in keywords if word not in self.vocabulary]
        if missing:
            raise EarmarkError(f"The tags have no column for {_some(missing)}: tag with these words, or drop them.")
        unknown = [name for name in utterances if name not in self.rows]
        if unknown:
            raise EarmarkError(
                f"The tags have no row for {_some(unknown)}: run 'earmark tag' again, or leave them out of the corpus."
            )
        columns = [self.vocabulary.index(word) for word in keywords]
        return np.stack([self.rows[name] for name in utterances])[:, columns]


def targets_path(corpus: Corpus, supervision: str) -> Path:
    """Where the tags named `supervision` of a corpus are kept."""
    return corpus.folder / "tags" / f"{supervision}.csv"


def write_targets(path: Path, targets: Targets) -> None:
    """Write tags as CSV: a column for the utterance's id, then one a keyword."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([KEY, *targets.vocabulary])
        for name, row in targets.rows.items():
            rows.writerow([name, *(f"{value:.6g}" for value in row)])


def read_targets(path: Path) -> Targets:
    """Read tags written by :func:`write_targets`.

    Raises
    ------
    EarmarkError
        If there are none, or the file is damaged.
    """
    if not path.is_file():
        raise EarmarkError(f"The corpus has no tags {path.stem!r} ({path}): make them with 'earmark tag'.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            vocabulary = Vocabulary(next(rows)[1:])
            values = {row[0]: np.array(row[1:], dtype=np.float32) for row in rows}
        for name, row in values.items():
            if len(row) != len(vocabulary) or not ((row >= 0) & (row <= 1)).all():
                raise ValueError(f"the row {name!r} has not one number in [0, 1] a keyword")
    except (ValueError, StopIteration, IndexError, csv.Error, EarmarkError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): run 'earmark tag' again.") from error
    return Targets(vocabulary, values)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
