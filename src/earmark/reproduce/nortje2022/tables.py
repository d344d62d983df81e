"""The tables of the report: detection, localisation and spotting of all models, and how query modalities compare."""

from __future__ import annotations

from earmark.core.evaluation_setup import IMAGE, WRITTEN
from earmark.core.metric_table import metric
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import ModalityResult, agreement
from earmark.evaluation.data import Floats, GroundTruth, Predictions, ground_truth, holds_location
from earmark.evaluation.metrics import detected, ratio
from earmark.evaluation.report import describe_query_images
from earmark.reports.evaluation import keyword_images
from earmark.reports.page import DASH
from earmark.reports.reproduction import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row
from earmark.reproduce.nortje2022.rows import ATTENTION, MORE, VISUAL_BOW, row_of
from earmark.reproduce.report import SPREAD, ReproductionResults, Value, figure, metric_of
from earmark.reproduce.results import Result

LABELS = ("Model", "Queries")
MODALITIES = {IMAGE: "pictures", WRITTEN: "words"}
PARTS = {"precision": "precision", "recall": "recall", "F1": "f1"}


def labels(row: Row) -> tuple[str, str]:
    """A row's model and query modality."""
    return row.title, MODALITIES[row.queries]


def comparison(results: ReproductionResults, supervision: str) -> Table:
    """Localisation, detection and spotting of all models with one supervision."""
    columns: dict[str, tuple[Value, Value]] = {
        name.capitalize(): (metric_of(f"actual.{m}"), metric_of(f"detection.{m}")) for name, m in PARTS.items()
    }
    columns["Accuracy"] = (_accuracy(results, "localisation"), _accuracy(results, "detection"))
    columns["P@10"] = (metric_of("spotting_localisation.p_at_10"), metric_of("spotting.p_at_10"))
    body = [
        (labels(row), [Entry(figure(results, row, supervision, *values)) for values in columns.values()])
        for row in results.rows
    ]
    notes = (
        "In percent: localisation, and in parentheses detection, where a keyword need not be placed; the bound of what "
        "can be placed. P@10 likewise: spotting, placed and not.",
        "By strict counting, with thresholds that were chosen on dev by the supervision of each model.",
        *((SPREAD,) if results.seeds > 1 else ()),
    )
    return Table(f"{SUPERVISIONS[supervision]}: all models", (*LABELS, *columns), body, notes)


def released_counting(results: ReproductionResults) -> Table:
    """Localisation as the released code counts it."""
    columns = {
        f"{name.capitalize()}, {SUPERVISIONS[supervision]}": (supervision, metric_of(f"released.actual.{m}"))
        for supervision in SUPERVISIONS
        for name, m in PARTS.items()
    }
    body = [
        (labels(row), [Entry(figure(results, row, supervision, value)) for supervision, value in columns.values()])
        for row in results.rows
    ]
    note = "In percent. Every occurrence counts, and a detection in the wrong place is a false alarm but no miss."
    return Table("Released counting: localisation", (*LABELS, *columns), body, (note,))


def _accuracy(results: ReproductionResults, which: str) -> Value:
    return lambda result: accuracies(truth_of(results, result), result.predictions, result.thresholds)[which]


def more_keywords(results: ReproductionResults) -> list[Table]:
    """The effect of learning more keywords than are measured; none where no longer list was given."""
    measures = ("actual.precision", "actual.recall", "actual.f1", "detection.f1", "oracle.accuracy")
    body = []
    for name in (ATTENTION, VISUAL_BOW):
        few, many = (row_of(results.rows, full) for full in (name, f"{name}{MORE}"))
        for supervision in SUPERVISIONS if few and many else ():
            for row, learned in ((few, "those that are measured"), (many, "more")):
                assert row is not None
                entries = [Entry(figure(results, row, supervision, metric_of(key))) for key in measures]
                body.append(((few.title if few else "", SUPERVISIONS[supervision], learned), entries))
    columns = ("Model", "Supervision", "Keywords learned", *(metric(key).label for key in measures))
    notes = (f"In percent, of the same {len(results.keywords)} keywords.", *((SPREAD,) if results.seeds > 1 else ()))
    return [Table("The effect of more keywords", columns, body, notes)] if body else []


