"""Evaluation with image queries, against asking utterance by utterance; and how far two kinds of query agree."""

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
from earmark.core.types import ImageQuery, Prompt
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import ModalityResult, agreement, both_correct, same_word
from earmark.evaluation.data import GroundTruth, Predictions, located
from earmark.evaluation.image_queries import evaluate_pictures, query_pictures
from earmark.evaluation.keyword_queries import Evaluation, evaluate
from earmark.evaluation.report import best, print_table, told_agreement, told_pictures, worst, write_report
from earmark.evaluation.runner import chosen, evaluate_kinds
from earmark.localisation.spotter import load_model
from earmark.media.audio import read_audio

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture(scope="module", params=["shared words", "pairs"])
def run(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue("tiny_pictured_run" if request.param == "shared words" else "tiny_pair_run"))


@pytest.fixture(scope="module")
def both(tiny_pictured_run: Path, tiny_corpus: Corpus) -> dict[str, Evaluation]:
    return evaluate_kinds(load_model(tiny_pictured_run), tiny_corpus, "test", ("written", "image"))


def alone(
    evaluation: Evaluation, corpus: Corpus, u: int, q: int, include_own_image: bool = False
) -> tuple[float, float] | None:
    """Detection score and location of one query in one utterance, which is asked with no picture of its own."""
    utterance, finder = evaluation.utterances[u], evaluation.finder
    query = query_pictures(corpus, "test", finder.checkpoint.vocabulary).queries[q]
    prompts = tuple(p for p in query.prompts if include_own_image or p.path != utterance.image)
    if not prompts:
        return None
    (candidate,) = finder.score_utterance(read_audio(utterance.audio), [ImageQuery(query.name, prompts)])
    return candidate.hit.score, candidate.hit.time_s


def assert_as_alone(evaluation: Evaluation, corpus: Corpus, include_own_image: bool = False) -> None:
    predictions = evaluation.predictions
    for u, q in np.ndindex(predictions.scores.shape):
        expected = alone(evaluation, corpus, u, q, include_own_image)
        assert predictions.answered[u, q] == (expected is not None)
        if expected is None:
            assert np.isnan(predictions.scores[u, q])
        else:
            assert predictions.scores[u, q] == pytest.approx(expected[0], abs=2e-3)
            assert predictions.times_s[u, q] == pytest.approx(expected[1], abs=1e-6)


def test_every_utterance_is_asked_with_all_pictures_but_its_own(run: Path, tiny_corpus: Corpus) -> None:
    evaluation = evaluate_pictures(load_model(run), tiny_corpus, "test")
    assert_as_alone(evaluation, tiny_corpus)
    told = evaluation.metrics["query_pictures"]
    assert not told["own_pictures_asked"]
    assert told["left_out"]["pairs"] == (~evaluation.predictions.answered).sum() == 1
    assert told["left_out"]["spoken_pairs"] == 1
    assert told_pictures(evaluation.metrics)[1].startswith("Left out: 1 of 32 pairs of utterance and keyword, 1 with")
    assert evaluation.metrics["per_keyword"].keys() == told["of_keywords"].keys()


