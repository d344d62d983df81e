"""The page of results: what was measured on a split, and moments to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from earmark.reports.example import Example
from earmark.reports.page import write_page

Metrics = dict[str, Any]
Bins = npt.NDArray[np.floating] | npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One evaluated run.

    Attributes
    ----------
    name : str
        As the page calls it: "VGS: taught by pictures alone", "shuffled pairs (control)".
    metrics : dict
        The body of ``metrics.json``.
    best, worst : list of Moment
        Examples to listen to.
    reliability : three numpy.ndarray, each of shape (bins,)
        Mean detection score, fraction truly present and number of pairs of each bin.
    """

    name: str
    metrics: Metrics
    best: list[Example]
    worst: list[Example]
    reliability: tuple[Bins, Bins, Bins]


class Measure(NamedTuple):
    """A measure: its place in ``metrics.json``, its name, and whether it is in the first table."""

    path: str
    name: str
    headline: bool = False


class Group(NamedTuple):
    """Measures that belong together, and what they say in a sentence or two."""

    name: str
    meaning: str
    measures: tuple[Measure, ...]


class Figure(NamedTuple):
    """A value with its confidence interval; None where there is none."""

    value: float | None
    interval: tuple[float, float] | None


GROUPS = (
    Group(
        "Detection",
        "Is the keyword spoken in the utterance, wherever it may be? An utterance counts as detected when its score "
        "reaches the keyword’s threshold. Precision is the share of detections that are right, recall the share of "
        "spoken keywords that are detected, F1 their harmonic mean. Average precision needs no threshold.",
        (
            Measure("detection.precision", "Detection precision"),
            Measure("detection.recall", "Detection recall"),
            Measure("detection.f1", "Detection F1", headline=True),
            Measure("detection.average_precision", "Average precision"),
            Measure("detection.mean_average_precision", "Mean average precision"),
        ),
    ),
    Group(
        "Oracle localisation",
        "The model is told that the keyword is spoken in the utterance, and says where. Accuracy is the share of cases "
        "where that moment lies within the spoken word.",
        (Measure("oracle.accuracy", "Oracle accuracy", headline=True),),
    ),
    Group(
        "Actual localisation",
        "The model is told nothing: it must detect the keyword and place it within the spoken word. A detection in the "
        "wrong place is both a false alarm and a miss.",
        (
            Measure("actual.precision", "Actual precision"),
            Measure("actual.recall", "Actual recall"),
            Measure("actual.f1", "Actual F1", headline=True),
        ),
    ),
    Group(
        "Spotting",
        "All utterances are ranked by their score for a keyword. P@10 is the share of the first ten where it is spoken,"
        " P@N the same for as many as there are to find. The equal error rate (EER) is where false alarms and misses "
        "are equally frequent: the lower, the better.",
        (
            Measure("spotting.p_at_10", "Spotting P@10", headline=True),
            Measure("spotting.p_at_n", "Spotting P@N"),
            Measure("spotting.eer", "Spotting EER"),
        ),
    ),
    Group(
        "Spotting localisation",
        "As spotting, but an utterance counts only if the moment given lies within the spoken word too.",
        (
            Measure("spotting_localisation.p_at_10", "Localised P@10", headline=True),
            Measure("spotting_localisation.p_at_n", "Localised P@N"),
        ),
    ),
)
MEASURES = tuple(measure for group in GROUPS for measure in group.measures)
HEADLINE = tuple(measure for measure in MEASURES if measure.headline)
THRESHOLDED = tuple(measure for measure in MEASURES if measure.path.endswith((".precision", ".recall", ".f1")))
BARS = (("actual", "f1"), ("oracle", "accuracy"))


def write_results(path: Path | str, title: str, outcomes: Sequence[Outcome], notes: Sequence[str] = ()) -> None:
    """Write the page of results as one HTML file that opens offline.

    Parameters
    ----------
    path : path
    title : str
    outcomes : sequence of Outcome
        At least one; the first is the one that the page is about.
    notes : sequence of str
        Sentences that stand below the first table.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    ValueError
        If there is no outcome.
    """
    if not outcomes:
        raise ValueError("a page of results needs at least one outcome")
    context = {
        "title": title,
        "notes": notes,
        "outcomes": outcomes,
        "groups": GROUPS,
        "measures": MEASURES,
        "headline": HEADLINE,
        "thresholded": THRESHOLDED,
        "figure": figure,
        "at": at,
        "by_keyword": by_keyword,
        "threshold_rows": threshold_rows,
        "bar_rows": bar_rows,
        "pictured": any(moment.sight for outcome in outcomes for moment in outcome.best + outcome.worst),
        "asked_with": asked_with,
    }
    write_page(path, "evaluation.html", context)


def at(tree: Metrics, path: str) -> Any:
    """The entry `path` ("actual.f1") of a tree of metrics; None where it has none."""
    for step in path.split("."):
        if not isinstance(tree, dict):
            return None
        tree = tree.get(step)  # type: ignore[assignment]
    return tree


def figure(metrics: Metrics, path: str) -> Figure:
    """A measure with its confidence interval."""
    intervals = at(metrics, "confidence.intervals") or {}
    low, high = intervals.get(path) or (None, None)
    return Figure(at(metrics, path), None if low is None or high is None else (low, high))


def by_keyword(metrics: Metrics) -> list[tuple[str, Metrics]]:
    """Keywords with their measures, the best actual F1 first, those that have none last."""
    ranked = (metrics.get("per_keyword") or {}).items()
    return sorted(ranked, key=lambda item: [-_or_below(at(item[1], ".".join(bar))) for bar in BARS])


def threshold_rows(metrics: Metrics) -> list[tuple[str, str]]:
    """The settings of the threshold: in words, and where their measures stand in the tree.

    Image queries have one for all keywords alone.
    """
    one = at(metrics, "at_one_threshold.threshold")
    own = [measures["threshold"] for measures in (metrics.get("per_keyword") or {}).values()]
    rows = [
        ("0.5, the paper’s", "at_half."),
        ("the best one for all keywords" + ("" if one is None else f": {one:.2f}"), "at_one_threshold."),
    ]
    if metrics.get("queries") == "image":
        return rows
    return [*rows, ("one for each keyword" + (f": {min(own):.2f} to {max(own):.2f}" if own else ""), "")]


def bar_rows(metrics: Metrics) -> list[tuple[str, float | None, float | None]]:
    """Rows of bars: keyword, actual F1, oracle accuracy."""
    return [(word, *(at(measures, ".".join(bar)) for bar in BARS)) for word, measures in by_keyword(metrics)]


def asked_with(metrics: Metrics) -> list[tuple[str, str]]:
    """Keywords, and the pictures that each was asked for with; none where the queries were written."""
    pictures = at(metrics, "query_pictures.of_keywords") or {}
    return [(word, ", ".join(map(_picture, of_word))) for word, of_word in pictures.items()]


def _picture(picture: dict[str, Any]) -> str:
    crop = f" (crop {','.join(map(str, picture['box']))})" if picture["box"] else ""
    return f"{picture['image']}{crop}"


def _or_below(value: float | None) -> float:
    return -1.0 if value is None else value
