"""Semantic spotting: is an utterance relevant to a keyword in the judgement of people, whether or not it is spoken?

The labels are those of Kamper, Shakhnarovich and Livescu (2019), *Semantic speech retrieval with a visually grounded
model of untranscribed speech*: a thousand test utterances of Flickr8k Audio, each with the keywords that five people
chose for it. They come as CSV in one of two forms::

    utt_key,transcription,keywords
    106490881_5a2dd9b7bd_4,"the boy is playing on the shore",boy|young|ocean
    utt_key,transcription,counts
    106490881_5a2dd9b7bd_4,"the boy is playing on the shore",boy=5|little=2|young=4|ocean=5

A keyword is a label of an utterance where three people chose it, or where it stands in the transcription. In the first
form the keywords that are listed were chosen by so many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from earmark.core.csv_tables import Problems, Row, read_table
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, normalise, plain_words
from earmark.evaluation.data import Bools, Floats
from earmark.evaluation.metrics import macro, rank, spotting_measures

ENOUGH = 3  # of five people
MEASURES = {
    "p_at_10": "spotting.p_at_10",
    "p_at_n": "spotting.p_at_n",
    "eer": "spotting.eer",
    "average_precision": "detection.average_precision",
}


@dataclass(frozen=True)
class SemanticLabels:
    """Keywords to which people find utterances relevant.

    Attributes
    ----------
    labels : mapping of str to frozenset of str
        By key of the utterance, the words (normalised) that enough people chose or that it contains.
    known : frozenset of str
        The words (normalised) that people could choose.
    """

    labels: Mapping[str, frozenset[str]]
    known: frozenset[str]

    def matrix(self, utterances: Sequence[str], keywords: Vocabulary) -> tuple[list[int], list[int], Bools]:
        """Labels of those utterances and keywords that have some.

        Parameters
        ----------
        utterances : sequence of str
            Ids; one is known by its key, or by its key with a file's ending.
        keywords : Vocabulary

        Returns
        -------
        rows, columns : list of int
            Which of the utterances and of the keywords.
        labels : numpy.ndarray, shape = (rows, columns), bool

        Raises
        ------
        EarmarkError
            If no utterance or no keyword has labels.
        """
        keys = [name if name in self.labels else PurePath(name).stem for name in utterances]
        rows = [u for u, key in enumerate(keys) if key in self.labels]
        columns = [w for w, word in enumerate(keywords) if normalise(word) in self.known]
        if not rows or not columns:
            missing = "keyword" if rows else "utterance"
            raise EarmarkError(f"The semantic labels are of no {missing} that is evaluated: leave --semantic out.")
        words = [normalise(keywords.words[w]) for w in columns]
        relevant = [[word in self.labels[keys[u]] for word in words] for u in rows]
        return rows, columns, np.array(relevant, dtype=bool)


def read_semantic(path: Path | str) -> SemanticLabels:
    """Read semantic labels from a CSV file in either form.

    Raises
    ------
    EarmarkError
        If the file is missing, or has errors: all of them, row by row.
    """
    problems = Problems()
    table = read_table(path, ["utt_key", "transcription"], ["counts", "keywords"], problems)
    forms = [column for column in ("counts", "keywords") if column in table.columns]
    if table.rows and len(forms) != 1:
        problems.add(table.path, 1, "there must be one column 'counts' or 'keywords'")
        problems.stop()
    votes: dict[str, dict[str, int]] = {}
    texts: dict[str, str] = {}
    for row in table.rows:
        key = row.get("utt_key")
        if not key or key in votes:
            problems.add(
                table.path, row.number, f"the utt_key {key!r} is there twice" if key else "there is no utt_key"
            )
            continue
        votes[key] = _votes(row, forms[0], table.path, problems)
        texts[key] = f" {' '.join(plain_words(row.get('transcription')))} "
    problems.stop()
    known = frozenset(word for counts in votes.values() for word in counts)
    labels = {
        key: frozenset(word for word in known if counts.get(word, 0) >= ENOUGH or f" {word} " in texts[key])
        for key, counts in votes.items()
    }
    return SemanticLabels(labels, known)


def _votes(row: Row, form: str, path: Path, problems: Problems) -> dict[str, int]:
    """How many people chose each keyword of a row."""
    votes = {}
    for entry in filter(None, row.get(form).split("|")):
        word, equals, count = entry.rpartition("=") if form == "counts" else (entry, "=", str(ENOUGH))
        if not (word.strip() and equals and count.strip().isdecimal()):
            problems.add(path, row.number, f"{entry!r} is not a keyword with its count, like boy=5")
            continue
        votes[normalise(word)] = int(count)
    return votes


def spotting_means(scores: Floats, relevant: Bools) -> dict[str, float]:
    """P@10, P@N, EER and average precision of detection scores, as means over the keywords that are relevant at all.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (U, W)
    relevant : numpy.ndarray, shape = (U, W), bool

    Returns
    -------
    dict of float
        NaN where a measure is defined for no keyword.
    """
    once = np.ones((len(scores), 1), dtype=int)
    each = [spotting_measures(rank(s, r), r, r, once) for s, r in zip(scores.T, relevant.T, strict=True)]
    return {name: float(macro(np.array([one[place][0] for one in each]))) for name, place in MEASURES.items()}
