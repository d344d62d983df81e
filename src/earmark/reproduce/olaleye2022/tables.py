"""Tables II, III and IV beside the published values, and a table of semantic and exact spotting."""

from __future__ import annotations

from collections.abc import Mapping

from earmark.core.metric_table import metric
from earmark.core.results import FIXED_THRESHOLD
from earmark.evaluation.metrics import detected, rank
from earmark.evaluation.released_rules import released
from earmark.evaluation.semantic import SemanticLabels, spotting_means
from earmark.reports.page import DASH
from earmark.reports.reproduction import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV
from earmark.reproduce.report import CellValue, ReproductionResults, measured

PUBLISHED = "In percent. What was published is for another corpus and longer training."
THRESHOLDS = "0.5 is the paper's threshold for detection; those chosen on dev, by the tags only, are our addition."
LABELS = ("", "Architecture", "Localisation")


def labels(row: Row) -> tuple[str, str, str]:
    """The paper's number of a row, its architecture and its localisation method."""
    return str(row.number or DASH), row.title, row.localisation


def table_2(results: ReproductionResults) -> Table:
    """Table II: oracle accuracy, actual F1 and spotting localisation P@10, by strict counting."""
    columns: dict[str, tuple[CellValue, int | None]] = {
        "Oracle": (measured(results, "oracle.accuracy"), 0),
        "Actual F1 at 0.5": (measured(results, "fixed_threshold.actual.f1"), 1),
        "Actual F1 at dev's thresholds": (measured(results, "actual.f1"), None),
        "P@10": (measured(results, "spotting_localisation.p_at_10"), 2),
    }
    strict = (
        "Counting is strict: a location is right inside any occurrence of the keyword, and a detection in the wrong "
        "place is both a false alarm and a miss. The published figures were counted as in the second version."
    )
    return _table_2(results, "Table II: three localisation tasks", columns, (PUBLISHED, strict, THRESHOLDS))


def table_2_released(results: ReproductionResults) -> Table:
    """Table II, counted as the authors' released code does."""
    at_half = {cell: _released_at_half(results, cell) if results.truth.aligned else {} for cell in results.by_cell}

    def fixed(key: str) -> CellValue:
        return lambda cell: at_half.get(cell, {}).get(key)

    columns: dict[str, tuple[CellValue, int | None]] = {
        "Oracle": (fixed("oracle.accuracy"), 0),
        "Actual F1 at 0.5": (fixed("actual.f1"), 1),
        "Actual F1 at dev's thresholds": (measured(results, "released.actual.f1"), None),
        "P@10": (fixed("spotting_localisation.p_at_10"), 2),
    }
    rules = (
        "Counted as the released code counts, whatever the method: every occurrence of a word counts for itself, a "
        "detection in the wrong place is a false alarm but no miss, and spotting knows only the last occurrence in an "
        "utterance. (For masking out, the released code compares intervals, which is laxer still.)"
    )
    return _table_2(results, "Table II, released counting", columns, (PUBLISHED, rules))


def _table_2(
    results: ReproductionResults,
    title: str,
    columns: Mapping[str, tuple[CellValue, int | None]],
    notes: tuple[str, ...],
) -> Table:
    """A table of measures under both supervisions; each with its place among the published three, if it has one."""

    def entry(cell: Cell, value: CellValue, place: int | None) -> Entry:
        if place is None or cell.row.number is None:
            return Entry(Pair(value(cell)))
        return Entry(Pair(value(cell)), Pair(TABLE_II[cell.row.number][cell.supervision][place] / 100))

    names = tuple(f"{name}, {label}" for name in columns for label in SUPERVISIONS.values())
    body = [
        (
            labels(row),
            [entry(Cell(row, supervision), *column) for column in columns.values() for supervision in SUPERVISIONS],
        )
        for row in results.rows
    ]
    return Table(title, (*LABELS, *names), body, notes)


