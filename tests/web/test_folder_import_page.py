"""Existing recordings dropped on the studio's page, in a real Chromium."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earmark.studio.project import Project, open_project
from earmark.studio.speakers import add_speaker, speakers
from earmark.studio.takes import TakeStore
from earmark.web.app import create_app
from support.annotated import eaf, tier
from support.media import write_picture
from support.page_server import running

RATE = 16_000
# Drops files, given as names and contents in base64.
DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    data.items.add(new File([Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0))], name));
  }
  for (const kind of ["dragover", "drop"]) document.dispatchEvent(new DragEvent(kind, { dataTransfer: data }));
}"""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def record(path: Path, pitch_hz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(2 * RATE) / RATE), RATE)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = open_project(tmp_path / "project")
    add_speaker(project.folder, "Ana")
    return project


@pytest.fixture
def page(browser: Any, project: Project) -> Iterator[Any]:
    problems: list[str] = []
    with running(create_app(project=project)) as address:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}/#record")
        page.locator("body[data-started]").wait_for(state="attached")
        yield page
        context.close()
    assert problems == []


def test_a_folder_of_elan_documents(page: Any, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "récits"
    record(folder / "sound" / "one.wav", 300)
    rows = [("a1", ("t1", "t2"), "ajá"), ("a2", ("t3", "t4"), "ilé")]
    document = eaf(
        {"t1": 0, "t2": 600, "t3": 700, "t4": 1500},
        [(tier("tx", participant="Ana"), rows[:1]), (tier("tx2", participant="Ben"), rows[1:])],
    )
    (folder / "sound" / "one.eaf").write_text(document, "utf-8")
    (folder / "sound" / "lost.eaf").write_text(document, "utf-8")
    page.click(".import summary")
    for added in (True, False):
        page.set_input_files("#import-folder", folder)
        page.locator("#import-start").wait_for()
        assert "2 recordings can be added" in page.inner_text(".import")
        assert page.locator("select[data-label=Ana]").input_value() == "s01"
        chosen = page.locator("select[data-label=Ben]")
        assert chosen.input_value() == ("" if added else "s02")
        page.click("#import-start")
        page.locator(
            ".import .written", has_text="2 recordings were added." if added else "2 were there already."
        ).wait_for()
        page.click(".import .problems summary")
        assert "lost-a1 – its recording is not in the folder" in page.inner_text(".import .problems")
    assert [(one.id, one.name) for one in speakers(project.folder)] == [("s01", "Ana"), ("s02", "Ben")]
    takes = TakeStore(project.folder).takes()
    assert {(take.speaker, take.text, round(take.duration_s, 2)) for take in takes} == {
        ("s01", "ajá", 0.6),
        ("s02", "ilé", 0.8),
    }
    assert not (project.folder / "imports").exists()
    page.click('.import a[href="#record/s02"]')  # the consent is the next step
    page.locator(".consents").wait_for()


def test_recordings_with_pictures_of_their_names(page: Any, project: Project, tmp_path: Path) -> None:
    record(tmp_path / "drop" / "ajá.wav", 300)
    record(tmp_path / "drop" / "alone.wav", 400)
    write_picture(tmp_path / "drop" / "ajá.png")
    files = sorted((tmp_path / "drop").iterdir())
    page.locator(".step.record h1").wait_for()
    page.evaluate(DROP, [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files])
    page.locator("#import-start").wait_for()
    page.select_option("select[data-label='']", "s01")
    page.click("#import-start")
    page.locator(".import .written", has_text="1 recording was added.").wait_for()
    page.click(".import .problems summary")
    assert "alone.wav – nothing belongs to it" in page.inner_text(".import .problems")
    [take] = TakeStore(project.folder).takes()
    assert take.speaker == "s01"
    assert (project.folder / take.item).read_bytes() == (tmp_path / "drop" / "ajá.png").read_bytes()
