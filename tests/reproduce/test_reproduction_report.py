"""The report of a reproduced paper, against the metrics and predictions that it was made of."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from earmark.core.corpus import Corpus, Utterance, write_corpus
from earmark.core.results import Measures, PrecisionRecall
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import commonly_located
from earmark.evaluation.data import Predictions
from earmark.evaluation.summary import compute_metrics
from earmark.reproduce.grid import SUPERVISIONS, Cell, Row
from earmark.reproduce.olaleye2022 import conditions, figures, rows
from earmark.reproduce.olaleye2022.conditions import published_note
from earmark.reproduce.olaleye2022.figures import KeywordScores, correlate, keyword_scores, tag_average_precision
from earmark.reproduce.olaleye2022.published import TABLE_II, TABLE_III, TABLE_IV, TABLE_V
from earmark.reproduce.olaleye2022.report import differences, write_report
from earmark.reproduce.report import ReproductionResults, read_results_of, trainings
from earmark.reproduce.results import Result, read_result
from earmark.reproduce.runner import duration_text
from earmark.supervision.targets import read_targets, targets_path
from earmark.training.state import training_seconds
from support.reports import percent, section

pytestmark = pytest.mark.usefixtures("command_line")

# The report


@pytest.fixture(scope="module")
def report(done: Path) -> str:
    return (done / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(done: Path, tiny_rows: list[Row], tiny_corpus: Corpus) -> ReproductionResults:
    return read_results_of(done, tiny_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords))


def measured_at_half(results: ReproductionResults, cell: Cell) -> Measures:
    """All measures of a cell with 0.5 as every keyword's threshold."""
    words = results.keywords.words
    lengths_s = np.array([utterance.duration_s for utterance in results.utterances])
    return compute_metrics(results.truth, results.by_cell[cell].predictions, np.full(len(words), 0.5), words, lengths_s)


def test_the_strict_table_2_has_the_metrics_alone(report: str, done: Path, tiny_rows: list[Row]) -> None:
    """The published figures were counted otherwise: they stand beside the other version."""
    psc, attend, ours = section(report, "Table II: ")
    vgs, bow = (read_result(done, Cell(tiny_rows[0], supervision)).metrics for supervision in ("vgs", "bow"))
    assert psc == [
        *("1", "PSC", "score-aggregation"),
        percent(vgs.oracle.accuracy),
        percent(bow.oracle.accuracy),
        percent(vgs.fixed_threshold.actual.f1),
        percent(bow.fixed_threshold.actual.f1),
        percent(vgs.actual.f1),
        percent(bow.actual.f1),
        percent(vgs.spotting_localisation.p_at_10),
        percent(bow.spotting_localisation.p_at_10),
    ]
    assert attend[:3] == ["3", "CNN-Attend", "attention"]
    for title in ("Table II: ", "Table III: ", "Table IV: "):
        assert "/" not in "".join(entry for row in section(report, title) for entry in row[3:])
    assert ours[:3] == ["–", "Earmark's default", "score-aggregation"]
    assert "/" not in "".join(ours[3:])
    assert [cell == "–" for cell in ours[3:]] == [False, True] * 4  # BoW was not run


def test_the_released_version_counts_as_the_released_code_at_the_papers_threshold(
    report: str, results: ReproductionResults
) -> None:
    for row, text in zip(results.rows, section(report, "Table II, released counting"), strict=True):
        for s, supervision in enumerate(("vgs", "bow")):
            cell = Cell(row, supervision)
            if cell in results.by_cell:
                released = measured_at_half(results, cell).released
                at_dev = results.by_cell[cell].metrics.released.actual.f1
                expected = [
                    released.oracle.accuracy,
                    released.actual.f1,
                    at_dev,
                    released.spotting_localisation.p_at_10,
                ]
                assert [entry.split(" / ")[0] for entry in text[3 + s :: 2]] == [percent(value) for value in expected]
    psc, attend, ours = section(report, "Table II, released counting")
    assert [entry.split(" / ")[1:] for entry in psc[3:]] == [
        *(["13.7"], ["61.5"], ["7.4"], ["68.1"], [], [], ["8.2"], ["62.2"])
    ]
    assert attend[3].endswith(" / 46.0")
    assert "/" not in "".join(ours[3:])


