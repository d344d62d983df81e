"""The pictures of the studio in the documentation: a walk from an empty folder to found words, in each language.

``python -m support.studio_pictures FOLDER LANGUAGE ...`` (such as ``docs en fr``) writes ``studio-en-1-start.png`` and
so on.
Pictures and recordings are those that ``earmark demo`` draws and speaks; the browser's microphone plays one of them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import CHROMIUM
from earmark.core.corpus import Utterance
from earmark.corpora.picturebook import TRAINING_VOICES, Page, make_utterance, sample_page
from earmark.studio.project import Project, open_project
from earmark.web.app import create_app
from support.page_server import running

WORDS = ("ball", "dog", "house")
SEED = 7
PICTURES = 120
SCREEN = {"width": 1100, "height": 760}
COLOURS = 96  # of a written picture: half the bytes, and no difference to be seen
LEARNED_WITHIN_MS = 900_000


class Walk:
    """A page in one language, whose steps are pictured."""

    def __init__(self, page: Any, language: str, out: Path) -> None:
        self.page, self.language, self.out = page, language, out

    def shoot(self, name: str) -> None:
        """Picture what is on the screen."""
        self.page.wait_for_timeout(400)
        path = self.out / f"studio-{self.language}-{name}.png"
        self.page.screenshot(path=path)
        Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(path, flush=True)

    def go_on(self, step: str) -> None:
        """Press the button to the step that is next."""
        self.page.locator(f".next a[href='#{step}'], #following a[href='#{step}']").click()
        self.page.locator(f".step.{step} h1").wait_for()


def main(out: Path, languages: list[str]) -> None:
    """Walk in each language."""
    with tempfile.TemporaryDirectory() as made:
        pages = [make_utterance(Path(made), SEED, ("train", number)) for number in chosen_pages()]
        for language in languages:
            with tempfile.TemporaryDirectory() as folder:
                walk_in(language, pages, Path(folder), out)


def chosen_pages() -> list[int]:
    """Numbers of pages that show a word and are spoken by one voice: few takes are enough then."""
    found = (number for number in count() if is_usable(sample_page(SEED, ("train", number))))
    return list(islice(found, PICTURES))


def is_usable(page: Page) -> bool:
    """Whether a page shows a word, and has the voice."""
    return page.voice == TRAINING_VOICES[0] and bool(page.scene.keywords() & set(WORDS))


def walk_in(language: str, pages: list[Utterance], folder: Path, out: Path) -> None:
    """The whole way."""
    project = open_project(folder / "Our language")
    project.update(lambda _: {"recipe": "earmark-mfcc", "training": ["training.epochs=40"]})
    microphone = folder / "microphone.wav"
    soundfile.write(microphone, soundfile.read(pages[0].audio)[0], 16_000)
    with running(create_app(project=project)) as address, browser_page(language, microphone) as page:
        walk = Walk(page, language, out)
        page.goto(address)
        page.locator("body[data-started]").wait_for(state="attached")
        walk.shoot("1-start")
        walk.go_on("pictures")
        add_pictures(walk, pages)
        walk.go_on("speakers")
        record(walk, pages, folder)
        learn(walk)
        walk.go_on("recordings")
        find(walk, pages, folder)
        walk.go_on("home")
        take_home(walk, project)


@contextmanager
def browser_page(language: str, microphone: Path) -> Iterator[Any]:
    """A page whose microphone plays a file."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", *fake, f"--use-file-for-fake-audio-capture={microphone}"],
        )
        context = browser.new_context(locale=language, viewport=SCREEN, reduced_motion="reduce")
        yield context.new_page()
        browser.close()


