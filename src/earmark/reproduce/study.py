"""All that is known when the report is written: the test split, its truth, and the cells that were evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.corpus import Corpus, Utterance
from earmark.evaluate.gather import gather_truth, measurable
from earmark.evaluate.truth import Truth
from earmark.pages.results import at
from earmark.reproduce.grid import Cell, Row, cells
from earmark.reproduce.results import SPLIT, Result, read_results
from earmark.vocabulary import Vocabulary

Look = Callable[[Cell], float | None]


@dataclass(frozen=True, eq=False)
class Study:
    """A reproduction as far as it has come.

    Attributes
    ----------
    out : Path
        Its folder.
    rows : sequence of Row
        The whole grid.
    corpus : Corpus
    keywords : Vocabulary
    utterances : list of Utterance
        The U utterances of the test split that were measured on.
    truth : Truth
    results : mapping of Cell to Result
        Of the cells that were evaluated.
    """

    out: Path
    rows: Sequence[Row]
    corpus: Corpus
    keywords: Vocabulary
    utterances: list[Utterance]
    truth: Truth
    results: Mapping[Cell, Result]


def read_study(out: Path, rows: Sequence[Row], corpus: Corpus, keywords: Vocabulary) -> Study:
    """Gather what there is in a reproduction's folder.

    Raises
    ------
    EarmarkError
        If a cell is damaged, or is not of this test split and these keywords.
    """
    utterances = measurable(corpus.utterances(SPLIT))
    results = read_results(out, cells(rows), corpus, keywords)
    return Study(out, rows, corpus, keywords, utterances, gather_truth(utterances, keywords), results)


def measured(study: Study, path: str) -> Look:
    """Looks a measure of the metrics up in a cell; None where the cell was not evaluated."""

    def look(cell: Cell) -> float | None:
        value: float | None = at(study.results[cell].metrics, path) if cell in study.results else None
        return value

    return look
