"""Evaluation with image queries, against one utterance at a time; and how far the modalities agree."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from scipy.stats import pearsonr, spearmanr

from earmark import cli
from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import ModalityAgreement
from earmark.core.types import ImageQuery, Prompt
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import ModalityResult, agreement, same_word, top_10_overlap
from earmark.evaluation.data import GroundTruth, Predictions, located
from earmark.evaluation.examples import best_examples, worst_examples
from earmark.evaluation.query_images import image_queries_of
from earmark.evaluation.report import (
    describe_agreement,
    describe_query_images,
    headline_table,
    notes_on,
    write_report,
)
from earmark.evaluation.runner import Evaluation, evaluate, evaluate_modalities, select_modalities
from earmark.localisation.spotter import load_model
from earmark.media.audio import read_audio

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture(scope="module", params=["shared words", "pairs"])
def run(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue("tiny_pictured_run" if request.param == "shared words" else "tiny_pair_run"))


@pytest.fixture(scope="module")
def both(tiny_pictured_run: Path, tiny_corpus: Corpus) -> dict[str, Evaluation]:
    return evaluate_modalities(load_model(tiny_pictured_run), tiny_corpus, "test", ("written", "image"))


def alone(
    evaluation: Evaluation, corpus: Corpus, u: int, q: int, include_own_image: bool = False
) -> tuple[float, float] | None:
    """Detection score and location of one query in one utterance, without the utterance's own image."""
    utterance, spotter = evaluation.utterances[u], evaluation.spotter
    query = image_queries_of(corpus, "test", spotter.checkpoint.vocabulary).queries[q]
    prompts = tuple(p for p in query.prompts if include_own_image or p.path != utterance.image)
    if not prompts:
        return None
    (candidate,) = spotter.score_utterance(read_audio(utterance.audio), [ImageQuery(query.name, prompts)])
    return candidate.hit.score, candidate.hit.time_s


def assert_as_alone(evaluation: Evaluation, corpus: Corpus, include_own_image: bool = False) -> None:
    predictions = evaluation.predictions
    for u, q in np.ndindex(predictions.scores.shape):
        expected = alone(evaluation, corpus, u, q, include_own_image)
        assert predictions.evaluated[u, q] == (expected is not None)
        if expected is None:
            assert np.isnan(predictions.scores[u, q])
        else:
            assert predictions.scores[u, q] == pytest.approx(expected[0], abs=2e-3)
            assert predictions.times_s[u, q] == pytest.approx(expected[1], abs=1e-6)


def test_own_images_are_left_out(run: Path, tiny_corpus: Corpus) -> None:
    evaluation = evaluate(load_model(run), tiny_corpus, "test", "image")
    assert_as_alone(evaluation, tiny_corpus)
    images = evaluation.metrics.query_images
    assert images is not None
    assert not images.own_image_included
    assert images.excluded.pairs == (~evaluation.predictions.evaluated).sum() == 1
    assert images.excluded.spoken_pairs == 1
    assert describe_query_images(evaluation.metrics)[1].startswith(
        "Excluded: 1 of 32 pairs of utterance and keyword, 1 with"
    )
    assert evaluation.metrics.per_keyword.keys() == images.by_keyword.keys()


