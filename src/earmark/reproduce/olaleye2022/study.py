"""All that is known when the report is written: the test split, its truth, and the cells that were evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.corpus import Corpus, Utterance
from earmark.evaluate.detection import detected
from earmark.evaluate.gather import gather_truth, measurable
from earmark.evaluate.measures import PAPER_THRESHOLD
from earmark.evaluate.ranking import rank
from earmark.evaluate.released import released
from earmark.evaluate.runner import Evaluation
from earmark.evaluate.truth import Truth
from earmark.finder import Finder
from earmark.models.checkpoint import read_checkpoint
from earmark.reproduce.olaleye2022.grid import Cell, Row, cells
from earmark.reproduce.olaleye2022.results import SPLIT, Result, read_results, run_folder
from earmark.vocabulary import Vocabulary


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

    def released_at_half(self, cell: Cell) -> dict[str, float]:
        """Measures of a cell as the released code counts them, at the paper's threshold."""
        predictions = self.results[cell].predictions
        rankings = [rank(s, p) for s, p in zip(predictions.scores.T, self.truth.present.T, strict=True)]
        detections = detected(predictions.scores, PAPER_THRESHOLD)
        return {name: float(value) for name, value in released(self.truth, predictions, detections, rankings).items()}

    def evaluation(self, cell: Cell) -> Evaluation:
        """An evaluated cell with its model, to hear it again.

        Raises
        ------
        EarmarkError
            If the run is no longer there.
        """
        result = self.results[cell]
        finder = Finder(read_checkpoint(run_folder(self.out, cell.training)), cell.row.localisation)
        return Evaluation(finder, self.utterances, finder.keywords, self.truth, result.predictions, result.metrics)


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
