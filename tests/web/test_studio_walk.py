"""The whole way through the studio, as a person walks it: from an empty folder to words that were found and taken home.

Two speakers describe a dozen pictures in a language of tones, one at the laptop and one on a phone over HTTPS; the
program is killed on the way, once between takes and once while it learns.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image, ImageDraw

from conftest import CHROMIUM, SAMPLE_RATE, WORD_S, spoken
from earmark.core.corpus import Word
from earmark.studio.project import Project
from earmark.studio.takes import TakeStore

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

WORDS = ("ball", "dog", "ọmọ")
COLOURS = {"ball": "firebrick", "dog": "navy", "ọmọ": "seagreen"}
PICTURES = 12  # each shows one word, or two
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
TAKE_S = 2.0
# The command line, whose phones reach this machine at its loopback address, as it may be in no network.
PROGRAM = """
import runpy
from earmark.web import phones
from earmark.web.routes import studio_phones
phones.local_addresses = studio_phones.local_addresses = lambda: ["127.0.0.1"]
studio_phones.PORT = 0
runpy.run_module("earmark", run_name="__main__")
"""
LEARNED_WITHIN_S = 300.0
INDEXED_WITHIN_S = 120.0


def shown_by(number: int) -> list[str]:
    """The words of a picture."""
    return [WORDS[number % 3], *([WORDS[(number + 1) % 3]] if number >= 9 else [])]


def picture(number: int) -> bytes:
    """A picture whose colours are its words, and no other like it."""
    image = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(image)
    for i, word in enumerate(shown_by(number)):
        draw.ellipse((20 + 150 * i, 60, 140 + 150 * i, 180), fill=COLOURS[word])
    draw.text((5, 5), str(number), fill="black", font_size=30)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def take(words: list[str], rng: np.random.Generator) -> bytes:
    """What a speaker says about a picture: its words, somewhere."""
    start_s, timed = rng.uniform(0.1, 0.6), []
    for word in words:
        timed.append(Word(word, start_s, start_s + WORD_S))
        start_s += WORD_S + rng.uniform(0.1, 0.4)
    buffer = io.BytesIO()
    soundfile.write(buffer, spoken(tuple(timed), TAKE_S, rng), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def write_recordings(folder: Path) -> None:
    """Two recordings to be searched, and a file that is none."""
    rng = np.random.default_rng(7)
    folder.mkdir()
    for number in range(2):
        words = [Word(WORDS[i % 3], 2.0 + 3 * i, 2.0 + 3 * i + WORD_S) for i in range(6)]
        soundfile.write(str(folder / f"tape {number}.wav"), spoken(tuple(words), 21.0, rng), SAMPLE_RATE)
    (folder / "broken.wav").write_bytes(b"RIFF and nothing else")


class Studio:
    """The program, which can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "studio", str(self.folder), "--no-open", "--port", str(self.port)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self.process.stdout is not None
        assert b"is at" in self.process.stdout.readline()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path / "Lugha ya toni")
    yield studio
    studio.kill()


@pytest.fixture
def playwright() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as started:
        yield started


@contextmanager
def opened(playwright: Any, microphone: Path, refused: int = 0, **how: Any) -> Iterator[Any]:
    """A page whose microphone plays a file again and again; nothing may go wrong on it but what is to be refused."""
    browser = playwright.chromium.launch(
        executable_path=str(CHROMIUM),
        args=[
            "--no-sandbox",
            "--disable-background-networking",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ],
    )
    page = browser.new_context(**({"locale": "en-GB"} | how)).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: is_a_fault(message) and problems.append(message.text))
    try:
        yield page
    finally:
        browser.close()
    assert problems == [REFUSED] * refused


REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"


def is_a_fault(message: Any) -> bool:
    """Whether a console message is one: not the browser's own lines on a server that was killed or has nothing yet."""
    return message.type in ("error", "warning") and not re.search(
        r"ERR_CONNECTION|ERR_EMPTY_RESPONSE|status of 404|status of 401", message.text
    )


