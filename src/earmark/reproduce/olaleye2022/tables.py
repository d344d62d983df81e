"""Tables II, III and IV in both ways of counting, beside the published values, and semantic spotting."""

from __future__ import annotations

from collections.abc import Mapping

from earmark.core.metric_table import metric
from earmark.evaluation.semantic import SemanticLabels, spotting_means
from earmark.reports.page import DASH
from earmark.reports.reproduction import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS, Row
from earmark.reproduce.olaleye2022.conditions import published_note
from earmark.reproduce.olaleye2022.countings import Counting, countings
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV
from earmark.reproduce.report import SPREAD, ReproductionResults, Value, figure

THRESHOLDS = "0.5 is the paper's threshold for detection; those chosen on dev, by the tags only, are our addition."
BOUND = "In parentheses: {}, where a keyword need not be placed; the bound of what can be placed."
LABELS = ("", "Architecture", "Localisation")
PARTS = ("precision", "recall", "f1")
# Columns of Table II: the key of the measure, whether it is at 0.5, and its place among the published three.
COLUMNS = {
    "Oracle": ("oracle.accuracy", True, 0),
    "Actual F1 at 0.5": ("actual.f1", True, 1),
    "Actual F1 at dev's thresholds": ("actual.f1", False, None),
    "P@10": ("spotting_localisation.p_at_10", True, 2),
}


def tables_of_the_paper(results: ReproductionResults) -> list[Table]:
    """Tables II, III and IV in both ways of counting, and what supervision by pictures costs."""
    both = countings(results)
    made = [make(results, counting) for make in (table_2, table_3, table_4) for counting in both]
    return [*made, penalty(results, both[1])]


def labels(row: Row) -> tuple[str, str, str]:
    """The paper's number of a row, its architecture and its localisation method."""
    return str(row.number or DASH), row.title, row.localisation


def table_2(results: ReproductionResults, counting: Counting) -> Table:
    """Table II: oracle accuracy, actual F1 and spotting localisation P@10."""

    def entry(row: Row, supervision: str, key: str, at_half: bool, place: int | None) -> Entry:
        value = (counting.at_half if at_half else counting.at_dev)(key)
        here = figure(results, row, supervision, value)
        if place is None or row.number is None or not counting.is_released:
            return Entry(here)
        return Entry(here, Pair(TABLE_II[row.number][supervision][place] / 100))

    names = tuple(f"{name}, {label}" for name in COLUMNS for label in SUPERVISIONS.values())
    body = [
        (
            labels(row),
            [entry(row, supervision, *column) for column in COLUMNS.values() for supervision in SUPERVISIONS],
        )
        for row in results.rows
    ]
    title = f"Table II{counting.title}: three localisation tasks"
    return Table(title, (*LABELS, *names), body, (*_notes(results, counting), THRESHOLDS))


def table_3(results: ReproductionResults, counting: Counting) -> Table:
    """Table III: precision, recall and F1 of actual localisation, with those of detection in parentheses."""
    columns = {
        f"{metric(f'actual.{name}').paper_column} at {threshold}": (at(f"actual.{name}"), at(f"detection.{name}"))
        for at, threshold in ((counting.at_half, "0.5"), (counting.at_dev, "dev's thresholds"))
        for name in PARTS
    }
    title = f"Table III{counting.title}: actual localisation, VGS supervision"
    return _bounded(results, counting, title, columns, TABLE_III, (BOUND.format("detection"), THRESHOLDS))


def table_4(results: ReproductionResults, counting: Counting) -> Table:
    """Table IV: P@10 and P@N of spotting localisation, with those of spotting in parentheses."""
    columns = {
        metric(f"spotting.{name}").paper_column: (
            counting.at_half(f"spotting_localisation.{name}"),
            counting.at_half(f"spotting.{name}"),
        )
        for name in ("p_at_10", "p_at_n")
    }
    title = f"Table IV{counting.title}: spotting localisation, VGS supervision"
    return _bounded(results, counting, title, columns, TABLE_IV, (BOUND.format("spotting"),))


def _bounded(
    results: ReproductionResults,
    counting: Counting,
    title: str,
    columns: Mapping[str, tuple[Value, Value]],
    published: Mapping[int, tuple[tuple[float, float], ...]],
    notes: tuple[str, ...],
) -> Table:
    """A table of measures with their bounds, for the rows that the paper has in it and for our own."""
    body = []
    for row in results.rows:
        if row.number is None or row.number in published:
            known = published.get(row.number or 0, ()) if counting.is_released else ()
            pairs = [Pair(value / 100, bound / 100) for value, bound in known]
            beside = [*pairs, *[None] * (len(columns) - len(pairs))]
            here = [figure(results, row, "vgs", *values) for values in columns.values()]
            body.append((labels(row), [Entry(*pair) for pair in zip(here, beside, strict=True)]))
    return Table(title, (*LABELS, *columns), body, (*_notes(results, counting), *notes))


def penalty(results: ReproductionResults, counting: Counting) -> Table:
    """How much less a model finds that learned from pictures than one that learned from transcripts."""
    body = []
    for row in results.rows:
        entries = []
        for key, at_half, place in COLUMNS.values():
            value = (counting.at_half if at_half else counting.at_dev)(key)
            vgs, bow = (figure(results, row, supervision, value).value for supervision in ("vgs", "bow"))
            here = None if vgs is None or bow is None else bow - vgs
            beside = None
            if row.number is not None and place is not None:
                published = TABLE_II[row.number]
                beside = Pair((published["bow"][place] - published["vgs"][place]) / 100)
            entries.append(Entry(Pair(here), beside))
        body.append((labels(row), entries))
    note = "In percentage points: BoW less VGS, of Table II with released counting."
    return Table("The penalty of supervision by pictures", (*LABELS, *COLUMNS), body, (note,))


def _notes(results: ReproductionResults, counting: Counting) -> tuple[str, ...]:
    spread = (SPREAD,) if results.seeds > 1 else ()
    published = (f"In percent. {published_note(results)}" if counting.is_released else "In percent.",)
    return (*published, counting.note, *spread)


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
        title = title if training.seed is None else f"{title}, seed {training.seed}"
        entries = [Entry(Pair(found[name])) for name in NAMES for found in (by_words, by_people)]
        body.append(((title, SUPERVISIONS[training.supervision]), entries))
    head = tuple(f"{name}, {kind}" for name in NAMES.values() for kind in ("exact", "semantic"))
    notes = (
        f"In percent, over {len(rows)} utterances and {len(columns)} keywords that have labels. Exact: the keyword is "
        "spoken. Semantic: three of five people chose it, or it is spoken. Means over keywords; a low EER is good.",
    )
    return Table("Semantic spotting", ("Architecture", "Supervision", *head), body, notes)
