"""The reproduction of a paper, on a corpus and with recipes so small that the whole of it takes seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from earmark import cli, reproduce
from earmark.core.corpus import Corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe, read_recipe, write_recipe
from earmark.reproduce import olaleye2022, runner
from earmark.reproduce import olaleye2022 as grid
from earmark.reproduce.grid import Cell, Row, cells, select_cells
from earmark.reproduce.report import read_results_of
from earmark.reproduce.results import is_evaluated, read_result
from earmark.supervision.targets import targets_path
from earmark.training.state import training_seconds
from support.stopping import stopped_after

pytestmark = pytest.mark.usefixtures("command_line")

# The grid


def test_the_grid_is_table_2_and_our_own() -> None:
    names = [cell.name for cell in cells(grid.rows())]
    assert len(names) == len(set(names)) == 18
    assert [row.number for row in grid.rows()] == [*range(1, 9), None]
    assert names[4:7] == ["cnn-attend/attention/vgs", "cnn-attend/masked-in/vgs", "cnn-attend/masked-out/vgs"]
    assert {cell.training.name for cell in cells(grid.rows())} == {
        f"{architecture}-{supervision}"
        for architecture in ("psc", "cnn-pool", "cnn-attend", "cnn-pool-attend", "earmark")
        for supervision in ("vgs", "bow")
    }


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], 18),
        (["cnn-pool"], 2),
        (["cnn-pool*"], 8),
        (["cnn-attend/masked-in/vgs"], 1),
        (["cnn-attend/masked-in"], 2),
        (["*/vgs"], 9),
        (["*/masked-*/bow"], 4),
        (["psc", "psc/*/vgs", "earmark"], 4),
    ],
)
def test_cells_are_chosen_by_name(patterns: list[str], expected: int) -> None:
    picked = select_cells(cells(grid.rows()), patterns)
    assert len(picked) == len(set(picked)) == expected


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("cnn-atend", "did you mean cnn-attend?"),
        ("cnn-attend/maskedin/vgs", "did you mean cnn-attend/masked-in/vgs?"),
        (
            "zzz",
            "choose one of psc, cnn-pool, cnn-attend, cnn-pool-attend, earmark, alone or as in "
            "psc/score-aggregation/vgs, with * for any part.",
        ),
    ],
)
def test_an_unknown_cell_is_answered_with_what_is_near(pattern: str, advice: str) -> None:
    with pytest.raises(EarmarkError) as refused:
        select_cells(cells(grid.rows()), ["psc", pattern])
    assert str(refused.value) == f"There is no cell {pattern!r}: {advice}"


# From nothing to the report


def test_the_whole_grid_runs_and_is_reused(
    go: Callable[..., Path], tiny_rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    out = go(epochs=2)
    first = capsys.readouterr()
    every = cells(tiny_rows)
    assert all(is_evaluated(out, cell) for cell in every)
    for cell in every:
        recipe = read_recipe(out / "runs" / cell.training.name / "recipe.yaml")
        assert (recipe.training.epochs, recipe.supervision) == (2, cell.supervision)
        assert training_seconds(out / "runs" / cell.training.name) > 0
        metrics = read_result(out, cell).metrics
        assert (metrics.run, metrics.localisation) == (cell.training.name, cell.row.localisation)
    steps = re.findall(r"^\[(\d+)/12\] (\w+) (\S+);", first.out, re.M)
    assert [int(number) for number, _, _ in steps] == list(range(1, 13))
    assert [name for _, kind, name in steps if kind == "evaluation"] == [cell.name for cell in every]
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.parent.name in ("cells", "psc-vgs")}

    go()  # the epochs are known by now
    again = capsys.readouterr()
    assert written == {path: path.stat().st_mtime_ns for path in written}
    assert again.out.splitlines()[:-1] == [f"{cell.name} is done." for cell in every]
    assert again.out.splitlines()[-1].startswith("The report is ")


def test_a_cell_alone(go: Callable[..., Path], tiny_rows: list[Row]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-vgs"]
    assert [path.name for path in (out / "cells").glob("*.json")] == ["psc-score-aggregation-vgs.json"]


def test_a_training_that_was_stopped_goes_on(
    go: Callable[..., Path], tiny_rows: list[Row], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with stopped_after(2, error=KeyboardInterrupt, run="cnn-attend-vgs"):
        go(epochs=3)
    out = Path(go(only=("psc",)))  # what was done is done, and has a report
    before = training_seconds(out / "runs" / "cnn-attend-vgs")
    capsys.readouterr()
    go()
    printed = capsys.readouterr()
    assert "epoch 3, loss" in printed.err
    assert "psc/score-aggregation/bow is done." in printed.out
    curve = (out / "runs" / "cnn-attend-vgs" / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(point)["epoch"] for point in curve] == [1, 2, 3]
    assert training_seconds(out / "runs" / "cnn-attend-vgs") > before > 0
    assert all(is_evaluated(out, cell) for cell in cells(tiny_rows))


def test_a_stop_in_an_evaluation_leaves_no_half_cell(
    go: Callable[..., Path], tiny_rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            go(only=("psc/*/vgs",), epochs=1)
    out = go(only=("psc/*/vgs",))
    assert is_evaluated(out, Cell(tiny_rows[0], "vgs"))


def test_a_cell_is_measured_again_when_its_model_was_trained_again(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    before = (out / "cells" / "psc-score-aggregation-vgs.json").stat().st_mtime_ns
    shutil.rmtree(out / "runs" / "psc-vgs")
    go(only=("psc/*/vgs",))  # the cell says all there is to know, so nothing is trained for it
    assert not (out / "runs" / "psc-vgs").exists()
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    go(only=("psc/*/vgs",), epochs=2)
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    assert (out / "cells" / "psc-score-aggregation-vgs.json").stat().st_mtime_ns > before
    os.utime(out / "runs" / "psc-vgs" / "model.safetensors")
    go(only=("psc/*/vgs",))
    assert (out / "cells" / "psc-score-aggregation-vgs.json").stat().st_mtime_ns >= (
        out / "runs" / "psc-vgs" / "model.safetensors"
    ).stat().st_mtime_ns


def test_a_model_that_fails_does_not_stop_the_others(
    go: Callable[..., Path], tiny_rows: list[Row], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = runner.train

    def fail(recipe, corpus, out, *rest, **options) -> None:
        if out.name == "psc-vgs":
            raise EarmarkError("Loss became NaN.")
        train(recipe, corpus, out, *rest, **options)

    monkeypatch.setattr(runner, "train", fail)
    with pytest.raises(EarmarkError, match=r"(?s)Not everything.*psc-vgs: Loss became NaN"):
        go(only=("psc", "cnn-attend/*/vgs"), epochs=1)
    out = Path(capsys.readouterr().out.rsplit("The report is ", 1)[1].split(",")[0]).parent
    assert [cell.name for cell in cells(tiny_rows) if is_evaluated(out, cell)] == [
        "psc/score-aggregation/bow",
        "cnn-attend/attention/vgs",
    ]


def test_a_recipe_whose_localisation_does_not_fit_is_not_trained(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    recipe = tiny_recipe.model_copy(update={"localisation": "attention"})
    (tmp_path / "psc.yaml").write_text(write_recipe(recipe), encoding="utf-8")
    row = Row("psc", "score-aggregation", str(tmp_path / "psc.yaml"), "PSC", 1)
    words = Vocabulary(tiny_corpus.keywords)
    with pytest.raises(EarmarkError, match="psc-vgs: The localisation method attention can't be used here"):
        olaleye2022.reproduce(tiny_corpus, tmp_path / "out", words, grid=[row])
    assert not (tmp_path / "out" / "runs").exists()


def test_minutes_become_whole_epochs_that_stay(
    go: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earmark.reproduce import budget

    monkeypatch.setattr(budget, "estimate_epoch_seconds", lambda *_: 14.0)
    out = go(only=("psc/*/vgs",), minutes=0.6)  # 36 s: two epochs of 14 s
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    assert "An epoch takes about 14.0 s: 2 of them fit in 0.6 minutes." in capsys.readouterr().out
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    (out / "runs" / "psc-vgs" / "model-card.md").unlink()
    go(only=("psc/*/vgs",), minutes=60)
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    go(only=("psc/*/bow",), minutes=0.01)
    assert "14.0 s: one is trained, though it does not fit in 0.01 minutes." in capsys.readouterr().out
    assert read_recipe(out / "runs" / "psc-bow" / "recipe.yaml").training.epochs == 1


def test_results_with_other_epochs_are_refused(go: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    go(only=("psc/*/vgs",), epochs=2)
    with pytest.raises(EarmarkError, match=r"psc-vgs was started with 2 epochs, not 3: leave --epochs out"):
        go(only=("psc/*/vgs",), epochs=3)
    capsys.readouterr()
    for budget in ({}, {"epochs": 2}, {"minutes": 60.0}):
        go(only=("psc/*/vgs",), **budget)
        assert capsys.readouterr().out.startswith("psc/score-aggregation/vgs is done.\nThe report is ")


# Errors before hours of work


def test_semantic_labels_of_another_corpus_are_refused_at_once(go: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("utt_key,transcription,keywords\nx,a dog,dog\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match="of no utterance that is evaluated"):
        go(semantic=tmp_path / "labels.csv")
    assert not (tmp_path / "out").exists()


def test_a_test_split_that_changed_is_found_before_anything_is_trained(
    go: Callable[..., Path], own_corpus: Corpus
) -> None:
    out = go(own_corpus, only=("psc/*/vgs",), epochs=1)
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    write_corpus(own_corpus, {**splits, "test": splits["test"][1:]})
    with pytest.raises(EarmarkError, match="evaluated on other utterances"):
        go(own_corpus, only=("earmark/*/vgs",), epochs=1)
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-vgs"]


@pytest.mark.parametrize("other", [slice(None, None, -1), slice(3)], ids=["another order", "fewer"])
def test_cells_of_other_keywords_are_not_mixed(
    go: Callable[..., Path], tiny_corpus: Corpus, tiny_rows: list[Row], other: slice
) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    with pytest.raises(EarmarkError, match=r"other keywords, or for another order .*psc/score-aggregation/vgs"):
        go(only=("earmark/*/vgs",), epochs=1, keywords=tiny_corpus.keywords[other])
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-vgs"]
    with pytest.raises(EarmarkError, match="other keywords, or for another order"):
        read_results_of(out, tiny_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords[other]))


def test_a_trained_model_of_other_keywords_is_not_evaluated(
    go: Callable[..., Path], tiny_corpus: Corpus, tiny_rows: list[Row]
) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    shutil.rmtree(out / "cells")  # as after a stop between training and evaluation
    with pytest.raises(EarmarkError, match="psc-vgs has other keywords, or another order"):
        go(only=("psc/*/vgs",), keywords=tiny_corpus.keywords[::-1])
    assert not is_evaluated(out, Cell(tiny_rows[0], "vgs"))


def test_a_trained_model_of_another_corpus_is_not_evaluated(
    go: Callable[..., Path], own_corpus: Corpus, tiny_rows: list[Row]
) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    shutil.rmtree(out / "cells")
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    write_corpus(own_corpus, {**splits, "train": splits["train"][1:]})
    with pytest.raises(EarmarkError, match="with other utterances in train or dev"):
        go(own_corpus, only=("psc/*/vgs",))
    assert not is_evaluated(out, Cell(tiny_rows[0], "vgs"))


@pytest.mark.parametrize("supervision", ["vgs", "bow"])
def test_missing_tags_are_an_error_before_anything_is_trained(
    go: Callable[..., Path], own_corpus: Corpus, supervision: str, tmp_path: Path
) -> None:
    targets_path(own_corpus, supervision).unlink()
    with pytest.raises(EarmarkError, match=f"has no tags '{supervision}'"):
        go(own_corpus)
    assert not (tmp_path / "out").exists()


def test_a_missing_test_split_is_an_error_before_anything_is_trained(
    go: Callable[..., Path], own_corpus: Corpus, tmp_path: Path
) -> None:
    splits = {split: own_corpus.utterances(split) for split in ("train", "dev")}
    write_corpus(own_corpus, splits)
    with pytest.raises(EarmarkError, match="test"):
        go(own_corpus)
    assert not (tmp_path / "out").exists()


def test_results_of_two_corpora_are_not_mixed(go: Callable[..., Path], own_corpus: Corpus) -> None:
    go(only=("psc/*/vgs",), epochs=1)
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    other = write_corpus(Corpus(own_corpus.folder, "other", "none", "CC0", own_corpus.keywords), splits)
    with pytest.raises(EarmarkError, match=r"on the corpus 'tiny' \(psc/score-aggregation/vgs\), not on 'other'"):
        go(other)


@pytest.mark.parametrize("ending", [".npz", ".json"])
def test_a_cut_off_cell_is_one_sentence(go: Callable[..., Path], ending: str) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    path = out / "cells" / f"psc-score-aggregation-vgs{ending}"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EarmarkError, match="damaged"):
        go()


@pytest.mark.parametrize(
    "damage",
    [
        lambda metrics: [],
        lambda metrics: None,
        lambda metrics: {name: value for name, value in metrics.items() if name != "corpus"},
        lambda metrics: {**metrics, "per_keyword": list(metrics["per_keyword"])},
        lambda metrics: {**metrics, "per_keyword": dict.fromkeys(metrics["per_keyword"])},
        lambda metrics: {**metrics, "per_keyword": {word: {"threshold": "high"} for word in metrics["per_keyword"]}},
    ],
)
def test_a_damaged_cell_is_one_sentence(
    done: Path, tiny_rows: list[Row], tmp_path: Path, damage: Callable[[Any], Any]
) -> None:
    shutil.copytree(done / "cells", tmp_path / "out" / "cells")
    path = tmp_path / "out" / "cells" / "psc-score-aggregation-vgs.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"psc-score-aggregation-vgs\.json or the \.npz beside it is damaged"):
        read_result(tmp_path / "out", Cell(tiny_rows[0], "vgs"))


# The command line


def test_from_the_command_line(
    tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(olaleye2022, "rows", lambda: tiny_rows)
    arguments = ["reproduce", "olaleye2022", "--corpus", str(tiny_corpus.folder), "--out", str(tmp_path / "out")]
    arguments += ["--only", "psc/*/vgs", "--only", "earmark/*/bow", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["earmark", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert sorted(path.name for path in (tmp_path / "out" / "runs").iterdir()) == ["earmark-bow", "psc-vgs"]


def test_papers_are_found_by_name() -> None:
    assert reproduce.names() == ["nortje2022", "olaleye2022"]
    with pytest.raises(EarmarkError, match=r"no paper 'nobody1900'.*olaleye2022"):
        reproduce.paper("nobody1900")
