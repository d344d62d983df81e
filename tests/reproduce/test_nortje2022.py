"""The reproduction of Nortje and Kamper (2022), with a corpus and recipes so small that it takes seconds."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from earmark import cli
from earmark.core.corpus import Corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE, WRITTEN
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import GroundTruth, Predictions
from earmark.evaluation.query_images import image_queries_of
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import Recipe, read_recipe, write_recipe
from earmark.reproduce import nortje2022, runner
from earmark.reproduce import nortje2022 as grid
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row, cells
from earmark.reproduce.nortje2022 import tables
from earmark.reproduce.nortje2022.gain import gain
from earmark.reproduce.nortje2022.rows import QueryRow
from earmark.reproduce.nortje2022.tables import accuracies
from earmark.reproduce.report import ReproductionResults, read_results_of
from earmark.reproduce.results import Result, read_result, read_results
from earmark.reproduce.runner import _in_order
from earmark.reproduce.variation import Variation
from support.reports import percent, section

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture(scope="module")
def small_rows(
    tiny_recipe: Recipe,
    tiny_pictured_recipe: Recipe,
    tiny_pair_recipe: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Row]:
    """One model of each kind: compared pair by pair, begun from the next; with shared words; and for words alone."""
    folder = tmp_path_factory.mktemp("recipes")
    recipes = {"small-attention": tiny_pair_recipe, "earmark-pictures": tiny_pictured_recipe, "visual-bow": tiny_recipe}
    for name, recipe in recipes.items():
        (folder / f"{name}.yaml").write_text(write_recipe(recipe), encoding="utf-8")
    files = {name: str(folder / f"{name}.yaml") for name in recipes}
    both, pairs = files["earmark-pictures"], files["small-attention"]
    start = "earmark-pictures"
    return [
        QueryRow("small-attention", "matchmap", pairs, "Localising attention", queries=IMAGE, start=start),
        QueryRow("earmark-pictures", "score-aggregation", both, "Earmark, pictures and words", queries=IMAGE),
        QueryRow("earmark-pictures", "score-aggregation", both, "Earmark, pictures and words", queries=WRITTEN),
        QueryRow("small-visual-bow", "score-aggregation", files["visual-bow"], "Visual BoW"),
    ]


@pytest.fixture(scope="module")
def out(tiny_corpus: Corpus, small_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reproduction that lacks one cell; not to be changed."""
    folder = tmp_path_factory.mktemp("nortje")
    only = ("small-attention/*/vgs", "earmark-pictures", "small-visual-bow")
    words = Vocabulary(tiny_corpus.keywords)
    nortje2022.reproduce(tiny_corpus, folder, words, only, Budget(epochs=6), grid=small_rows)
    return folder


@pytest.fixture(scope="module")
def results(out: Path, small_rows: list[Row], tiny_corpus: Corpus) -> ReproductionResults:
    return read_results_of(out, small_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords))


@pytest.fixture(scope="module")
def report(out: Path) -> str:
    return (out / "report.md").read_text(encoding="utf-8")


# The grid


@pytest.mark.parametrize("recipes", ["small", "pretrained", "paper"])
def test_the_grid_is_all_models_and_both_supervisions(recipes: str) -> None:
    rows = grid.rows(recipes)
    assert [row.queries for row in rows] == [IMAGE] * 5 + [WRITTEN] * 2
    names = [cell.name for cell in cells(rows)]
    assert len(names) == len(set(names)) == 14
    assert len({cell.training for cell in cells(rows)}) == 12  # one model for both kinds of query
    beginning = "" if recipes == "paper" else f"{recipes}-"
    assert names[:2] == [f"{beginning}davenet/image/vgs", f"{beginning}davenet/image/bow"]
    assert {f"{beginning}{name}" for name in ("attention", "max", "visual-bow")} < {r.architecture for r in rows}


