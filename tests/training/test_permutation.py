"""The learning test against all shufflings there are, and at the end of trainings of which one has nothing to learn."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from earmark import cli
from earmark.archive.archive import open_archive
from earmark.archive.query_aliases import Alias
from earmark.archive.results import image_threshold, keyword_thresholds, operating_points_of
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.report import notes_on
from earmark.evaluation.runner import evaluate_modalities
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint
from earmark.models.learning_test import LEARNING_TEST, LearningTest, read_learning_test, write_learning_test
from earmark.recipe import Recipe
from earmark.training.loop import train
from earmark.training.permutation import learning_test

pytestmark = pytest.mark.usefixtures("command_line")

Floats = npt.NDArray[np.float64]


def sigmoid(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))


def each_by_itself(count: int) -> npt.NDArray[np.int64]:
    return np.arange(count)


def share_as_good(fits: list[float]) -> float:
    """The share of all orders, the true one first, that fit as well as that."""
    return float(np.mean([fit >= fits[0] - 1e-9 for fit in fits]))


# The test itself


def test_p_of_one_keyword_is_the_share_of_orders_with_as_low_a_cross_entropy() -> None:
    rng = np.random.default_rng(1)
    scores, tags = sigmoid(rng.normal(size=6)), rng.uniform(size=6)
    fits = [
        float(np.mean(t * np.log(scores) + (1 - t) * np.log(1 - scores)))
        for t in (tags[list(order)] for order in itertools.permutations(range(6)))
    ]
    test = learning_test(scores[:, None], tags[:, None], each_by_itself(6))
    assert test.p == pytest.approx(share_as_good(fits), abs=0.05)  # four standard errors of 999 shufflings at most
    assert (test.shuffles, test.pictures) == (999, 6)


def test_a_picture_counts_once_and_its_level_not_at_all() -> None:
    rng = np.random.default_rng(2)
    pictures = np.array([0, 1, 1, 2, 3, 4, 4, 4, 5])
    logits, of_pictures = rng.normal(size=(9, 3)), rng.uniform(size=(6, 3))
    logits[:4, 0] += 1.5  # so that something fits
    of_pictures[:3, 0] = 0.9
    means = np.stack([logits[pictures == picture].mean(axis=0) for picture in range(6)])
    means -= means.mean(axis=1, keepdims=True)
    fits = [
        sum(float(means[row] @ of_pictures[picture]) for row, picture in enumerate(order))
        - float(means.mean(axis=0) @ of_pictures.sum(axis=0))
        for order in itertools.permutations(range(6))
    ]
    # Centred logits sum to 0 for each picture, so that the tags' own level adds nothing.
    test = learning_test(sigmoid(logits), of_pictures[pictures], pictures)
    assert test.p == pytest.approx(share_as_good(fits), abs=0.05)
    assert test.pictures == 6
    longer = logits + np.linspace(-2, 2, 6)[pictures][:, None]  # more of everything in some
    assert learning_test(sigmoid(longer), of_pictures[pictures], pictures).p == test.p


def test_utterances_of_one_picture_are_no_evidence_of_their_own() -> None:
    rng = np.random.default_rng(3)
    pictures = np.repeat(np.arange(4), 50)
    logits, tags = rng.normal(size=(4, 5))[pictures], rng.uniform(size=(4, 5))[pictures]
    as_if_apart = [learning_test(sigmoid(logits), tags[:, rng.permutation(5)], each_by_itself(200)) for _ in range(20)]
    together = [learning_test(sigmoid(logits), tags[:, rng.permutation(5)], pictures) for _ in range(20)]
    assert min(test.p for test in as_if_apart) <= 0.01  # by shuffling utterances, chance would pass for learning
    assert min(test.p for test in together) > 0.01  # there are only 24 orders


def test_scores_without_meaning_seldom_pass() -> None:
    rng = np.random.default_rng(4)
    tests = [
        learning_test(sigmoid(rng.normal(size=(30, 8))), rng.beta(0.3, 3, size=(30, 8)), each_by_itself(30))
        for _ in range(100)
    ]
    assert sum(test.is_learned for test in tests) <= 4
    assert 0.4 < np.mean([test.p for test in tests]) < 0.6


def test_what_is_unknown_or_all_alike_proves_nothing() -> None:
    rng = np.random.default_rng(5)
    tags = rng.uniform(size=(40, 4))
    scores = sigmoid(3 * tags + rng.normal(size=(40, 4)))
    assert learning_test(scores, tags, each_by_itself(40)).is_learned
    assert learning_test(np.full((40, 4), 0.3), tags, each_by_itself(40)).p == 1
    assert learning_test(scores, np.full((40, 4), 0.1), each_by_itself(40)).p == 1
    assert learning_test(scores, np.full((40, 4), np.nan), each_by_itself(40)).p == 1
    tags[rng.uniform(size=(40, 4)) < 0.5] = np.nan
    scores[rng.uniform(size=(40, 4)) < 0.2] = np.nan
    assert learning_test(scores, tags, each_by_itself(40)).is_learned
    scores[scores > 0.9] = 1  # a logit that is no number
    assert learning_test(scores, tags, each_by_itself(40)).is_learned


# Its file


def test_the_outcome_comes_back_from_its_file(tmp_path: Path) -> None:
    assert read_learning_test(tmp_path) is None
    for test in (LearningTest(0.001, 999, 96), LearningTest(0.42, 999, 96)):
        write_learning_test(tmp_path, test)
        assert read_learning_test(tmp_path) == test
    assert json.loads((tmp_path / LEARNING_TEST).read_text())["learned"] is False
    for content in ("{", "[]", "{}", '{"p": 0, "shuffles": 9, "pictures": 9}', '{"p": "x", "shuffles": 9}'):
        (tmp_path / LEARNING_TEST).write_text(content)
        with pytest.raises(EarmarkError, match=r"is damaged .*: copy it again, or delete it"):
            read_learning_test(tmp_path)


# At the end of training


@pytest.fixture(scope="module")
def control(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose utterances had one another's pictures; not to be changed."""
    training = tiny_recipe.training.model_copy(update={"epochs": 6})
    recipe = tiny_recipe.model_copy(update={"shuffle_pairs": True, "training": training})
    out = tmp_path_factory.mktemp("runs") / "control"
    train(recipe, tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code


def test_a_model_that_has_learned_is_not_suspected(tiny_run: Path, tiny_pictured_run: Path) -> None:
    for run in (tiny_run, tiny_pictured_run):
        known = read_checkpoint(run)
        assert known.learning_test is not None
        assert known.learning_test.is_learned
        assert known.warning == ""
        card = (run / "model-card.md").read_text(encoding="utf-8")
        assert "better than shuffled ones (p = 0.001, 999 shufflings)" in card
        assert "no better" not in card


def test_image_queries_are_tested_where_there_are_no_others(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tmp_path: Path
) -> None:
    few = tiny_pair_recipe.training.model_copy(update={"epochs": 1})
    train(
        tiny_pair_recipe.model_copy(update={"training": few}),
        tiny_corpus,
        tmp_path / "run",
        Vocabulary(tiny_corpus.keywords),
    )
    test = read_learning_test(tmp_path / "run")
    assert test is not None
    assert test.pictures == 8


def test_a_control_says_that_it_has_learned_nothing(
    control: Path, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warning = read_checkpoint(control).warning
    assert warning.startswith("This model has learned nothing that its dev split can show")
    card = (control / "model-card.md").read_text(encoding="utf-8")
    assert f"**{warning}**" in card
    assert "counts as detected" not in card
    assert "Expected on dev" not in card
    recording = tiny_corpus.utterances("test")[0].audio
    for as_json in ([], ["--json"]):
        capsys.readouterr()
        run_command(monkeypatch, "find", control, "dog", recording, *as_json)
        assert capsys.readouterr().err.count(warning) == 1


def test_training_and_evaluation_end_with_that(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = tiny_recipe.training.model_copy(update={"epochs": 1})
    recipe = tiny_recipe.model_copy(update={"shuffle_pairs": True, "training": training})
    run = tmp_path / "control"
    train(recipe, tiny_corpus, run, Vocabulary(tiny_corpus.keywords))
    assert capsys.readouterr().err.count("learned nothing") == 1
    evaluations = evaluate_modalities(KeywordSpotter(read_checkpoint(run)), tiny_corpus, "test", ("written",))
    notes = notes_on({"one": evaluations["written"], "the same": evaluations["written"]})
    assert notes == [f"control: {read_checkpoint(run).warning}"]


def test_an_archive_of_such_a_model_gives_no_rates(
    control: Path,
    tiny_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    shutil.copy(tiny_corpus.utterances("test")[0].audio, media / "a.wav")
    warning = read_checkpoint(control).warning
    run_command(monkeypatch, "index", control, media, "--archive", tmp_path / "archive")
    assert warning in capsys.readouterr().out
    run_command(monkeypatch, "search", tmp_path / "archive", "dog")
    assert f"These are candidates, not facts: listen to them. {warning}\n" in capsys.readouterr().out
    archive = open_archive(tmp_path / "archive")
    assert operating_points_of(archive) is None
    for threshold in (
        lambda: keyword_thresholds(archive, [Alias("dog", ("dog",))], 1),
        lambda: image_threshold(archive, 1),
    ):
        with pytest.raises(EarmarkError, match=r"learned nothing .* mean nothing. Leave rates of false alarms out"):
            threshold()
