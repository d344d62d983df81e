"""The truth about a split, from its transcripts and word alignments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earmark.corpus import Utterance
from earmark.errors import EarmarkError
from earmark.evaluate.truth import Truth
from earmark.supervision.words import bag_of_words, occurrences
from earmark.vocabulary import Vocabulary


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


def gather_truth(utterances: Sequence[Utterance], keywords: Vocabulary) -> Truth:
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
    return Truth(present, utterance.astype(int), keyword.astype(int), start_s, end_s, aligned)
