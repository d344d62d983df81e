"""Tables II, III and IV, each figure beside the published one.

Semantic spotting beside exact spotting, for every model of the grid.
"""

from __future__ import annotations

from collections.abc import Mapping

from earmark.evaluation.metrics import detected, rank
from earmark.evaluation.released_rules import released
from earmark.evaluation.semantic import SemanticLabels, spotted
from earmark.evaluation.summary import PAPER_THRESHOLD
from earmark.reports.page import DASH
from earmark.reports.reproduction import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV
from earmark.reproduce.report import Look, ReproductionResults, measured

PUBLISHED = "In percent. What was published is for another corpus and longer training."
THRESHOLDS = "0.5 is the paper's threshold for detection; those chosen on dev, by the tags alone, are our addition."
LABELS = ("", "Architecture", "Localisation")


def labels(row: Row) -> tuple[str, str, str]:
    """The paper's number of a row, its architecture and its localisation method."""
    return str(row.number or DASH), row.title, row.localisation


def table_2(study: ReproductionResults) -> Table:
    """Table II: oracle accuracy, actual F1 and spotting localisation P@10, by strict counting."""
    columns: dict[str, tuple[Look, int | None]] = {
        "Oracle": (measured(study, "oracle.accuracy"), 0),
        "Actual F1 at 0.5": (measured(study, "at_half.actual.f1"), 1),
        "Actual F1 at dev's thresholds": (measured(study, "actual.f1"), None),
        "P@10": (measured(study, "spotting_localisation.p_at_10"), 2),
    }
    strict = (
        "Counting is strict: a location is right inside any occurrence of the keyword, and a detection in the wrong "
        "place is both a false alarm and a miss. The published figures were counted as in the second version."
    )
    return _table_2(study, "Table II: three localisation tasks", columns, (PUBLISHED, strict, THRESHOLDS))


def table_2_released(study: ReproductionResults) -> Table:
    """Table II, counted as the authors' released code does."""
    at_half = {cell: _released_at_half(study, cell) if study.truth.aligned else {} for cell in study.results}

    def half(name: str) -> Look:
        return lambda cell: at_half.get(cell, {}).get(name)

    columns: dict[str, tuple[Look, int | None]] = {
        "Oracle": (half("oracle.accuracy"), 0),
        "Actual F1 at 0.5": (half("actual.f1"), 1),
        "Actual F1 at dev's thresholds": (measured(study, "released.actual.f1"), None),
        "P@10": (half("spotting_localisation.p_at_10"), 2),
    }
    rules = (
        "Counted as the released code counts, whatever the method: every occurrence of a word counts for itself, a "
        "detection in the wrong place is a false alarm but no miss, and spotting knows only the last occurrence in an "
        "utterance. (For masking out, the released code compares intervals, which is laxer still.)"
    )
    return _table_2(study, "Table II, released counting", columns, (PUBLISHED, rules))


def _table_2(
    study: ReproductionResults, title: str, columns: Mapping[str, tuple[Look, int | None]], notes: tuple[str, ...]
) -> Table:
    """A table of measures under both supervisions; each with its place among the published three, if it has one."""

    def entry(cell: Cell, look: Look, place: int | None) -> Entry:
        if place is None or cell.row.number is None:
            return Entry(Pair(look(cell)))
        return Entry(Pair(look(cell)), Pair(TABLE_II[cell.row.number][cell.supervision][place] / 100))

    names = tuple(f"{name}, {label}" for name in columns for label in SUPERVISIONS.values())
    body = [
        (
            labels(row),
            [entry(Cell(row, taught_by), *column) for column in columns.values() for taught_by in SUPERVISIONS],
        )
        for row in study.rows
    ]
    return Table(title, (*LABELS, *names), body, notes)


