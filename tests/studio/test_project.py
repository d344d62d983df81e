"""The project folder: made, opened again, of another form, damaged, moved, and changed by several at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from earmark.core.errors import EarmarkError
from earmark.studio.project import FORM, SETTINGS, open_project
from earmark.studio.steps import next_step, steps


def test_an_empty_folder_becomes_a_project(tmp_path: Path) -> None:
    project = open_project(tmp_path / "Ọ̀rọ̀ wa")
    assert project.settings().name == "Ọ̀rọ̀ wa"
    project.update(lambda _: {"languages": ["Yorùbá"], "words": ["ajá", "aja\u0301", "ilé  ńlá"]})
    again = open_project(project.folder).settings()
    assert again.words == ["ajá", "ilé ńlá"]  # one spelling once
    assert "Yorùbá" in (project.folder / SETTINGS).read_text("utf-8")
    assert next_step(steps(project)) == "pictures"


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(EarmarkError, match=r"other files and no project\.yaml"):
        open_project(tmp_path)
    with pytest.raises(EarmarkError, match="is a file"):
        open_project(tmp_path / "thesis.docx")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_former_form_opens_and_what_is_unknown_stays(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text("name: Old\nfriend: Ada\n")
    project = open_project(tmp_path)
    content = yaml.safe_load((tmp_path / SETTINGS).read_text())
    assert (content["form"], content["friend"], content["name"], content["words"]) == (FORM, "Ada", "Old", [])
    project.update(lambda _: {"name": "New"})
    assert yaml.safe_load((tmp_path / SETTINGS).read_text())["friend"] == "Ada"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("name: [", "damaged in line"),
        ("- a", "needs lines such as"),
        ("form: 99", "newer version"),
        ("name: 3", "name: Input should be a valid string"),
        ("words: ['a;b']", "leave out"),
        ("words: ['...']", "is no word"),
    ],
)
def test_what_is_wrong_with_the_settings_is_one_sentence(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(EarmarkError, match=problem):
        open_project(tmp_path)
    assert (tmp_path / SETTINGS).read_text() == content


def test_settings_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    project = open_project(tmp_path / "p")
    with pytest.raises(EarmarkError, match="words: '12' is no word"):
        project.update(lambda _: {"words": ["dog", "12"]})
    assert project.settings().words == []


def test_a_moved_project_is_the_same(tmp_path: Path) -> None:
    project = open_project(tmp_path / "here")
    project.update(lambda _: {"words": ["dog"]})
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert open_project(tmp_path / "there").settings().words == ["dog"]
    assert str(tmp_path) not in (tmp_path / "there" / SETTINGS).read_text()


ADD_WORDS = """
import sys
from earmark.studio.project import open_project
project = open_project(sys.argv[1])
for number in range(20):
    project.update(lambda now: {"words": [*now.words, f"{sys.argv[2]}-{number:02}"]})
"""


def test_no_change_of_several_programs_is_lost(tmp_path: Path) -> None:
    project = open_project(tmp_path)
    programs = [subprocess.Popen([sys.executable, "-c", ADD_WORDS, tmp_path, name]) for name in ("one", "two", "three")]
    assert [program.wait() for program in programs] == [0, 0, 0]
    expected = {f"{name}-{number:02}" for name in ("one", "two", "three") for number in range(20)}
    assert set(project.settings().words) == expected
