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
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import Predictions, ground_truth, located, measurable
from earmark.evaluation.keyword_queries import (
    Evaluation,
    SplitFeatures,
    cells_to_localise,
    detection_scores,
    evaluate,
    locate_batch,
    locations,
    write_metrics,
)
from earmark.evaluation.reliability import reliability
from earmark.evaluation.report import NOT_SPOKEN, RIGHT, WRONG_PLACE, best, print_table, worst, write_report
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
    said = [
        utterance("a", (Word("Dog", 0.1, 0.4), Word("red", 0.5, 0.8), Word("dog,", 1.0, 1.3))),
        utterance("b", (Word("fire", 0.2, 0.5), Word("truck", 0.5, 0.9))),
        utterance("c", ()),
    ]
    truth = ground_truth(said, Vocabulary(["dog", "fire truck", "cat"]))
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
    assert metrics["at_one_threshold"]["threshold"] == evaluation.finder.checkpoint.global_threshold
    assert metrics["at_one_threshold"]["detection"]["f1"] > 0.8
    assert metrics["oracle"]["accuracy"] > 2 * metrics["chance"]["oracle"]["accuracy"]
    assert metrics["detection"]["average_precision"] > 0.8


def test_predictions_agree_with_one_utterance_at_a_time(tiny_run: Path, tiny_corpus: Corpus) -> None:
    """Batches, padding and the 16-bit cache change nothing that matters."""
    finder = load_model(tiny_run)
    rows = [5, 0, 3]
    heard = SplitFeatures(load_features(tiny_corpus, "test", finder.checkpoint.recipe.features), rows)
    scores = detection_scores(finder, heard)
    times_s = locations(finder, heard, np.ones(scores.shape, dtype=bool), partial(locate_batch, finder, heard))
    for row, u in enumerate(rows):
        waveform = read_audio(tiny_corpus.utterances("test")[u].audio)
        alone = [candidate.hit for candidate in finder.score_utterance(waveform, finder.keywords)]
        np.testing.assert_allclose(scores[row], [hit.score for hit in alone], atol=2e-3)
        np.testing.assert_allclose(times_s[row], [hit.time_s for hit in alone], atol=1e-6)


def test_locations_are_sought_where_they_can_count() -> None:
    """Where a keyword is spoken, or is among the 20 best of 24; nowhere else."""
    scores = np.linspace(0, 0.96, 25)[:24, None] * np.array([[1.0, 0.5]])
    present = np.zeros((24, 2), dtype=bool)
    present[1, 0] = True
    wanted = cells_to_localise(present, scores)
    assert np.flatnonzero(~wanted[:, 0]).tolist() == [0, 2, 3]
    assert np.flatnonzero(~wanted[:, 1]).tolist() == [0, 1, 2, 3]


def test_no_measure_depends_on_a_location_that_is_not_sought(evaluation: Evaluation, tiny_corpus: Corpus) -> None:
    finder, truth = evaluation.finder, evaluation.truth
    features = load_features(tiny_corpus, "test", finder.checkpoint.recipe.features)
    heard = SplitFeatures(features, range(len(features)))
    scores = evaluation.predictions.scores
    locate = partial(locate_batch, finder, heard)
    few, every = (locations(finder, heard, cells, locate) for cells in (truth.present, np.ones_like(truth.present)))
    assert np.isnan(few[~truth.present]).all()
    assert not np.isnan(every).any()
    durations_s = np.array([u.duration_s for u in evaluation.utterances])
    measured = [
        compute_metrics(truth, Predictions(scores, times_s), finder.checkpoint.thresholds, finder.keywords, durations_s)
        for times_s in (few, every)
    ]
    assert measured[0] == measured[1]


def test_only_utterances_with_word_times_are_measured(own_corpus: Corpus, tiny_run: Path) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    kept = dataclasses.replace(splits["test"][3])
    splits["test"] = [dataclasses.replace(u, words=None) if u.id != kept.id else u for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    assert [u.id for u in evaluation.utterances] == [kept.id]
    assert evaluation.metrics["utterances"] == 1


def test_examples_are_what_they_say(evaluation: Evaluation) -> None:
    right = located(evaluation.truth, evaluation.predictions)
    by_path = {str(u.audio): i for i, u in enumerate(evaluation.utterances)}
    for moments, allowed in ((best(evaluation, 3), {RIGHT}), (worst(evaluation, 3), {WRONG_PLACE, NOT_SPOKEN})):
        assert moments
        assert len({m.hit.query for m in moments}) == len(moments)
        for moment in moments:
            cell = by_path[moment.hit.recording], evaluation.finder.keywords.index(moment.hit.query)
            assert moment.verdict in allowed
            assert right[cell] == (moment.verdict == RIGHT)
            assert evaluation.truth.present[cell] == (moment.verdict != NOT_SPOKEN)
            assert moment.hit.score == pytest.approx(evaluation.predictions.scores[cell], abs=2e-3)
    scores = [moment.hit.score for moment in best(evaluation, 3)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(evaluation.predictions.scores[right].max(), abs=2e-3)


def test_reliability_by_hand() -> None:
    scores = np.array([[0.05, 0.05], [0.95, 1.0]])
    present = np.array([[False, True], [True, True]])
    mean, fraction, count = reliability(scores, present)
    np.testing.assert_allclose(mean, [0.05, 0.975])
    np.testing.assert_allclose(fraction, [0.5, 1.0])
    assert count.tolist() == [2, 2]


def test_the_report_is_written_and_the_table_printed(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path / "report.html", "A <title>", {"tiny": evaluation}, ["A note."])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "A &lt;title&gt;" in page
    assert "A note." in page
    assert page.count("data:audio") == len(best(evaluation, 8)) + len(worst(evaluation, 8))
    print_table({"tiny": evaluation})
    assert f"{100 * evaluation.metrics['oracle']['accuracy']:.1f}" in capsys.readouterr().out


def test_a_corpus_without_word_times_is_reported_too(own_corpus: Corpus, tiny_run: Path, tmp_path: Path) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [dataclasses.replace(u, words=None) for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    assert evaluation.metrics["oracle"]["accuracy"] is None
    assert evaluation.metrics["detection"]["f1"] is not None
    write_report(tmp_path / "report.html", "Without times", {"tiny": evaluation})


def test_a_split_without_any_keyword_is_said_to_have_none(
    own_corpus: Corpus, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [dataclasses.replace(u, words=(Word("cat", 0.1, 0.2),)) for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(tiny_run), own_corpus, "test")
    write_report(tmp_path / "report.html", "Nothing", {"mine": evaluation})
    print_table({"mine": evaluation})
    said = "None of the 4 keywords of mine is spoken in the split test of tiny: there is nothing to measure."
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == said
    assert "0.0" not in told
    assert said in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_location_is_that_of_the_method(evaluation: Evaluation) -> None:
    """The location of every cell is the centre of the frame with the highest score."""
    finder: KeywordSpotter = evaluation.finder
    first = read_audio(evaluation.utterances[0].audio)
    features = finder._extract(first)[None]
    queries = finder.model.encode_queries(finder.keywords)
    with torch.no_grad():
        frames, _ = finder.model.encode_speech(features, torch.tensor([features.shape[1]]))
    peaks = frames[0][:, queries].argmax(dim=0).numpy()
    expected = Predictions(np.zeros((1, len(peaks))), finder.model.grid.centre_s(peaks)[None])
    np.testing.assert_allclose(evaluation.predictions.times_s[:1], expected.times_s, atol=1e-6)
