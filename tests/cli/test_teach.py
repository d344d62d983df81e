"""``earmark teach``, from judgements to an archive that is indexed with the taught model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from earmark.archive.archive import Archive, open_archive
from earmark.archive.encoding import model_identity
from earmark.archive.judgement_log import events_of
from earmark.archive.judgements import judgements, undo
from earmark.archive.search import SearchOptions, search
from earmark.cli import main
from earmark.models.checkpoint import read_checkpoint
from earmark.training import teaching
from earmark.training.teaching_measures import JudgedMeasures
from support.command_line import command_line
from support.judged_archive import judged_archive
from support.stopping import stopped_after


@pytest.fixture
def earmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The command line; teaching is short, and whatever comes of it is taken for better."""
    monkeypatch.setattr(teaching, "STEPS", 10)
    monkeypatch.setattr(teaching, "FEWEST_EPOCHS", 2)
    monkeypatch.setattr(JudgedMeasures, "is_better_than", lambda one, other: True)
    monkeypatch.setattr(teaching, "LEAST_AGREEMENT", 0.0)
    return command_line(monkeypatch, capsys)


@pytest.fixture
def archive(tiny_run: Path, tmp_path: Path) -> Archive:
    return judged_archive(tmp_path, tiny_run)


def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The status and the last line of a command that fails."""
    monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err.splitlines()[-1]


def test_teach_and_index(earmark: Callable[..., str], archive: Archive, tmp_path: Path) -> None:
    undo(archive, judgements(archive)[0].id)
    before, events = judgements(archive), events_of(archive)
    archive.close()
    run = tmp_path / "taught"
    with stopped_after(1, error=KeyboardInterrupt, run="taught"):
        teaching.teach(archive.folder / "model", open_judged(archive, run), run)
    printed = earmark("teach", archive.folder, "--out", run, "--resume")
    assert "Learned from" in printed
    assert f"earmark teach {archive.folder} --out {run} --resume --index" in printed
    assert not (run / "judged").exists()
    printed = earmark("teach", archive.folder, "--out", run, "--resume", "--index")
    assert "Learned from" not in printed
    renewed = open_archive(archive.folder)
    assert renewed.setting("model") == model_identity(read_checkpoint(run))
    assert judgements(renewed) == before
    assert events_of(renewed) == events
    assert search(renewed, "dog", SearchOptions())
    renewed.close()


def open_judged(archive: Archive, run: Path) -> Path:
    from earmark.archive.judged_corpus import write_judged_corpus

    opened = open_archive(archive.folder)
    write_judged_corpus(opened, run / "judged")
    opened.close()
    return run / "judged"


def test_a_refused_model_leaves_no_folder(
    earmark: Callable[..., str],
    archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(JudgedMeasures, "is_better_than", lambda one, other: False)
    status, problem = fails(monkeypatch, capsys, "teach", archive.folder, "--out", tmp_path / "taught")
    assert status == 1
    assert problem.startswith("earmark: The old model stays, as the new one is not better on the judged places")
    assert not (tmp_path / "taught").exists()


def test_a_folder_with_a_run_is_left_alone(
    archive: Archive, tiny_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tiny_run.rglob("*"))
    status, problem = fails(monkeypatch, capsys, "teach", archive.folder, "--out", tiny_run)
    assert (status, "already holds a run" in problem) == (1, True)
    assert sorted(tiny_run.rglob("*")) == before
