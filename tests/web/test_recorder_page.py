"""The recorder in a real Chromium whose microphone is a wav file: what is spoken is what is on the disk."""

from __future__ import annotations

import hashlib
import json
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
import numpy.typing as npt
import pytest
import soundfile

from conftest import CHROMIUM
from earmark.studio.project import Project
from earmark.studio.speakers import add_consent, add_speaker
from earmark.studio.take import Take
from earmark.studio.takes import TakeStore
from earmark.web.app import create_app
from support.page_server import running
from support.studio_server import write_project

RATE = 44_100  # of the browser's fake sound card
SPOKEN_S, GAP_S = 0.8, 0.2
ALIKE = 0.7  # other sentences have at most 0.24; on a busy machine Chromium's fake microphone leaves out some samples
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
AXE = "() => axe.run({resultTypes: ['violations']})"

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def sentence(seed: int) -> npt.NDArray[np.float64]:
    """Something like a sentence: bursts of a gliding tone, another one for each seed."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(round(SPOKEN_S * RATE)) / RATE
    pitch = 300 + 600 * np.interp(times_s, np.linspace(0, SPOKEN_S, 8), rng.random(8))
    loudness = np.interp(times_s, np.linspace(0, SPOKEN_S, 12), rng.random(12) * 0.4)
    return loudness * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)


def spoken_file(path: Path, *seeds: int) -> Path:
    """What the microphone picks up, again and again: sentences with gaps between them."""
    gap = np.zeros(round(GAP_S * RATE))
    parts = [part for seed in seeds for part in (gap, sentence(seed))] or [np.zeros(RATE)]
    soundfile.write(str(path), np.concatenate(parts), RATE, subtype="PCM_16")
    return path


def similarity(take: Path, seed: int) -> float:
    """How much some place of a take is like a sentence: the highest normalised cross-correlation, at most 1."""
    sound, rate = soundfile.read(str(take))
    assert rate == RATE
    wanted = sentence(seed)
    size = len(sound) + len(wanted)
    products = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    places = len(sound) - len(wanted) + 1
    energy = np.concatenate(([0.0], np.cumsum(sound**2)))
    around = energy[len(wanted) :] - energy[: -len(wanted)]
    return float(np.max(products[:places] / np.sqrt(np.sum(wanted**2) * np.maximum(around, 1e-3))))


ONCE_S = 2 * (SPOKEN_S + GAP_S)  # in which one sentence is spoken from its start to its end


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as started:
        yield started


@contextmanager
def speaking(playwright: Any, wav: Path | None, *, grant: bool = True, **how: Any) -> Iterator[Any]:
    """A page whose microphone plays a wav file again and again."""
    arguments = ["--no-sandbox", "--disable-background-networking"]
    if wav is not None:
        arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={wav}"]
    if grant:
        arguments.append("--use-fake-ui-for-media-stream")
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
    context = browser.new_context(**how)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: "Content Security" in message.text and problems.append(message.text))
    try:
        yield page
    finally:
        context.close()
        browser.close()
    assert problems == []


def until(page: Any, condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        page.wait_for_timeout(50)
    pytest.fail("still not so")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = write_project(tmp_path / "project")
    add_speaker(project.folder, "Ọlá")
    add_speaker(project.folder)
    add_consent(project.folder, "s01", "text", "yes")
    return project


@pytest.fixture
def address(project: Project) -> Iterator[str]:
    with running(create_app(None, project=project)) as address:
        yield address


def turn_on_microphone(page: Any) -> None:
    page.click("#microphone-on")
    page.locator(".recorder").wait_for()


def stored(project: Project) -> list[Take]:
    return TakeStore(project.folder).takes()


def record(page: Any, seconds: float) -> None:
    page.keyboard.press(" ")
    page.locator(".recorder[data-recording=true]").wait_for()
    page.wait_for_timeout(seconds * 1000)
    page.keyboard.press(" ")
    page.locator(".recorder[data-recording=false]").wait_for()


def test_what_is_spoken_is_on_the_disk(playwright: Any, project: Project, address: str, tmp_path: Path) -> None:
    with speaking(playwright, spoken_file(tmp_path / "one.wav", 1)) as page:
        page.goto(f"{address}/#record/s01")
        page.locator("body[data-started]").wait_for(state="attached")
        turn_on_microphone(page)
        first = page.locator(".prompt").get_attribute("data-item")
        record(page, ONCE_S)
        until(page, lambda: page.locator(".waiting").get_attribute("data-waiting") == "0")
        (take,) = until(page, lambda: stored(project))
        assert page.locator(".prompt").get_attribute("data-item") != first  # it goes on by itself
        assert "1 of 3" in page.inner_text(".done")
    assert similarity(project.folder / take.file, 1) > ALIKE
    assert take.warnings == ()
    assert soundfile.info(str(project.folder / take.file)).subtype == "PCM_24"
    for processing in ("echoCancellation", "autoGainControl", "noiseSuppression"):
        assert take.settings[processing] is False
    assert "deviceId" not in take.settings
    assert abs(take.duration_s - take.clock_s) < 0.5
    assert hashlib.sha256((project.folder / take.file).read_bytes()).hexdigest() == take.sha256


def test_keys_redo_skip_and_go_back(playwright: Any, project: Project, address: str, tmp_path: Path) -> None:
    with speaking(playwright, spoken_file(tmp_path / "two.wav", 1)) as page:
        page.goto(f"{address}/#record/s01")
        turn_on_microphone(page)
        prompts = page.evaluate("fetch('/api/studio/speakers/s01/session').then((r) => r.json())")["prompts"]
        names = [prompt["id"] for prompt in prompts]

        def shown() -> str:
            return str(page.locator(".prompt").get_attribute("data-item"))

        record(page, 1.0)
        page.keyboard.press("r")  # goes back to it, and records at once
        page.locator(".recorder[data-recording=true]").wait_for()
        page.wait_for_timeout(500)
        page.keyboard.press("r")  # discards what is being said
        page.wait_for_timeout(1000)
        page.keyboard.press(" ")
        page.locator(".recorder[data-recording=false]").wait_for()
        takes = until(page, lambda: len(found := stored(project)) == 2 and found)
        assert [(take.item, take.version) for take in takes] == [(names[0], 1), (names[0], 2)]
        assert shown() == names[1]
        page.keyboard.press("s")
        assert shown() == names[2]
        page.keyboard.press("ArrowLeft")
        assert shown() == names[1]
        skipped = project.folder / "speakers/s01/skipped.jsonl"
        row = until(page, lambda: skipped.exists() and skipped.read_text(encoding="utf-8"))
        assert json.loads(row)["item"] == names[1]


@pytest.mark.slow
def test_silence_is_warned_of_and_the_prompt_stays(
    playwright: Any, project: Project, address: str, tmp_path: Path
) -> None:
    with speaking(playwright, spoken_file(tmp_path / "none.wav")) as page:
        page.goto(f"{address}/#record/s01")
        turn_on_microphone(page)
        before = page.locator(".prompt").get_attribute("data-item")
        record(page, 1.0)
        page.locator(".status[data-warning=true]", has_text="There is no sound in it").wait_for()
        assert page.locator(".prompt").get_attribute("data-item") == before
        (take,) = until(page, lambda: stored(project))
    assert take.warnings == ("silence",)


def test_consent_is_spoken_first_and_a_translation_follows(
    playwright: Any, project: Project, address: str, tmp_path: Path
) -> None:
    (project.folder / "prompts.yaml").write_text("translation: typed\n", encoding="utf-8")
    with speaking(playwright, spoken_file(tmp_path / "consent.wav", 1)) as page:
        page.goto(f"{address}/#record/s02")
        page.locator("blockquote", has_text="You may use my voice").wait_for()
        speak = page.get_by_role("button", name="Record the consent")
        speak.click()
        page.get_by_role("button", name="Stop").wait_for()
        page.wait_for_timeout(ONCE_S * 1000)
        page.get_by_role("button", name="Stop").click()
        page.locator(".recorder").wait_for()
        record(page, 1.0)
        page.fill("#translation", "a child")
        page.press("#translation", "Enter")
        takes = until(page, lambda: (found := stored(project)) and found[0].translation and found)
    assert [take.translation for take in takes] == ["a child"]
    (consent,) = (project.folder / "speakers/s02").glob("consent-01.wav")
    assert similarity(consent, 1) > ALIKE
    table = (project.folder / "utterances.csv").read_text(encoding="utf-8")
    assert "a child" in table
    assert "speech" in table


def test_without_a_microphone_there_is_a_reason_and_the_file_button(
    playwright: Any, project: Project, address: str, tmp_path: Path
) -> None:
    soundfile.write(str(tmp_path / "memo 1.ogg"), sentence(5), RATE)
    with speaking(playwright, None, grant=False) as page:
        page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
        page.goto(f"{address}/#record/s01")
        page.locator(".instructions", has_text="gives no microphone").wait_for()
        assert page.locator("#microphone-on").count() == 0
        page.click("#only-files")
        page.set_input_files("#take-file", str(tmp_path / "memo 1.ogg"))
        (take,) = until(page, lambda: stored(project))
    assert (project.folder / take.file).read_bytes() == (tmp_path / "memo 1.ogg").read_bytes()
    assert (take.item[:9], take.is_lossless) == ("pictures/", False)


def test_a_take_that_is_refused_can_be_saved_and_the_next_file_is_about_the_picture_shown(
    playwright: Any, project: Project, address: str, tmp_path: Path
) -> None:
    soundfile.write(str(tmp_path / "memo.wav"), sentence(5), RATE)
    with speaking(playwright, None, grant=False, locale="fr-FR") as page:
        page.goto(f"{address}/#record/s01")
        page.click("#only-files")
        damaged = {"name": "memo.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"}
        page.set_input_files("#take-file", damaged)
        page.locator(".stuck li", has_text="illisible").wait_for()  # the server's reason, in the page's language
        with page.expect_download() as download:
            page.click(".stuck a[download]")
        assert Path(download.value.path()).read_bytes() == damaged["buffer"]
        page.click(".stuck button")
        page.locator(".waiting[data-waiting='0']").wait_for()
        assert page.locator(".stuck li").count() == 0
        shown = page.locator(".prompt").get_attribute("data-item")
        page.set_input_files("#take-file", str(tmp_path / "memo.wav"))
        (take,) = until(page, lambda: stored(project))
        assert take.item == shown
        until(page, lambda: page.locator(".prompt").get_attribute("data-item") != shown)


@pytest.mark.slow
def test_a_refused_microphone_is_explained(playwright: Any, address: str) -> None:
    with speaking(playwright, None, grant=False) as page:
        page.add_init_script(
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
        )
        page.goto(f"{address}/#record/s01")
        page.click("#microphone-on")
        page.locator(".instructions", has_text="allow the microphone").wait_for()


@contextmanager
def studio_process(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "earmark", "studio", str(folder), "--no-open", "--port", str(port)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        assert process.stdout is not None
        assert b"is at" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.slow
def test_a_take_outlives_the_servers_end(playwright: Any, project: Project, tmp_path: Path) -> None:
    port = free_port()
    with speaking(playwright, spoken_file(tmp_path / "one.wav", 1)) as page:
        with studio_process(project.folder, port) as server:
            page.goto(f"http://127.0.0.1:{port}/#record/s01")
            turn_on_microphone(page)
            page.keyboard.press(" ")
            page.locator(".recorder[data-recording=true]").wait_for()
            server.send_signal(signal.SIGKILL)
            server.wait(10)
            page.wait_for_timeout(ONCE_S * 1000)
            page.keyboard.press(" ")
            until(page, lambda: page.locator(".waiting").get_attribute("data-waiting") == "1")
            assert stored(project) == []
        with studio_process(project.folder, port):
            until(page, lambda: page.locator(".waiting").get_attribute("data-waiting") == "0", 40)
    (take,) = stored(project)
    assert similarity(project.folder / take.file, 1) > ALIKE


def test_a_phone_records_over_https(playwright: Any, project: Project, address: str, tmp_path: Path) -> None:
    """The whole way: the laptop shows a code, the phone opens its address, and its take is on the laptop's disk."""
    pytest.importorskip("trustme")
    with speaking(playwright, None) as laptop, phones_at_loopback():
        laptop.goto(f"{address}/#record")
        laptop.click("#phones-on")
        laptop.select_option("#phone-speaker", "s01")
        laptop.click("#phone-code")
        code = laptop.locator(".qr code").inner_text()
        assert laptop.locator(".qr img").first.evaluate("(image) => image.complete && image.naturalWidth > 0")
        wav = spoken_file(tmp_path / "phone.wav", 4)
        with speaking(playwright, wav, ignore_https_errors=True, **PHONE) as phone:
            assert code.startswith("https://127.0.0.1:")
            phone.goto(code)
            turn_on_microphone(phone)
            assert "#" not in phone.url
            phone.locator("[data-act=record]").tap()
            phone.locator(".recorder[data-recording=true]").wait_for()
            phone.wait_for_timeout(ONCE_S * 1000)
            phone.locator("[data-act=record]").tap()
            (take,) = until(phone, lambda: stored(project))
            assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        laptop.locator(".phone-list li").wait_for()
    assert take.speaker == "s01"
    assert similarity(project.folder / take.file, 4) > ALIKE


