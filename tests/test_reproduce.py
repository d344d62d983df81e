"""The reproduction of a paper, on a corpus and with recipes so small that the whole of it takes seconds."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from earmark import cli, reproduce
from earmark.corpus import Corpus, write_corpus
from earmark.errors import EarmarkError
from earmark.evaluate.confusions import commonly_located
from earmark.evaluate.measures import measure
from earmark.recipe import Recipe, read_recipe, write_recipe
from earmark.reproduce import olaleye2022
from earmark.reproduce.agenda import Agenda, spell
from earmark.reproduce.budget import Budget
from earmark.reproduce.olaleye2022 import figures, grid, runner
from earmark.reproduce.olaleye2022.grid import Cell, Row, cells, chosen
from earmark.reproduce.olaleye2022.keywords import KeywordScores, dependence, keyword_scores, tagging
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV, TABLE_V
from earmark.reproduce.olaleye2022.results import is_evaluated, read_result
from earmark.reproduce.olaleye2022.study import Study, read_study
from earmark.supervision.targets import read_targets, targets_path
from earmark.train.pace import epoch_seconds
from earmark.train.state import training_seconds
from earmark.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def tiny_rows(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Two of the paper's rows, and our own."""
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

    def reproduced(
        corpus: Corpus = tiny_corpus, only: tuple[str, ...] = (), semantic: Path | None = None, **budget: float
    ) -> Path:
        words = Vocabulary(corpus.keywords)
        olaleye2022.reproduce(corpus, tmp_path / "out", words, only, Budget(**budget), semantic, tiny_rows)
        return tmp_path / "out"

    return reproduced


