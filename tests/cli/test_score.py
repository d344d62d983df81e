"""earmark score: the table, the curves, and options that don't go together."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.results import Metrics
from earmark.media.annotations.nist_files import (
    Detection,
    Excerpt,
    Lexeme,
    write_detections,
    write_excerpts,
    write_rttm,
    write_terms,
)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Arguments of a list in which one of two dogs was found."""
    write_detections(tmp_path / "kwslist.xml", [Detection("T1", "a", "1", 1, 0.5, 0.9, True)], "kwlist.xml")
    write_rttm(tmp_path / "a.rttm", [Lexeme("a", "1", start_s, 0.5, "dog") for start_s in (1.0, 20.0)])
    write_excerpts(tmp_path / "ecf.xml", [Excerpt("a.wav", "1", 0, 60)])
    write_terms(tmp_path / "kwlist.xml", {"T1": "dog"}, "ecf.xml")
    names = {"--rttm": "a.rttm", "--ecf": "ecf.xml", "--terms": "kwlist.xml"}
    options = [text for option, name in names.items() for text in (option, str(tmp_path / name))]
    return ["score", str(tmp_path / "kwslist.xml"), *options]


def test_the_table_states_values_costs_and_prior(files: list[str], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, [*files, "--costs", "san2021", "--det", str(tmp_path / "det.csv")])
    assert ended.exit_code == 0
    rows = dict(
        [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]
        for line in ended.output.splitlines()
        if "│" in line
    )
    assert rows["ATWV"] == rows["MTWV"] == rows["STWV"] == "0.5000"
    assert rows["cost of a miss, of a false alarm"] == "10, 1"
    assert rows["prior, beta"] == "0.0278, 3.49712"
    assert rows["found by decisions, false alarms"] == "1, 0"
    with (tmp_path / "det.csv").open(newline="") as table:
        assert list(csv.reader(table)) == [
            ["threshold", "p_fa", "p_miss", "p_fa_pooled", "p_miss_pooled"],
            ["inf", "0.0", "1.0", "0.0", "1.0"],
            ["0.9", "0.0", "0.5", "0.0", "0.5"],
        ]


def test_by_utterance_there_is_cross_entropy(files: list[str]) -> None:
    ended = CliRunner().invoke(app, [*files, "--by-utterance"])
    assert ended.exit_code == 0
    assert "minCnxe" in ended.output


def test_a_default_score_needs_pairs(files: list[str]) -> None:
    ended = CliRunner().invoke(app, [*files, "--default-score", "-10"])
    assert isinstance(ended.exception, EarmarkError)
    assert "add --by-utterance" in str(ended.exception)


def test_an_evaluation_writes_files_that_can_be_scored(tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path) -> None:
    corpus, out = str(tiny_corpus.folder), tmp_path / "results"
    ended = CliRunner().invoke(
        app, ["evaluate", str(tiny_run), "--corpus", corpus, "--out", str(out), "--nist-files", "--costs", "san2021"]
    )
    assert ended.exit_code == 0
    folder = out / "nist-written"
    options = [*("--rttm", str(folder / "reference.rttm")), *("--ecf", str(folder / "ecf.xml")), "--costs", "san2021"]
    scored = CliRunner().invoke(app, ["score", str(folder / "kwslist.xml"), *options])
    assert scored.exit_code == 0
    mtwv = Metrics.from_json((out / "metrics.json").read_text(encoding="utf-8")).term_weighted.mtwv
    assert mtwv is not None
    assert f"{mtwv:.4f}" in scored.output
