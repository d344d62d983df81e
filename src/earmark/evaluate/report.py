"""The results of evaluations, as a page and as a short table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.evaluate.examples import best, worst
from earmark.evaluate.reliability import reliability
from earmark.evaluate.runner import IMAGE, Evaluation
from earmark.evaluate.told import told_agreement, told_pictures
from earmark.pages.results import Outcome, write_results

EXAMPLES = 8
COLUMNS = {
    "detection F1": "detection.f1",
    "oracle accuracy": "oracle.accuracy",
    "actual F1": "actual.f1",
    "spotting P@10": "spotting.p_at_10",
    "localised P@10": "spotting_localisation.p_at_10",
}


def write_report(path: Path, title: str, evaluations: Mapping[str, Evaluation], notes: Sequence[str] = ()) -> None:
    """Write the results page. Examples to listen to are those of the first evaluation with each kind of query."""
    firsts: dict[str, str] = {}
    for name, evaluation in evaluations.items():
        firsts.setdefault(evaluation.metrics["queries"], name)
    outcomes = [
        Outcome(
            name=name,
            metrics=evaluation.metrics,
            best=best(evaluation, EXAMPLES) if name in firsts.values() else [],
            worst=worst(evaluation, EXAMPLES) if name in firsts.values() else [],
            reliability=reliability(evaluation.predictions.scores, evaluation.truth.present),
        )
        for name, evaluation in evaluations.items()
    ]
    write_results(path, title, outcomes, [*_notes(evaluations), *notes])


def print_table(evaluations: Mapping[str, Evaluation]) -> None:
    """Print the headline measures in percent, a row an evaluation."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *COLUMNS)
    for name, evaluation in evaluations.items():
        table.add_row(name, *(_percent(evaluation.metrics, column) for column in COLUMNS.values()))
    Console().print(table)
    for sentence in _notes(evaluations):
        print(sentence)


def _notes(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """What must be known of evaluations to read their measures."""
    metrics = [evaluation.metrics for evaluation in evaluations.values()]
    pictured = [sentence for one in metrics if one["queries"] == IMAGE for sentence in told_pictures(one)]
    agreed = [told_agreement(one["agreement"]) for one in metrics if one["agreement"] is not None]
    return [*_nothing_spoken(evaluations), *dict.fromkeys(pictured), *dict.fromkeys(agreed)]


def _nothing_spoken(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """A sentence for each evaluation without anything to find."""
    return [
        f"None of the {evaluation.metrics['keywords']} keywords of {name} is spoken in the split "
        f"{evaluation.metrics['split']} of {evaluation.metrics['corpus']}: there is nothing to measure."
        for name, evaluation in evaluations.items()
        if not evaluation.truth.present.any()
    ]


def _percent(metrics: dict[str, Any], column: str) -> str:
    branch, leaf = column.split(".")
    value = metrics[branch][leaf]
    return "-" if value is None else f"{100 * value:.1f}"