def test_other_captions_of_the_same_photo_are_own_too(run: Path, own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    photo = splits["test"][1].image
    splits["test"][3:5] = [replace(utterance, image=photo) for utterance in splits["test"][3:5]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate_pictures(load_model(run), own_corpus, "test")
    assert_as_alone(evaluation, own_corpus)
    asked = [evaluation.asked_of(u, q) for u in (1, 3, 4) for q in range(4) if evaluation.predictions.answered[u, q]]
    assert photo not in {prompt.path for query in asked for prompt in query.prompts}


def test_with_own_pictures_every_pair_is_asked(run: Path, tiny_corpus: Corpus) -> None:
    evaluation = evaluate_pictures(load_model(run), tiny_corpus, "test", include_own_image=True)
    assert evaluation.metrics["query_pictures"]["own_pictures_asked"]
    assert evaluation.metrics["query_pictures"]["left_out"]["pairs"] == 0
    assert_as_alone(evaluation, tiny_corpus, include_own_image=True)
    assert "with their own pictures too" in told_pictures(evaluation.metrics)[0]


def test_a_crop_is_what_the_model_sees(run: Path, own_corpus: Corpus) -> None:
    finder = load_model(run)
    whole = evaluate_pictures(finder, own_corpus, "test")
    first = query_pictures(own_corpus, "test", finder.checkpoint.vocabulary).queries[0].prompts[0]
    row = f"ball,images/{first.path.name},0,0,12,12"
    (own_corpus.folder / "queries.csv").write_text(f"keyword,image,left,top,right,bottom\n{row}\n", encoding="utf-8")
    cropped = evaluate_pictures(finder, own_corpus, "test")
    assert_as_alone(cropped, own_corpus)
    assert cropped.queries[0].prompts[0] == Prompt(first.path, (0, 0, 12, 12))
    assert cropped.metrics["query_pictures"]["crops"] == 1
    assert not np.allclose(whole.predictions.scores[:, 0], cropped.predictions.scores[:, 0], equal_nan=True)
    np.testing.assert_array_equal(whole.predictions.scores[:, 1:], cropped.predictions.scores[:, 1:])
    assert "(12 in all, 1 of them cropped)" in told_pictures(cropped.metrics)[0]


def test_the_threshold_is_the_one_for_image_queries(run: Path, tiny_corpus: Corpus) -> None:
    finder = load_model(run)
    threshold = finder.checkpoint.image_threshold
    metrics = evaluate_pictures(finder, tiny_corpus, "test").metrics
    assert {measures["threshold"] for measures in metrics["per_keyword"].values()} == {threshold}
    assert metrics["at_one_threshold"]["threshold"] == threshold
    assert metrics["at_one_threshold"]["detection"].items() <= metrics["detection"].items()


def test_models_learn_what_pictures_and_words_have_in_common(run: Path, tiny_corpus: Corpus) -> None:
    metrics = evaluate_pictures(load_model(run), tiny_corpus, "test").metrics
    assert metrics["spotting"]["p_at_n"] > metrics["chance"]["spotting"]["p_at_10"] + 0.2
    assert metrics["oracle"]["accuracy"] > 2 * metrics["chance"]["oracle"]["accuracy"]


def test_a_keyword_without_a_picture_is_left_out_and_named(run: Path, own_corpus: Corpus) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(u, image=None) if "ball" in (u.text or "").lower() else u for u in splits["test"]]
    write_corpus(own_corpus, splits)
    evaluation = evaluate_pictures(load_model(run), own_corpus, "test")
    assert evaluation.metrics["query_pictures"]["left_out"]["keywords"] == ["ball"]
    assert evaluation.metrics["keywords"] == len(evaluation.queries) == 3
    assert list(evaluation.metrics["per_keyword"]) == ["dog", "ọmọ", "snow"]
    assert "Left out, for no utterance of test gives a picture: ball." in told_pictures(evaluation.metrics)
    assert len(evaluation.utterances) == 8  # those without a picture are searched all the same
    assert_as_alone(evaluation, own_corpus)


def test_examples_are_asked_without_the_utterances_own_picture(both: dict[str, Evaluation]) -> None:
    evaluation = both["image"]
    right = located(evaluation.truth, evaluation.predictions)
    by_path = {str(u.audio): number for number, u in enumerate(evaluation.utterances)}
    moments = best(evaluation, 3) + worst(evaluation, 3)
    assert moments
    for moment in moments:
        u = by_path[moment.hit.recording]
        q = [query.name for query in evaluation.queries].index(moment.hit.query)
        assert moment.hit.score == pytest.approx(evaluation.predictions.scores[u, q], abs=2e-3)
        assert (moment.verdict == "right") == right[u, q]
        assert moment.sight is not None
        assert moment.sight.query == evaluation.asked_of(u, q)
        assert evaluation.utterances[u].image not in {prompt.path for prompt in moment.sight.query.prompts}
        np.testing.assert_array_equal(moment.sight.times_s, moment.curve_times_s)
    assert all(moment.sight is None for moment in best(both["written"], 3) + worst(both["written"], 3))
    unasked = np.argwhere(~evaluation.predictions.answered)
    assert len(unasked) == 1
    assert tuple(unasked[0]) not in {(by_path[m.hit.recording], m.hit.query) for m in moments}


# Both kinds of query


def test_metrics_meet_the_schema_and_hold_the_agreement(both: dict[str, Evaluation]) -> None:
    schema = json.loads((files("earmark") / "schemas" / "metrics.schema.json").read_text(encoding="utf-8"))
    for kind, evaluation in both.items():
        Draft202012Validator(schema).validate(json.loads(json.dumps(evaluation.metrics)))
        assert evaluation.metrics["queries"] == kind
    assert both["written"].metrics["query_pictures"] is None
    assert both["written"].metrics["agreement"] == both["image"].metrics["agreement"]
    assert both["image"].metrics["agreement"]["keywords"] == 4


def test_agreement_is_that_of_scipy(both: dict[str, Evaluation]) -> None:
    written, image = (both[kind].predictions for kind in ("written", "image"))
    pearsons, spearmans = [], []
    for w in range(4):
        asked = image.answered[:, w]
        pearsons.append(pearsonr(written.scores[asked, w], image.scores[asked, w]).statistic)
        spearmans.append(spearmanr(written.scores[asked, w], image.scores[asked, w]).statistic)
    told = both["image"].metrics["agreement"]
    assert told["pearson"] == pytest.approx(np.mean(pearsons))
    assert told["spearman"] == pytest.approx(np.mean(spearmans))


SAID = [
    Utterance(f"u{n}", Path("a.wav"), 16_000, 48_000, words=(Word("a", 0.5, 1), Word("dog", 1, 2))) for n in range(3)
]


def told(keywords: tuple[str, ...], scores: list[list[float]], times_s: list[list[float]]) -> ModalityResult:
    """Answers for three utterances, in all of which the first keyword is spoken from 1 to 2 s; NaN is not asked."""
    answers = np.array(scores, dtype=float)
    asked = ~np.isnan(answers)
    present = np.zeros(answers.shape, dtype=bool)
    present[:, 0] = True
    truth = GroundTruth(present, np.arange(3), np.zeros(3, dtype=int), np.ones(3), np.full(3, 2.0), aligned=True)
    return ModalityResult(keywords, truth.within(asked), Predictions(answers, np.array(times_s), asked))


def test_agreement_by_hand() -> None:
    written = told(("dog", "cat"), [[0.1, 0.5], [0.2, 0.5], [0.9, 0.5]], [[1.1, 0], [1.95, 0], [1.5, 0]])
    # the third utterance can't be asked with a picture; the second is located 0.15 s later, in no word
    image = told(("dog",), [[0.2], [0.8], [np.nan]], [[1.15], [2.1], [9.0]])
    found = agreement(SAID, written, image)
    assert found["keywords"] == 1
    assert found["pearson"] == pytest.approx(1)
    assert found["spearman"] == pytest.approx(1)
    assert found["top_10_in_common"] == 1
    assert found["located_within_100_ms"] == 1 / 2
    assert found["located_in_same_word"] == 1 / 2
    sentence = told_agreement(found)
    assert "1.00 (Spearman 1.00)" in sentence
    assert "50.0 % of their locations lie within 0.1 s" in sentence

    alone = told(("dog",), [[0.2], [np.nan], [np.nan]], [[1.15], [2.1], [9.0]])
    assert agreement(SAID, written, alone)["pearson"] is None  # of one utterance
    untimed = image._replace(truth=replace(image.truth, aligned=False))
    assert agreement(SAID, written, untimed)["located_in_same_word"] is None
    assert agreement(SAID, written, told(("cow",), [[0.2]] * 3, [[1.0]] * 3))["keywords"] == 0


def test_the_ten_best_in_common_by_hand() -> None:
    up = np.arange(30.0)
    assert both_correct(up, up) == 1
    assert both_correct(up, -up) == 0
    assert both_correct(up, np.roll(up, 3)) == pytest.approx(7 / 10)  # 20..29 are the best, and 23..29, 0..2
    assert both_correct(np.arange(4.0), -np.arange(4.0)) == 1
    assert np.isnan(both_correct(np.empty(0), np.empty(0)))


def test_two_moments_in_one_word_by_hand() -> None:
    words = (Word("a", 0.0, 1.0), Word("dog", 1.0, 2.0))
    assert same_word(words, 1.2, 1.9)
    assert same_word(words, 2.0, 1.0)  # both ends are included
    assert not same_word(words, 0.9, 1.1)
    assert not same_word(words, 1.5, 2.1)
    assert not same_word((), 1.0, 1.0)


# What is said


def test_which_kinds_a_model_takes(tiny_run: Path, tiny_pictured_run: Path, tiny_pair_run: Path) -> None:
    written, shared, pair = (load_model(run).model for run in (tiny_run, tiny_pictured_run, tiny_pair_run))
    assert [chosen(model, None) for model in (written, shared, pair)] == [
        ("written",),
        ("written", "image"),
        ("image",),
    ]
    assert chosen(shared, "both") == ("written", "image")
    assert chosen(shared, "image") == ("image",)
    for model, kind in ((written, "image"), (pair, "written"), (pair, "both")):
        with pytest.raises(EarmarkError, match=f"queries alone: leave --queries {kind} out"):
            chosen(model, kind)
    with pytest.raises(EarmarkError, match="no 'spoken' queries: choose from written, image and both"):
        chosen(shared, "spoken")


def test_a_model_for_words_is_not_asked_with_pictures(tiny_run: Path, tiny_corpus: Corpus) -> None:
    with pytest.raises(EarmarkError, match="asked with words alone"):
        evaluate_pictures(load_model(tiny_run), tiny_corpus, "test")


def test_a_model_that_diverged_is_told(tiny_pair_run: Path, tiny_corpus: Corpus) -> None:
    finder = load_model(tiny_pair_run)
    with torch.no_grad():
        next(finder.model.parameters()).fill_(torch.nan)
    with pytest.raises(EarmarkError, match="training diverged"):
        evaluate_pictures(finder, tiny_corpus, "test")


def test_the_page_and_the_table_show_both(
    both: dict[str, Evaluation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {f"tiny, {kind} queries": evaluation for kind, evaluation in both.items()}
    write_report(tmp_path / "report.html", "Both", named)
    print_table(named)
    page, printed = (tmp_path / "report.html").read_text(encoding="utf-8"), capsys.readouterr().out
    for text in (page, " ".join(printed.split())):
        assert "No utterance was asked with its own picture." in text
        assert "Written and image queries for the same word, of 4 words" in text
    asked = both["image"].metrics["query_pictures"]["of_keywords"]
    for word, pictures in asked.items():
        assert f"<bdi>{word}</bdi></th><td><bdi>{', '.join(p['image'] for p in pictures)}</bdi>" in page
    assert page.count("The pictures that were asked with</summary>") == 1
    assert page.count("data:audio") == sum(len(f(one, 8)) for one in both.values() for f in (best, worst))
    assert page.count("<canvas") == sum(len(f(both["image"], 8)) for f in (best, worst)) > 0  # a matchmap each
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
            assert metrics["query_pictures"]["own_pictures_asked"] == ("--include-own-image" in options)
    told = capsys.readouterr().out
    assert all(str(tmp_path / name) in told.replace("\n", "") for name in expected)


def test_written_queries_are_evaluated_as_before(both: dict[str, Evaluation], tiny_corpus: Corpus) -> None:
    again = evaluate(both["written"].finder, tiny_corpus, "test")
    assert {**again.metrics, "agreement": both["written"].metrics["agreement"]} == both["written"].metrics
    assert again.queries == Vocabulary(tiny_corpus.keywords).words
