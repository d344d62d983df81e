"""The reproduction of a paper, on a corpus and with recipes so small that the whole of it takes seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from earmark import cli, reproduce
from earmark.corpus import Corpus, write_corpus
from earmark.errors import EarmarkError
from earmark.pages.compared import Entry, Pair, Table, to_markdown
from earmark.recipe import Recipe, read_recipe, write_recipe
from earmark.reproduce import olaleye2022
from earmark.reproduce.agenda import Agenda, spell
from earmark.reproduce.budget import Budget
from earmark.reproduce.olaleye2022 import grid, runner
from earmark.reproduce.olaleye2022.grid import Cell, Row, cells, chosen
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV, TABLE_V
from earmark.reproduce.olaleye2022.results import is_evaluated, read_result
from earmark.supervision.targets import targets_path
from earmark.train.pace import epoch_seconds
from earmark.train.state import training_seconds
from earmark.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def tiny_rows(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Three rows: two that share a name's beginning, one of them with two methods' worth of cells, and "ours"."""
    folder = tmp_path_factory.mktemp("recipes")
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 4
    attend = json.loads(json.dumps(values))
    attend["model"] |= {"pooling": {"kind": "attention"}, "classifier": [8]}
    attend["model"]["encoder"][-1] = {"channels": 16, "kernel": 1}
    attend["localisation"] = "attention"
    for name, recipe in (("psc", values), ("cnn-attend", attend)):
        (folder / f"{name}.yaml").write_text(write_recipe(Recipe.model_validate(recipe)), encoding="utf-8")
    return [
        Row("psc", "score-aggregation", str(folder / "psc.yaml"), "PSC", 1),
        Row("cnn-attend", "attention", str(folder / "cnn-attend.yaml"), "CNN-Attend", 3),
        Row("earmark", "score-aggregation", str(folder / "psc.yaml"), "Earmark's default"),
    ]


@pytest.fixture
def go(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path) -> Callable[..., Path]:
    """Reproduce into a folder of the test's own."""

    def reproduced(corpus: Corpus = tiny_corpus, only: tuple[str, ...] = (), **budget: float) -> Path:
        words = Vocabulary(corpus.keywords)
        olaleye2022.reproduce(corpus, tmp_path / "out", words, only, Budget(**budget), grid=tiny_rows)
        return tmp_path / "out"

    return reproduced


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
    picked = chosen(cells(grid.rows()), patterns)
    assert len(picked) == len(set(picked)) == expected


def test_an_unknown_cell_is_said_with_the_names_there_are() -> None:
    with pytest.raises(EarmarkError, match=r"no cell 'cnn/vgs'.*psc/score-aggregation/vgs.*earmark/"):
        chosen(cells(grid.rows()), ["psc", "cnn/vgs"])


# From nothing to the report


def test_the_whole_grid_runs_and_is_reused(
    go: Callable[..., Path], tiny_rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    out = go(epochs=3)
    first = capsys.readouterr()
    every = cells(tiny_rows)
    assert all(is_evaluated(out, cell) for cell in every)
    for cell in every:
        kept = read_recipe(out / "runs" / cell.training.name / "recipe.yaml")
        assert (kept.training.epochs, kept.supervision) == (3, cell.supervision)
        assert training_seconds(out / "runs" / cell.training.name) > 0
        metrics = read_result(out, cell).metrics
        assert (metrics["run"], metrics["localisation"]) == (cell.training.name, cell.row.localisation)
    steps = re.findall(r"^\[(\d+)/12\] (\w+) (\S+);", first.err, re.M)
    assert [int(number) for number, _, _ in steps] == list(range(1, 13))
    assert [name for _, kind, name in steps if kind == "evaluation"] == [cell.name for cell in every]
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.parent.name in ("cells", "psc-vgs")}

    go()  # the epochs are known by now
    again = capsys.readouterr()
    assert written == {path: path.stat().st_mtime_ns for path in written}
    assert [line for line in again.err.splitlines() if line] == [f"{cell.name} is done." for cell in every]


