"""Verdicts on a paper's findings, against figures made up for the purpose and against those of a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from earmark.core.corpus import Corpus
from earmark.core.results import Confidence
from earmark.core.vocabulary import Vocabulary
from earmark.reproduce.findings import FAILS, HOLDS, OPEN, Side, above, findings_table
from earmark.reproduce.grid import Cell, Row
from earmark.reproduce.nortje2022.findings import findings as of_pictures
from earmark.reproduce.olaleye2022 import rows
from earmark.reproduce.olaleye2022.findings import findings as of_words
from earmark.reproduce.olaleye2022.published import TABLE_II
from earmark.reproduce.report import ReproductionResults, read_results_of

ORACLE = "oracle.accuracy"
PLACES = ("oracle.accuracy", "actual.f1", "spotting_localisation.p_at_10")


def made_up(values: dict[tuple[int, str], list[tuple[float, float, float]]], width: float) -> ReproductionResults:
    """Results of rows of the paper with such figures, one a seed, and intervals of some width around each."""

    def result(cell: Cell, of: tuple[float, float, float]) -> SimpleNamespace:
        figures = dict(zip(PLACES, of, strict=True))
        intervals = {key: (value - width / 2, value + width / 2) for key, value in figures.items()}
        metrics = SimpleNamespace(value=figures.get, confidence=Confidence(0.95, 1000, intervals))
        return SimpleNamespace(cell=cell, metrics=metrics)

    by_number = {row.number: row for row in rows()}
    cells = {
        Cell(by_number[number], supervision, seed): of
        for (number, supervision), each in values.items()
        for seed, of in enumerate(each)
    }
    results = {cell: result(cell, of) for cell, of in cells.items()}
    return ReproductionResults(Path(), rows(), None, None, [], None, results)  # type: ignore[arg-type]


def published() -> dict[tuple[int, str], list[tuple[float, float, float]]]:
    return {
        (number, supervision): [tuple(value / 100 for value in of)]
        for number, by in TABLE_II.items()
        for supervision, of in by.items()
    }


def test_all_findings_hold_in_the_papers_own_figures() -> None:
    found = of_words(made_up(published(), 0.01))
    assert [it.verdict for it in found] == [HOLDS] * len(found)
    assert len(found) == 9
    first = found[0]
    assert first.published == "57.3 (row 4); 46.0 (row 3)"
    assert first.here == "CNN-Attend, masked-in, VGS 57.3; CNN-Attend, attention, VGS 46.0"
    assert first.why == "One seed; the 95 % intervals over utterances do not overlap."
    assert found[6].here == found[6].published == "22.3 of PSC's, 62.4 of attention's"


def test_none_holds_where_everything_is_the_other_way_round() -> None:
    turned = {key: [tuple(1 - value for value in of) for of in each] for key, each in published().items()}
    assert {it.verdict for it in of_words(made_up(turned, 0.01))} == {FAILS}


def test_what_was_not_run_is_not_judged() -> None:
    alone = {key: value for key, value in published().items() if key in ((4, "vgs"), (3, "vgs"))}
    found = of_words(made_up(alone, 0.01))
    assert [it.verdict for it in found] == [HOLDS, OPEN, HOLDS, *[OPEN] * 6]
    assert found[0].why.endswith("Of 7 others 1 were evaluated.")
    assert "Not evaluated: PSC, score-aggregation, VGS." in found[5].why


@pytest.mark.parametrize(
    ("first", "second", "width", "verdict", "why"),
    [
        ([0.5], [0.4], 0.3, HOLDS, "One seed; the 95 % intervals over utterances overlap."),
        ([0.5], [0.4], 0.1, HOLDS, "One seed; the 95 % intervals over utterances overlap."),
        ([0.5], [0.4], 0.09, HOLDS, "One seed; the 95 % intervals over utterances do not overlap."),
        ([0.3, 0.5], [0.6, 0.7], 0.1, FAILS, "2 seeds or more each; their values do not overlap."),
        ([0.3, 0.9], [0.5, 0.6, 0.4], 0.1, HOLDS, "2 seeds or more each; their values overlap."),
    ],
)
def test_how_sure_a_verdict_is(first: list[float], second: list[float], width: float, verdict: str, why: str) -> None:
    results = made_up({(3, "vgs"): [(v, v, v) for v in first], (4, "vgs"): [(v, v, v) for v in second]}, width)
    one, other = (Side(row, "vgs") for row in results.rows[2:4])
    found = above(results, "claim", "published", one, [other], ORACLE)
    assert (found.verdict, found.why) == (verdict, why)


def test_the_report_has_the_table(done: Path) -> None:
    text = (done / "report.md").read_text(encoding="utf-8")
    assert "### Findings of the paper" in text
    assert "| PSC is poor from tags: attention finds more (F1) | 25.2 (row 3); 7.4 (row 1) |" in text
    assert "<h2" in (done / "report.html").read_text(encoding="utf-8")


def test_without_any_result_nothing_is_judged(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path) -> None:
    results = read_results_of(tmp_path, tiny_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords))
    for findings in (of_words(results), of_pictures(dataclasses.replace(results, rows=[]))):
        assert {it.verdict for it in findings} == {OPEN}
        assert len(findings_table(findings).rows) == len(findings)