def agreements(results: ReproductionResults) -> Table:
    """How far written and image queries agree, in models that take both."""
    body = []
    for row in results.rows:
        other = next((r for r in results.rows if r.architecture == row.architecture and r.queries == WRITTEN), None)
        for supervision in SUPERVISIONS if row.queries == IMAGE and other else ():
            found = [results.by_cell.get(Cell(r, supervision)) for r in (other, row) if r]
            if not all(found):
                continue
            agreed = agreement(results.utterances, *(_modality_result(results, result) for result in found if result))
            correlations = [DASH if r is None else f"{r:.2f}" for r in (agreed.pearson, agreed.spearman)]
            shares = (agreed.top_10_overlap, agreed.located_within_100_ms, agreed.located_in_same_word)
            head = (row.title, SUPERVISIONS[supervision], str(agreed.keywords), *correlations)
            body.append((head, [Entry(Pair(share)) for share in shares]))
    columns = ("Model", "Supervision", "Keywords", "Pearson", "Spearman")
    share_columns = ("Ten best the same", "Located within 0.1 s", "Located in the same word")
    notes = (
        "Correlations of detection scores over utterances, and the share of the ten best utterances that are the same, "
        "are means over keywords; locations are compared where the keyword is spoken. Shares in percent.",
    )
    return Table("Agreement: written and image queries for the same word", columns + share_columns, body, notes)


def thresholds(results: ReproductionResults) -> Table:
    """The score from which a keyword counts as detected."""
    body = []
    for cell, result in results.by_cell.items():
        low, high = result.thresholds.min(), result.thresholds.max()
        span = f"{low:.3f}, for all" if cell.row.queries == IMAGE else f"{low:.3f} to {high:.3f}, one a keyword"
        body.append(((*labels(cell.row), _supervision(cell), span), ()))
    return Table("Thresholds: chosen on dev, by the supervision", (*LABELS, "Supervision", "Threshold"), body)


def _supervision(cell: Cell) -> str:
    name = SUPERVISIONS[cell.supervision]
    return name if cell.seed is None else f"{name}, seed {cell.seed}"


def query_images(results: ReproductionResults) -> Table:
    """The images of each keyword's query; the same for all models."""
    first = next((result for cell, result in results.by_cell.items() if cell.row.queries == IMAGE), None)
    body = [((word, named), ()) for word, named in keyword_images(first.metrics)] if first else []
    notes = tuple(describe_query_images(first.metrics)) if first else ()
    return Table("Query images", ("Keyword", "Images"), body, notes)


def _modality_result(results: ReproductionResults, result: Result) -> ModalityResult:
    return ModalityResult(result.keywords, truth_of(results, result), result.predictions)


def truth_of(results: ReproductionResults, result: Result) -> GroundTruth:
    """The ground truth of the cells in which a model was evaluated."""
    truth = ground_truth(results.utterances, Vocabulary(result.keywords), results.corpus.keyword_map)
    return truth.within(result.predictions.evaluated)


def accuracies(truth: GroundTruth, predictions: Predictions, thresholds: Floats) -> dict[str, float]:
    """Share of the occurrences of keywords that is found, as in Nortje and Kamper's released evaluation.

    Returns
    -------
    dict
        ``detection``: of occurrences whose keyword is detected in their utterance; ``localisation``: of those that hold
        the location as well. NaN where there is no occurrence, or word times are unknown.
    """
    is_detected = detected(predictions.scores, thresholds)[truth.utterance, truth.keyword]
    is_located = is_detected & holds_location(truth, predictions)
    return {
        "detection": float(ratio(is_detected.sum(), is_detected.size)),
        "localisation": float(ratio(is_located.sum(), is_located.size)),
    }
