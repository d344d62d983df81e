"""Training targets: one number in [0, 1] per keyword and utterance, stored in the corpus as ``tags/NAME.csv``.

Training reads only these and the audio. ``earmark tag`` makes them: from a tagger, from transcripts, or from a file in
the format in which the tags of Flickr8k were published (:func:`tags_from_file`):

Blank lines and lines that begin with ``#`` are passed over; one line ``Tags: word1 word2 ...`` names the
columns; every other line is ``image: p1 p2 ...`` (the colon may be missing), with numbers in [0, 1]. An image is
named by its file name without the ending.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.vocabulary import Vocabulary, read_text

KEY = "utterance_id"


@dataclass(frozen=True)
class Targets:
    """Soft labels by utterance.

    Attributes
    ----------
    vocabulary : Vocabulary
        The W words of the columns.
    rows : mapping of str to numpy.ndarray, shape = (W,), float32 in [0, 1]
        By utterance id. NaN where a tag is unknown: no loss, threshold or rate is computed from it.
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


def unknown_row(keywords: Vocabulary) -> npt.NDArray[np.float32]:
    """Tags of an utterance of which nothing is known."""
    return np.full(len(keywords), np.nan, dtype=np.float32)


def targets_path(corpus: Corpus, supervision: str) -> Path:
    """Where the tags named `supervision` of a corpus are kept."""
    return corpus.folder / "tags" / f"{supervision}.csv"


def write_targets(path: Path, targets: Targets) -> None:
    """Write tags as CSV: a column for the utterance's id, then one a keyword; an unknown tag is an empty cell."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([KEY, *targets.vocabulary])
        for name, row in targets.rows.items():
            rows.writerow([name, *("" if np.isnan(value) else f"{value:.6g}" for value in row)])


def read_targets(path: Path, keywords: Vocabulary | None = None) -> Targets:
    """Read tags written by :func:`write_targets`.

    Parameters
    ----------
    path : Path
    keywords : Vocabulary, optional
        Those of the columns that are needed: what stands in the others is neither read nor checked, which saves most of
        the time and memory where tags have a thousand words. Without it, all.

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
            count, columns = len(vocabulary), _columns(vocabulary, keywords)
            if columns is not None:
                vocabulary = Vocabulary(vocabulary.words[column] for column in columns)
            values = {row[0]: _values(row, count, columns) for row in rows}
    except (ValueError, StopIteration, IndexError, csv.Error, EarmarkError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): run 'earmark tag' again.") from error
    return Targets(vocabulary, values)


def _columns(vocabulary: Vocabulary, keywords: Vocabulary | None) -> list[int] | None:
    """The columns of some keywords, in the file's order; None for all, or where there is none."""
    if keywords is None:
        return None
    return sorted(vocabulary.index(word) for word in keywords if word in vocabulary) or None


def _values(row: Sequence[str], count: int, columns: Sequence[int] | None) -> npt.NDArray[np.float32]:
    """The tags in a row of a file, of all its `count` columns or of some; NaN for an empty cell."""
    name, *cells = row
    if len(cells) != count:
        raise ValueError(f"the row {name!r} has not one number in [0, 1] a keyword, or an empty cell")
    if columns is not None:
        cells = [cells[column] for column in columns]
    values = np.array([cell or "nan" for cell in cells], dtype=np.float32)
    known = np.array([cell != "" for cell in cells], dtype=bool)
    if not (~known | ((values >= 0) & (values <= 1))).all():
        raise ValueError(f"the row {name!r} has not one number in [0, 1] a keyword, or an empty cell")
    return values


def _some(names: Sequence[str]) -> str:
    first = ", ".join(names[:5])
    return first if len(names) <= 5 else f"{first} and {len(names) - 5} more"


def tags_from_file(path: Path | str, utterances: Iterable[Utterance]) -> Targets:
    """Tags of the utterances' images.

    Raises
    ------
    EarmarkError
        If a line is malformed (with its number), or utterances have no image or their images no line.
    """
    vocabulary, by_image = _read(path)
    rows, lacking = {}, []
    for utterance in utterances:
        key = unicodedata.normalize("NFC", utterance.image.stem) if utterance.image else ""
        if key in by_image:
            rows[utterance.id] = by_image[key]
        else:
            lacking.append(utterance)
    if lacking:
        first = lacking[0]
        which = f"the image {first.image.name} of {first.id}" if first.image else f"{first.id}, which has no image"
        raise EarmarkError(
            f"{path} has no tags for {len(lacking)} of the corpus's {len(lacking) + len(rows)} utterances "
            f"(the first: {which}): give the file that was made for these pictures, or leave the utterances out of the "
            "corpus."
        )
    return Targets(vocabulary, rows)


def _read(path: Path | str) -> tuple[Vocabulary, dict[str, npt.NDArray[np.float32]]]:
    vocabulary: Vocabulary | None = None
    rows = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if vocabulary is None:
            head, _, words = line.partition(":")
            if head.strip() != "Tags":
                raise EarmarkError(f"{path}, line {number}: the first line must be 'Tags:' and the words.")
            try:
                vocabulary = Vocabulary(words.split())
            except EarmarkError as error:
                raise EarmarkError(f"{path}, line {number}: {error}") from None
            continue
        name, numbers = _parted(line, len(vocabulary))
        rows[unicodedata.normalize("NFC", name)] = _numbers(numbers, len(vocabulary), f"{path}, line {number}")
    if vocabulary is None:
        raise EarmarkError(f"{path} holds no tags: it needs a line 'Tags:' with the words, then one line an image.")
    return vocabulary, rows


def _parted(line: str, count: int) -> tuple[str, list[str]]:
    """The image's name, which may hold spaces, and what stands where the numbers should."""
    name, colon, numbers = line.rpartition(":")
    if colon:
        return name.strip(), numbers.split()
    name, *fields = line.rsplit(maxsplit=count)
    return name.strip(), fields


def _numbers(fields: list[str], count: int, where: str) -> npt.NDArray[np.float32]:
    try:
        values = np.array(fields, dtype=np.float32)
    except ValueError:
        values = np.empty(0, dtype=np.float32)
    if len(values) != count or not ((values >= 0) & (values <= 1)).all():
        raise EarmarkError(f"{where}: there must be {count} numbers between 0 and 1 after the image's name.")
    return values