def test_every_name_in_the_tables_is_explained(report: str, done: Path) -> None:
    page = (done / "report.html").read_text(encoding="utf-8")
    published = [row for row in rows() if row.number is not None]
    for name in [*SUPERVISIONS.values(), *(name for row in published for name in (row.title, row.localisation)),
                 "Oracle localisation", "Actual localisation", "Spotting", "Spotting localisation"]:  # fmt: skip
        assert f"- **{name}**: " in report
        assert f"<dt>{name}</dt><dd>" in page
    for short in ("P@10", "P@N"):
        assert short in page[page.index("What the names mean") : page.index("</details>")]


def test_tables_3_and_4_have_their_bounds_in_parentheses(
    report: str, results: ReproductionResults, tiny_rows: list[Row]
) -> None:
    metrics = results.by_cell[Cell(tiny_rows[1], "vgs")].metrics
    (attend, ours) = section(report, "Table III: ")  # the paper has no PSC in it
    measures = ("precision", "recall", "f1")
    half = [
        f"{percent(getattr(metrics.fixed_threshold.actual, m))} "
        f"({percent(getattr(metrics.fixed_threshold.detection, m))})"
        for m in measures
    ]
    dev = [f"{percent(metrics.value(f'actual.{m}'))} ({percent(metrics.value(f'detection.{m}'))})" for m in measures]
    assert attend[3:] == half + dev
    assert ours[1] == "Earmark's default"

    (attend, ours) = section(report, "Table IV: ")
    spotting, placed = metrics.spotting, metrics.spotting_localisation
    assert attend[3:] == [
        f"{percent(placed.p_at_10)} ({percent(spotting.p_at_10)})",
        f"{percent(placed.p_at_n)} ({percent(spotting.p_at_n)})",
    ]


def slow_released(results: ReproductionResults, cell: Cell, threshold: float) -> dict[str, float]:
    """Precision and recall of actual localisation and P@N of localised spotting, by loops over words as released."""
    predictions, words = results.by_cell[cell].predictions, list(results.keywords)
    right = wrong = missed = 0
    for u, utterance in enumerate(results.utterances):
        hypothesised = {word for w, word in enumerate(words) if predictions.scores[u, w] >= threshold}
        spoken = utterance.words or ()
        wrong += len(hypothesised - {word.word for word in spoken})
        for word in spoken:
            if word.word not in words:
                continue
            time_s = predictions.times_s[u, words.index(word.word)]
            if word.word not in hypothesised:
                missed += 1
            elif word.start_s <= time_s <= word.end_s:
                right += 1
            else:
                wrong += 1
    p_at_n = []
    for w, keyword in enumerate(words):
        ranked = np.argsort(-predictions.scores[:, w], kind="stable")
        last = [
            next((word for word in reversed(utterance.words or ()) if word.word == keyword), None)
            for utterance in results.utterances
        ]
        placed = [
            word is not None and word.start_s <= predictions.times_s[u, w] <= word.end_s for u, word in enumerate(last)
        ]
        containing = sum(word is not None for word in last)
        if containing:
            p_at_n.append(sum(placed[u] for u in ranked[:containing]) / containing)
    return {
        "precision": right / (right + wrong) if right + wrong else 0.0,
        "recall": right / (right + missed) if right + missed else 0.0,
        "p_at_n": float(np.mean(p_at_n)),
    }


def test_tables_3_and_4_are_counted_as_released_beside_the_published_figures(
    report: str, results: ReproductionResults, tiny_rows: list[Row]
) -> None:
    cell = Cell(tiny_rows[1], "vgs")
    metrics, counted = results.by_cell[cell].metrics, slow_released(results, cell, 0.5)
    attend, ours = section(report, "Table III, released counting")
    detection = metrics.fixed_threshold.detection
    expected = [
        f"{percent(counted['precision'])} ({percent(detection.precision)}) / 28.8 (38.9)",
        f"{percent(counted['recall'])} ({percent(detection.recall)}) / 22.4 (28.2)",
    ]
    assert attend[3:5] == expected
    assert attend[5].endswith(" / 25.2 (32.7)")
    assert attend[7].startswith(f"{percent(metrics.released.actual.recall)} ({percent(metrics.detection.recall)})")
    assert "/" not in "".join(ours[3:])
    attend, _ = section(report, "Table IV, released counting")
    assert attend[4] == f"{percent(counted['p_at_n'])} ({percent(metrics.spotting.p_at_n)}) / 24.9 (30.1)"