def add_pictures(walk: Walk, pages: list[Utterance]) -> None:
    """Pictures, words, and which pictures show them."""
    page = walk.page
    page.set_input_files("input[type=file][accept]", [one.image for one in pages])
    page.locator(f".pictures .tile >> nth={PICTURES - 1}").wait_for()
    page.fill("#new-words", ", ".join(WORDS))
    page.press("#new-words", "Enter")
    page.locator(f".words li >> nth={len(WORDS) - 1}").wait_for()
    page.evaluate("scrollTo(0, 0)")
    walk.shoot("2-pictures")
    page.locator(".words li a.button").first.click()
    names = {one.image.name: one for one in pages if one.image}
    for word in WORDS:
        page.locator(".wall-head .word-text", has_text=word).wait_for()
        page.locator(".tile:focus").wait_for()
        for number in range(PICTURES):
            label = page.evaluate("document.activeElement.getAttribute('aria-label')")
            shown = next(one for name, one in names.items() if name in label)
            page.keyboard.press("y" if word in (shown.text or "").split() else "n")
            if word == WORDS[0] and number == 9:
                walk.shoot("3-wall")
        page.locator(".saved[data-unsaved=false]").wait_for()
        page.keyboard.press("w")
    page.click(".back")
    page.locator("#new-words").wait_for()


def record(walk: Walk, pages: list[Utterance], folder: Path) -> None:
    """A speaker, their consent, a take by the microphone, and takes that exist already."""
    page = walk.page
    page.locator("#add-speaker input").first.fill("Asha")
    page.click("#add-speaker button.main")
    page.locator("[data-speaker=s01] a.main").click()
    page.locator(".consents textarea").wait_for()
    walk.shoot("4-consent")
    page.locator(".consents textarea").fill("…")
    page.locator(".consents input[type=checkbox]").check()
    page.locator(".consents .card").last.locator("button").last.click()
    page.click("#microphone-on")
    page.locator(".recorder").wait_for()
    page.keyboard.press(" ")
    page.locator(".recorder[data-recording=true]").wait_for()
    page.wait_for_timeout(1500)
    walk.shoot("5-record")
    page.keyboard.press(" ")
    page.locator(".waiting[data-waiting='0']").wait_for()
    existing = folder / "field"
    existing.mkdir()
    for one in pages:
        assert one.image is not None
        (existing / one.image.name).write_bytes(one.image.read_bytes())
        (existing / f"{one.id}{one.audio.suffix}").write_bytes(one.audio.read_bytes())
    page.evaluate("location.hash = 'record'")
    page.click(".import summary")
    page.set_input_files("#import-folder", existing)
    page.locator("#import-start").wait_for()
    page.select_option("select[data-label='']", "s01")
    page.locator(".import").scroll_into_view_if_needed()
    walk.shoot("6-import")
    page.click("#import-start")
    page.locator(".import .written").wait_for()


def learn(walk: Walk) -> None:
    """What can be expected, and what is recognised afterwards."""
    page = walk.page
    page.evaluate("location.hash = 'learn'")
    page.locator(".facts li").first.wait_for()
    page.click("#start-learning")
    page.locator(".verdict-group").first.wait_for(timeout=LEARNED_WITHIN_MS)
    page.evaluate("scrollTo(0, 0)")
    walk.shoot("7-learned")


def find(walk: Walk, pages: list[Utterance], folder: Path) -> None:
    """Recordings to be searched, and judgements of what is found."""
    page = walk.page
    tapes = folder / "tapes"
    tapes.mkdir()
    for number in range(2):
        sounds = [soundfile.read(one.audio)[0] for one in pages[number::2]]
        soundfile.write(tapes / f"tape {number + 1}.wav", np.concatenate(sounds), 16_000)
    page.fill("#new-folder", str(tapes))
    page.press("#new-folder", "Enter")
    page.click("#start-indexing")
    page.locator("#following a[href='#find']").wait_for(timeout=LEARNED_WITHIN_MS)
    page.evaluate("scrollTo(0, 0)")
    walk.shoot("8-recordings")
    walk.go_on("find")
    page.locator("a.word-button", has_text=WORDS[0]).click()
    page.locator("#hit").wait_for()
    for key in "yyn":
        page.keyboard.press(key)
    page.wait_for_timeout(1500)
    walk.shoot("9-find")
    page.click("#to-project")
    page.locator(".step.find h1").wait_for()


def take_home(walk: Walk, project: Project) -> None:
    """Files for other programs, and the deposit."""
    page = walk.page
    page.locator("[data-format=elan]").click()
    page.locator(".exports .written").wait_for()
    page.locator(".deposit input[value=community]").check()
    page.locator(".preview .chip").first.wait_for()
    walk.shoot("10-home")
    page.click("#write-deposit")
    page.locator(".deposit .written").wait_for()
    assert list((project.exports / "elan").rglob("*.eaf"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
