"""The results of evaluations, as a page and as a short table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.evaluate.examples import best, worst
from earmark.evaluate.reliability import reliability
from earmark.evaluate.runner import Evaluation
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
    """Write the results page. Examples to listen to are those of the first evaluation."""
    first = next(iter(evaluations))
    outcomes = [
        Outcome(
            name=name,
            metrics=evaluation.metrics,
            best=best(evaluation, EXAMPLES) if name == first else [],
            worst=worst(evaluation, EXAMPLES) if name == first else [],
            reliability=reliability(evaluation.predictions.scores, evaluation.truth.present),
        )
        for name, evaluation in evaluations.items()
    ]
    write_results(path, title, outcomes, [*_nothing_spoken(evaluations), *notes])


def print_table(evaluations: Mapping[str, Evaluation]) -> None:
    """Print the headline measures in percent, a row an evaluation."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *COLUMNS)
    for name, evaluation in evaluations.items():
        table.add_row(name, *(_percent(evaluation.metrics, column) for column in COLUMNS.values()))
    Console().print(table)
    for sentence in _nothing_spoken(evaluations):
        print(sentence)


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