def test_report_and_metrics_agree(go: Callable[..., Path], tiny_rows: list[Row]) -> None:
    out = go(only=("psc", "cnn-attend/attention/bow"), epochs=12)
    lines = (out / "report.md").read_text(encoding="utf-8").splitlines()
    psc, attend, ours = lines[lines.index(next(line for line in lines if line.startswith("| 1 |"))) :][:3]
    vgs, bow = (read_result(out, Cell(tiny_rows[0], supervision)).metrics for supervision in ("vgs", "bow"))
    expected = [
        f"{100 * vgs['oracle']['accuracy']:.1f} / 13.7",
        f"{100 * bow['oracle']['accuracy']:.1f} / 61.5",
        f"{100 * vgs['at_half']['actual']['f1']:.1f} / 7.4",
        f"{100 * bow['at_half']['actual']['f1']:.1f} / 68.1",
        f"{100 * vgs['actual']['f1']:.1f}",
        f"{100 * bow['actual']['f1']:.1f}",
        f"{100 * vgs['spotting_localisation']['p_at_10']:.1f} / 8.2",
        f"{100 * bow['spotting_localisation']['p_at_10']:.1f} / 62.2",
    ]
    assert [cell.strip() for cell in psc.split("|")][4:-1] == expected
    assert [cell.strip() for cell in attend.split("|")][1:5] == ["3", "CNN-Attend", "attention", "– / 46.0"]
    assert set(ours.replace(" ", "").split("|")[4:-1]) == {"–"}


