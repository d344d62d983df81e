"""The results page: what was measured of one or several models on a split, and examples to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.evaluation_setup import IMAGE, QueryImage
from earmark.core.metric_table import GROUPS, HEADLINE, METRICS, metric
from earmark.core.results import KeywordMetrics, Metrics, ReliabilityBins, ThresholdMetrics
from earmark.reports.example import Example
from earmark.reports.page import write_page

BARS = (metric("actual.f1"), metric("oracle.accuracy"))  # keywords are sorted by these
KEYWORD_COLUMNS = tuple(one for one in HEADLINE if one.per_keyword)
AT_THRESHOLD = tuple(one for one in METRICS if one.name in ("precision", "recall", "f1"))


@dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """One evaluated model.

    Attributes
    ----------
    name : str
        As the page calls it.
    metrics : Metrics
    best, worst : list of Example
        Examples to listen to.
    reliability : ReliabilityBins
    """

    name: str
    metrics: Metrics
    best: list[Example]
    worst: list[Example]
    reliability: ReliabilityBins


def write_results_page(path: Path | str, title: str, runs: Sequence[EvaluatedRun], notes: Sequence[str] = ()) -> None:
    """Write the results page as one HTML file that opens offline.

    Parameters
    ----------
    path : path
    title : str
    runs : sequence of EvaluatedRun
        At least one; the page's summary is of the first.
    notes : sequence of str
        Sentences that stand below the first table.

    Raises
    ------
    EarmarkError
        If an image can't be read.
    ValueError
        If there is no run.
    """
    if not runs:
        raise ValueError("a results page needs at least one run")
    context = {
        "title": title,
        "notes": notes,
        "runs": runs,
        "groups": GROUPS,
        "measures": METRICS,
        "headline": HEADLINE,
        "keyword_columns": KEYWORD_COLUMNS,
        "at_threshold": AT_THRESHOLD,
        "by_keyword": by_keyword,
        "threshold_rows": threshold_rows,
        "conditions": describe_conditions,
        "bar_rows": bar_rows,
        "keyword_images": keyword_images,
        "has_matchmaps": any(example.matchmap_data for run in runs for example in run.best + run.worst),
    }
    write_page(path, "evaluation.html", context)


def by_keyword(metrics: Metrics) -> list[tuple[str, KeywordMetrics]]:
    """Keywords with their measures, the best actual F1 first, those that have none last."""

    def merit(item: tuple[str, KeywordMetrics]) -> list[float]:
        values = (bar.of(item[1]) for bar in BARS)
        return [1.0 if value is None else -value for value in values]

    return sorted(metrics.per_keyword.items(), key=merit)


def threshold_rows(metrics: Metrics) -> list[tuple[str, Metrics | ThresholdMetrics]]:
    """The choices of the threshold with what was measured: the paper's, a global one, and one for each keyword.

    Image queries have only one for all keywords.
    """
    best = metrics.global_threshold.threshold
    thresholds = [measures.threshold for measures in metrics.per_keyword.values()]
    rows: list[tuple[str, Metrics | ThresholdMetrics]] = [
        ("0.5, the paper’s", metrics.fixed_threshold),
        ("the best one for all keywords" + ("" if best is None else f": {best:.2f}"), metrics.global_threshold),
    ]
    if metrics.queries == IMAGE:
        return rows
    span = f": {min(thresholds):.2f} to {max(thresholds):.2f}" if thresholds else ""
    return [*rows, (f"one for each keyword{span}", metrics)]


def describe_conditions(metrics: Metrics) -> str:
    """A sentence or two on what term-weighted values and cross-entropy depend on."""
    conditions = metrics.conditions
    costs, prior = conditions.costs, conditions.cross_entropy_prior
    reached = conditions.mtwv_threshold
    sentence = (
        f"Term-weighted values: a miss costs {costs.miss:g}, a false alarm {costs.false_alarm:g}, the prior is "
        f"{costs.prior:g}, so beta is {conditions.beta:.4g}; one trial a second."
    )
    if conditions.terms is not None:
        at = "where nothing is detected" if reached is None else f"at the threshold {reached:.3g}"
        sentence += f" They are means over {conditions.terms} keywords; the MTWV is reached {at}."
    return sentence if prior is None else f"{sentence} Cnxe has the prior {prior:.3g}, the share of spoken pairs."


def bar_rows(metrics: Metrics) -> list[tuple[str, float | None, float | None]]:
    """Rows of bars: keyword, actual F1, oracle accuracy."""
    thick, thin = BARS
    return [(word, thick.of(measures), thin.of(measures)) for word, measures in by_keyword(metrics)]


def keyword_images(metrics: Metrics) -> list[tuple[str, str]]:
    """Keywords, and the images of each one's query; empty for written queries."""
    images = metrics.query_images.by_keyword if metrics.query_images else {}
    return [(word, ", ".join(map(_image_text, of_keyword))) for word, of_keyword in images.items()]


def _image_text(image: QueryImage) -> str:
    return image.image + (f" (crop {','.join(map(str, image.box))})" if image.box else "")