def table_3(study: ReproductionResults) -> Table:
    """Table III: precision, recall and F1 of actual localisation, with those of detection in parentheses."""
    measures = {"P": "precision", "R": "recall", "F1": "f1"}
    columns = {f"{name} at 0.5": (f"at_half.actual.{m}", f"at_half.detection.{m}") for name, m in measures.items()}
    columns |= {f"{name} at dev's thresholds": (f"actual.{m}", f"detection.{m}") for name, m in measures.items()}
    note = "In parentheses: detection, where a keyword need not be placed; the bound of what can be placed."
    title = "Table III: actual localisation, taught by pictures (VGS)"
    return _bounded(study, title, columns, TABLE_III, (PUBLISHED, note, THRESHOLDS))


def table_4(study: ReproductionResults) -> Table:
    """Table IV: P@10 and P@N of spotting localisation, with those of spotting in parentheses."""
    measures = {"P@10": "p_at_10", "P@N": "p_at_n"}
    columns = {name: (f"spotting_localisation.{m}", f"spotting.{m}") for name, m in measures.items()}
    note = "In parentheses: spotting, where a keyword need not be placed; the bound of what can be placed."
    title = "Table IV: spotting localisation, taught by pictures (VGS)"
    return _bounded(study, title, columns, TABLE_IV, (PUBLISHED, note))


def _bounded(
    study: ReproductionResults,
    title: str,
    columns: Mapping[str, tuple[str, str]],
    published: Mapping[int, tuple[tuple[float, float], ...]],
    notes: tuple[str, ...],
) -> Table:
    """A table of measures with their bounds, for the rows that the paper has in it and for our own."""
    body = []
    for row in study.rows:
        if row.number is None or row.number in published:
            theirs = [Pair(value / 100, bound / 100) for value, bound in published.get(row.number or 0, ())]
            beside = [*theirs, *[None] * (len(columns) - len(theirs))]
            here = [Pair(*(measured(study, path)(Cell(row, "vgs")) for path in paths)) for paths in columns.values()]
            body.append((labels(row), [Entry(*pair) for pair in zip(here, beside, strict=True)]))
    return Table(title, (*LABELS, *columns), body, notes)


def _released_at_half(study: ReproductionResults, cell: Cell) -> dict[str, float]:
    """Measures of a cell as the released code counts them, at the paper's threshold."""
    predictions = study.results[cell].predictions
    rankings = [rank(s, p) for s, p in zip(predictions.scores.T, study.truth.present.T, strict=True)]
    detections = detected(predictions.scores, PAPER_THRESHOLD)
    return {name: float(value) for name, value in released(study.truth, predictions, detections, rankings).items()}


NAMES = {"p_at_10": "P@10", "p_at_n": "P@N", "eer": "EER", "average_precision": "AP"}


def semantic_table(study: ReproductionResults, labels: SemanticLabels) -> Table:
    """P@10, P@N, EER and average precision, by what is said and by what people find the utterances to be about.

    The ranking is that of the detection scores, so all localisation methods of a model share a line.

    Raises
    ------
    EarmarkError
        If no utterance or no keyword of the evaluation has labels.
    """
    names = [utterance.id for utterance in study.utterances]
    rows, columns, semantic = labels.matrix(names, study.keywords)
    exact = study.truth.present[rows][:, columns]
    one_of = {cell.training: result for cell, result in study.results.items()}
    body = []
    for training, result in one_of.items():
        scores = result.predictions.scores[rows][:, columns]
        by_words, by_people = spotted(scores, exact), spotted(scores, semantic)
        title = next(row.title for row in study.rows if row.architecture == training.architecture)
        entries = [Entry(Pair(found[name])) for name in NAMES for found in (by_words, by_people)]
        body.append(((title, SUPERVISIONS[training.supervision]), entries))
    head = tuple(f"{name}, {kind}" for name in NAMES.values() for kind in ("exact", "semantic"))
    notes = (
        f"In percent, over {len(rows)} utterances and {len(columns)} keywords that have labels. Exact: the keyword is "
        "said. Semantic: three of five people chose it, or it is said. Means over keywords; a low EER is good.",
    )
    return Table("Semantic spotting", ("Architecture", "Taught by", *head), body, notes)
