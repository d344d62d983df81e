"""Other values in recipes, other seeds, more keywords and other starts than a paper's own."""

from __future__ import annotations

import dataclasses
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earmark import cli
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE
from earmark.core.model_folder import read_vocabulary, read_weights
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.runner import evaluate
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import read_recipe
from earmark.reproduce import nortje2022, olaleye2022
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import Cell, Row, cells
from earmark.reproduce.report import mean_and_spread
from earmark.reproduce.results import read_result, seeds_in
from earmark.reproduce.variation import Variation, parse_seeds
from support.reports import percent, section

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def vary(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path) -> Callable[..., Path]:
    """Reproduce with a variation, one epoch a training."""

    def varied(*only: str, keywords: tuple[str, ...] = (), rows: list[Row] = tiny_rows, **variation: object) -> Path:
        words = Vocabulary(keywords or tiny_corpus.keywords)
        options = {"grid": rows, "variation": Variation(**variation)}
        olaleye2022.reproduce(tiny_corpus, tmp_path / "out", words, only, Budget(epochs=1), **options)
        return tmp_path / "out"

    return varied


# Seeds


def test_every_seed_is_trained_and_the_report_has_the_mean_and_the_spread(
    vary: Callable[..., Path], tiny_rows: list[Row], tiny_corpus: Corpus
) -> None:
    """The recipe's own seed, 0, is the run without a name of its own."""
    out = vary("psc/*/bow", seeds=(0, 3, 4))
    assert sorted(path.name for path in (out / "runs").iterdir()) == ["psc-bow", "psc-bow-seed-3", "psc-bow-seed-4"]
    assert [read_recipe(path / "recipe.yaml").training.seed for path in sorted((out / "runs").iterdir())] == [0, 3, 4]
    weights = [read_weights(path) for path in sorted((out / "runs").iterdir())]
    name = next(name for name in weights[0] if name.endswith("weight"))
    assert not (weights[0][name] == weights[1][name]).all()

    text = (out / "report.md").read_text(encoding="utf-8")
    measured = [read_result(out, Cell(tiny_rows[0], "bow", seed)).metrics for seed in (None, 3, 4)]
    oracle = [metrics.oracle.accuracy for metrics in measured]
    expected = f"{percent(statistics.mean(oracle))} ± {percent(statistics.stdev(oracle))}"
    assert section(text, "Table II: ")[0][4] == expected
    every = section(text, "Every seed")
    assert [row[4] for row in every] == ["the recipe's", "3", "4", "mean"]
    assert [row[5] for row in every[:3]] == [percent(metrics.released.oracle.accuracy) for metrics in measured]
    released = [metrics.released.oracle.accuracy for metrics in measured]
    assert every[3][5] == f"{percent(np.mean(released))} ± {percent(np.std(released, ddof=1))}"
    assert [row[0] for row in section(text, "Trainings")] == ["PSC", "PSC, seed 3", "PSC, seed 4"]


def test_seeds_that_were_trained_before_stay_in_the_report(vary: Callable[..., Path], tiny_rows: list[Row]) -> None:
    out = vary("psc/*/bow", seeds=(3,))
    vary("psc/*/bow")
    assert seeds_in(out) == [3]
    text = (out / "report.md").read_text(encoding="utf-8")
    assert [row[4] for row in section(text, "Every seed")] == ["the recipe's", "3", "mean"]


def test_cells_of_seeds_are_chosen_as_others_are(tiny_rows: list[Row]) -> None:
    from earmark.reproduce.grid import select_cells

    every = cells(tiny_rows, (7, 8))
    assert len(every) == len(set(every)) == 12
    for pattern, count in (("psc", 4), ("*/vgs", 6), ("psc/*/bow", 2), ("*/seed-7", 6), ("psc/*/bow/seed-8", 1)):
        assert len(select_cells(every, [pattern])) == count


def test_mean_and_spread_by_hand() -> None:
    assert mean_and_spread([]) == (None, None)
    assert mean_and_spread([None, float("nan")]) == (None, None)
    assert mean_and_spread([0.5]) == (0.5, None)
    assert mean_and_spread([0.5, None, 0.7]) == pytest.approx((0.6, 0.2 / 2**0.5))


