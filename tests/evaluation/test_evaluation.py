"""From a model and a corpus to metrics.json and the results page."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator

from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.costs import NIST, PUBLISHED
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import Predictions, ground_truth, located, measurable
from earmark.evaluation.examples import NOT_SPOKEN, RIGHT, WRONG_PLACE, best_examples, worst_examples
from earmark.evaluation.keyword_queries import (
    cells_to_localise,
    detection_scores,
    locate_batch,
    locations,
    scores_and_locations,
)
from earmark.evaluation.predictions import SplitFeatures
from earmark.evaluation.reliability import reliability
from earmark.evaluation.report import headline_table, notes_on, write_report
from earmark.evaluation.runner import Evaluation, evaluate, write_metrics
from earmark.evaluation.summary import compute_metrics
from earmark.features.cache import load_features
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.media.audio import read_audio

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture(scope="module")
def evaluation(tiny_run: Path, tiny_corpus: Corpus) -> Evaluation:
    return evaluate(load_model(tiny_run), tiny_corpus, "test")


def utterance(name: str, words: tuple[Word, ...] | None, text: str | None = None) -> Utterance:
    return Utterance(name, Path(f"{name}.wav"), 16_000, 48_000, words=words, text=text)


def test_truth_by_hand() -> None:
    utterances = [
        utterance("a", (Word("Dog", 0.1, 0.4), Word("red", 0.5, 0.8), Word("dog,", 1.0, 1.3))),
        utterance("b", (Word("fire", 0.2, 0.5), Word("truck", 0.5, 0.9))),
        utterance("c", ()),
    ]
    truth = ground_truth(utterances, Vocabulary(["dog", "fire truck", "cat"]))
    assert truth.aligned
    assert truth.present.tolist() == [[True, False, False], [False, True, False], [False, False, False]]
    assert truth.utterance.tolist() == [0, 0, 1]
    assert truth.keyword.tolist() == [0, 0, 1]
    assert truth.start_s.tolist() == [0.1, 1.0, 0.2]
    assert truth.end_s.tolist() == [0.4, 1.3, 0.9]  # a keyword of two words reaches over both


def test_without_word_times_there_is_presence_alone() -> None:
    truth = ground_truth([utterance("a", None, "A dog."), utterance("b", None, "dogs")], Vocabulary(["dog", "cat"]))
    assert not truth.aligned
    assert truth.present.tolist() == [[True, False], [False, False]]
    assert len(truth.utterance) == 0


def test_utterances_with_word_times_are_measured_on_where_there_are_some() -> None:
    timed, written, unknown = utterance("a", (), "x"), utterance("b", None, "x"), utterance("c", None)
    assert measurable([timed, written, unknown]) == [timed]
    assert measurable([written, unknown]) == [written]
    with pytest.raises(EarmarkError, match="nothing to measure against"):
        measurable([unknown])


def test_a_model_that_learned_does_well_and_its_metrics_meet_the_schema(evaluation: Evaluation, tmp_path: Path) -> None:
    write_metrics(evaluation, tmp_path / "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    schema = json.loads((files("earmark") / "schemas" / "metrics.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(metrics)
    assert metrics["run"] == "tiny"
    assert metrics["global_threshold"]["threshold"] == evaluation.spotter.checkpoint.global_threshold
    assert metrics["global_threshold"]["detection"]["f1"] > 0.8
    assert metrics["oracle"]["accuracy"] > 2 * metrics["chance"]["oracle"]["accuracy"]
    assert metrics["detection"]["average_precision"] > 0.8


def test_predictions_agree_with_one_utterance_at_a_time(tiny_run: Path, tiny_corpus: Corpus) -> None:
    """Batches, padding and the 16-bit cache change nothing that matters."""
    spotter = load_model(tiny_run)
    rows = [5, 0, 3]
    every = tiny_corpus.utterances("test")
    features = load_features(tiny_corpus, "test", spotter.checkpoint.recipe.features)
    split = SplitFeatures([every[row] for row in rows], features, rows)
    scores = detection_scores(spotter, split)
    times_s = locations(spotter, split, np.ones(scores.shape, dtype=bool), partial(locate_batch, spotter, split))
    together = scores_and_locations(spotter, split)
    np.testing.assert_allclose(together[0], scores, atol=1e-6)
    np.testing.assert_array_equal(together[1], times_s)
    for row, u in enumerate(rows):
        waveform = read_audio(every[u].audio)
        alone = [candidate.hit for candidate in spotter.score_utterance(waveform, spotter.keywords)]
        np.testing.assert_allclose(scores[row], [hit.score for hit in alone], atol=2e-3)
        np.testing.assert_allclose(times_s[row], [hit.time_s for hit in alone], atol=1e-6)


def test_cells_to_localise_by_hand() -> None:
    """Where a keyword is spoken, or is among the 20 best of 24; nowhere else."""
    scores = np.linspace(0, 0.96, 25)[:24, None] * np.array([[1.0, 0.5]])
    present = np.zeros((24, 2), dtype=bool)
    present[1, 0] = True
    wanted = cells_to_localise(present, scores)
    assert np.flatnonzero(~wanted[:, 0]).tolist() == [0, 2, 3]
    assert np.flatnonzero(~wanted[:, 1]).tolist() == [0, 1, 2, 3]


def test_no_measure_depends_on_a_location_that_is_not_computed(evaluation: Evaluation, tiny_corpus: Corpus) -> None:
    spotter, truth = evaluation.spotter, evaluation.truth
    features = load_features(tiny_corpus, "test", spotter.checkpoint.recipe.features)
    split = SplitFeatures(evaluation.utterances, features, range(len(features)))
    scores = evaluation.predictions.scores
    locate = partial(locate_batch, spotter, split)
    few, every = (locations(spotter, split, cells, locate) for cells in (truth.present, np.ones_like(truth.present)))
    assert np.isnan(few[~truth.present]).all()
    assert not np.isnan(every).any()
    durations_s = np.array([u.duration_s for u in evaluation.utterances])
    measured = [
        compute_metrics(
            truth, Predictions(scores, times_s), spotter.checkpoint.thresholds, spotter.keywords, durations_s
        )
        for times_s in (few, every)
    ]
    assert measured[0] == measured[1]


def test_only_utterances_with_word_times_are_measured(own_corpus: Corpus, tiny_run: Path) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    first = dataclasses.replace(splits["test"][3])
    splits["test"] = [dataclasses.replace(u, words=None) if u.id != first.id else u for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    assert [u.id for u in evaluation.utterances] == [first.id]
    assert evaluation.metrics.utterances == 1


def test_examples_match_the_evaluation(evaluation: Evaluation) -> None:
    right = located(evaluation.truth, evaluation.predictions)
    by_path = {str(u.audio): i for i, u in enumerate(evaluation.utterances)}
    cases = ((best_examples(evaluation, 3), {RIGHT}), (worst_examples(evaluation, 3), {WRONG_PLACE, NOT_SPOKEN}))
    for examples, allowed in cases:
        assert examples
        assert len({m.hit.query for m in examples}) == len(examples)
        for example in examples:
            cell = by_path[example.hit.recording], evaluation.spotter.keywords.index(example.hit.query)
            assert example.verdict in allowed
            assert right[cell] == (example.verdict == RIGHT)
            assert evaluation.truth.present[cell] == (example.verdict != NOT_SPOKEN)
            assert example.hit.score == pytest.approx(evaluation.predictions.scores[cell], abs=2e-3)
    scores = [example.hit.score for example in best_examples(evaluation, 3)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(evaluation.predictions.scores[right].max(), abs=2e-3)


def test_reliability_by_hand() -> None:
    scores = np.array([[0.05, 0.05], [0.95, 1.0]])
    present = np.array([[False, True], [True, True]])
    mean, fraction, count = reliability(scores, present)
    np.testing.assert_allclose(mean, [0.05, 0.975])
    np.testing.assert_allclose(fraction, [0.5, 1.0])
    assert count.tolist() == [2, 2]


def test_report_and_headline_table(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", "A <title>", {"tiny": evaluation}, ["A note."])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "A &lt;title&gt;" in page
    assert "A note." in page
    assert page.count("data:audio") == len(best_examples(evaluation, 8)) + len(worst_examples(evaluation, 8))
    assert notes_on({"tiny": evaluation}) == []
    columns = {str(column.header): list(column.cells) for column in headline_table({"tiny": evaluation}).columns}
    accuracy = evaluation.metrics.oracle.accuracy
    assert accuracy is not None
    assert columns["Oracle accuracy"] == [f"{100 * accuracy:.1f}"]
    assert columns[""] == ["tiny"]


def test_a_corpus_without_word_times_is_reported_too(own_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [dataclasses.replace(u, words=None) for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    assert evaluation.metrics.oracle.accuracy is None
    assert evaluation.metrics.detection.f1 is not None
    write_report(tmp_path / "report.html", "Without times", {"tiny": evaluation})


def test_a_split_without_any_keyword_has_a_note(own_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [dataclasses.replace(u, words=(Word("cat", 0.1, 0.2),)) for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    write_report(tmp_path / "report.html", "Nothing", {"mine": evaluation})
    note = "None of the 4 keywords of mine is spoken in the split test of tiny: there is nothing to measure."
    assert notes_on({"mine": evaluation}) == [note]
    cells = [cell for column in headline_table({"mine": evaluation}).columns for cell in column.cells]
    assert cells == ["mine", *["-"] * 5]
    assert note in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_location_is_that_of_the_method(evaluation: Evaluation) -> None:
    """The location of every cell is the centre of the frame with the highest score."""
    spotter: KeywordSpotter = evaluation.spotter
    first = read_audio(evaluation.utterances[0].audio)
    features = spotter._extract(first)[None]
    queries = spotter.model.encode_queries(spotter.keywords)
    with torch.no_grad():
        frames, _ = spotter.model.encode_speech(features, torch.tensor([features.shape[1]]))
    peaks = frames[0][:, queries].argmax(dim=0).numpy()
    expected = Predictions(np.zeros((1, len(peaks))), spotter.model.grid.centre_s(peaks)[None])
    np.testing.assert_allclose(evaluation.predictions.times_s[:1], expected.times_s, atol=1e-6)


def test_term_weighted_values_have_the_costs_that_are_given(tiny_run: Path, tiny_corpus: Corpus) -> None:
    spotter = load_model(tiny_run)
    san = evaluate(spotter, tiny_corpus, "test", costs=PUBLISHED["san2021"]).metrics
    nist = evaluate(spotter, tiny_corpus, "test").metrics
    assert san.conditions.costs == PUBLISHED["san2021"]
    assert (nist.conditions.costs, nist.conditions.beta) == (NIST, NIST.beta)
    assert san.term_weighted.stwv == nist.term_weighted.stwv  # no false alarm, no cost
    assert san.term_weighted.mtwv >= nist.term_weighted.mtwv