def test_the_penalty_is_the_difference_of_the_supervisions(report: str) -> None:
    table = section(report, "Table II, released counting")
    for row, penalty in zip(table, section(report, "The penalty of supervision by pictures"), strict=True):
        assert penalty[:3] == row[:3]
        here = [entry.split(" / ")[0] for entry in row[3:]]
        for entry, vgs, bow in zip(penalty[3:], here[::2], here[1::2], strict=True):
            found = entry.split(" / ")[0]
            assert (found == "–") == ("–" in (vgs, bow))
            if found != "–":
                assert float(found) == pytest.approx(float(bow) - float(vgs), abs=0.11)
    assert section(report, "The penalty of supervision by pictures")[0][3].endswith(" / 47.8")  # 61.5 less 13.7


def test_trainings_report_their_epochs_and_time(report: str, done: Path) -> None:
    text = section(report, "Trainings")
    assert [row[:3] for row in text] == [
        ["PSC", "VGS", "8"],
        ["PSC", "BoW", "8"],
        ["CNN-Attend", "VGS", "8"],
        ["CNN-Attend", "BoW", "8"],
        ["Earmark's default", "VGS", "8"],
    ]
    curve = (done / "runs" / "psc-vgs" / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    best = min(map(json.loads, curve), key=lambda point: point["dev_loss"])
    assert text[0][4] == f"{best['epoch']}, loss on dev {best['dev_loss']:.4f}"
    assert text[0][3] == duration_text(training_seconds(done / "runs" / "psc-vgs"))


def shown_first(results: ReproductionResults) -> Cell:
    """The row of the paper that the report shows closely."""
    return figures._cell_to_show(results, [cell for cell in results.by_cell if cell.row.number is not None])


def test_keywords_by_themselves(report: str, results: ReproductionResults, tiny_corpus: Corpus) -> None:
    cell = shown_first(results)
    half, dev = keyword_scores(results, cell), keyword_scores(results, cell, results.by_cell[cell].thresholds)
    by_keyword = measured_at_half(results, cell).per_keyword
    detections = results.by_cell[cell].predictions.scores >= 0.5
    tags = read_targets(targets_path(tiny_corpus, "vgs"))
    for w, word in enumerate(tiny_corpus.keywords):
        assert half.detections[w] == detections[:, w].sum()
        expected = by_keyword[word].actual.f1 if detections[:, w].any() else None
        assert percent(float(half.f1[w])) == percent(expected)
        scores = [tags.rows[utterance.id][tags.vocabulary.index(word)] for utterance in results.utterances]
        precision = average_precision_score(results.truth.present[:, w], scores)
        assert tag_average_precision(results)[w] == pytest.approx(precision)
        row = next(row for row in section(report, "Every keyword") if row[0] == word)
        assert row[1:4] == [str(n[w]) for n in (results.truth.present.sum(axis=0), half.detections, dev.detections)]
        assert row[6:] == [percent(float(v)) for v in (half.f1[w], dev.f1[w], precision)]
        only = dataclasses.replace(results, keywords=Vocabulary([word]), by_cell={cell: one_keyword(results, cell, w)})
        alone = slow_released(only, cell, 0.5)
        mean = (alone["precision"] + alone["recall"]) / 2
        f1 = alone["precision"] * alone["recall"] / mean if mean else 0.0
        assert row[4] == percent(f1 if detections[:, w].any() else None)


def one_keyword(results: ReproductionResults, cell: Cell, w: int) -> Result:
    """A result for one of its keywords."""
    result = results.by_cell[cell]
    scores, times_s = (part[:, w : w + 1] for part in (result.predictions.scores, result.predictions.times_s))
    return dataclasses.replace(result, predictions=Predictions(scores, times_s))


def test_a_keyword_that_is_never_detected_has_no_f1_and_no_point() -> None:
    scores = KeywordScores(np.array([0.5, np.nan, 0.2, 0.9]), np.array([3, 0, 1, 2]))
    assert scores.undetected == 1
    found = correlate(("a", "b", "c", "d"), np.array([0.6, 0.9, np.nan, 0.8]), scores)
    assert found.points == [("a", 0.6, 0.5), ("d", 0.8, 0.9)]  # c is never said, so its tags have no precision
    assert found.pearson == pytest.approx(1)


def test_coefficients_as_people_write_them() -> None:
    assert [figures._two(value) for value in (-0.004, 0.125, -0.5, float("nan"))] == ["0.00", "0.12", "−0.50", "–"]


def test_table_5_is_that_of_the_shown_row(report: str, results: ReproductionResults) -> None:
    cell = shown_first(results)
    lines = report[report.index(f"## {cell.row.title}, {cell.row.localisation}, VGS") :]
    words = [utterance.words for utterance in results.utterances]
    predictions = results.by_cell[cell].predictions
    for w, (word, here, theirs) in enumerate(section(lines, "Table V")):
        assert word == results.keywords.words[w]
        counted = commonly_located(predictions.scores[:, w], predictions.times_s[:, w], words)
        assert here == ", ".join(f"{located} {count}" for located, count in counted)
        assert theirs == ("soccer 9, ball 5, player 2, basketball 2, colorful 1" if word == "ball" else "")


def test_the_page_is_whole_and_opens_offline(done: Path) -> None:
    page = (done / "report.html").read_text(encoding="utf-8")
    assert '<td class="number">' in page
    assert "<small>13.7</small>" in page
    assert page.count('<audio controls preload="metadata" src="data:audio/ogg;base64,') == 2 * 4  # two rows are shown
    assert page.count('<circle class="em-found em-dot"') >= 2
    assert "Released counting." in page
    assert "Strict counting." in page
    assert len(re.findall(r"score <b>[01]\.\d{3}</b>", page)) == 2 * 4
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    for title in ("Figure 5", "Figure 6", "Figure 7", "Table V", "What differs from the paper"):
        assert title in page
    ids = re.findall(r'<h2 id="([^"]+)"', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_shown_utterances_are_the_top_ranked(done: Path, results: ReproductionResults, tiny_rows: list[Row]) -> None:
    examples, problems = figures._examples(results, Cell(tiny_rows[1], "vgs"))
    assert not problems
    scores = results.by_cell[Cell(tiny_rows[1], "vgs")].predictions.scores
    assert {it.example.hit.query for it in examples} == set(results.keywords)
    for it in examples:
        w = results.keywords.index(it.example.hit.query)
        top = results.utterances[int(scores[:, w].argmax())]
        assert it.example.hit.recording == str(top.audio)
        assert it.facts[:2] == ["rank 1", f"{'' if scores[:, w].max() >= 0.5 else 'not '}detected at 0.5"]
        assert it.example.hit.score == pytest.approx(scores[:, w].max(), abs=1e-4)
        assert ("localised" in it.facts) == (it.example.verdict == "right")
        time_s = it.example.hit.time_s
        within = [word.word for word in top.words if word.start_s <= time_s <= word.end_s]
        assert it.facts[-1] == f"located word: {within[0] if within else '–'}"


def test_the_papers_own_row_is_shown_where_it_was_run(results: ReproductionResults, tiny_rows: list[Row]) -> None:
    masked = Row("cnn-attend", "masked-in", "x", "CNN-Attend", 4)
    result = results.by_cell[Cell(tiny_rows[1], "vgs")]
    better = dataclasses.replace(
        result, metrics=dataclasses.replace(result.metrics, actual=PrecisionRecall(None, None, 0.99))
    )
    poor = dataclasses.replace(
        result, metrics=dataclasses.replace(result.metrics, actual=PrecisionRecall(None, None, 0.01))
    )
    psc, bow, wanted = Cell(tiny_rows[0], "vgs"), Cell(tiny_rows[0], "bow"), Cell(masked, "vgs")
    known = dataclasses.replace(results, by_cell={psc: result, bow: better, wanted: poor})
    assert figures._cell_to_show(known, [psc, bow, wanted]) == wanted
    assert figures._cell_to_show(known, [psc, bow]) == psc
    assert figures._cell_to_show(known, [bow]) == bow


@pytest.fixture
def own_results(own_corpus: Corpus, done: Path, tiny_rows: list[Row], tmp_path: Path) -> ReproductionResults:
    """The results in a folder, and on a corpus, that a test may change."""
    shutil.copytree(done, tmp_path / "out")
    return read_results_of(tmp_path / "out", tiny_rows, own_corpus, Vocabulary(own_corpus.keywords))


def first_shown(results: ReproductionResults, keyword: int) -> Utterance:
    """The utterance that figure 7 shows of a keyword, for the row of the paper that the report shows closely."""
    return results.utterances[int(results.by_cell[shown_first(results)].predictions.scores[:, keyword].argmax())]


def test_a_damaged_picture_costs_that_picture_alone(own_results: ReproductionResults) -> None:
    image = first_shown(own_results, 0).image
    image.write_bytes(b"no picture")
    write_report(own_results)
    page = (own_results.out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:audio") == 2 * 4
    assert 4 <= page.count("data:image") < 2 * 4
    for text in (page, (own_results.out / "report.md").read_text(encoding="utf-8")):
        assert re.search(rf"Figure 7 lacks the image of ball: .*{image.name} can.*t be read as a picture", text)


def test_a_damaged_recording_costs_that_example_alone(own_results: ReproductionResults) -> None:
    audio = first_shown(own_results, 0).audio
    audio.write_bytes(b"no sound")
    write_report(own_results)
    page = (own_results.out / "report.html").read_text(encoding="utf-8")
    assert 4 <= page.count("data:audio") < 2 * 4
    text = (own_results.out / "report.md").read_text(encoding="utf-8")
    assert re.search(rf"Figure 7 lacks the example of ball: .*{audio.name}", text)
    assert section(text, "Table V")


def test_missing_and_damaged_tags_are_distinguished(own_results: ReproductionResults) -> None:
    path = targets_path(own_results.corpus, "vgs")
    path.write_text(path.read_text(encoding="utf-8").replace("0.9", "nine"), encoding="utf-8")
    write_report(own_results)
    text = (own_results.out / "report.md").read_text(encoding="utf-8")
    assert re.search(r"Figure 6 needs the tags of the test split: .*vgs\.csv is damaged", text)
    assert {row[8] for row in section(text, "Every keyword")} == {"–"}
    path.unlink()
    write_report(own_results)
    text = (own_results.out / "report.md").read_text(encoding="utf-8")
    assert "Figure 6 needs the tags of the test split: The corpus has no tags 'vgs'" in text


def test_a_damaged_state_costs_the_time_alone(go: Callable[..., Path]) -> None:
    out = go(only=("psc/*/vgs",), epochs=1)
    (out / "runs" / "psc-vgs" / "resume.pt").write_bytes(b"no state")
    go(only=("psc/*/vgs",))
    text = section((out / "report.md").read_text(encoding="utf-8"), "Trainings")
    assert text[0][:4] == ["PSC", "VGS", "1", "–"]


@pytest.mark.parametrize("damage", ["{", "[]\n", '{"epoch": 1}\n', '"abc"\n', "\x00", b"\xff"])
def test_a_damaged_curve_is_as_good_as_none(own_results: ReproductionResults, damage: str | bytes) -> None:
    content = damage if isinstance(damage, bytes) else damage.encode()
    (own_results.out / "runs" / "psc-vgs" / "curve.jsonl").write_bytes(content)
    psc = trainings(own_results).rows[0][0]
    assert (psc[2], psc[4]) == ("–", "–")
    assert differences(own_results)["Training"].startswith("8 epochs here")


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
    text = (out / "report.md").read_text(encoding="utf-8")
    attend = section(text, "Table IV, released")[0]
    assert re.fullmatch(r"– \(\d+\.\d\) / 32\.1 \(43\.7\)", attend[3])
    assert section(text, "Table II, released")[1][3] == "– / 46.0"
    assert "Table V" not in text


def test_semantic_spotting_stands_beside_exact(
    done: Path, go: Callable[..., Path], results: ReproductionResults, tmp_path: Path
) -> None:
    # People find what is said, and in the first utterance one word more; the last utterance has no labels.
    known = results.utterances[:-1]
    added = next(word for word in results.keywords if not results.truth.present[0, results.keywords.index(word)])
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
    scores = results.by_cell[Cell(results.rows[0], "vgs")].predictions.scores[:-1]
    exact = results.truth.present[:-1]
    semantic = exact.copy()
    semantic[0, results.keywords.index(added)] = True
    for column, relevant in ((8, exact), (9, semantic)):
        columns = [(s, r) for s, r in zip(scores.T, relevant.T, strict=True) if r.any()]
        precision = np.mean([average_precision_score(present, score) for score, present in columns])
        assert rows[0][column] == percent(precision)


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


# What it is compared with


def test_published_figures_are_compared_honestly(
    results: ReproductionResults, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    note = published_note(results)
    assert note == "What was published is for another corpus, 67 keywords and longer training (100 epochs)."
    same = dataclasses.replace(results, keywords=Vocabulary(f"word{number}" for number in range(67)))
    monkeypatch.setattr(conditions.flickr8k_audio, "is_whole", lambda corpus: True)
    monkeypatch.setattr(conditions, "read_curve", lambda out, training: [{"epoch": 1.0, "dev_loss": 1.0}] * 100)
    assert published_note(same) == "What was published is for the same corpus, keywords and number of epochs."
    assert "It is the paper's" in differences(same)["Corpus"]
    monkeypatch.setattr(conditions, "read_curve", lambda out, training: [{"epoch": 1.0, "dev_loss": 1.0}] * 120)
    assert published_note(same) == "What was published is for another length of training (100 epochs)."
