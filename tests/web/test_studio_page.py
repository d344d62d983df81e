"""The studio's page in a real Chromium: the way through the steps, the wall of pictures, languages, and faults."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from earmark.studio.held_out import RESULT
from earmark.studio.pictures import add_picture, list_pictures
from earmark.studio.project import Project, open_project
from earmark.studio.tags import TagChange, change_tags, read_tags
from earmark.web.app import create_app
from earmark.web.catalogues import page_languages
from support.overflow import overflowing
from support.page_server import PageServer, RecordAndFail, running

LAPTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
STEPS = ("start", "pictures", "speakers", "record", "learn", "recordings", "find", "home")
HOSTILE = '<img src=x onerror="alert(1)">.png'

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def drawing(number: int) -> bytes:
    image = Image.new("RGB", (240, 180), f"#{(number * 2654435761) % 0xFFFFFF:06x}")
    ImageDraw.Draw(image).text((20, 60), str(number), fill="white", font_size=60)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A dozen pictures, two words, and the results of a model, as its test leaves them."""
    project = open_project(tmp_path / "Ọ̀rọ̀ wa")
    images = [add_picture(project, drawing(i), f"{i}.jpg" if i else HOSTILE).image for i in range(12)]
    project.update(lambda _: {"words": ["ajá", "ilé ńlá"], "languages": ["yo"], "licence": "CC BY"})
    change_tags(project, [TagChange(image, "ajá", "yes" if i < 5 else "no") for i, image in enumerate(images)])
    takes = project.takes / "s01"
    takes.mkdir(parents=True)
    held_out = []
    for i, image in enumerate(images):
        (takes / f"{i}.wav").write_bytes(b"RIFF")
        hit = {"score": 1 - i / 20, "start_s": 0.5, "end_s": 1.0}
        held_out.append({"file": f"takes/s01/{i}.wav", "image": image, "hits": {"ajá": hit, "ilé ńlá": hit}})
    project.model.mkdir()
    (project.model / "model.safetensors").touch()
    (project.model / RESULT).write_text(json.dumps(held_out))
    with (project.folder / "utterances.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("audio", "image", "utterance_id", "speaker", "translation", "duration_s"))
        table.writerows(
            (f"takes/s01/{i}.wav", f"pictures/{image}", i, "s01", "", "2") for i, image in enumerate(images)
        )
    return project


@pytest.fixture
def server(project: Project) -> Iterator[PageServer]:
    server = PageServer(None)  # type: ignore[arg-type]
    with running(RecordAndFail(create_app(project=project), server)) as server.address:
        yield server


class Visit:
    """A page, and what went wrong on it."""

    def __init__(self, browser: Any, server: PageServer, **how: Any) -> None:
        self.context = browser.new_context(**({"locale": "en-GB"} | LAPTOP | how))
        self.page = self.context.new_page()
        self.address = server.address
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog {dialog.message}"))
        self.page.on("request", self._watch)
        self.page.on("console", self._listen)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.address + "/", "blob:", "data:")):
            self.problems.append(f"a request to {request.url}")

    def _listen(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def open(self, step: str = "start") -> Any:
        self.page.goto(f"{self.address}/#{step}")
        self.page.reload()
        self.page.locator("body[data-started]").wait_for(state="attached")
        return self.page


@pytest.fixture
def visit(browser: Any, server: PageServer, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit(browser, server, **getattr(request, "param", {}))
    yield visit
    visit.context.close()
    assert visit.problems == []


def eventually(page: Any, condition: Any) -> Any:
    for _ in range(300):
        if value := condition():
            return value
        page.wait_for_timeout(20)
    pytest.fail("still not so after 6 s")


def test_the_first_page_says_what_is_next(visit: Visit, project: Project) -> None:
    page = visit.open()
    assert page.inner_text("#project-name") == "Ọ̀rọ̀ wa"
    assert page.inner_text(".next a") == "Next: Speakers"
    assert page.locator('#steps [data-progress="done"]').count() == 2  # pictures and learning
    page.click(".settings summary")
    page.fill("#setting-languages", "yo, en")
    page.press("#setting-languages", "Tab")
    eventually(page, lambda: project.settings().languages == ["yo", "en"])
    page.click(".next a")
    page.locator(".step.speakers h1").wait_for()


def test_pictures_are_added_and_what_is_none_is_named(visit: Visit, project: Project) -> None:
    page = visit.open("pictures")
    files = [
        {"name": "new.jpg", "mimeType": "image/jpeg", "buffer": drawing(99)},
        {"name": "again.jpg", "mimeType": "image/jpeg", "buffer": drawing(3)},
        {"name": "../<b>notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"},
    ]
    page.set_input_files("input[type=file][accept]", files)
    eventually(page, lambda: "1 added, 1 were there already." in page.inner_text(".upload-state"))
    assert "<b>notes.jpg can't be read as a picture" in page.inner_text(".problems")
    assert len(list_pictures(project)) == 13
    page.fill("#new-words", "ẹyẹ, ajá; 12")
    page.press("#new-words", "Enter")
    page.locator("#problem", has_text="'12' is no word").wait_for()
    page.fill("#new-words", "ẹyẹ, ajá")
    page.press("#new-words", "Enter")
    eventually(page, lambda: project.settings().words == ["ajá", "ilé ńlá", "ẹyẹ"])
    assert "shown in 5 pictures · 5 takes" in page.locator(".words li").first.inner_text()
    assert page.evaluate("document.querySelectorAll('main img[src=x], b > script').length") == 0


def test_a_folder_with_a_table_is_a_set_of_pictures(visit: Visit, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "hadithi"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.jpg").write_bytes(drawing(200 + i))
    rows = [f"{i}.jpg,{caption},CC-BY" for i, caption in enumerate(("a dog", HOSTILE, "a hut"))]
    (folder / "pictures.csv").write_text("\n".join(["image;caption;licence", *rows]).replace(",", ";"), "utf-8")
    page = visit.open("pictures")
    page.click(".sets summary")
    page.fill("#set-folder", str(tmp_path))
    page.press("#set-folder", "Enter")
    page.locator("#problem", has_text="no table of pictures").wait_for()
    page.fill("#set-folder", str(folder))
    page.press("#set-folder", "Enter")
    card = page.locator(".set-list .card", has_text="hadithi")
    assert "3 pictures · Licence: CC-BY (3)" in card.inner_text()
    card.locator("input").fill("2")
    card.locator("button").click()
    card.locator("text=2 added, 0 were there already.").wait_for()
    page.locator(".set-licences summary").click()
    assert "hadithi · CC-BY: 2 pictures" in page.inner_text(".set-licences")
    assert len(list_pictures(project)) == 14


def test_pictures_wait_for_a_server_that_is_busy(visit: Visit, server: PageServer, project: Project) -> None:
    page = visit.open("pictures")
    server.failing = 2
    page.set_input_files("input[type=file][accept]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": drawing(50)})
    page.locator(".upload-state", has_text="The disk is full: make room.").wait_for()
    eventually(page, lambda: len(list_pictures(project)) == 13)


def test_the_wall_by_keys_alone(visit: Visit, project: Project) -> None:
    page = visit.open("pictures/wall/ilé ńlá")
    images = [picture.image for picture in list_pictures(project)]
    assert page.evaluate("document.activeElement.className") == "tile"
    for key in ("y", "y", "n", "x", "y"):
        page.keyboard.press(key)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("n")
    page.keyboard.press("z")  # back to what it was

    def decided() -> dict[str, float]:
        return {image: row["ilé ńlá"] for image, row in read_tags(project).items() if "ilé ńlá" in row}

    expected = {images[0]: 1.0, images[1]: 1.0, images[2]: 0.0, images[4]: 1.0}
    eventually(page, lambda: decided() == expected)
    page.keyboard.press("r")
    eventually(page, lambda: decided() == dict.fromkeys(images, 0.0) | {i: v for i, v in expected.items() if v})
    assert "shown in 3 pictures" in page.inner_text(".counts")
    assert read_tags(project)[images[0]]["ajá"] == 1.0  # the other word is as it was
    page.keyboard.press("w")
    page.locator(".wall-head .word-text", has_text="ajá").wait_for()
    page.reload()
    page.locator('.tile[data-verdict="yes"]').nth(4).wait_for()


def test_decisions_wait_in_the_browser_until_they_are_saved(visit: Visit, server: PageServer, project: Project) -> None:
    page = visit.open("pictures/wall/ilé ńlá")
    visit.context.set_offline(True)
    page.keyboard.press("y")
    page.locator(".saved", has_text="1 decision is kept in this browser").wait_for()
    page.close()
    visit.context.set_offline(False)
    visit.page = visit.context.new_page()
    page = visit.open("pictures/wall/ilé ńlá")
    eventually(page, lambda: any("ilé ńlá" in row for row in read_tags(project).values()))
    assert page.locator('.tile[data-verdict="yes"]').count() == 1


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_the_wall_by_touch(visit: Visit, project: Project) -> None:
    page = visit.open("pictures/wall/ilé ńlá")
    page.locator(".tile").nth(1).tap()
    page.locator(".tile").nth(2).tap()
    page.locator(".tile").nth(2).tap()
    images = [picture.image for picture in list_pictures(project)]
    eventually(page, lambda: read_tags(project).get(images[2], {}).get("ilé ńlá") == 0.0)
    assert read_tags(project)[images[1]]["ilé ńlá"] == 1.0


def test_learning_says_what_is_recognised(visit: Visit) -> None:
    page = visit.open("learn")
    page.locator(".verdict-group").first.wait_for()
    well = page.inner_text('.verdict-group[data-verdict="well"]')
    assert "Recognised well: 1 word" in well
    assert "5 takes are about pictures that show it; 5 of the best 5 are right. Luck alone would give 2.1." in well
    assert page.locator(".example").count() == 4  # of the other word, nothing is decided
    assert "12 takes, 24 seconds" in page.inner_text(".facts")
    assert page.locator("#start-learning").is_enabled()


def test_recordings_that_are_no_folder_are_refused(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("recordings")
    page.fill("#new-folder", str(tmp_path / "nowhere"))
    page.press("#new-folder", "Enter")
    page.locator("#problem", has_text="There is no folder").wait_for()
    (tmp_path / "field").mkdir()
    page.fill("#new-folder", f'"{tmp_path / "field"}"')  # as a file manager copies it
    page.press("#new-folder", "Enter")
    page.locator(".folders li", has_text="field").wait_for()
    assert page.locator("#problem").is_hidden()


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_nothing_overflows_in_any_language(visit: Visit) -> None:
    page = visit.open()
    for language in page_languages():
        page.select_option("#page-language", language.code)
        page.locator(f'html[lang="{language.code}"][dir="{language.direction}"]').wait_for()
        for step in (*STEPS, "pictures/wall/aj%C3%A1"):
            page.evaluate(f"location.hash = '{step}'")
            page.locator(f".step.{step.split('/')[0]} h1").wait_for()
            page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
            assert (language.code, step, overflowing(page)) == (language.code, step, [])
        page.set_viewport_size(LAPTOP["viewport"])
        page.evaluate("location.hash = 'start'")
        page.locator(".step.start h1").wait_for()
        assert (language.code, overflowing(page)) == (language.code, [])
        page.set_viewport_size(PHONE["viewport"])


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"color_scheme": "light"}, marks=pytest.mark.slow, id="laptop"),
        pytest.param({"color_scheme": "dark", **PHONE}, id="phone"),
    ],
)
def test_axe_finds_nothing_serious(browser: Any, server: PageServer, how: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    visit = Visit(browser, server, reduced_motion="reduce", **how)
    page = visit.open()
    for step in ("start", "pictures", "record", "learn", "recordings", "home", "pictures/wall/aj%C3%A1"):
        page.evaluate(f"location.hash = '{step}'")
        page.locator(f".step.{step.split('/')[0]} h1").wait_for()
        page.wait_for_timeout(150)
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert (step, [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]) == (step, [])
    visit.context.close()
    assert visit.problems == []