@contextmanager
def phones_at_loopback() -> Iterator[None]:
    """Phones reach this machine at its loopback address, as it may be in no network."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("phones", "routes.studio_phones"):
            patched.setattr(f"earmark.web.{module}.local_addresses", lambda: ["127.0.0.1"])
        patched.setattr("earmark.web.routes.studio_phones.PORT", 0)
        yield


@pytest.mark.parametrize(
    "how",
    [pytest.param({}, marks=pytest.mark.slow, id="laptop"), pytest.param(PHONE | {"color_scheme": "dark"}, id="phone")],
)
def test_axe_finds_nothing(playwright: Any, address: str, tmp_path: Path, how: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with speaking(playwright, spoken_file(tmp_path / "x.wav"), bypass_csp=True, **how) as page:
        for place, ready in (
            ("speakers", "[data-speaker=s01]"),
            ("record", "#phones-on"),
            ("record/s02", "blockquote"),
            ("record/s01", "#microphone-on"),
        ):
            page.goto(f"{address}/#{place}")
            page.locator(ready).wait_for()
            if place == "record/s01":
                turn_on_microphone(page)
            page.add_script_tag(content=script)
            found = page.evaluate(AXE)["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], place


def test_a_speaker_is_added_and_withdraws(playwright: Any, project: Project, address: str) -> None:
    with speaking(playwright, None) as page:
        page.goto(f"{address}/#speakers")
        page.locator("#add-speaker input").first.fill("Adé")
        page.click("#add-speaker button.main")
        page.locator("[data-speaker=s03]", has_text="Adé").wait_for()
        page.locator("[data-speaker=s03]").get_by_role("button", name=re.compile("taken back")).click()
        page.get_by_role("button", name="Delete everything").click()
        page.locator("dialog", has_text="0 takes were deleted").wait_for()
        page.get_by_role("button", name="Close").click()
        assert page.locator("[data-speaker=s03]").count() == 0
    assert not (project.folder / "speakers/s03").exists()


# Modules alone


def test_the_modules_sums_are_those_of_the_server(playwright: Any, address: str) -> None:
    from earmark.studio.take_checks import warnings_of

    with speaking(playwright, None) as page:
        page.goto(address)
        ring = page.evaluate(
            """async () => {
              const { Ring } = await import("/static/studio/recorder/ring.js");
              const ring = new Ring(5);
              const out = [[...ring.take()]];
              ring.add(Float32Array.of(1, 2, 3)); out.push([...ring.take()]);
              ring.add(Float32Array.of(1, 2, 3)); ring.add(Float32Array.of(4, 5, 6)); out.push([...ring.take()]);
              ring.add(Float32Array.of(1, 2, 3, 4, 5, 6, 7)); ring.add(Float32Array.of(8)); out.push([...ring.take()]);
              return out;
            }"""
        )
        assert ring == [[], [1, 2, 3], [2, 3, 4, 5, 6], [4, 5, 6, 7, 8]]
        rng = np.random.default_rng(0)
        for scale, flat, clock_s in ((1, 0, 0.5), (0.03, 0, 0.5), (0.0001, 0, 2.0), (1, 3, 0.1), (1, 2, 0.9)):
            sound = (rng.normal(0, 0.1, 8000) * scale).astype(np.float32)
            sound[100 : 100 + flat] = 0.995
            found = page.evaluate(
                """async ([samples, clock]) => {
                  const { warningsOf } = await import("/static/studio/recorder/sound.js");
                  return warningsOf(Float32Array.from(samples), 16000, clock);
                }""",
                [sound.tolist(), clock_s],
            )
            assert tuple(found) == warnings_of(sound, 16_000, clock_s)
        for agent, vendor, kind in (
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156 Safari/537.36", "Google Inc.", "chromium"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "", "firefox"),
            ("Mozilla/5.0 (iPad) AppleWebKit/605 Version/18 Safari/604.1", "Apple Computer, Inc.", "safari"),
            ("Mozilla/5.0 (iPhone) AppleWebKit/605 CriOS/140 Safari/604.1", "Apple Computer, Inc.", "safari"),
        ):
            found = page.evaluate(
                """async ([userAgent, vendor]) => {
                  const { browserKind, constraints } = await import("/static/studio/recorder/microphone.js");
                  const kind = browserKind({ userAgent, vendor });
                  return [kind, constraints(kind)];
                }""",
                [agent, vendor],
            )
            assert found[0] == kind
            off = {"chromium": {"exact": False}, "firefox": False, "safari": None}[kind]
            assert found[1].get("echoCancellation") == off


# Each language: nothing is cut off, and nothing hangs over.
OVERFLOWING = """() => [...document.querySelectorAll("button, a.button, label, h1, h2, summary, select, .status")]
  .filter((one) => one.offsetParent && getComputedStyle(one).display !== "inline" && !one.closest("#steps, .top"))
  .filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return one.scrollWidth > one.clientWidth + 2 || right > innerWidth + 1 || left < -1;
  })
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 60)}`)"""


@pytest.mark.slow
@pytest.mark.parametrize("code", ["ar", "en", "es", "fr", "id", "pt", "sw", "zh"])
def test_nothing_hangs_over_in_any_language(playwright: Any, address: str, tmp_path: Path, code: str) -> None:
    with speaking(playwright, spoken_file(tmp_path / "x.wav", 1), **PHONE) as page:
        page.add_init_script(f"localStorage.setItem('earmark language', '{code}')")
        for place, ready in (
            ("speakers", "[data-speaker=s01]"),
            ("record", "#phones-on"),
            ("record/s02", "blockquote"),
            ("record/s01", "#microphone-on"),
        ):
            page.goto(f"{address}/#{place}")
            page.locator(ready).wait_for()
            assert page.get_attribute("html", "lang") == code
            assert page.evaluate(OVERFLOWING) == [], place
        turn_on_microphone(page)
        page.keyboard.press(" ")
        page.locator(".recorder[data-recording=true]").wait_for()
        assert page.evaluate(OVERFLOWING) == []
        page.keyboard.press(" ")
        page.locator("[data-act=skip]").click()  # it is on the screen
