"""The JSON Schemas: valid themselves, complete, and met by what the library writes."""

from __future__ import annotations

import copy
import json
from importlib.resources import files

import numpy as np
import pytest
from jsonschema import Draft202012Validator, ValidationError

from earmark.core.evaluation_setup import (
    EvaluationSetup,
    Exclusions,
    ModalityAgreement,
    QueryImage,
    QueryImages,
    RetrievalDirection,
    RetrievalScores,
)
from earmark.core.metric_table import METRICS
from earmark.core.results import Metrics
from earmark.core.types import Hit
from earmark.evaluation.data import GroundTruth, Predictions
from earmark.evaluation.summary import compute_metrics

NAMES = ("metrics", "hits", "export")
SETUP = EvaluationSetup(
    schema_version=1,
    earmark="0.1.0",
    run="first",
    corpus="picturebook",
    split="test",
    supervision="vgs",
    architecture="CNN, log-mean-exp",
    features="mfcc",
    localisation="score-aggregation",
    queries="image",
    query_images=QueryImages(
        by_keyword={"ajá": (QueryImage("images/a.png", (0, 1, 20, 30)), QueryImage("b.png", None))},
        own_image_included=False,
        crops=1,
        excluded=Exclusions(pairs=2, spoken_pairs=1, keywords=("omi",), training_images=0),
    ),
    agreement=ModalityAgreement(
        keywords=1,
        pearson=0.9,
        spearman=-0.1,
        top_10_overlap=1.0,
        located_within_100_ms=0.5,
        located_in_same_word=None,
    ),
    retrieval=RetrievalScores(
        speech_to_image=RetrievalDirection(3, 2, 0.5, 1.0, 1.0, 0.75, 0.6),
        image_to_speech=RetrievalDirection(0, 3, None, None, None, None, None),
    ),
    utterances=3,
    keywords=2,
)


def schema(name):
    return json.loads((files("earmark") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))


def check(name, document):
    Draft202012Validator(schema(name)).validate(json.loads(json.dumps(document, allow_nan=False)))


def metrics(aligned=True, global_threshold=0.4):
    u, w = np.array([0, 2]), np.array([0, 0])  # the second keyword is never spoken
    present = np.zeros((3, 2), dtype=bool)
    present[u, w] = True
    n = len(u) if aligned else 0
    truth = GroundTruth(present, u[:n], w[:n], np.zeros(n), np.ones(n), aligned)
    predictions = Predictions(np.linspace(0, 1, 6).reshape(3, 2), np.array([[0.5, np.nan]] * 3))
    thresholds, keywords = np.array([0.3, 0.5]), ["ajá", "omi"]
    measures = compute_metrics(truth, predictions, thresholds, keywords, np.full(3, 2.0), global_threshold)
    return json.loads(Metrics.of(SETUP, measures).to_json())


@pytest.mark.parametrize("name", NAMES)
def test_is_a_schema(name):
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def undescribed(node, path):
    """Paths of the fields below `node` that nothing describes."""
    for name, field in node.get("properties", {}).items():
        if not field.get("description", "").strip():
            yield f"{path}/{name}"
        yield from undescribed(field, f"{path}/{name}")
    if isinstance(node.get("items"), dict):
        yield from undescribed(node["items"], f"{path}/items")
    for name, definition in node.get("$defs", {}).items():
        yield from undescribed(definition, f"{path}/$defs/{name}")


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described(name):
    assert list(undescribed(schema(name), "")) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_object_is_open_by_oversight(name):
    def objects(node):
        if isinstance(node, dict):
            if "object" in (node.get("type") or ()):
                yield node
            for child in node.values():
                yield from objects(child)

    for node in objects(schema(name)):
        assert "additionalProperties" in node
        assert sorted(node.get("required", [])) == sorted(node.get("properties", {}))


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("global_threshold", [0.4, None])
def test_measures_meet_their_schema(aligned, global_threshold):
    check("metrics", metrics(aligned, global_threshold))


def test_measures_of_written_queries_meet_their_schema():
    check("metrics", {**metrics(), "queries": "written", "query_images": None, "agreement": None, "retrieval": None})


def test_intervals_are_those_of_the_table_of_measures():
    assert set(metrics()["confidence"]["intervals"]) == {metric.key for metric in METRICS if metric.interval}


def leaves(tree, path=()):
    for name, branch in tree.items():
        yield (*path, name)
        if isinstance(branch, dict):
            yield from leaves(branch, (*path, name))


def without(document, path):
    document = copy.deepcopy(document)
    branch = document
    for step in path[:-1]:
        branch = branch[step]
    del branch[path[-1]]
    return document


def test_every_field_of_the_metrics_is_required():
    whole = metrics()
    validator = Draft202012Validator(schema("metrics"))
    optional = {("per_keyword", word) for word in whole["per_keyword"]} | {("query_images", "by_keyword", "ajá")}
    missing = [path for path in leaves(whole) if validator.is_valid(without(whole, path))]
    assert set(missing) == optional


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("detection", {}),
        ("split", "tests"),
        ("utterances", 0),
        ("run", ""),
        ("schema_version", 2),
        ("extra", 1),
        ("queries", "spoken"),
        ("query_images", {}),
        ("agreement", {"keywords": 1}),
    ],
)
def test_wrong_metrics_are_refused(field, value):
    with pytest.raises(ValidationError):
        check("metrics", {**metrics(), field: value})


HIT = Hit("ohùn mi.wav", "ajá", score=0.9, time_s=1.2, start_s=1.0, end_s=1.4)


def test_hits_meet_their_schema():
    check("hits", [])
    check("hits", [HIT.to_json(), HIT.to_json()])


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", 1.1), ("score", None), ("start_s", -0.1), ("time_s", "1.2"), ("query", ""), ("judgement", "yes")],
)
def test_wrong_hits_are_refused(field, value):
    with pytest.raises(ValidationError):
        check("hits", [{**HIT.to_json(), field: value}])


@pytest.mark.parametrize("field", sorted(HIT.to_json()))
def test_a_hit_has_all_its_fields(field):
    with pytest.raises(ValidationError):
        check("hits", [without(HIT.to_json(), (field,))])


EXPORTED_HIT = {
    "query": "ajá",
    "channel": 1,
    "score": 0.9,
    "time_s": 1.2,
    "start_s": 1.0,
    "end_s": 1.4,
    "verdict": None,
}
EXPORTED = {
    **{"schema_version": 1, "earmark": "0.1.0", "archive": "a", "model": "m", "licence": "", "consent": ""},
    "recordings": [
        {
            **{"path": "a.wav", "duration_s": 2.0, "channels": 1, "hits": [EXPORTED_HIT]},
            **dict.fromkeys(("speaker", "date", "language", "licence", "consent"), ""),
        }
    ],
}


def exported(**changes):
    document = copy.deepcopy(EXPORTED)
    document["recordings"][0]["hits"][0].update(changes)
    return document


def test_an_export_meets_its_schema():
    check("export", EXPORTED)
    check("export", {**EXPORTED, "recordings": []})
    check("export", exported(verdict="related"))


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "maybe"), ("channel", 0), ("score", 2), ("query", ""), ("recording", "a.wav")]
)
def test_wrong_exports_are_refused(field, value):
    with pytest.raises(ValidationError):
        check("export", exported(**{field: value}))


@pytest.mark.parametrize("path", [(field,) for field in EXPORTED], ids="/".join)
def test_an_export_has_all_its_fields(path):
    with pytest.raises(ValidationError):
        check("export", without(EXPORTED, path))