def test_a_cell_alone(go: Callable[..., Path], tiny_rows: list[Row]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-vgs"]
    assert [path.name for path in (out / "cells").glob("*.json")] == ["psc-score-aggregation-vgs.json"]


def test_a_training_that_was_stopped_goes_on(
    go: Callable[..., Path], tiny_rows: list[Row], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earmark.train import loop

    keep = loop.keep

    def keep_and_stop(out, model, optimizer, state) -> None:
        keep(out, model, optimizer, state)
        if out.name == "cnn-attend-vgs" and state.epochs == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "keep", keep_and_stop)
        with pytest.raises(KeyboardInterrupt):
            go(epochs=3)
    out = Path(go(only=("psc",)))  # what was done is done, and has a report
    before = training_seconds(out / "runs" / "cnn-attend-vgs")
    capsys.readouterr()
    go()
    told = capsys.readouterr().err
    assert "Training cnn-attend-vgs: 3/3" in told
    assert "psc/score-aggregation/bow is done." in told
    curve = (out / "runs" / "cnn-attend-vgs" / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(point)["epoch"] for point in curve] == [1, 2, 3]
    assert training_seconds(out / "runs" / "cnn-attend-vgs") > before > 0
    assert all(is_evaluated(out, cell) for cell in cells(tiny_rows))


def test_a_stop_in_an_evaluation_leaves_no_half_cell(
    go: Callable[..., Path], tiny_rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
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
            raise EarmarkError("The loss is no longer a number.")
        train(recipe, corpus, out, *rest, **options)

    monkeypatch.setattr(runner, "train", fail)
    with pytest.raises(EarmarkError, match=r"(?s)Not everything.*psc-vgs: The loss is no longer a number"):
        go(only=("psc", "cnn-attend/*/vgs"), epochs=1)
    out = Path(capsys.readouterr().out.removeprefix("The report is ").split(",")[0]).parent
    assert [cell.name for cell in cells(tiny_rows) if is_evaluated(out, cell)] == [
        "psc/score-aggregation/bow",
        "cnn-attend/attention/vgs",
    ]


# Epochs and minutes


def test_minutes_become_whole_epochs_that_stay(
    go: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earmark.reproduce import budget

    monkeypatch.setattr(budget, "epoch_seconds", lambda *_: 14.0)
    out = go(only=("psc/*/vgs",), minutes=0.6)  # 36 s: two epochs of 14 s
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    assert "An epoch takes about 14.0 s: 2 in 0.6 minutes." in capsys.readouterr().err
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    (out / "runs" / "psc-vgs" / "model-card.md").unlink()
    go(only=("psc/*/vgs",), minutes=60)
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    go(only=("psc/*/bow",), minutes=0.01)  # too short for one: one
    assert read_recipe(out / "runs" / "psc-bow" / "recipe.yaml").training.epochs == 1


def test_the_pace_of_an_epoch_is_about_what_it_takes(tiny_recipe: Recipe, tiny_corpus: Corpus, tmp_path: Path) -> None:
    from earmark.train.loop import train

    words = Vocabulary(tiny_corpus.keywords)
    predicted = epoch_seconds(tiny_recipe, tiny_corpus, words)
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 10
    train(Recipe.model_validate(values), tiny_corpus, tmp_path / "run", words)
    assert 1 / 5 < predicted / (training_seconds(tmp_path / "run") / 10) < 5


def test_other_epochs_than_a_run_was_begun_with_are_refused(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    with pytest.raises(EarmarkError, match="psc-vgs was begun with 1 epochs, not 2"):
        go(epochs=2)
    assert [path.name for path in (out / "runs").iterdir()] == ["psc-vgs"]  # nothing was trained before that


def test_another_recipe_than_a_run_was_begun_with_is_refused(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    path = out / "runs" / "psc-vgs" / "recipe.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 0", "seed: 1"), encoding="utf-8")
    with pytest.raises(EarmarkError, match="begun with another recipe"):
        go()


def test_epochs_and_minutes_exclude_each_other() -> None:
    with pytest.raises(EarmarkError, match="not both"):
        Budget(epochs=1, minutes=1)


# What is said before hours of work


@pytest.mark.parametrize("supervision", ["vgs", "bow"])
def test_missing_tags_are_said_before_anything_is_trained(
    go: Callable[..., Path], own_corpus: Corpus, supervision: str, tmp_path: Path
) -> None:
    targets_path(own_corpus, supervision).unlink()
    with pytest.raises(EarmarkError, match=f"has no tags '{supervision}'"):
        go(own_corpus)
    assert not (tmp_path / "out").exists()


def test_a_missing_test_split_is_said_before_anything_is_trained(
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
    with pytest.raises(EarmarkError, match=r"holds results on the corpus 'tiny' with 4 keywords, not on 'other'"):
        go(other)


def test_a_damaged_cell_is_one_sentence(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    path = out / "cells" / "psc-score-aggregation-vgs.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EarmarkError, match="damaged"):
        go()


# The agenda


def test_time_left_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from earmark.reproduce import agenda as agendas

    now = iter([0.0, 100.0, 100.0, 120.0, 120.0, 160.0, 160.0, 160.0])
    monkeypatch.setattr(agendas.time, "monotonic", lambda: next(now))
    agenda = Agenda({"training": 2, "evaluation": 3}, {})
    for kind, name in (("training", "a"), ("evaluation", "a/1"), ("evaluation", "a/2"), ("training", "b")):
        with agenda.step(kind, name):
            if name == "b":
                break
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[1/5] training a; time not known yet for 2 of training, 3 of evaluation."
    assert lines[1] == "[2/5] evaluation a/1; about 2 min left and time not known yet for 3 of evaluation."
    assert lines[2] == "[3/5] evaluation a/2; about 2 min left in all."  # 100 + 2 x 20
    assert lines[3] == "[4/5] training b; about 2 min left in all."  # 100 + 30


def test_minutes_tell_the_time_left_from_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    with Agenda({"training": 3}, {"training": 3000.0}).step("training", "a"):
        pass
    assert "about 2 h 30 min left" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "told"), [(0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (7199, "2 h 0 min")])
def test_lengths_of_time(seconds: float, told: str) -> None:
    assert spell(seconds) == told


# Tables


def test_a_table_in_markdown() -> None:
    rows = [(("1", "A|B"), [Entry(Pair(0.4987), Pair(0.573)), Entry(Pair(None, 0.389))])]
    assert to_markdown(Table("T", ("", "who", "x", "y"), rows, ("A note.",))).splitlines() == [
        "### T",
        "",
        "|  | who | x | y |",
        "| --- | --- | ---: | ---: |",
        "| 1 | A\\|B | 49.9 / 57.3 | – (38.9) |",
        "",
        "- A note.",
    ]


def test_published_figures_by_hand() -> None:
    # Read off the paper's own tables.
    assert TABLE_II[4] == {"vgs": (57.3, 24.9, 21.9), "bow": (87.5, 79.8, 86.6)}
    assert TABLE_II[2]["bow"] == (13.3, 17.4, 15.2)
    assert TABLE_III[7] == ((21.9, 35.1), (15.3, 22.6), (18.0, 27.5))
    assert TABLE_IV[3] == ((32.1, 43.7), (24.9, 30.1))
    assert TABLE_V["ocean"][0] == ("surfer", 11)
    assert len(TABLE_V) == 15
    assert all(sum(count for _, count in words) <= 20 for words in TABLE_V.values())
    # Tables III and IV repeat what Table II says of their rows.
    for row, ((_, _), (_, _), (f1, _)) in TABLE_III.items():
        assert f1 == TABLE_II[row]["vgs"][1]
    for row, ((p_at_10, _), _) in TABLE_IV.items():
        assert p_at_10 == TABLE_II[row]["vgs"][2]
    # F1 is the harmonic mean of precision and recall, as far as one decimal can tell.
    for pairs in TABLE_III.values():
        for which in (0, 1):
            precision, recall, f1 = (pair[which] for pair in pairs)
            assert f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=0.1)


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
    assert reproduce.names() == ["olaleye2022"]
    with pytest.raises(EarmarkError, match=r"no paper 'nobody1900'.*olaleye2022"):
        reproduce.paper("nobody1900")