@pytest.mark.parametrize(("text", "expected"), [("1", (1,)), ("3, 1,3", (3, 1))])
def test_seeds_as_they_are_typed(text: str, expected: tuple[int, ...]) -> None:
    assert parse_seeds(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1,,2", "-1", "1.5", "٣"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(EarmarkError, match=r"--seeds takes whole numbers with commas"):
        parse_seeds(text)


# Values in recipes


def test_values_are_set_in_all_recipes_or_in_those_of_one_architecture(vary: Callable[..., Path]) -> None:
    changes = ("training.clip=1", "cnn-attend:model.classifier=[4]", "psc:model.pooling.r=2")
    out = vary("psc/*/vgs", "cnn-attend/*/vgs", changes=changes)
    psc, attend = (read_recipe(out / "runs" / name / "recipe.yaml") for name in ("psc-vgs", "cnn-attend-vgs"))
    assert (psc.training.clip, attend.training.clip) == (1, 1)
    assert (attend.model.classifier, psc.model.pooling.r) == ([4], 2)


def test_a_cell_of_another_recipe_does_not_count_as_done(vary: Callable[..., Path]) -> None:
    vary("psc/*/vgs")
    with pytest.raises(EarmarkError, match="psc-vgs has another recipe"):
        vary("psc/*/vgs", changes=("training.clip=1",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("training.clip", "--set takes key=value or ARCHITECTURE:key=value, not 'training.clip'"),
        ("nobody:training.clip=1", "no architecture 'nobody'; choose from psc, cnn-attend, earmark"),
        ("training.epochs=3", "give --epochs instead"),
        ("psc:training.seed=3", "give --seeds instead"),
        ("supervision=bow", "choose some with --only"),
        ("model.nothing=3", "there is no key 'model.nothing'"),
    ],
)
def test_a_change_that_can_not_be_is_refused(vary: Callable[..., Path], tmp_path: Path, change: str, says: str) -> None:
    with pytest.raises(EarmarkError) as refused:
        vary("psc/*/vgs", changes=(change,))
    assert says in str(refused.value)
    assert not (tmp_path / "out").exists()


# More keywords than are measured


def test_a_model_learns_more_keywords_than_are_measured(
    vary: Callable[..., Path], tiny_rows: list[Row], tiny_corpus: Corpus
) -> None:
    """As PSC in the released code: it learns a long list, and a short one is measured in the short one's order."""
    rows = [dataclasses.replace(tiny_rows[0], learns_more=True), *tiny_rows[1:]]
    measured, learned = ("snow", "dog"), Vocabulary(tiny_corpus.keywords)
    out = vary("psc/*/bow", "cnn-attend/*/bow", keywords=measured, rows=rows, learned=learned)
    assert read_vocabulary(out / "runs" / "psc-bow") == learned
    assert read_vocabulary(out / "runs" / "cnn-attend-bow") == Vocabulary(measured)
    result = read_result(out, Cell(rows[0], "bow"))
    assert result.keywords == measured
    run = read_checkpoint(out / "runs" / "psc-bow")
    whole = evaluate(KeywordSpotter(run), tiny_corpus)
    columns = [learned.index(word) for word in measured]
    np.testing.assert_allclose(result.predictions.scores, whole.predictions.scores[:, columns])
    np.testing.assert_allclose(result.thresholds, run.thresholds[columns])
    for word in measured:
        assert result.metrics.per_keyword[word] == whole.metrics.per_keyword[word]


def test_a_longer_list_without_a_measured_keyword_is_refused(vary: Callable[..., Path], tiny_rows: list[Row]) -> None:
    rows = [dataclasses.replace(row, learns_more=True) for row in tiny_rows]
    with pytest.raises(EarmarkError, match="The list of --learned lacks dog, ọmọ, snow, which is measured"):
        vary("psc/*/bow", rows=rows, learned=Vocabulary(["ball"]))


def test_a_keyword_that_was_not_learned_is_not_measured(tiny_run: Path, tiny_corpus: Corpus) -> None:
    with pytest.raises(EarmarkError, match="The word 'cat' is not among the 4 keywords"):
        evaluate(KeywordSpotter(read_checkpoint(tiny_run)), tiny_corpus, keywords=Vocabulary(["dog", "cat"]))


def test_published_models_of_more_words_are_those_of_the_released_code() -> None:
    assert {row.architecture for row in olaleye2022.rows() if row.learns_more} == {"psc", "cnn-pool"}
    longer = [row.architecture for row in nortje2022.rows("small", True) if row.learns_more]
    assert longer == ["small-attention-more", "small-visual-bow-more"]
    assert not any(row.learns_more for row in nortje2022.rows("small"))


# Starts


def test_a_run_is_what_pair_models_start_from(tmp_path: Path) -> None:
    rows = Variation(start=tmp_path).of(nortje2022.rows("small"))
    assert all((row.init_from, row.start) == (tmp_path, None) for row in rows if row.queries == IMAGE)
    assert all(row.init_from is None for row in rows if row.queries != IMAGE)


def test_a_cpc_network_is_what_the_papers_networks_start_from(tmp_path: Path) -> None:
    (tmp_path / "cpc: its folder").mkdir()
    folder = tmp_path / "cpc: its folder"
    (folder / "cpc.yaml").touch()
    rows = Variation(start=folder).of(nortje2022.rows("paper"))
    for row in rows[:4]:
        recipe = cells([row])[0].training.read_recipe()
        assert recipe.model.speech.init_from == str(folder)
    assert not any(row.changes for row in rows[4:])
    with pytest.raises(EarmarkError, match="a pretrained CPC network is for the networks of --recipes paper"):
        Variation(start=folder).of(nortje2022.rows("small"))


# Procedures


def test_released_procedures_are_chosen_by_name(
    vary: Callable[..., Path], tiny_rows: list[Row], tiny_corpus: Corpus, tmp_path: Path
) -> None:
    methods = [row.localisation for row in olaleye2022.by_procedure(olaleye2022.rows(), "released")]
    assert methods[:5] == [
        "score-aggregation-released",
        "grad-cam-released",
        "attention",
        "masked-in-released",
        "masked-out-released",
    ]
    assert methods[8] == olaleye2022.rows()[8].localisation  # Earmark's own
    words = Vocabulary(tiny_corpus.keywords)
    out, only = tmp_path / "out", ["psc/*/bow"]
    for procedure in ("paper", "released"):  # one training, two cells
        options = {"grid": tiny_rows, "procedure": procedure}
        olaleye2022.reproduce(tiny_corpus, out, words, only, Budget(epochs=1), **options)
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-bow"]
    names = sorted(path.stem for path in (out / "cells").glob("*.json"))
    assert names == ["psc-score-aggregation-bow", "psc-score-aggregation-released-bow"]
    text = (out / "report.md").read_text(encoding="utf-8")
    assert section(text, "Table II: ")[0][:3] == ["1", "PSC", "score-aggregation-released"]
    assert "- **score-aggregation-released**: It follows the released code" in text
    with pytest.raises(EarmarkError, match="no procedure 'code': choose from paper, released"):
        olaleye2022.by_procedure(tiny_rows, "code")


# The command line


def test_from_the_command_line(
    tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dataclasses.replace(tiny_rows[0], learns_more=True)]
    monkeypatch.setattr(olaleye2022, "rows", lambda: rows)
    (tmp_path / "words.txt").write_text("snow\n", encoding="utf-8")
    (tmp_path / "more.txt").write_text("\n".join(tiny_corpus.keywords), encoding="utf-8")
    arguments = ["olaleye2022", "--corpus", str(tiny_corpus.folder), "--out", str(tmp_path / "out"), "--epochs", "1"]
    arguments += ["--only", "*/bow", "--seeds", "5", "--set", "training.clip=1", "--set", "psc:model.pooling.r=2"]
    arguments += ["--keywords", str(tmp_path / "words.txt"), "--learned", str(tmp_path / "more.txt")]
    monkeypatch.setattr(sys, "argv", ["earmark", "reproduce", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    recipe = read_recipe(tmp_path / "out" / "runs" / "psc-bow-seed-5" / "recipe.yaml")
    assert (recipe.training.seed, recipe.training.clip, recipe.model.pooling.r) == (5, 1, 2)
    assert len(read_vocabulary(tmp_path / "out" / "runs" / "psc-bow-seed-5")) == 4
    rows = Variation(changes=("training.clip=1", "psc:model.pooling.r=2")).of(rows)
    assert read_result(tmp_path / "out", Cell(rows[0], "bow", 5)).keywords == ("snow",)
