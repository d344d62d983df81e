"""What is spoken where, what a model says of it, and the one test of whether a location is right.

The truth about a split, from its transcripts and word alignments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery, Prompt, canonical_path
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.transcripts import bag_of_words, occurrences

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What is spoken, and where: U utterances, W keywords, N occurrences.

    Attributes
    ----------
    present : numpy.ndarray, shape = (U, W), bool
        The keyword is spoken in the utterance.
    utterance, keyword : numpy.ndarray, shape = (N,), int
        Whose occurrence of what. Those of one keyword in one utterance are in order of time.
    start_s, end_s : numpy.ndarray, shape = (N,)
        Extent of the occurrence, in seconds from the start of the utterance.
    aligned : bool
        False where word times are unknown. Then there is no occurrence, and only detection and spotting
        can be measured.
    """

    present: Bools
    utterance: Ints
    keyword: Ints
    start_s: Floats
    end_s: Floats
    aligned: bool

    def __post_init__(self) -> None:
        if not self.present[self.utterance, self.keyword].all():
            raise ValueError("a keyword occurs in an utterance where it is not present")

    def within(self, cells: Bools) -> GroundTruth:
        """What is spoken in some cells, shape = (U, W), bool; of the others nothing is known."""
        kept = cells[self.utterance, self.keyword]
        return GroundTruth(
            present=self.present & cells,
            utterance=self.utterance[kept],
            keyword=self.keyword[kept],
            start_s=self.start_s[kept],
            end_s=self.end_s[kept],
            aligned=self.aligned,
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of U utterances and W keywords.

    Attributes
    ----------
    scores : numpy.ndarray, shape = (U, W), in [0, 1]
        Detection scores; NaN where the model was not asked.
    times_s : numpy.ndarray, shape = (U, W)
        Locations, in seconds from the start of the utterance; NaN where none was sought.
    asked : numpy.ndarray, shape = (U, W), bool, or None
        Where the model was asked; None for everywhere. Cells where it was not take part in no measure.

    Raises
    ------
    EarmarkError
        If a detection score is NaN or lies outside [0, 1] where the model was asked.
    ValueError
        If there is a score where it was not.
    """

    scores: Floats
    times_s: Floats
    asked: Bools | None = None

    def __post_init__(self) -> None:
        if not np.isnan(self.scores[~self.answered]).all():
            raise ValueError("there are detection scores where the model was not asked")
        if not ((self.scores >= 0) & (self.scores <= 1))[self.answered].all():
            raise EarmarkError(
                "The model gives detection scores that are not between 0 and 1, so its training diverged: "
                "train it again with a lower learning rate."
            )

    @property
    def answered(self) -> Bools:
        """Where there is an answer, shape = (U, W), bool."""
        return np.ones(self.scores.shape, dtype=bool) if self.asked is None else self.asked


def holds_location(truth: GroundTruth, predictions: Predictions) -> Bools:
    """Whether each occurrence holds the location predicted for its keyword: start <= location <= end.

    Returns
    -------
    numpy.ndarray, shape = (N,), bool
    """
    time_s = predictions.times_s[truth.utterance, truth.keyword]
    return (truth.start_s <= time_s) & (time_s <= truth.end_s)


def located(truth: GroundTruth, predictions: Predictions) -> Bools:
    """Whether the location lies inside any occurrence of the keyword.

    Returns
    -------
    numpy.ndarray, shape = (U, W), bool
    """
    held = holds_location(truth, predictions)
    table = np.zeros_like(truth.present)
    table[truth.utterance[held], truth.keyword[held]] = True
    return table


def measurable(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances to measure on: those with word times if any has them, else those with a text.

    Raises
    ------
    EarmarkError
        If none has either.
    """
    aligned = [utterance for utterance in utterances if utterance.words is not None]
    kept = aligned or [utterance for utterance in utterances if utterance.text is not None]
    if not kept:
        raise EarmarkError("No utterance of this split has a text or word times: there is nothing to measure against.")
    return kept


def ground_truth(utterances: Sequence[Utterance], keywords: Vocabulary) -> GroundTruth:
    """What is spoken where in `utterances`, which all have word times or all have texts."""
    aligned = all(utterance.words is not None for utterance in utterances)
    found = [
        (u, w, word.start_s, word.end_s)
        for u, utterance in enumerate(utterances)
        for w, keyword in enumerate(keywords)
        for word in occurrences(utterance.words or (), keyword)
        if aligned
    ]
    utterance, keyword, start_s, end_s = np.array(found, dtype=float).reshape(-1, 4).T
    if aligned:
        present = np.zeros((len(utterances), len(keywords)), dtype=bool)
        present[utterance.astype(int), keyword.astype(int)] = True
    else:
        rows = bag_of_words(utterances, keywords).rows
        present = np.stack([rows[u.id] for u in utterances]) > 0
    return GroundTruth(present, utterance.astype(int), keyword.astype(int), start_s, end_s, aligned)


def others(query: ImageQuery, picture: Path | None) -> tuple[Prompt, ...]:
    """A query's prompts that are not of one picture."""
    own = picture and canonical_path(picture)
    return tuple(prompt for prompt in query.prompts if canonical_path(prompt.path) != own)