def until(page: Any, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        page.wait_for_timeout(100)
    pytest.fail(f"still not so after {seconds:.0f} s: {page.inner_text('body')[-1500:]}")


def is_next(page: Any, step: str) -> None:
    """The page has a button to the step that is next; it is pressed."""
    page.locator(f".next a[href='#{step}'], #following a[href='#{step}']").click()
    page.locator(f".step.{step} h1").wait_for()


def test_from_an_empty_folder_to_words_that_were_taken_home(playwright: Any, studio: Studio, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(take(["ball"], rng))
    write_recordings(tmp_path / "tapes")
    with opened(playwright, microphone, refused=1) as page:  # a file that is no picture
        page.goto(studio.address)
        is_next(page, "pictures")
        add_pictures_and_words(page)
        mark_pictures(page, studio.folder)
        is_next(page, "speakers")
        add_speakers(page)
        record_at_the_laptop(page, studio, rng)
        record_on_a_phone(page, playwright, studio, microphone, rng)
        learn(page, studio)
        is_next(page, "recordings")
        index(page, tmp_path / "tapes")
        is_next(page, "find")
        find_and_judge(page)
        is_next(page, "home")
        take_home(page, studio.folder)


def add_pictures_and_words(page: Any) -> None:
    """A dozen pictures are dropped, and a file that is none."""
    files = [[f"picture {i}.jpg", base64.b64encode(picture(i)).decode()] for i in range(PICTURES)]
    drop = """(files) => {
      const transfer = new DataTransfer();
      for (const [name, content] of files) {
        transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
      }
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: transfer}));
    }"""
    page.evaluate(drop, [*files, ["notes.txt", base64.b64encode(b"no picture").decode()]])
    page.locator(".upload-state", has_text=f"{PICTURES} added").wait_for()
    assert "notes.txt" in page.inner_text(".problems")
    page.fill("#new-words", ", ".join(WORDS))
    page.press("#new-words", "Enter")
    page.locator(".words li").nth(len(WORDS) - 1).wait_for()


def mark_pictures(page: Any, folder: Path) -> None:
    """By keys alone, one word after the other."""
    with (folder / "pictures/pictures.csv").open(encoding="utf-8", newline="") as file:
        names = {row["image"]: row["name"] for row in csv.DictReader(file)}
    page.locator(".words li a.button").first.click()
    for word in WORDS:
        page.locator(".wall-head .word-text", has_text=word).wait_for()
        page.locator(".tile:focus").wait_for()
        for _ in range(PICTURES):
            image = page.evaluate("document.activeElement.querySelector('img').src.split('/').at(-2)")
            number = int(re.findall(r"\d+", names[image])[0])
            page.keyboard.press("y" if word in shown_by(number) else "n")
        until(page, lambda: page.locator(".saved[data-unsaved=false]").count())
        page.keyboard.press("w")
    page.click(".back")
    page.locator("#new-words").wait_for()


def add_speakers(page: Any) -> None:
    for number, name in enumerate(("Asha", "Juma"), 1):
        page.locator("#add-speaker input").first.fill(name)
        page.click("#add-speaker button.main")
        page.locator(f"[data-speaker=s0{number}]").wait_for()


def agree(page: Any) -> None:
    """The consent is read out, and ticked."""
    page.locator(".consents textarea").fill("You may use my voice.")
    page.locator(".consents input[type=checkbox]").check()
    page.get_by_role("button", name="Save the consent").click()


def record_at_the_laptop(page: Any, studio: Studio, rng: np.random.Generator) -> None:
    """One take by the microphone, while the program is killed; the others as files."""
    page.locator("[data-speaker=s01] a.main").click()
    agree(page)
    page.click("#microphone-on")
    page.locator(".recorder").wait_for()
    record(page, lambda: page.keyboard.press(" "))
    page.locator(".waiting[data-waiting='0']").wait_for()
    studio.kill()
    record(page, lambda: page.keyboard.press(" "))
    page.locator(".waiting[data-waiting='1']").wait_for()
    studio.start()
    page.locator(".waiting[data-waiting='0']").wait_for(timeout=40_000)
    assert len(TakeStore(studio.folder).takes()) == 2
    page.reload()  # the microphone says "ball" about all pictures: its two takes are said again, about what they show
    page.click("#only-files")
    send_files(page, studio.folder, "s01", rng)


def takes_of(folder: Path, speaker: str) -> list[str]:
    return [take.item for take in TakeStore(folder).takes(speaker)]


def record(page: Any, press: Callable[[], None]) -> None:
    press()
    page.locator(".recorder[data-recording=true]").wait_for()
    page.wait_for_timeout(TAKE_S * 1000)
    press()
    page.locator(".recorder[data-recording=false]").wait_for()


def send_files(page: Any, folder: Path, speaker: str, rng: np.random.Generator) -> None:
    """A file for each prompt that is left."""
    with (folder / "pictures/pictures.csv").open(encoding="utf-8", newline="") as file:
        numbers = {f"pictures/{row['image']}": int(re.findall(r"\d+", row["name"])[0]) for row in csv.DictReader(file)}
    while item := page.locator(".prompt").get_attribute("data-item"):
        content = {"name": "memo.wav", "mimeType": "audio/wav", "buffer": take(shown_by(numbers[item]), rng)}
        page.set_input_files("#take-file", content)
        until(page, lambda item=item: page.locator(".prompt").get_attribute("data-item") != item)
    page.locator(".waiting[data-waiting='0']").wait_for()
    assert len(set(takes_of(folder, speaker))) == PICTURES


def record_on_a_phone(page: Any, playwright: Any, studio: Studio, microphone: Path, rng: np.random.Generator) -> None:
    """The other speaker, over HTTPS: consent, a take by the microphone, the others as files."""
    pytest.importorskip("trustme")
    page.goto(f"{studio.address}/#record")
    page.click("#phones-on")
    page.select_option("#phone-speaker", "s02")
    page.click("#phone-code")
    code = page.locator(".qr code").inner_text()
    with opened(playwright, microphone, ignore_https_errors=True, **PHONE) as phone:
        phone.goto(code)
        agree(phone)
        phone.click("#microphone-on")
        phone.locator(".recorder").wait_for()
        record(phone, lambda: phone.locator("[data-act=record]").tap())
        phone.locator(".waiting[data-waiting='0']").wait_for()
        send_files(phone, studio.folder, "s02", rng)
    page.locator(".phone-list li").wait_for()


def learn(page: Any, studio: Studio) -> None:
    """The program is killed while it learns; what it has begun goes on when it is started again."""
    Project(studio.folder).update(lambda _: {"recipe": "earmark-mfcc", "training": ["training.epochs=40"]})
    page.goto(f"{studio.address}/#learn")
    page.click("#start-learning")
    page.locator(".job .card").wait_for()
    studio.kill()
    studio.start()
    page.reload()
    until(page, lambda: page.locator(".verdict-group").count(), LEARNED_WITHIN_S)
    assert sorted(page.locator(".verdict-group .word-text").all_inner_texts()) == sorted(WORDS)


def index(page: Any, tapes: Path) -> None:
    page.fill("#new-folder", str(tapes))
    page.press("#new-folder", "Enter")
    page.click("#start-indexing")
    page.locator("#following a[href='#find']").wait_for(timeout=INDEXED_WITHIN_S * 1000)
    until(page, lambda: "broken.wav" in page.inner_text(".broken"))


def find_and_judge(page: Any) -> None:
    page.locator("a.word-button", has_text="ball").click()
    page.locator("#hit").wait_for()
    page.keyboard.press("y")
    until(page, lambda: "1" in page.inner_text("#progress"))
    page.click("#to-project")
    page.locator(".step.find h1").wait_for()


def take_home(page: Any, folder: Path) -> None:
    page.locator("[data-format=elan]").click()
    page.locator(".exports .written", has_text="exports").wait_for()
    assert list((folder / "exports/elan").rglob("*.eaf"))
    page.locator(".deposit input[value=community]").check()
    until(page, lambda: page.locator("#write-deposit").is_enabled() and page.locator(".preview .chip").count())
    page.click("#write-deposit")
    page.locator(".deposit .written", has_text="exports").wait_for()
    assert yaml.safe_load((folder / "project.yaml").read_text(encoding="utf-8"))["words"] == list(WORDS)