def table_3(results: ReproductionResults) -> Table:
    """Table III: precision, recall and F1 of actual localisation, with those of detection in parentheses."""
    names = ("precision", "recall", "f1")
    columns = {
        f"{metric(f'actual.{name}').paper_column} at {threshold}": (
            f"{branch}actual.{name}",
            f"{branch}detection.{name}",
        )
        for branch, threshold in (("fixed_threshold.", "0.5"), ("", "dev's thresholds"))
        for name in names
    }
    note = "In parentheses: detection, where a keyword need not be placed; the bound of what can be placed."
    title = "Table III: actual localisation, VGS supervision"
    return _bounded(results, title, columns, TABLE_III, (PUBLISHED, note, THRESHOLDS))


def table_4(results: ReproductionResults) -> Table:
    """Table IV: P@10 and P@N of spotting localisation, with those of spotting in parentheses."""
    columns = {
        metric(f"spotting.{name}").paper_column: (f"spotting_localisation.{name}", f"spotting.{name}")
        for name in ("p_at_10", "p_at_n")
    }
    note = "In parentheses: spotting, where a keyword need not be placed; the bound of what can be placed."
    title = "Table IV: spotting localisation, VGS supervision"
    return _bounded(results, title, columns, TABLE_IV, (PUBLISHED, note))


def _bounded(
    results: ReproductionResults,
    title: str,
    columns: Mapping[str, tuple[str, str]],
    published: Mapping[int, tuple[tuple[float, float], ...]],
    notes: tuple[str, ...],
) -> Table:
    """A table of measures with their bounds, for the rows that the paper has in it and for our own."""
    body = []
    for row in results.rows:
        if row.number is None or row.number in published:
            published_pairs = [Pair(value / 100, bound / 100) for value, bound in published.get(row.number or 0, ())]
            beside = [*published_pairs, *[None] * (len(columns) - len(published_pairs))]
            here = [Pair(*(measured(results, path)(Cell(row, "vgs")) for path in paths)) for paths in columns.values()]
            body.append((labels(row), [Entry(*pair) for pair in zip(here, beside, strict=True)]))
    return Table(title, (*LABELS, *columns), body, notes)


def _released_at_half(results: ReproductionResults, cell: Cell) -> dict[str, float]:
    """Measures of a cell as the released code counts them, at the paper's threshold."""
    predictions = results.by_cell[cell].predictions
    rankings = [rank(s, p) for s, p in zip(predictions.scores.T, results.truth.present.T, strict=True)]
    detections = detected(predictions.scores, FIXED_THRESHOLD)
    return {name: float(value) for name, value in released(results.truth, predictions, detections, rankings).items()}


NAMES = {"p_at_10": "P@10", "p_at_n": "P@N", "eer": "EER", "average_precision": "AP"}


def semantic_table(results: ReproductionResults, labels: SemanticLabels) -> Table:
    """P@10, P@N, EER and average precision, by the words that are spoken and by the semantic labels.

    The ranking is that of the detection scores, so all localisation methods of a model share a line.

    Raises
    ------
    EarmarkError
        If no utterance or no keyword of the evaluation has labels.
    """
    names = [utterance.id for utterance in results.utterances]
    rows, columns, semantic = labels.matrix(names, results.keywords)
    exact = results.truth.present[rows][:, columns]
    one_of = {cell.training: result for cell, result in results.by_cell.items()}
    body = []
    for training, result in one_of.items():
        scores = result.predictions.scores[rows][:, columns]
        by_words, by_people = spotting_means(scores, exact), spotting_means(scores, semantic)
        title = next(row.title for row in results.rows if row.architecture == training.architecture)
        entries = [Entry(Pair(found[name])) for name in NAMES for found in (by_words, by_people)]
        body.append(((title, SUPERVISIONS[training.supervision]), entries))
    head = tuple(f"{name}, {kind}" for name in NAMES.values() for kind in ("exact", "semantic"))
    notes = (
        f"In percent, over {len(rows)} utterances and {len(columns)} keywords that have labels. Exact: the keyword is "
        "spoken. Semantic: three of five people chose it, or it is spoken. Means over keywords; a low EER is good.",
    )
    return Table("Semantic spotting", ("Architecture", "Supervision", *head), body, notes)
