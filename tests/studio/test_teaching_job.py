"""The studio's steps that teach the model what was judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.studio import teaching
from earmark.studio.jobs import job_folder
from earmark.studio.project import Project, open_project
from earmark.studio.teaching import teaching_steps


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


def make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


def test_nothing_is_taught_before_something_is_indexed(project: Project) -> None:
    with pytest.raises(EarmarkError, match="Nothing is indexed yet"):
        teaching_steps(project)


def test_the_steps_of_teaching(project: Project) -> None:
    make_file(project.archive / "archive.json")
    old = job_folder(project, "teach") / "model" / "resume.pt"
    make_file(old)
    alone = teaching_steps(project)
    assert not old.exists()
    make_file(project.corpus / "corpus.yaml")
    assert [step.name for step in teaching_steps(project)] == ["teach", "test", "index"]
    assert alone[0].arguments == ("teach", "archive", "--out", "jobs/teach/model", "--resume")
    assert teaching_steps(project)[0].arguments[4:6] == ("--corpus", "corpus")


@pytest.mark.parametrize("other", ["learn", "index"])
def test_teaching_waits_for_other_work(project: Project, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    make_file(project.archive / "archive.json")

    def refuse(_: Project, name: str) -> None:
        if name == other:
            raise EarmarkError("This work is under way already")

    monkeypatch.setattr(teaching, "refuse_running", refuse)
    with pytest.raises(EarmarkError, match="under way"):
        teaching_steps(project)
