"""The table of measures, and metrics as JSON and back."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import get_type_hints

import numpy as np
import pytest

from earmark.core import results
from earmark.core.evaluation_setup import EvaluationSetup
from earmark.core.metric_table import GROUPS, METRICS, metric
from earmark.core.results import KeywordMetrics, Measures, Metrics
from earmark.evaluation.data import GroundTruth, Predictions
from earmark.evaluation.summary import compute_metrics

SETUP = EvaluationSetup(
    1, "0.1.0", "first", "photos", "test", "vgs", "r", "mfcc", "attention", "written", None, None, 2, 1
)


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    first = np.zeros(1, dtype=int)
    truth = GroundTruth(np.array([[True], [False]]), first, first, np.array([1.0]), np.array([2.0]), aligned=True)
    predictions = Predictions(np.array([[0.9], [0.6]]), np.array([[1.5], [0.1]]))
    return Metrics.of(SETUP, compute_metrics(truth, predictions, np.array([0.5]), ["ọmọ"], np.full(2, 4.0)))


def measured_fields(kind: type) -> set[str]:
    """Keys of the measures that a dataclass of results has in its groups."""
    hints = get_type_hints(kind, vars(results))
    groups = {group.key: hints[group.key] for group in GROUPS if group.key in hints}
    return {f"{key}.{field.name}" for key, of_group in groups.items() for field in fields(of_group)}


def test_table_has_every_measure_once() -> None:
    keys = [one.key for one in METRICS]
    assert len(set(keys)) == len(keys)
    assert set(keys) == measured_fields(Measures)
    assert {one.key for one in METRICS if one.per_keyword} == measured_fields(KeywordMetrics)
    assert len({one.label for one in METRICS}) == len(METRICS)


def test_table_names_the_measures_of_the_schema() -> None:
    schema = json.loads((files("earmark") / "schemas" / "metrics.schema.json").read_text(encoding="utf-8"))
    described = {f"{group.key}.{name}" for group in GROUPS for name in schema["properties"][group.key]["properties"]}
    assert described == {one.key for one in METRICS}
    intervals = schema["properties"]["confidence"]["properties"]["intervals"]["properties"]
    assert set(intervals) == {one.key for one in METRICS if one.interval}


def test_a_measure_reads_its_own_value(metrics: Metrics) -> None:
    # Detected in both utterances, spoken in the first: precision 1/2, recall 1, F1 2/3.
    assert metric("detection.f1").of(metrics) == metrics.value("detection.f1") == pytest.approx(2 / 3)
    assert metric("detection.precision").of(metrics) == pytest.approx(1 / 2)
    assert metric("spotting.p_at_10").of(metrics.chance) == metrics.value("chance.spotting.p_at_10")
    assert metric("detection.f1").of(metrics.chance) is None
    assert metric("actual.f1").of(metrics.per_keyword["ọmọ"]) == pytest.approx(2 / 3)
    low, high = metrics.interval(metric("detection.f1")) or (None, None)
    assert low is not None
    assert high is not None
    assert metrics.interval(metric("actual.recall")) is None


def test_metrics_survive_json(metrics: Metrics) -> None:
    again = Metrics.from_json(metrics.to_json())
    assert again == metrics
    assert list(json.loads(metrics.to_json()))[:4] == ["schema_version", "earmark", "run", "corpus"]
    assert is_dataclass(again.per_keyword["ọmọ"])


@pytest.mark.parametrize(
    "change",
    [
        lambda metrics: metrics.pop("detection"),
        lambda metrics: metrics.update(extra=1),
        lambda metrics: metrics["actual"].pop("f1"),
        lambda metrics: metrics["oracle"].update(accuracy="high"),
        lambda metrics: metrics.update(per_keyword=[]),
    ],
)
def test_json_of_another_form_is_refused(metrics: Metrics, change: object) -> None:
    values = json.loads(metrics.to_json())
    assert callable(change)
    change(values)
    with pytest.raises(ValueError, match="not the metrics of an evaluation"):
        Metrics.from_json(json.dumps(values))
    with pytest.raises(ValueError, match="not the metrics of an evaluation"):
        Metrics.from_json("{")