@pytest.mark.parametrize("recipes", ["small", "pretrained", "paper"])
def test_every_row_has_a_recipe_that_fits(recipes: str) -> None:
    for row in grid.rows(recipes):
        recipe = read_recipe(row.recipe)
        assert recipe.localisation == row.localisation
        assert recipe.name.replace("/", "-") == row.recipe.replace("/", "-")
    attention = next(row for row in grid.rows(recipes) if row.title == "Localising attention")
    assert read_recipe(attention.recipe).model.similarity.kind == "localising-attention"


def test_unknown_recipes_are_refused() -> None:
    with pytest.raises(EarmarkError, match="no recipes 'large': choose from small, pretrained, paper"):
        grid.rows("large")


# From nothing to the report


def test_cells_are_stored_with_their_query_modality(
    out: Path, results: ReproductionResults, tiny_corpus: Corpus, schema: dict
) -> None:
    assert len(results.by_cell) == 7
    for cell, result in results.by_cell.items():
        Draft202012Validator(schema).validate(json.loads(result.metrics.to_json()))
        assert result.metrics.queries == cell.row.queries
        assert result.keywords == tiny_corpus.keywords
        assert result.predictions.evaluated.all() == (cell.row.queries == WRITTEN)
    assert sorted(path.name for path in (out / "runs").iterdir()) == [
        *("earmark-pictures-bow", "earmark-pictures-vgs", "small-attention-vgs"),
        *("small-visual-bow-bow", "small-visual-bow-vgs"),
    ]