def test_other_captions_of_the_same_photo_are_own_too(run: Path, own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    photo = splits["test"][1].image
    splits["test"][3:5] = [replace(utterance, image=photo) for utterance in splits["test"][3:5]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(run), own_corpus, "test", "image")
    assert_as_alone(evaluation, own_corpus)
    queries = [
        evaluation.query_for(u, q) for u in (1, 3, 4) for q in range(4) if evaluation.predictions.evaluated[u, q]
    ]
    assert photo not in {prompt.path for query in queries for prompt in query.prompts}


def test_with_own_images_every_pair_is_evaluated(run: Path, tiny_corpus: Corpus) -> None:
    evaluation = evaluate(load_model(run), tiny_corpus, "test", "image", include_own_image=True)
    images = evaluation.metrics.query_images
    assert images is not None
    assert images.own_image_included
    assert images.excluded.pairs == 0
    assert_as_alone(evaluation, tiny_corpus, include_own_image=True)
    assert "with their own images too" in describe_query_images(evaluation.metrics)[0]


def test_crops_change_the_query(run: Path, own_corpus: Corpus) -> None:
    spotter = load_model(run)
    whole = evaluate(spotter, own_corpus, "test", "image")
    first = image_queries_of(own_corpus, "test", spotter.checkpoint.vocabulary).queries[0].prompts[0]
    row = f"ball,images/{first.path.name},0,0,12,12"
    (own_corpus.folder / "queries.csv").write_text(f"keyword,image,left,top,right,bottom\n{row}\n", encoding="utf-8")
    cropped = evaluate(spotter, own_corpus, "test", "image")
    assert_as_alone(cropped, own_corpus)
    assert cropped.queries[0].prompts[0] == Prompt(first.path, (0, 0, 12, 12))
    assert cropped.metrics.query_images is not None
    assert cropped.metrics.query_images.crops == 1
    assert not np.allclose(whole.predictions.scores[:, 0], cropped.predictions.scores[:, 0], equal_nan=True)
    np.testing.assert_array_equal(whole.predictions.scores[:, 1:], cropped.predictions.scores[:, 1:])
    assert "(12 in all, 1 of them cropped)" in describe_query_images(cropped.metrics)[0]


def test_the_threshold_is_the_one_for_image_queries(run: Path, tiny_corpus: Corpus) -> None:
    spotter = load_model(run)
    threshold = spotter.checkpoint.image_threshold
    metrics = evaluate(spotter, tiny_corpus, "test", "image").metrics
    assert {measures.threshold for measures in metrics.per_keyword.values()} == {threshold}
    assert metrics.global_threshold.threshold == threshold
    assert vars(metrics.global_threshold.detection).items() <= vars(metrics.detection).items()


def test_trained_models_are_better_than_chance(run: Path, tiny_corpus: Corpus) -> None:
    metrics = evaluate(load_model(run), tiny_corpus, "test", "image").metrics
    found = [metrics.value(key) or 0.0 for key in ("spotting.p_at_n", "oracle.accuracy")]
    guessed = [metrics.value(key) or 0.0 for key in ("chance.spotting.p_at_10", "chance.oracle.accuracy")]
    assert found[0] > guessed[0] + 0.2
    assert found[1] > 2 * guessed[1]


def test_a_keyword_without_an_image_is_excluded(run: Path, own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(u, image=None) if "ball" in (u.text or "").lower() else u for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate(load_model(run), own_corpus, "test", "image")
    assert evaluation.metrics.query_images is not None
    assert evaluation.metrics.query_images.excluded.keywords == ("ball",)
    assert evaluation.metrics.keywords == len(evaluation.queries) == 3
    assert list(evaluation.metrics.per_keyword) == ["dog", "ọmọ", "snow"]
    assert "Excluded, because no utterance of test has an image: ball." in describe_query_images(evaluation.metrics)
    assert len(evaluation.utterances) == 8  # those without a picture are searched all the same
    assert_as_alone(evaluation, own_corpus)


def test_examples_leave_out_own_images(both: dict[str, Evaluation]) -> None:
    evaluation = both["image"]
    right = located(evaluation.truth, evaluation.predictions)
    by_path = {str(u.audio): number for number, u in enumerate(evaluation.utterances)}
    examples = best_examples(evaluation, 3) + worst_examples(evaluation, 3)
    assert examples
    for example in examples:
        u = by_path[example.hit.recording]
        q = [query.name for query in evaluation.queries].index(example.hit.query)
        assert example.hit.score == pytest.approx(evaluation.predictions.scores[u, q], abs=2e-3)
        assert (example.verdict == "right") == right[u, q]
        assert example.matchmap_data is not None
        assert example.matchmap_data.query == evaluation.query_for(u, q)
        assert evaluation.utterances[u].image not in {prompt.path for prompt in example.matchmap_data.query.prompts}
        np.testing.assert_array_equal(example.matchmap_data.times_s, example.curve_times_s)
    assert all(
        example.matchmap_data is None
        for example in best_examples(both["written"], 3) + worst_examples(both["written"], 3)
    )
    excluded = np.argwhere(~evaluation.predictions.evaluated)
    assert len(excluded) == 1
    assert tuple(excluded[0]) not in {(by_path[m.hit.recording], m.hit.query) for m in examples}


# Both kinds of query


def test_metrics_meet_the_schema_and_hold_the_agreement(both: dict[str, Evaluation]) -> None:
    schema = json.loads((files("earmark") / "schemas" / "metrics.schema.json").read_text(encoding="utf-8"))
    for kind, evaluation in both.items():
        Draft202012Validator(schema).validate(json.loads(evaluation.metrics.to_json()))
        assert evaluation.metrics.queries == kind
    assert both["written"].metrics.query_images is None
    agreed = both["image"].metrics.agreement
    assert agreed is not None
    assert both["written"].metrics.agreement == agreed
    assert agreed.keywords == 4


def test_agreement_is_that_of_scipy(both: dict[str, Evaluation]) -> None:
    written, image = (both[kind].predictions for kind in ("written", "image"))
    pearsons, spearmans = [], []
    for w in range(4):
        cells = image.evaluated[:, w]
        pearsons.append(pearsonr(written.scores[cells, w], image.scores[cells, w]).statistic)
        spearmans.append(spearmanr(written.scores[cells, w], image.scores[cells, w]).statistic)
    agreed = both["image"].metrics.agreement
    assert agreed is not None
    assert agreed.pearson == pytest.approx(np.mean(pearsons))
    assert agreed.spearman == pytest.approx(np.mean(spearmans))


UTTERANCES = [
    Utterance(f"u{n}", Path("a.wav"), 16_000, 48_000, words=(Word("a", 0.5, 1), Word("dog", 1, 2))) for n in range(3)
]


def result_of(keywords: tuple[str, ...], scores: list[list[float]], times_s: list[list[float]]) -> ModalityResult:
    """Results for three utterances, in all of which the first keyword is spoken from 1 to 2 s; NaN is not evaluated."""
    values = np.array(scores, dtype=float)
    evaluated = ~np.isnan(values)
    present = np.zeros(values.shape, dtype=bool)
    present[:, 0] = True
    truth = GroundTruth(present, np.arange(3), np.zeros(3, dtype=int), np.ones(3), np.full(3, 2.0), aligned=True)
    return ModalityResult(keywords, truth.within(evaluated), Predictions(values, np.array(times_s), evaluated))


def test_agreement_by_hand() -> None:
    written = result_of(("dog", "cat"), [[0.1, 0.5], [0.2, 0.5], [0.9, 0.5]], [[1.1, 0], [1.95, 0], [1.5, 0]])
    # the third utterance can't be asked with a picture; the second is located 0.15 s later, in no word
    image = result_of(("dog",), [[0.2], [0.8], [np.nan]], [[1.15], [2.1], [9.0]])
    found = agreement(UTTERANCES, written, image)
    assert found == ModalityAgreement(1, pytest.approx(1), pytest.approx(1), 1, 1 / 2, 1 / 2)
    sentence = describe_agreement(found)
    assert "1.00 (Spearman 1.00)" in sentence
    assert "50.0 % of their locations lie within 0.1 s" in sentence

    alone = result_of(("dog",), [[0.2], [np.nan], [np.nan]], [[1.15], [2.1], [9.0]])
    assert agreement(UTTERANCES, written, alone).pearson is None  # of one utterance
    untimed = image._replace(truth=replace(image.truth, aligned=False))
    assert agreement(UTTERANCES, written, untimed).located_in_same_word is None
    assert agreement(UTTERANCES, written, result_of(("cow",), [[0.2]] * 3, [[1.0]] * 3)).keywords == 0


def test_top_10_overlap_by_hand() -> None:
    up = np.arange(30.0)
    assert top_10_overlap(up, up) == 1
    assert top_10_overlap(up, -up) == 0
    assert top_10_overlap(up, np.roll(up, 3)) == pytest.approx(7 / 10)  # 20..29 are the best, and 23..29, 0..2
    assert top_10_overlap(np.arange(4.0), -np.arange(4.0)) == 1
    assert np.isnan(top_10_overlap(np.empty(0), np.empty(0)))


def test_same_word_by_hand() -> None:
    words = (Word("a", 0.0, 1.0), Word("dog", 1.0, 2.0))
    assert same_word(words, 1.2, 1.9)
    assert same_word(words, 2.0, 1.0)  # both ends are included
    assert not same_word(words, 0.9, 1.1)
    assert not same_word(words, 1.5, 2.1)
    assert not same_word((), 1.0, 1.0)


# Messages


def test_select_modalities(tiny_run: Path, tiny_pictured_run: Path, tiny_pair_run: Path) -> None:
    written, shared, pair = (load_model(run) for run in (tiny_run, tiny_pictured_run, tiny_pair_run))
    assert [select_modalities(model, None) for model in (written, shared, pair)] == [
        ("written",),
        ("written", "image"),
        ("image",),
    ]
    assert select_modalities(shared, "both") == ("written", "image")
    assert select_modalities(shared, "image") == ("image",)
    for model, kind in ((written, "image"), (pair, "written"), (pair, "both")):
        with pytest.raises(EarmarkError, match=f"queries only: leave --queries {kind} out"):
            select_modalities(model, kind)
    with pytest.raises(EarmarkError, match="no 'spoken' queries: choose from written, image and both"):
        select_modalities(shared, "spoken")


def test_image_queries_for_a_keyword_model_are_refused(tiny_run: Path, tiny_corpus: Corpus) -> None:
    with pytest.raises(EarmarkError, match="accepts written queries only"):
        evaluate(load_model(tiny_run), tiny_corpus, "test", "image")


def test_a_diverged_model_is_reported(tiny_pair_run: Path, tiny_corpus: Corpus) -> None:
    spotter = load_model(tiny_pair_run)
    with torch.no_grad():
        next(spotter.model.parameters()).fill_(torch.nan)
    with pytest.raises(EarmarkError, match="training diverged"):
        evaluate(spotter, tiny_corpus, "test", "image")


def test_the_page_and_the_table_show_both(both: dict[str, Evaluation], tmp_path: Path) -> None:
    named = {f"tiny, {kind} queries": evaluation for kind, evaluation in both.items()}
    write_report(tmp_path / "report.html", "Both", named)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert headline_table(named).row_count == 2
    for text in (page, " ".join(notes_on(named))):
        assert "No utterance was searched with its own image." in text
        assert "Written and image queries for the same word, of 4 words" in text
    assert both["image"].metrics.query_images is not None
    for word, images in both["image"].metrics.query_images.by_keyword.items():
        assert f"<bdi>{word}</bdi></th><td><bdi>{', '.join(image.image for image in images)}</bdi>" in page
    assert page.count("The images of the queries</summary>") == 1
    assert page.count("data:audio") == sum(
        len(f(one, 8)) for one in both.values() for f in (best_examples, worst_examples)
    )
    assert (
        page.count("<canvas") == sum(len(f(both["image"], 8)) for f in (best_examples, worst_examples)) > 0
    )  # a matchmap each
    assert page.count("one for each keyword") == 1  # image queries have one threshold


@pytest.mark.parametrize(
    ("fixture", "options", "expected"),
    [
        ("tiny_pictured_run", [], {"metrics.json": "written", "metrics-image.json": "image"}),
        ("tiny_pictured_run", ["--queries", "image"], {"metrics-image.json": "image"}),
        ("tiny_pair_run", ["--include-own-image"], {"metrics.json": "image"}),
    ],
)
def test_from_the_command_line(
    fixture: str,
    options: list[str],
    expected: dict[str, str],
    request: pytest.FixtureRequest,
    tiny_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = request.getfixturevalue(fixture)
    arguments = ["evaluate", str(run), "--corpus", str(tiny_corpus.folder), "--out", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", ["earmark", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    written = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.json")}
    assert {name: metrics["queries"] for name, metrics in written.items()} == expected
    for metrics in written.values():
        if metrics["queries"] == "image":
            assert metrics["query_images"]["own_image_included"] == ("--include-own-image" in options)
    printed = capsys.readouterr().out
    assert all(str(tmp_path / name) in printed.replace("\n", "") for name in expected)


def test_written_queries_are_evaluated_as_before(both: dict[str, Evaluation], tiny_corpus: Corpus) -> None:
    again = evaluate(both["written"].spotter, tiny_corpus, "test", "written")
    assert replace(again.metrics, agreement=both["written"].metrics.agreement) == both["written"].metrics
    assert again.queries == Vocabulary(tiny_corpus.keywords).words
