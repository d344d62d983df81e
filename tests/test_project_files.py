"""Forms, workflows and hooks: they can be read, and what they name is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.pages import ROOT, commands_of

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
ELEMENTS = {"input", "textarea", "dropdown", "checkboxes", "markdown"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def jobs() -> dict[str, Any]:
    return {name: job for path in WORKFLOWS for name, job in read(path)["jobs"].items()}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_has_what_a_form_needs(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    assert {element["type"] for element in form["body"]} <= ELEMENTS
    names = [element["id"] for element in form["body"]]
    assert len(names) == len(set(names))
    for element in form["body"]:
        assert element["attributes"]["label"]
        options = element["attributes"].get("options", [])
        assert bool(options) == (element["type"] in ("dropdown", "checkboxes"))
        assert all(isinstance(one, str if element["type"] == "dropdown" else dict) for one in options)


def test_there_is_a_form_for_a_corpus() -> None:
    required = {
        element["id"]
        for element in read(GITHUB / "ISSUE_TEMPLATE" / "corpus.yml")["body"]
        if element.get("validations", {}).get("required")
    }
    assert {"language", "licence", "citation", "layout"} <= required


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_can_be_run(path: Path) -> None:
    workflow = read(path)
    assert True in workflow, "a workflow says when it runs"  # in YAML 1.1, which the reader knows, 'on' is true
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text(encoding="utf-8")
    for job in workflow["jobs"].values():
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= set(workflow["jobs"])
    for step in steps(path):
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@[\w./-]+", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_names_is_there(path: Path) -> None:
    for step in steps(path):
        script = step.get("run", "")
        for targets in re.findall(r"\bmake ([\w./ -]+)", script):
            assert set(targets.split()) <= TARGETS
        for extras in re.findall(r"\.\[([\w,]+)\]", script):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
        for file in re.findall(r"\btests/[\w/]+\.py", script):
            assert (ROOT / file).is_file()


def test_the_matrix_is_what_the_metadata_promise() -> None:
    matrix = jobs()["tests"]["strategy"]["matrix"]
    promised = [name.rsplit(" ", 1)[1] for name in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d", name)]
    assert matrix["python-version"] == promised
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]


def test_the_ends_of_the_range_of_torch_are_tried() -> None:
    lowest, highest = jobs()["torch"]["strategy"]["matrix"]["torch"]
    (torch,) = (name for name in PROJECT["dependencies"] if re.match(r"torch\b", name))
    low, high = re.fullmatch(r"torch>=([\d.]+),<([\d.]+)", torch).groups()  # type: ignore[union-attr]
    assert lowest.startswith(f"{low}.")
    assert tuple(map(int, highest.split(".")[:2])) < tuple(map(int, high.split(".")))
    major, minor = high.split(".")
    assert highest.startswith(f"{major}.{int(minor) - 1}.")
    locked = re.search(r"^torch==([\d.]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert locked
    assert tuple(map(int, low.split("."))) <= tuple(map(int, locked[1].split(".")))


def test_a_release_needs_no_password() -> None:
    publish = read(GITHUB / "workflows" / "release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    upload = publish["steps"][-1]
    assert upload["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert "with" not in upload


def test_the_hooks_are_what_lint_runs() -> None:
    hooks = [hook for repo in read(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    entries = {hook["entry"].replace(" --force-exclude", "") for hook in hooks}
    assert {line.strip() for line in re.findall(r"\$\(BIN\)/(ruff .*|mypy)", makefile)} <= entries
    for entry in entries:
        for file in re.findall(r"tests/[\w/]+\.py", entry):
            assert (ROOT / file).is_file()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_makefile_has_the_targets_of_the_pages(page: str) -> None:
    lines = [line for line in commands_of((ROOT / page).read_text(encoding="utf-8"), page) if line.words[0] == "make"]
    assert lines
    for line in lines:
        assert {word for word in line.words[1:] if "=" not in word} <= TARGETS
