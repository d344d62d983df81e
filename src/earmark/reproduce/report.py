"""The report of a reproduction, as a page and as Markdown, and the results that it is written from."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus, Utterance
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import GroundTruth, ground_truth, measurable
from earmark.reports.page import DASH
from earmark.reports.reproduction import DetailSection, Entry, Pair, Table, to_markdown, write_reproduction
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row, cells
from earmark.reproduce.results import SPLIT, Result, read_curve, read_results, run_folder, seeds_in
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
        parts += ["", to_markdown(detail.keywords)]
        parts += [to_markdown(detail.examples_table)] if detail.examples else []
        parts += [to_markdown(detail.confusions)] if detail.confusions else []
    parts += ["## What differs from the paper\n", _definitions(differences)]
    write_text(out / "report.md", "\n".join(parts))
    write_reproduction(out / "report.html", title, lede, terms, tables, details, differences)


def _definitions(terms: Mapping[str, str]) -> str:
    return "\n".join([*(f"- **{name}**: {what}" for name, what in terms.items()), ""])


Value = Callable[[Result], float | None]


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
        Of the cells that were evaluated, with all seeds.
    """

    out: Path
    rows: Sequence[Row]
    corpus: Corpus
    keywords: Vocabulary
    utterances: list[Utterance]
    truth: GroundTruth
    by_cell: Mapping[Cell, Result]

    def of(self, row: Row, supervision: str) -> list[Result]:
        """The results of a row under one supervision, one a seed."""
        return [it for cell, it in self.by_cell.items() if (cell.row, cell.supervision) == (row, supervision)]

    @property
    def seeds(self) -> int:
        """The largest number of seeds that a row was trained with under one supervision."""
        return max(Counter((cell.row, cell.supervision) for cell in self.by_cell).values(), default=0)


def read_results_of(out: Path, rows: Sequence[Row], corpus: Corpus, keywords: Vocabulary) -> ReproductionResults:
    """Read the results in a reproduction's folder.

    Raises
    ------
    EarmarkError
        If a cell is damaged, or is not of this test split and these keywords.
    """
    utterances = measurable(corpus.utterances(SPLIT))
    every = dict.fromkeys([*cells(rows), *(cells(rows, seeds) if (seeds := seeds_in(out)) else ())])
    results = read_results(out, every, corpus, keywords)
    truth = ground_truth(utterances, keywords, corpus.keyword_map)
    return ReproductionResults(out, rows, corpus, keywords, utterances, truth, results)


def metric_of(path: str) -> Value:
    """A function that gives a number of ``metrics.json``; None where it is undefined."""
    return lambda result: result.metrics.value(path)


def figure(results: ReproductionResults, row: Row, supervision: str, value: Value, bound: Value | None = None) -> Pair:
    """A measure of a row under one supervision, its mean over seeds, with its sample standard deviation.

    Parameters
    ----------
    value : callable
        What is measured.
    bound : callable, optional
        What stands in parentheses.
    """
    found = results.of(row, supervision)
    mean, spread = mean_and_spread([value(result) for result in found])
    return Pair(mean, None if bound is None else mean_and_spread([bound(it) for it in found])[0], spread)


def mean_and_spread(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation of the numbers that are defined; None where there are too few.

    >>> mean_and_spread([0.5, None, 0.7])
    (0.6, 0.1414...)
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return None, None
    return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None


SPREAD = "Behind ± stands the sample standard deviation over seeds, before it their mean."


def by_seed(results: ReproductionResults, columns: Mapping[str, Value]) -> list[Table]:
    """A table of some measures for every seed; none where nothing was trained with several."""
    if results.seeds < 2:
        return []
    body = []
    for row in results.rows:
        for supervision, name in SUPERVISIONS.items():
            found = results.of(row, supervision)
            labels = (row.title, row.localisation, row.queries, name)
            for result in found if len(found) > 1 else ():
                seed = "the recipe's" if result.cell.seed is None else str(result.cell.seed)
                body.append(((*labels, seed), [Entry(Pair(value(result))) for value in columns.values()]))
            if len(found) > 1:
                means = [Entry(figure(results, row, supervision, value)) for value in columns.values()]
                body.append(((*labels, "mean"), means))
    head = ("Architecture", "Localisation", "Queries", "Supervision", "Seed", *columns)
    return [Table("Every seed", head, body, ("In percent.", SPREAD))]


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
        title = title if training.seed is None else f"{title}, seed {training.seed}"
        body.append(((title, SUPERVISIONS[training.supervision], *facts), ()))
    columns = ("Architecture", "Supervision", "Epochs", "Time", "Best epoch")
    notes = (
        "Time is that of whole epochs on this machine, without feature extraction.",
        "The best epoch is the one with the lowest loss on dev; where it has learned nothing, the last is "
        "used if it fits dev's tags better, as the model card then says.",
    )
    return Table("Trainings", columns, body, notes)
