"""The demo, as small as it can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from earmark.archive.archive import open_archive
from earmark.archive.schema import recordings
from earmark.cli import demo as demos
from earmark.supervision.cnn_tagger import CnnTaggerSettings

pytestmark = pytest.mark.usefixtures("command_line")

pytest.importorskip("espeakng_loader", reason="the demo speaks with eSpeak NG (earmark[demo])")


def test_the_demo_runs_and_reuses_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demos, "SHORTER", [*demos.SHORTER, "training.epochs=2"])
    monkeypatch.setattr(demos, "TAGGER", CnnTaggerSettings(side=32, epochs=1))
    demos.demo(tmp_path, size=24, seed=0)
    first = capsys.readouterr()
    page = tmp_path / "results.html"
    assert str(page) in first.out
    assert f"earmark serve {tmp_path / 'archive'}" in first.out
    with open_archive(tmp_path / "archive").reading() as connection:
        assert {row.status for row in connection.execute(select(recordings.c.status))} == {"done"}
    assert "shuffled" in page.read_text(encoding="utf-8")
    weights = {run: (tmp_path / run / "model.safetensors").stat().st_mtime_ns for run in ("vgs", "bow", "shuffled")}
    for run in weights:
        assert json.loads((tmp_path / run / "metrics.json").read_text(encoding="utf-8"))["run"] == run

    demos.demo(tmp_path, size=24, seed=0)
    second = capsys.readouterr()
    assert "Training" not in second.err
    assert "Tagging" not in second.err
    assert "Indexing" not in second.err
    assert weights == {run: (tmp_path / run / "model.safetensors").stat().st_mtime_ns for run in weights}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_demo_meets_its_bars(tmp_path: Path) -> None:
    """Minutes: the whole demo, as 'make demo' runs it."""
    demos.demo(tmp_path, size=2000, seed=0)
    vgs, bow, shuffled = (
        json.loads((tmp_path / run / "metrics.json").read_text(encoding="utf-8")) for run in ("vgs", "bow", "shuffled")
    )
    assert vgs["oracle"]["accuracy"] >= 0.80
    assert vgs["actual"]["f1"] >= 0.60
    assert bow["oracle"]["accuracy"] > vgs["oracle"]["accuracy"]
    assert bow["actual"]["f1"] > vgs["actual"]["f1"]
    assert shuffled["oracle"]["accuracy"] < shuffled["chance"]["oracle"]["accuracy"] + 0.05
    assert shuffled["actual"]["f1"] < 0.05
