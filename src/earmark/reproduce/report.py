"""The report of a reproduction, as a page and as Markdown, and the results that it is written from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus, Utterance
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import GroundTruth, ground_truth, measurable
from earmark.reports.page import DASH
from earmark.reports.reproduction import DetailSection, Table, to_markdown, write_reproduction
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row, cells
from earmark.reproduce.results import SPLIT, Result, read_curve, read_results, run_folder
from earmark.reproduce.runner import duration_text
from earmark.training.state import training_seconds


def write_files(
    out: Path,
    title: str,
    lede: str,
    terms: Mapping[str, str],
    tables: Sequence[Table],
    details: Sequence[DetailSection],
    differences: Mapping[str, str],
) -> None:
    """Write ``report.md`` and ``report.html`` into a folder; parameters as for :func:`write_reproduction`."""
    parts = [
        f"# {title}\n",
        f"{lede} Published values stand behind a slash.\n",
        "## What the names mean\n",
        _definitions(terms),
        *(to_markdown(table) for table in tables),
    ]
    for detail in details:
        parts += [f"## {detail.name}\n", *(f"{note}\n" for note in detail.notes), f"{detail.detected}\n"]
        parts += [f"- {scatter.caption}" for scatter in detail.scatters]
        parts += ["", to_markdown(detail.keywords), to_markdown(detail.confusions)]
    parts += ["## What differs from the paper\n", _definitions(differences)]
    write_text(out / "report.md", "\n".join(parts))
    write_reproduction(out / "report.html", title, lede, terms, tables, details, differences)


def _definitions(terms: Mapping[str, str]) -> str:
    return "\n".join([*(f"- **{name}**: {what}" for name, what in terms.items()), ""])


CellValue = Callable[[Cell], float | None]


@dataclass(frozen=True, eq=False)
class ReproductionResults:
    """A reproduction as far as it is done.

    Attributes
    ----------
    out : Path
        Its folder.
    rows : sequence of Row
        The whole grid.
    corpus : Corpus
    keywords : Vocabulary
    utterances : list of Utterance
        The U utterances of the test split that are evaluated.
    truth : GroundTruth
    by_cell : mapping of Cell to Result
        Of the cells that were evaluated.
    """

    out: Path
    rows: Sequence[Row]
    corpus: Corpus
    keywords: Vocabulary
    utterances: list[Utterance]
    truth: GroundTruth
    by_cell: Mapping[Cell, Result]


def read_results_of(out: Path, rows: Sequence[Row], corpus: Corpus, keywords: Vocabulary) -> ReproductionResults:
    """Read the results in a reproduction's folder.

    Raises
    ------
    EarmarkError
        If a cell is damaged, or is not of this test split and these keywords.
    """
    utterances = measurable(corpus.utterances(SPLIT))
    results = read_results(out, cells(rows), corpus, keywords)
    truth = ground_truth(utterances, keywords, corpus.keyword_map)
    return ReproductionResults(out, rows, corpus, keywords, utterances, truth, results)


def measured(results: ReproductionResults, path: str) -> CellValue:
    """A function that gives a number of ``metrics.json`` for a cell; None where the cell was not evaluated."""

    def value(cell: Cell) -> float | None:
        return results.by_cell[cell].metrics.value(path) if cell in results.by_cell else None

    return value


def trainings(results: ReproductionResults) -> Table:
    """Epochs, time and best epoch on dev of every training."""
    body = []
    for training in dict.fromkeys(cell.training for cell in results.by_cell):
        curve = read_curve(results.out, training)
        best = min(curve, key=lambda point: point["dev_loss"], default=None)
        seconds = training_seconds(run_folder(results.out, training))
        facts = (
            str(len(curve) or DASH),
            DASH if seconds is None else duration_text(seconds),
            f"{best['epoch']:.0f}, loss on dev {best['dev_loss']:.4f}" if best else DASH,
        )
        title = next(row.title for row in results.rows if row.architecture == training.architecture)
        body.append(((title, SUPERVISIONS[training.supervision], *facts), ()))
    columns = ("Architecture", "Supervision", "Epochs", "Time", "Best epoch")
    notes = ("Time is that of whole epochs on this machine, without feature extraction.",)
    return Table("Trainings", columns, body, notes)
