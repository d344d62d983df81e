"""Judgements of several people on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earmark.archive.judgements import judge, judgements
from support.small_archive import found_at, unindexed_archive


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    from earmark.cli import app

    with pytest.raises(SystemExit) as ended:
        app(["judgements", *map(str, words)])
    assert not ended.value.code
    return capsys.readouterr().out


def test_two_people_merge_their_files_and_see_where_they_disagree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (unindexed_archive(tmp_path / name) for name in ("one", "two"))
    judge(one, "ọmọ", found_at(1, 1, 1.0, 2.0), "yes", by="Ada")
    judge(two, "ọmọ", found_at(1, 1, 1.0, 2.0), "no", by="Ọlá")
    judge(two, "ọmọ", found_at(2, 1, 5.0, 6.0), "yes", by="Ọlá")
    file = tmp_path / "ọlá.jsonl"
    assert "2 judgements and undoings are in" in run(capsys, "export", two.folder, "--out", file)
    merged = run(capsys, "merge", one.folder, file)
    assert "2 of 2 judgements and undoings were new." in merged
    assert "People disagree in 1 places" in merged
    assert "0 of 2" in run(capsys, "merge", one.folder, file)
    assert [judgement.verdict for judgement in judgements(one)] == ["no", "yes"]
    apart = json.loads(run(capsys, "list", one.folder, "--disagreements", "--json"))
    assert [(row["judge"], row["verdict"]) for row in apart] == [("Ada", "yes"), ("Ọlá", "no")]
    assert apart[0]["recording"] == "/media/1.wav"
    assert "3 verdicts; people disagree in 1 places." in run(capsys, "list", one.folder)