def test_a_cell_alone_has_the_model_trained_first_that_it_starts_from(
    tiny_corpus: Corpus, small_rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def go(only: str) -> list[str]:
        capsys.readouterr()
        words = Vocabulary(tiny_corpus.keywords)
        nortje2022.reproduce(tiny_corpus, tmp_path, words, [only], Budget(epochs=1), grid=small_rows)
        return re.findall(r"^\[\d/\d\] (\w+ \S+);", capsys.readouterr().out, re.M)

    first, then = "training earmark-pictures-vgs", "training small-attention-vgs"
    assert go("small-attention/*/vgs") == [first, then, "evaluation small-attention/image/vgs"]
    card = (tmp_path / "runs" / "small-attention-vgs" / "model-card.md").read_text(encoding="utf-8")
    assert "- **Started from** the networks in earmark-pictures-vgs\n" in card
    assert [path.stem for path in (tmp_path / "cells").glob("*.json")] == ["small-attention-image-vgs"]
    shutil.rmtree(tmp_path / "runs" / "earmark-pictures-vgs")
    assert go("small-attention/*/vgs") == []  # what is trained needs its start no more
    assert go("earmark-pictures/written/vgs") == [first, "evaluation earmark-pictures/written/vgs"]


def test_a_model_is_not_trained_from_one_whose_training_failed(
    tiny_corpus: Corpus, small_rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the failed one has left the weights of an epoch."""
    train, names = runner.train, []

    def fail(recipe: Recipe, corpus: Corpus, out: Path, *rest: Any, **options: Any) -> None:
        names.append(out.name)
        train(recipe, corpus, out, *rest, **options)
        (out / "model-card.md").unlink()
        raise EarmarkError("Loss became NaN.")

    monkeypatch.setattr(runner, "train", fail)
    words = Vocabulary(tiny_corpus.keywords)
    with pytest.raises(EarmarkError) as error:
        nortje2022.reproduce(tiny_corpus, tmp_path, words, ["small-attention/*/vgs"], Budget(epochs=1), grid=small_rows)
    assert str(error.value).splitlines()[1:] == [
        "earmark-pictures-vgs: Loss became NaN.",
        "small-attention-vgs: It starts from earmark-pictures-vgs, whose training is not complete: train that first.",
    ]
    assert names == ["earmark-pictures-vgs"]
    assert (tmp_path / "runs" / names[0] / "model.safetensors").is_file()


def test_trainings_come_after_all_that_they_start_from(tmp_path: Path) -> None:
    """Through several, each once; one that is trained is not begun again."""
    starts = {"last": "middle", "middle": "first", "other": "first", "first": None, "alone": None}
    grid = cells(Row(name, "matchmap", "recipe", name, queries=IMAGE, start=start) for name, start in starts.items())
    wanted = [cell for cell in grid if cell.supervision == "bow"]

    def order(*names: str) -> list[str]:
        return [it.name for it in _in_order([c for c in wanted if c.row.architecture in names], grid, tmp_path)]

    assert order(*starts) == ["first-bow", "middle-bow", "last-bow", "other-bow", "alone-bow"]
    assert order("last") == ["first-bow", "middle-bow", "last-bow"]
    trained(tmp_path, "middle-bow")
    assert order("last", "other") == ["last-bow", "first-bow", "other-bow"]
    trained(tmp_path, "other-bow")
    assert order("last", "other") == ["last-bow", "other-bow"]


def trained(out: Path, name: str) -> None:
    (out / "runs" / name).mkdir(parents=True)
    (out / "runs" / name / "model-card.md").touch()


@pytest.fixture(scope="module")
def schema() -> dict:
    from importlib.resources import files

    return json.loads((files("earmark") / "schemas" / "metrics.schema.json").read_text(encoding="utf-8"))


def test_all_models_stand_beside_each_other(report: str, results: ReproductionResults, small_rows: list[Row]) -> None:
    parts = ("precision", "recall", "f1")
    for number, (supervision, name) in enumerate(SUPERVISIONS.items()):
        text = section(report, f"{name}: all models")
        assert [row[:2] for row in text] == [
            ["Localising attention", "pictures"],
            ["Earmark, pictures and words", "pictures"],
            ["Earmark, pictures and words", "words"],
            ["Visual BoW", "words"],
        ]
        for row, line, released in zip(small_rows, text, section(report, "Released counting"), strict=True):
            result = results.by_cell.get(Cell(row, supervision))
            counted = released[2 + 3 * number : 5 + 3 * number]
            if result is None:
                assert {*line[2:], *counted} == {"–"}
                continue
            metrics = result.metrics
            assert line[2:5] == [
                f"{percent(metrics.value(f'actual.{part}'))} ({percent(metrics.value(f'detection.{part}'))})"
                for part in parts
            ]
            placed, spotted = metrics.spotting_localisation.p_at_10, metrics.spotting.p_at_10
            assert line[6] == f"{percent(placed)} ({percent(spotted)})"
            assert counted == [percent(metrics.value(f"released.actual.{part}")) for part in parts]


def test_accuracy_is_the_share_of_occurrences(report: str, results: ReproductionResults, small_rows: list[Row]) -> None:
    cell = Cell(small_rows[0], "vgs")
    result = results.by_cell[cell]
    detected, placed, every = 0, 0, 0
    for u, utterance in enumerate(results.utterances):
        for word in utterance.words or ():
            w = result.keywords.index(word.word)
            if result.predictions.evaluated[u, w]:
                is_detected = result.predictions.scores[u, w] >= result.thresholds[w]
                every += 1
                detected += is_detected
                placed += is_detected and word.start_s <= result.predictions.times_s[u, w] <= word.end_s
    assert section(report, "VGS: all models")[0][5] == f"{percent(placed / every)} ({percent(detected / every)})"


def test_accuracy_by_hand() -> None:
    # The keyword is said twice in the first utterance, located in the second of them; in the second it is not detected.
    truth = GroundTruth(
        np.array([[True], [True]]),
        np.array([0, 0, 1]),
        np.array([0, 0, 0]),
        np.array([0.0, 2.0, 0.0]),
        np.array([1.0, 3.0, 1.0]),
        aligned=True,
    )
    found = accuracies(truth, Predictions(np.array([[0.9], [0.2]]), np.array([[2.5], [0.5]])), np.array([0.5]))
    assert found == pytest.approx({"detection": 2 / 3, "localisation": 1 / 3})
    nothing = GroundTruth(truth.present, *np.zeros((2, 0), dtype=int), *np.zeros((2, 0)), aligned=False)
    untimed = accuracies(nothing, Predictions(np.zeros((2, 1)), np.zeros((2, 1))), np.array([0.5]))
    assert np.isnan(list(untimed.values())).all()


def test_the_gain_stands_beside_the_published_one(
    report: str, results: ReproductionResults, small_rows: list[Row]
) -> None:
    text = section(report, "Localisation F1")
    ways = [["BoW", "VGS"], ["VGS", "VGS"], ["BoW", "BoW"]]
    assert [row[:3] for row in text] == [[*way, counting] for counting in ("released", "strict") for way in ways]
    assert text[0][5] == "– / 16.0"  # localising attention was not taught by bags of words here
    assert "/" not in text[3][5]
    image, written = (results.by_cell[Cell(row, "vgs")] for row in (small_rows[0], small_rows[3]))
    assert not image.predictions.evaluated.all()
    for line, released in ((text[1], True), (text[4], False)):
        f1 = [slow_f1(results, result, image, released) for result in (image, written)]
        assert line[3:] == [*map(percent, f1), percent(f1[0] / f1[1] - 1 if f1[1] else None)]


def slow_f1(results: ReproductionResults, result: Result, cells_of: Result, released: bool) -> float:
    """F1 of localisation in the cells of another result, with one threshold for all keywords, by loops."""
    threshold = result.metrics.global_threshold.threshold
    right = wrong = missed = 0
    for u, utterance in enumerate(results.utterances):
        for w, keyword in enumerate(cells_of.keywords):
            if not cells_of.predictions.evaluated[u, w]:
                continue
            column = result.keywords.index(keyword)
            is_detected = result.predictions.scores[u, column] >= threshold
            time_s = result.predictions.times_s[u, column]
            spoken = [word for word in utterance.words or () if word.word == keyword]
            placed = [word.start_s <= time_s <= word.end_s for word in spoken]
            if released:
                right += sum(placed) if is_detected else 0
                wrong += (placed.count(False) if spoken else 1) if is_detected else 0
                missed += 0 if is_detected else len(spoken)
            else:
                right += is_detected and any(placed)
                wrong += is_detected and not any(placed)
                missed += bool(spoken) and not (is_detected and any(placed))
    return 2 * right / (2 * right + wrong + missed) if right + wrong + missed else float("nan")


def test_located_keywords_are_counted_keyword_by_keyword(
    report: str, results: ReproductionResults, small_rows: list[Row], tiny_corpus: Corpus
) -> None:
    """Localising attention beside the visual BoW, both from tags here; against loops over utterances."""
    rows = section(report, "Every keyword")
    assert [row[0] for row in rows] == list(tiny_corpus.keywords)
    located_once = []
    for start, row_of_model in ((1, small_rows[0]), (4, small_rows[3])):
        result = results.by_cell[Cell(row_of_model, "vgs")]
        for line in rows:
            w = result.keywords.index(line[0])
            spoken = detected = placed = 0
            for u, utterance in enumerate(results.utterances):
                if not result.predictions.evaluated[u, w]:
                    continue
                times = [(word.start_s, word.end_s) for word in utterance.words or () if word.word == line[0]]
                is_detected = result.predictions.scores[u, w] >= result.thresholds[w]
                spoken += bool(times)
                detected += is_detected
                time_s = result.predictions.times_s[u, w]
                placed += is_detected and any(start_s <= time_s <= end_s for start_s, end_s in times)
            assert line[start : start + 3] == [str(spoken), str(detected), str(placed)]
            assert line[6 + start // 4 + 1] == percent(placed / spoken if spoken else None)
        located_once.append(sum(int(line[start + 2]) > 0 for line in rows))
    assert f"With image queries {located_once[0]} of 4 keywords are located at least once; by the visual BoW" in report


def test_examples_show_what_the_model_attends_to(out: Path, report: str) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('<audio controls preload="metadata" src="data:audio/ogg;base64,') == 4
    assert "Top-ranked utterances: what the model looks at" in page
    rows = section(report, "Top-ranked utterances")
    assert len(rows) == 4
    assert all(row[3].startswith("rank 1; ") for row in rows)


def test_the_effect_of_more_keywords_stands_in_a_table(
    tiny_corpus: Corpus, small_rows: list[Row], tmp_path: Path
) -> None:
    """A visual BoW that learns two keywords, and one that learns four: measured on the two."""
    bow = small_rows[3]
    rows = [bow, replace(bow, architecture="small-visual-bow-more", title="more", learns_more=True)]
    words, learned = Vocabulary(["snow", "ball"]), Vocabulary(tiny_corpus.keywords)
    nortje2022.reproduce(
        tiny_corpus, tmp_path, words, ["*/vgs"], Budget(epochs=2), grid=rows, variation=Variation(learned=learned)
    )
    text = section((tmp_path / "report.md").read_text(encoding="utf-8"), "The effect of more keywords")
    assert [row[:3] for row in text[:2]] == [
        ["Visual BoW", "VGS", "those that are measured"],
        ["Visual BoW", "VGS", "more"],
    ]
    for line, row in zip(text[:2], rows, strict=True):
        result = read_result(tmp_path, Cell(row, "vgs"))
        assert result.keywords == words.words
        keys = ("actual.precision", "actual.recall", "actual.f1", "detection.f1", "oracle.accuracy")
        assert line[3:] == [percent(result.metrics.value(key)) for key in keys]
    for row, count in zip(rows, (2, 4), strict=True):
        assert len(read_checkpoint(tmp_path / "runs" / f"{row.architecture}-vgs").vocabulary) == count


def test_no_other_figure_is_published(results: ReproductionResults) -> None:
    every = [tables.comparison(results, s) for s in SUPERVISIONS] + [tables.agreements(results), gain(results)]
    published = [e.published for table in every for _, entries in table.rows for e in entries if e.published]
    assert [pair.value for pair in published] == [0.16]


def test_agreement_is_reported_for_the_model_that_takes_both(report: str) -> None:
    text = section(report, "Agreement")
    assert [row[:3] for row in text] == [
        ["Earmark, pictures and words", "VGS", "4"],
        ["Earmark, pictures and words", "BoW", "4"],
    ]
    assert all(-1 <= float(row[3]) <= 1 for row in text)


def test_query_images_thresholds_and_trainings_are_reported(
    report: str, results: ReproductionResults, tiny_corpus: Corpus
) -> None:
    chosen = image_queries_of(tiny_corpus, "test", Vocabulary(tiny_corpus.keywords))
    named = [", ".join(f"images/{prompt.path.name}" for prompt in query.prompts) for query in chosen.queries]
    assert section(report, "Query images") == [[q.name, names] for q, names in zip(chosen.queries, named, strict=True)]
    assert "No utterance was searched with its own image." in report
    thresholds = section(report, "Thresholds")
    assert len(thresholds) == 7
    result = next(iter(results.by_cell.values()))
    assert thresholds[0] == ["Localising attention", "pictures", "VGS", f"{result.thresholds[0]:.3f}, for all"]
    assert [row[:3] for row in section(report, "Trainings")][1] == [
        "Earmark, pictures and words",
        "VGS",
        "6",
    ]


def test_the_page_is_whole(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    for title in ("VGS: all models", "Localisation F1: image against written queries", "Query images", "What differs"):
        assert title in page
    assert "<small>16.0</small>" in page
    for text in ("Own pictures", "Padding", "Location", "Threshold", "Visual BoW"):
        assert f"<dt>{text}</dt>" in page


def test_what_is_done_is_not_done_again(
    out: Path, tiny_corpus: Corpus, small_rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    words = Vocabulary(tiny_corpus.keywords)
    before = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    nortje2022.reproduce(tiny_corpus, out, words, ("earmark-pictures",), grid=small_rows)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "earmark-pictures/image/vgs is done." in capsys.readouterr().out


# What does not fit


def test_cells_with_other_query_images_are_refused(
    out: Path, own_corpus: Corpus, small_rows: list[Row], tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "out")
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"][0] = replace(splits["test"][0], image=splits["test"][1].image)
    write_corpus(own_corpus, splits)
    words = Vocabulary(own_corpus.keywords)
    with pytest.raises(EarmarkError, match=r"small-attention/image/vgs was evaluated with other images"):
        nortje2022.reproduce(own_corpus, tmp_path / "out", words, grid=small_rows)


def test_a_keyword_without_a_picture_is_left_out_of_image_cells(
    own_corpus: Corpus, small_rows: list[Row], tmp_path: Path
) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(u, image=None) if "ball" in (u.text or "").lower() else u for u in splits["test"]]
    write_corpus(own_corpus, splits)
    words = Vocabulary(own_corpus.keywords)
    folder = tmp_path / "out"
    nortje2022.reproduce(own_corpus, folder, words, ("earmark-pictures/*/vgs",), Budget(epochs=1), grid=small_rows)
    image, written = (read_result(folder, Cell(row, "vgs")) for row in small_rows[1:3])
    assert image.without_image == ("ball",)
    assert image.keywords == ("dog", "ọmọ", "snow")
    assert written.keywords == words.words
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "Excluded, because no utterance of test has an image: ball." in text
    assert section(text, "Agreement")[0][2] == "3"
    with pytest.raises(EarmarkError, match="other keywords"):
        read_results(folder, [Cell(small_rows[1], "vgs")], own_corpus, Vocabulary(["dog", "ọmọ", "snow"]))


def test_a_corpus_without_images_is_reported_before_anything_is_trained(
    own_corpus: Corpus, small_rows: list[Row], tmp_path: Path
) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(utterance, image=None) for utterance in splits["test"]]
    write_corpus(own_corpus, splits)
    words = Vocabulary(own_corpus.keywords)
    with pytest.raises(EarmarkError, match="no query image"):
        nortje2022.reproduce(own_corpus, tmp_path / "out", words, grid=small_rows)
    assert not (tmp_path / "out").exists()


def test_a_corpus_without_word_times_is_reported_by_detection_alone(
    own_corpus: Corpus, small_rows: list[Row], tmp_path: Path
) -> None:
    splits = {split: own_corpus.utterances(split) for split in own_corpus.splits()}
    splits["test"] = [replace(utterance, words=None) for utterance in splits["test"]]
    write_corpus(own_corpus, splits)
    words = Vocabulary(own_corpus.keywords)
    only = ("small-attention/*/vgs", "small-visual-bow/*/vgs")
    nortje2022.reproduce(own_corpus, tmp_path, words, only, Budget(epochs=1), grid=small_rows)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    attention = section(text, "VGS: all models")[0]
    assert all(re.fullmatch(r"– \(\d+\.\d\)", entry) for entry in [*attention[2:5], attention[6]])
    assert attention[5] == "–"
    assert "**Word times**" in text


# The command line


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["earmark", "reproduce", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_from_the_command_line(
    tiny_corpus: Corpus, small_rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = []
    monkeypatch.setattr(nortje2022, "rows", lambda recipes, more: choices.append(recipes) or small_rows)
    (tmp_path / "words.txt").write_text("snow\ndog\n", encoding="utf-8")
    arguments = ["nortje2022", "--corpus", str(tiny_corpus.folder), "--out", str(tmp_path / "out"), "--epochs", "1"]
    arguments += ["--only", "small-visual-bow/*/vgs", "--keywords", str(tmp_path / "words.txt"), "--recipes", "paper"]
    assert not ran(monkeypatch, *arguments)
    assert choices == ["paper"]
    assert [path.name for path in (tmp_path / "out" / "cells").glob("*.json")] == ["small-visual-bow-written-vgs.json"]
    metrics = read_result(tmp_path / "out", Cell(small_rows[3], "vgs")).metrics
    assert list(metrics.per_keyword) == ["snow", "dog"]


@pytest.mark.parametrize(
    ("paper", "option", "value"), [("nortje2022", "--semantic", "labels.csv"), ("olaleye2022", "--recipes", "paper")]
)
def test_an_option_of_another_paper_is_refused(
    paper: str,
    option: str,
    value: str,
    tiny_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [paper, "--corpus", str(tiny_corpus.folder), "--out", str(tmp_path / "out"), option, value]
    assert ran(monkeypatch, *arguments) == 1
    assert capsys.readouterr().err == f"earmark: There is no {option} for {paper}: leave it out.\n"