@pytest.fixture(scope="module")
def done(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reproduction that lacks one cell; not to be changed."""
    out = tmp_path_factory.mktemp("done")
    only = ("psc", "cnn-attend", "earmark/*/vgs")
    olaleye2022.reproduce(tiny_corpus, out, Vocabulary(tiny_corpus.keywords), only, Budget(epochs=8), grid=tiny_rows)
    return out


def section(report: str, title: str) -> list[list[str]]:
    """The rows of the table with that title in a Markdown report, without their labels' order being touched."""
    lines = report[report.index(f"### {title}") :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| ---")) + 1
    end = next(i for i, line in enumerate(lines) if i >= start and not line.startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start:end]]


def percent(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{100 * value:.1f}"


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
    out = go(epochs=2)
    first = capsys.readouterr()
    every = cells(tiny_rows)
    assert all(is_evaluated(out, cell) for cell in every)
    for cell in every:
        kept = read_recipe(out / "runs" / cell.training.name / "recipe.yaml")
        assert (kept.training.epochs, kept.supervision) == (2, cell.supervision)
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


# The report


@pytest.fixture(scope="module")
def report(done: Path) -> str:
    return (done / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def study(done: Path, tiny_rows: list[Row], tiny_corpus: Corpus) -> Study:
    return read_study(done, tiny_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords))


def measured_at_half(study: Study, cell: Cell) -> dict[str, Any]:
    """All measures of a cell with 0.5 as every keyword's threshold."""
    words = study.keywords.words
    lengths_s = np.array([utterance.duration_s for utterance in study.utterances])
    return measure(study.truth, study.results[cell].predictions, np.full(len(words), 0.5), words, lengths_s)


def test_table_2_has_the_metrics_beside_the_published_figures(report: str, done: Path, tiny_rows: list[Row]) -> None:
    psc, attend, ours = section(report, "Table II: ")
    vgs, bow = (read_result(done, Cell(tiny_rows[0], supervision)).metrics for supervision in ("vgs", "bow"))
    assert psc == [
        *("1", "PSC", "score-aggregation"),
        f"{percent(vgs['oracle']['accuracy'])} / 13.7",
        f"{percent(bow['oracle']['accuracy'])} / 61.5",
        f"{percent(vgs['at_half']['actual']['f1'])} / 7.4",
        f"{percent(bow['at_half']['actual']['f1'])} / 68.1",
        percent(vgs["actual"]["f1"]),
        percent(bow["actual"]["f1"]),
        f"{percent(vgs['spotting_localisation']['p_at_10'])} / 8.2",
        f"{percent(bow['spotting_localisation']['p_at_10'])} / 62.2",
    ]
    assert attend[:3] == ["3", "CNN-Attend", "attention"]
    assert attend[3].endswith(" / 46.0")
    assert ours[:3] == ["–", "Earmark's default", "score-aggregation"]
    assert "/" not in "".join(ours[3:])
    assert [cell == "–" for cell in ours[3:]] == [False, True] * 4  # BoW was not run


def test_the_released_version_counts_as_the_released_code_at_the_papers_threshold(report: str, study: Study) -> None:
    for row, told in zip(study.rows, section(report, "Table II, released counting"), strict=True):
        for s, supervision in enumerate(("vgs", "bow")):
            cell = Cell(row, supervision)
            if cell in study.results:
                released = measured_at_half(study, cell)["released"]
                at_dev = study.results[cell].metrics["released"]["actual"]["f1"]
                expected = [
                    released["oracle"]["accuracy"],
                    released["actual"]["f1"],
                    at_dev,
                    released["spotting_localisation"]["p_at_10"],
                ]
                assert [entry.split(" / ")[0] for entry in told[3 + s :: 2]] == [percent(value) for value in expected]


def test_tables_3_and_4_have_their_bounds_in_parentheses(report: str, study: Study, tiny_rows: list[Row]) -> None:
    metrics = study.results[Cell(tiny_rows[1], "vgs")].metrics
    (attend, ours) = section(report, "Table III")  # the paper has no PSC in it
    published = ["28.8 (38.9)", "22.4 (28.2)", "25.2 (32.7)"]
    measures = ("precision", "recall", "f1")
    half = [
        f"{percent(metrics['at_half']['actual'][m])} ({percent(metrics['at_half']['detection'][m])})" for m in measures
    ]
    dev = [f"{percent(metrics['actual'][m])} ({percent(metrics['detection'][m])})" for m in measures]
    assert attend[3:] == [f"{here} / {theirs}" for here, theirs in zip(half, published, strict=True)] + dev
    assert ours[1] == "Earmark's default"

    (attend, ours) = section(report, "Table IV")
    spotting, placed = metrics["spotting"], metrics["spotting_localisation"]
    assert attend[3:] == [
        f"{percent(placed['p_at_10'])} ({percent(spotting['p_at_10'])}) / 32.1 (43.7)",
        f"{percent(placed['p_at_n'])} ({percent(spotting['p_at_n'])}) / 24.9 (30.1)",
    ]


def test_trainings_tell_their_epochs_and_time(report: str, done: Path) -> None:
    told = section(report, "What the trainings took")
    assert [row[:3] for row in told] == [
        ["PSC", "VGS", "8"],
        ["PSC", "BoW", "8"],
        ["CNN-Attend", "VGS", "8"],
        ["CNN-Attend", "BoW", "8"],
        ["Earmark's default", "VGS", "8"],
    ]
    curve = (done / "runs" / "psc-vgs" / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    best = min(map(json.loads, curve), key=lambda point: point["dev_loss"])
    assert told[0][4] == f"{best['epoch']}, loss on dev {best['dev_loss']:.4f}"
    assert told[0][3] == spell(training_seconds(done / "runs" / "psc-vgs"))


def shown_first(study: Study) -> Cell:
    """The row of the paper that the report shows closely."""
    return figures._first_choice(study, [cell for cell in study.results if cell.row.number is not None])


def test_keywords_by_themselves(report: str, study: Study, tiny_corpus: Corpus) -> None:
    cell = shown_first(study)
    half, dev = keyword_scores(study, cell), keyword_scores(study, cell, study.thresholds(cell))
    by_keyword = measured_at_half(study, cell)["per_keyword"]
    detections = study.results[cell].predictions.scores >= 0.5
    tags = read_targets(targets_path(tiny_corpus, "vgs"))
    for w, word in enumerate(tiny_corpus.keywords):
        assert half.detections[w] == detections[:, w].sum()
        expected = by_keyword[word]["actual"]["f1"] if detections[:, w].any() else None
        assert percent(float(half.f1[w])) == percent(expected)
        scores = [tags.rows[utterance.id][tags.vocabulary.index(word)] for utterance in study.utterances]
        precision = average_precision_score(study.truth.present[:, w], scores)
        assert tagging(study)[w] == pytest.approx(precision)
        row = next(row for row in section(report, "Every keyword") if row[0] == word)
        assert row[1:4] == [str(n[w]) for n in (study.truth.present.sum(axis=0), half.detections, dev.detections)]
        assert row[4:] == [percent(float(v)) for v in (half.f1[w], dev.f1[w], precision)]


def test_a_keyword_that_is_never_detected_has_no_f1_and_no_point() -> None:
    scores = KeywordScores(np.array([0.5, np.nan, 0.2, 0.9]), np.array([3, 0, 1, 2]))
    assert scores.undetected == 1
    found = dependence(("a", "b", "c", "d"), np.array([0.6, 0.9, np.nan, 0.8]), scores)
    assert found.points == [("a", 0.6, 0.5), ("d", 0.8, 0.9)]  # c is never said, so its tags have no precision
    assert found.pearson == pytest.approx(1)


def test_table_5_is_that_of_the_shown_row(report: str, study: Study) -> None:
    cell = shown_first(study)
    lines = report[report.index(f"## {cell.row.title}, {cell.row.localisation}, VGS") :]
    said = [utterance.words for utterance in study.utterances]
    predictions = study.results[cell].predictions
    for w, (word, here, theirs) in enumerate(section(lines, "Table V")):
        assert word == study.keywords.words[w]
        counted = commonly_located(predictions.scores[:, w], predictions.times_s[:, w], said)
        assert here == ", ".join(f"{located} {count}" for located, count in counted)
        assert theirs == ("soccer 9, ball 5, player 2, basketball 2, colorful 1" if word == "ball" else "")


def test_the_page_is_whole_and_opens_offline(done: Path) -> None:
    page = (done / "report.html").read_text(encoding="utf-8")
    assert '<td class="number">' in page
    assert "<small>13.7</small>" in page
    assert page.count('<audio controls preload="metadata" src="data:audio/ogg;base64,') == 2 * 4  # two rows are shown
    assert page.count('<circle class="em-found em-dot"') >= 2
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    for title in ("Figure 5", "Figure 6", "Figure 7", "Table V", "What differs from the paper"):
        assert title in page
    ids = re.findall(r'<h2 id="([^"]+)"', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_shown_utterances_are_the_top_ranked(done: Path, study: Study, tiny_rows: list[Row]) -> None:
    shown, trouble = figures._shown(study, Cell(tiny_rows[1], "vgs"))
    assert not trouble
    scores = study.results[Cell(tiny_rows[1], "vgs")].predictions.scores
    assert {it.moment.hit.query for it in shown} == set(study.keywords)
    for it in shown:
        w = study.keywords.index(it.moment.hit.query)
        top = study.utterances[int(scores[:, w].argmax())]
        assert it.moment.hit.recording == str(top.audio)
        assert it.facts[:2] == ["rank 1", f"p = {scores[:, w].max():.2f}"]
        assert ("localised" in it.facts) == (it.moment.verdict == "right")
        time_s = it.moment.hit.time_s
        within = [word.word for word in top.words if word.start_s <= time_s <= word.end_s]
        assert it.facts[-1] == f"located word: {within[0] if within else '–'}"


def test_the_papers_own_row_is_shown_where_it_was_run(study: Study, tiny_rows: list[Row]) -> None:
    masked = Row("cnn-attend", "masked-in", "x", "CNN-Attend", 4)
    result = study.results[Cell(tiny_rows[1], "vgs")]
    better = dataclasses.replace(result, metrics={**result.metrics, "actual": {"f1": 0.99}})
    poor = dataclasses.replace(result, metrics={**result.metrics, "actual": {"f1": 0.01}})
    psc, bow, wanted = Cell(tiny_rows[0], "vgs"), Cell(tiny_rows[0], "bow"), Cell(masked, "vgs")
    known = dataclasses.replace(study, results={psc: result, bow: better, wanted: poor})
    assert figures._first_choice(known, [psc, bow, wanted]) == wanted
    assert figures._first_choice(known, [psc, bow]) == psc
    assert figures._first_choice(known, [bow]) == bow


def test_a_report_without_the_models(done: Path, go: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copytree(done, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "runs")
    out = go(only=("psc/*/vgs",))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Figure 7 needs the model again" in page
    assert "data:audio" not in page


def test_a_corpus_without_word_times_is_reported_by_detection_alone(
    go: Callable[..., Path], own_corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [dataclasses.replace(utterance, words=None) for utterance in splits["test"]]
    write_corpus(own_corpus, splits)
    out = go(own_corpus, only=("cnn-attend/*/vgs",), epochs=1)
    assert "No utterance of test has word times" in capsys.readouterr().err
    told = (out / "report.md").read_text(encoding="utf-8")
    attend = section(told, "Table IV")[0]
    assert re.fullmatch(r"– \(\d+\.\d\) / 32\.1 \(43\.7\)", attend[3])
    assert section(told, "Table II, released")[1][3] == "– / 46.0"
    assert "Table V" not in told


def test_a_test_split_that_changed_is_not_mixed_with_older_results(go: Callable[..., Path], own_corpus: Corpus) -> None:
    go(own_corpus, only=("psc/*/vgs",), epochs=1)
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    write_corpus(own_corpus, {**splits, "test": splits["test"][1:]})
    with pytest.raises(EarmarkError, match="measured on other utterances"):
        go(own_corpus, only=("psc/*/vgs",))


def test_semantic_spotting_stands_beside_exact(
    done: Path, go: Callable[..., Path], study: Study, tmp_path: Path
) -> None:
    # People find what is said, and in the first utterance one word more; the last utterance has no labels.
    known = study.utterances[:-1]
    added = next(word for word in study.keywords if not study.truth.present[0, study.keywords.index(word)])
    lines = ["utt_key,transcription,counts"]
    lines += [f"{u.id},{u.text},{f'{added}=4' if u is known[0] else 'ball=1|dog=1|ọmọ=2|snow=1'}" for u in known]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    shutil.copytree(done, tmp_path / "out")
    out = go(only=("psc/*/vgs",), semantic=tmp_path / "labels.csv")
    rows = section((out / "report.md").read_text(encoding="utf-8"), "Semantic spotting")
    assert [row[:2] for row in rows] == [
        ["PSC", "VGS"],
        ["PSC", "BoW"],
        ["CNN-Attend", "VGS"],
        ["CNN-Attend", "BoW"],
        ["Earmark's default", "VGS"],
    ]
    scores = study.results[Cell(study.rows[0], "vgs")].predictions.scores[:-1]
    exact = study.truth.present[:-1]
    semantic = exact.copy()
    semantic[0, study.keywords.index(added)] = True
    for column, relevant in ((8, exact), (9, semantic)):
        columns = [(s, r) for s, r in zip(scores.T, relevant.T, strict=True) if r.any()]
        precision = np.mean([average_precision_score(present, score) for score, present in columns])
        assert rows[0][column] == percent(precision)


def test_semantic_labels_of_another_corpus_are_refused_at_once(go: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("utt_key,transcription,keywords\nx,a dog,dog\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match="of no utterance that is evaluated"):
        go(semantic=tmp_path / "labels.csv")
    assert not (tmp_path / "out").exists()


# Epochs and minutes


def test_minutes_become_whole_epochs_that_stay(
    go: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earmark.reproduce import budget

    monkeypatch.setattr(budget, "epoch_seconds", lambda *_: 14.0)
    out = go(only=("psc/*/vgs",), minutes=0.6)  # 36 s: two epochs of 14 s
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    assert "An epoch takes about 14.0 s: 2 of them fit in 0.6 minutes." in capsys.readouterr().err
    (out / "cells" / "psc-score-aggregation-vgs.json").unlink()
    (out / "runs" / "psc-vgs" / "model-card.md").unlink()
    go(only=("psc/*/vgs",), minutes=60)
    assert read_recipe(out / "runs" / "psc-vgs" / "recipe.yaml").training.epochs == 2
    go(only=("psc/*/bow",), minutes=0.01)
    assert "14.0 s: one is trained, though it does not fit in 0.01 minutes." in capsys.readouterr().err
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


def test_a_damaged_state_costs_the_time_alone(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    (out / "runs" / "psc-vgs" / "resume.pt").write_bytes(b"no state")
    go(only=("psc/*/vgs",))
    told = section((out / "report.md").read_text(encoding="utf-8"), "What the trainings took")
    assert told[0][:4] == ["PSC", "VGS", "1", "–"]


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


# What was published


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
