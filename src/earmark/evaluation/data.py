"""Ground truth and predictions of a split, and the one test of whether a location is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Utterance, Word
from earmark.core.errors import EarmarkError
from earmark.core.keyword_map import SPOKEN_AS_WRITTEN, KeywordMap
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.transcripts import bag_of_words, occurrences

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Which keywords are spoken, and where: U utterances, W keywords, N occurrences.

    Attributes
    ----------
    present : numpy.ndarray, shape = (U, W), bool
        The keyword is spoken in the utterance.
    utterance, keyword : numpy.ndarray, shape = (N,), int
        Utterance and keyword of each occurrence. Those of one keyword in one utterance are in order of time.
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
        """The ground truth of some cells, shape = (U, W), bool; the others count as absent."""
        inside = cells[self.utterance, self.keyword]
        return GroundTruth(
            present=self.present & cells,
            utterance=self.utterance[inside],
            keyword=self.keyword[inside],
            start_s=self.start_s[inside],
            end_s=self.end_s[inside],
            aligned=self.aligned,
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """Detection scores and locations of U utterances and W keywords.

    Attributes
    ----------
    scores : numpy.ndarray, shape = (U, W), in [0, 1]
        Detection scores; NaN in cells that were not evaluated.
    times_s : numpy.ndarray, shape = (U, W)
        Locations, in seconds from the start of the utterance; NaN where none was computed.
    evaluated : numpy.ndarray, shape = (U, W), bool
        The cells that take part in the measures; all, if it is not given.

    Raises
    ------
    EarmarkError
        If the detection score of an evaluated cell is NaN or lies outside [0, 1].
    ValueError
        If another cell has a score.
    """

    scores: Floats
    times_s: Floats
    evaluated: Bools = None  # type: ignore[assignment]  # set in __post_init__

    def __post_init__(self) -> None:
        if self.evaluated is None:
            object.__setattr__(self, "evaluated", np.ones(self.scores.shape, dtype=bool))
        if not np.isnan(self.scores[~self.evaluated]).all():
            raise ValueError("there are detection scores in cells that were not evaluated")
        if not ((self.scores >= 0) & (self.scores <= 1))[self.evaluated].all():
            raise EarmarkError(
                "The model gives detection scores that are not between 0 and 1, so its training diverged: "
                "train it again with a lower learning rate."
            )


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
    usable = aligned or [utterance for utterance in utterances if utterance.text is not None]
    if not usable:
        raise EarmarkError("No utterance of this split has a text or word times: there is nothing to measure against.")
    return usable


def ground_truth(
    utterances: Sequence[Utterance], keywords: Vocabulary, keyword_map: KeywordMap = SPOKEN_AS_WRITTEN
) -> GroundTruth:
    """The ground truth of `utterances`, which all have word times or all have texts.

    A keyword of `keyword_map` is spoken where any of its words is.
    """
    aligned = all(utterance.words is not None for utterance in utterances)
    found = [
        (u, w, word.start_s, word.end_s)
        for u, utterance in enumerate(utterances)
        for w, keyword in enumerate(keywords)
        for word in _occurrences(utterance.words or (), keyword_map.spoken_for(keyword))
        if aligned
    ]
    utterance, keyword, start_s, end_s = np.array(found, dtype=float).reshape(-1, 4).T
    if aligned:
        present = np.zeros((len(utterances), len(keywords)), dtype=bool)
        present[utterance.astype(int), keyword.astype(int)] = True
    else:
        rows = bag_of_words(utterances, keywords, keyword_map).rows
        present = np.stack([rows[u.id] for u in utterances]) > 0
    return GroundTruth(present, utterance.astype(int), keyword.astype(int), start_s, end_s, aligned)


def _occurrences(words: Sequence[Word], forms: Sequence[str]) -> list[Word]:
    """Every place where any of several forms of a keyword is spoken, in the order of time."""
    found = [word for form in forms for word in occurrences(words, form)]
    return sorted(found, key=lambda word: (word.start_s, word.end_s))
