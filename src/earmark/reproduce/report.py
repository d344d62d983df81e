"""A reproduction's report, as a page and as Markdown.

All that is known when the report is written: the test split, its truth, and the cells that were evaluated.

What the trainings of a reproduction took.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus, Utterance
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import GroundTruth, ground_truth, measurable
from earmark.reports.evaluation import at
from earmark.reports.page import DASH
from earmark.reports.reproduction import DetailSection, Table, to_markdown, write_reproduction
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row, cells
from earmark.reproduce.results import SPLIT, Result, read_curve, read_results, run_folder
from earmark.reproduce.runner import spell
from earmark.training.state import training_seconds


def write_files(
    out: Path,
    title: str,
    lede: str,
    terms: Mapping[str, str],
    tables: Sequence[Table],
    closeups: Sequence[DetailSection],
    differences: Mapping[str, str],
) -> None:
    """Write ``report.md`` and ``report.html`` into a folder; parameters as for :func:`write_reproduction`."""
    parts = [
        f"# {title}\n",
        f"{lede} Behind a slash stands what was published.\n",
        "## What the names mean\n",
        _described(terms),
        *(to_markdown(table) for table in tables),
    ]
    for closeup in closeups:
        parts += [f"## {closeup.name}\n", *(f"{note}\n" for note in closeup.notes), f"{closeup.detected}\n"]
        parts += [f"- {scatter.caption}" for scatter in closeup.scatters]
        parts += ["", to_markdown(closeup.keywords), to_markdown(closeup.confusions)]
    parts += ["## What differs from the paper\n", _described(differences)]
    write_text(out / "report.md", "\n".join(parts))
    write_reproduction(out / "report.html", title, lede, terms, tables, closeups, differences)


def _described(terms: Mapping[str, str]) -> str:
    return "\n".join([*(f"- **{name}**: {what}" for name, what in terms.items()), ""])


Look = Callable[[Cell], float | None]


@dataclass(frozen=True, eq=False)
class ReproductionResults:
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
    truth: GroundTruth
    results: Mapping[Cell, Result]


def read_results_of(out: Path, rows: Sequence[Row], corpus: Corpus, keywords: Vocabulary) -> ReproductionResults:
    """Gather what there is in a reproduction's folder.

    Raises
    ------
    EarmarkError
        If a cell is damaged, or is not of this test split and these keywords.
    """
    utterances = measurable(corpus.utterances(SPLIT))
    results = read_results(out, cells(rows), corpus, keywords)
    return ReproductionResults(out, rows, corpus, keywords, utterances, ground_truth(utterances, keywords), results)


def measured(study: ReproductionResults, path: str) -> Look:
    """Looks a measure of the metrics up in a cell; None where the cell was not evaluated."""

    def look(cell: Cell) -> float | None:
        value: float | None = at(study.results[cell].metrics, path) if cell in study.results else None
        return value

    return look


def trainings(study: ReproductionResults) -> Table:
    """What every training took: epochs, time, and which epoch was the best on dev."""
    body = []
    for training in dict.fromkeys(cell.training for cell in study.results):
        curve = read_curve(study.out, training)
        best = min(curve, key=lambda point: point["dev_loss"], default=None)
        seconds = training_seconds(run_folder(study.out, training))
        told = (
            str(len(curve) or DASH),
            DASH if seconds is None else spell(seconds),
            f"{best['epoch']:.0f}, loss on dev {best['dev_loss']:.4f}" if best else DASH,
        )
        title = next(row.title for row in study.rows if row.architecture == training.architecture)
        body.append(((title, SUPERVISIONS[training.supervision], *told), ()))
    columns = ("Architecture", "Taught by", "Epochs", "Time", "Best epoch")
    notes = ("Time is that of the whole epochs on this machine, without the computing of features.",)
    return Table("What the trainings took", columns, body, notes)
