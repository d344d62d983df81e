"""The review page in a real Chromium: every key, button and boundary, and what can go wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.recipe import Recipe
from support.fake_server import HOSTILE, RECORDINGS, Pretended, hits_of, running, served
from support.media import write_picture

BEST = hits_of("ọmọ")
LAPTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def server() -> Iterator[Pretended]:
    with served(Pretended()) as told:
        yield told


@pytest.fixture
def told(server: Pretended) -> Pretended:
    server.asked.clear()
    server.judgements.clear()
    server.pictures.clear()
    server.about.clear()
    server.failing = 0
    return server


class Visit:
    """A page, and everything that it complained of or asked for outside its own server."""

    def __init__(self, browser: Any, told: Pretended, **how: Any) -> None:
        self.context = browser.new_context(**(LAPTOP | how))
        self.page = self.context.new_page()
        self.address = told.address
        self.troubles: list[str] = []
        self.outside: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog {dialog.message}"))
        self.page.on("request", self._watch)
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.troubles.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith(self.address + "/"):
            self.outside.append(request.url)

    def open(self, query: str = "") -> Any:
        self.page.goto(self.address + (f"/?query={query}" if query else "/"))
        if query:
            self.page.locator("#list li").first.wait_for()
        return self.page


@pytest.fixture
def visit(browser: Any, told: Pretended, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit(browser, told, **getattr(request, "param", {}))
    yield visit
    visit.context.close()
    assert visit.troubles == []
    assert visit.outside == []


def position(page: Any) -> int:
    return int(page.inner_text("#position").split()[0])


def rows(page: Any) -> list[str]:
    times: list[str] = page.locator("#list .time").all_inner_texts()
    return times


def clock(seconds: float) -> str:
    """The slow obvious version of what the page shows."""
    tenths = int(seconds * 10 + 0.5)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def until(page: Any, text: str, position: str) -> None:
    page.locator(position, has_text=text).wait_for()


def eventually(page: Any, told_so: Callable[[], Any]) -> Any:
    """What a function says, once it says something."""
    for _ in range(250):
        said = told_so()
        if said:
            return said
        page.wait_for_timeout(20)
    pytest.fail("still not so after 5 s")


def saved(page: Any) -> None:
    eventually(page, lambda: page.inner_text("#saved") == "saved")


def heard(page: Any, told: Pretended, nth: int = 1) -> tuple[float, float]:
    """Start and end of the nth stretch of sound that was asked for."""
    line = eventually(page, lambda: [line for line in told.asked if "/sound?" in line][nth - 1 : nth])[0]
    start_s, end_s = (float(part.split("=")[1]) for part in line.split("&")[1:])
    return start_s, end_s


def play_state(page: Any) -> str:
    text: str = page.inner_text("#listen .label")
    return text


def test_a_typed_word_is_searched_and_its_candidates_are_told(visit: Visit, told: Pretended) -> None:
    page = visit.open()
    page.fill("#word", "ọmọ")
    page.press("#word", "Enter")
    page.locator("#list li").first.wait_for()
    assert rows(page) == [clock(hit["time_s"]) for hit in BEST]
    assert page.locator("#list li").count() == 30
    bench = page.inner_text("#bench")
    for told_of in (BEST[0]["name"], BEST[0]["folder"], "channel 1", "Adé", "2019-04-12", "Yorùbá", "score 0.97"):
        assert told_of in bench
    assert clock(BEST[0]["time_s"]) in bench
    around = page.inner_text("footer")
    for told_of in (
        "Candidates, not facts.",
        "earmark-pictures",
        "CC BY-NC 4.0",
        "for research",
        "About 6 of the best 10",
    ):
        assert told_of in around
    assert page.inner_text("#precision") == "none judged yet"
    assert "query=" in page.url
    page.locator("#score").click()
    assert page.locator(".explain p").is_visible()
    page.reload()
    page.locator("#list li").first.wait_for()
    assert page.input_value("#word") == "ọmọ"


# The columns, as shares of the width, in whose upper fifth something is drawn as solid as the curve; and all colours.
DRAWN = """() => {
  const canvas = document.querySelector("#sound canvas");
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const columns = [];
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] !== 255) continue;
    colours.add([data[i], data[i + 1], data[i + 2]].join());
    if (i / 4 < width * height * 0.2) columns.push(((i / 4) % width) / width);
  }
  return { columns, colours: [...colours] };
}"""


def test_the_sound_and_the_curve_are_drawn(visit: Visit) -> None:
    page = visit.open("ọmọ")
    sound, model = "169,174,182", "180,80,12"
    eventually(page, lambda: {sound, model} <= set(page.evaluate(DRAWN)["colours"]))
    columns = eventually(page, lambda: page.evaluate(DRAWN)["columns"])
    hit = BEST[0]
    start, end = hit["start_s"] - 2, hit["end_s"] + 2
    assert sum(columns) / len(columns) == pytest.approx((hit["time_s"] - start) / (end - start), abs=0.02)


def test_suggestions_forgive_unicode_forms_and_tone_marks(visit: Visit) -> None:
    page = visit.open()
    page.locator("#word").press_sequentially("okun")
    assert page.locator("[role=option]").all_inner_texts() == ["ọkùnrin"]
    page.fill("#word", "o\u0323mo")  # decomposed, and without its last mark
    assert page.locator("[role=option]").all_inner_texts() == ["ọmọ"]
    page.press("#word", "ArrowDown")
    assert page.get_attribute("#word", "aria-activedescendant") == "option-0"
    page.press("#word", "Enter")
    until(page, "ọmọ", "#list h2")
    page.fill("#word", "AJA")  # one keyword is spelt so but for marks and case
    page.press("#word", "Enter")
    until(page, "ajá", "#list h2")


def test_an_unknown_word_gets_the_servers_sentence_and_the_nearest_words(visit: Visit) -> None:
    page = visit.open()
    page.fill("#word", "zzz")
    page.press("#word", "Enter")
    until(page, "The word 'zzz' is not among the 12 keywords", "#failure p")
    assert page.locator("#failure .word").all_inner_texts() == ["ọmọ", "ajá", "omi"]
    page.locator("#failure .word", has_text="omi").click()
    until(page, "omi", "#list h2")


def test_filters_and_alarms_are_asked_for_and_nothing_found_is_said(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.click("#filters summary")
    options = page.locator("#filter-fa_per_hour option").all_inner_texts()
    assert "about 3 false alarms an hour" in options
    assert not any("0.5" in option for option in options)
    page.select_option("#filter-fa_per_hour", "3")
    page.fill("#filter-folder", "2019/Ìbàdàn")
    page.press("#filter-folder", "Tab")
    eventually(page, lambda: any("fa_per_hour=3" in line and "folder=2019%2F" in line for line in told.asked))
    page.select_option("#filter-speaker", "Bísí")
    until(page, "Nothing was found for ọmọ.", "#failure h2")
    page.locator("#failure button").click()
    page.locator("#list li").first.wait_for()
    assert page.input_value("#filter-speaker") == ""


@pytest.mark.parametrize("alarms", [False])
def test_a_model_without_alarms_offers_none(visit: Visit, told: Pretended, alarms: bool) -> None:
    told.about["has_fa_per_hour"] = alarms
    page = visit.open("ọmọ")
    page.click("#filters summary")
    assert page.locator("#filter-fa_per_hour").is_hidden()


def test_keys_go_judge_and_undo(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("j")
    page.keyboard.press("J")
    assert position(page) == 3
    page.keyboard.press("k")
    assert position(page) == 2
    for key in "ynr":
        page.keyboard.press(key)
    assert position(page) == 5
    assert page.inner_text("#precision") == "yes 1 of 3 judged (33 %), 1 related"
    saved(page)
    assert told.verdicts() == {BEST[1]["position"]: "yes", BEST[2]["position"]: "no", BEST[3]["position"]: "related"}
    page.keyboard.press("u")
    assert position(page) == 4
    page.keyboard.press("u")
    assert position(page) == 3
    eventually(page, lambda: told.verdicts() == {BEST[1]["position"]: "yes"})
    page.keyboard.press("u")
    page.keyboard.press("u")  # one too many
    until(page, "There is nothing to undo.", "#aloud")
    assert page.inner_text("#precision") == "none judged yet"
    eventually(page, lambda: not told.judgements)


def test_a_second_verdict_replaces_the_first_and_undo_brings_it_back(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("y")
    page.keyboard.press("k")
    page.keyboard.press("n")
    assert page.inner_text("#precision") == "yes 0 of 1 judged (0 %)"
    saved(page)
    assert told.verdicts() == {BEST[0]["position"]: "no"}
    page.keyboard.press("u")
    eventually(page, lambda: told.verdicts() == {BEST[0]["position"]: "yes"})
    assert page.inner_text("#precision") == "yes 1 of 1 judged (100 %)"


def test_buttons_judge_and_let_go_of_the_space_bar(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.click("[data-judge=yes]")
    saved(page)
    page.keyboard.press(" ")
    heard(page, told)
    assert told.verdicts() == {BEST[0]["position"]: "yes"}
    assert page.locator("#list li").first.get_attribute("data-verdict") == "yes"


def test_keys_mean_nothing_while_typing_and_can_be_turned_off(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "word"
    page.keyboard.type("yjn")
    page.keyboard.press("Escape")
    assert position(page) == 1
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert "with a second before and after" in page.inner_text("#keys")
    page.keyboard.press("y")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("y")
    assert position(page) == 1
    assert told.verdicts() == {}


def test_space_plays_with_a_second_of_context_and_stops(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press(" ")
    assert play_state(page) == "Stop"
    page.locator("#playhead").wait_for()
    page.keyboard.press(" ")
    assert play_state(page) == "Listen"
    assert page.locator("#playhead").is_hidden()
    hit = BEST[0]
    assert heard(page, told) == pytest.approx((hit["start_s"] - 1, hit["end_s"] + 1))
    page.keyboard.press(" ")
    eventually(page, lambda: play_state(page) == "Listen")


def test_a_recording_of_three_hours_is_listened_to_from_anywhere(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    whole = page.locator("#whole-sound")
    whole.wait_for()
    assert "of 3:00:00" in page.inner_text("#elapsed")
    box = whole.bounding_box()
    whole.click(position={"x": box["width"] / 2, "y": box["height"] * 0.7})
    assert play_state(page) == "Stop"
    page.locator("#whole-playhead").wait_for()
    start_s, end_s = heard(page, told)
    assert start_s == pytest.approx(5400, abs=10800 / box["width"])
    assert end_s == start_s + 60
    whole.press("ArrowRight")
    assert start_s + 5 <= heard(page, told, 2)[0] < start_s + 15
    assert not any("/file" in line for line in told.asked)
    pin = box["width"] * BEST[4]["time_s"] / 10800
    whole.click(position={"x": pin, "y": 8})
    assert position(page) == 5


def test_clicking_the_sound_listens_from_there(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    box = page.locator("#sound").bounding_box()
    page.locator("#sound").click(position={"x": box["width"] * 0.25, "y": 40})
    start, end = BEST[0]["start_s"] - 2, BEST[0]["end_s"] + 2
    assert heard(page, told)[0] == pytest.approx(start + (end - start) / 4, abs=0.02)


def test_boundaries_move_by_keys_and_a_judged_one_is_saved(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    start = page.locator("#start-of-word")
    assert start.get_attribute("role") == "slider"
    before = BEST[0]["start_s"]
    start.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("y")
    saved(page)
    [judgement] = told.judgements.values()
    assert judgement["start_s"] == pytest.approx(before - 0.03 + 0.1)
    assert judgement["end_s"] == BEST[0]["end_s"]
    page.keyboard.press("k")
    end = page.locator("#end-of-word")
    end.press("Shift+ArrowRight")
    kept = lambda: [j["end_s"] for j in told.judgements.values()]  # noqa: E731
    eventually(page, lambda: kept() == [pytest.approx(BEST[0]["end_s"] + 0.1)])
    assert list(told.verdicts().values()) == ["yes"]
    assert end.get_attribute("aria-valuetext").startswith(clock(BEST[0]["end_s"] + 0.1)[:-2])
    page.keyboard.press("u")
    eventually(page, lambda: kept() == [pytest.approx(BEST[0]["end_s"])])


def test_the_start_stays_before_the_end(visit: Visit) -> None:
    page = visit.open("ọmọ")
    start = page.locator("#start-of-word")
    for _ in range(9):
        start.press("Shift+ArrowRight")
    now, end = (float(page.get_attribute(f"#{name}-of-word", "aria-valuenow")) for name in ("start", "end"))
    assert now < end


def test_boundaries_are_dragged_with_a_mouse(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    ground = page.locator("#sound").bounding_box()
    grip = page.locator("#end-of-word").bounding_box()
    y = grip["y"] + grip["height"] - 5
    page.mouse.move(grip["x"] + 6, y)
    page.mouse.down()
    page.mouse.move(grip["x"] + 6 + 60, y, steps=4)
    page.mouse.up()
    per_px = (BEST[0]["end_s"] - BEST[0]["start_s"] + 4) / ground["width"]
    now = float(page.get_attribute("#end-of-word", "aria-valuenow"))
    assert now == pytest.approx(BEST[0]["end_s"] + 60 * per_px, abs=0.02)
    assert play_state(page) == "Listen"  # a drag is no click
    page.keyboard.press("y")
    saved(page)
    [judgement] = told.judgements.values()
    assert judgement["end_s"] == pytest.approx(now, abs=0.006)


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_on_a_phone_nothing_is_cut_off_and_a_finger_drags_and_judges(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in page.locator(".hands button").all():
        box = button.bounding_box()
        assert box["height"] >= 44
        assert box["width"] >= 44
        assert box["y"] + box["height"] <= 844
    grip = page.locator("#start-of-word").bounding_box()
    x, y = grip["x"] - 12, grip["y"] + grip["height"] / 2
    touch = visit.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [(x, y)]),
        ("touchMove", [(x - 20, y)]),
        ("touchMove", [(x - 40, y)]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
    assert float(page.get_attribute("#start-of-word", "aria-valuenow")) < BEST[0]["start_s"] - 0.2
    page.tap("[data-judge=related]")
    saved(page)
    assert told.verdicts() == {BEST[0]["position"]: "related"}
    page.goto(visit.address)
    page.locator("#welcome").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_dropped_picture_is_asked_with(visit: Visit, told: Pretended, tmp_path: Path) -> None:
    page = visit.open()
    picture = write_picture(tmp_path / "dog.png").read_bytes()
    drop = """([base64, name, type]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name, { type }));
      for (const kind of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
      }
    }"""
    page.locator("#welcome").wait_for()
    page.evaluate(drop, [base64.b64encode(b"no").decode(), "<b>notes</b>.txt", "text/plain"])
    assert page.inner_text("#trouble").startswith("<b>notes</b>.txt is not a picture")
    page.evaluate(drop, [base64.b64encode(picture).decode(), "dog.png", "image/png"])
    page.locator("#list li").first.wait_for()
    assert told.pictures == [picture]
    thumbnail = page.locator("#asked canvas")
    assert thumbnail.get_attribute("aria-label") == "Asked with the picture dog.png"
    assert "image%3A12ab" in page.url
    for key in "yyy":
        page.keyboard.press(key)
    eventually(page, lambda: page.inner_text("#reordered"))
    assert len(told.pictures) == 1  # asked again by its key
    page.click("#take-away")
    page.locator("#welcome").wait_for()
    page.set_input_files("#picture-file", {"name": "cat.png", "mimeType": "image/png", "buffer": picture})
    page.locator("#list li").first.wait_for()
    assert len(told.pictures) == 2


def test_more_like_this(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("j")
    page.click("#like")
    until(page, "like 0:31.4", "#list h2")
    assert any(f"query=example%3A{BEST[1]['position'].replace(':', '%3A')}" in line for line in told.asked)
    page.go_back()
    until(page, "ọmọ", "#list h2")


def test_judgements_reorder_what_is_left_and_nothing_else(visit: Visit) -> None:
    page = visit.open("ọmọ")
    before = rows(page)
    for key in "yyy":
        page.keyboard.press(key)
    eventually(page, lambda: page.inner_text("#reordered"))
    assert rows(page)[:4] == before[:4]
    assert position(page) == 4
    assert rows(page)[4:] == before[4:][::-1]
    assert page.locator("#aloud p").last.text_content() == "The rest was put in a new order by your judgements."


def test_a_server_that_is_gone_loses_no_judgement(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    page.locator("#whole-sound").wait_for()
    visit.context.set_offline(True)
    page.keyboard.press("y")
    page.keyboard.press("n")
    until(page, "2 judgements are kept in this browser", "#away")
    assert page.inner_text("#precision") == "yes 1 of 2 judged (50 %)"
    assert page.inner_text("#saved") == "saving"
    assert told.verdicts() == {}
    visit.context.set_offline(False)
    saved(page)
    assert page.locator("#away").is_hidden()
    assert told.verdicts() == {BEST[0]["position"]: "yes", BEST[1]["position"]: "no"}


def test_what_a_closed_page_could_not_save_the_next_one_does(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    visit.context.set_offline(True)
    page.keyboard.press("y")
    until(page, "1 judgement is kept in this browser", "#away")
    page.close()
    visit.context.set_offline(False)
    visit.page = visit.context.new_page()
    page = visit.open()
    eventually(page, lambda: told.verdicts() == {BEST[0]["position"]: "yes"})


def test_a_full_disk_is_no_reason_to_forget(visit: Visit, told: Pretended) -> None:
    page = visit.open("ọmọ")
    told.failing = 1
    page.keyboard.press("y")
    until(page, "The disk is full: make room. 1 judgement is kept", "#away")
    saved(page)
    assert told.verdicts() == {BEST[0]["position"]: "yes"}


def test_html_in_names_is_shown_as_text(visit: Visit, told: Pretended) -> None:
    told.about |= {"name": HOSTILE, "licence": HOSTILE, "keywords": ["ọmọ", HOSTILE], "speakers": [HOSTILE]}
    page = visit.open()
    page.locator("#welcome").wait_for()
    assert HOSTILE in page.inner_text("#keywords")
    page.goto(f"{visit.address}/?query=ọmọ")
    page.locator("#list li").nth(10).click()
    assert page.inner_text("#bench h2") == HOSTILE
    assert RECORDINGS[3]["folder"] in page.inner_text("#facts")
    assert page.inner_text("#archive-name") == HOSTILE
    assert page.evaluate("document.querySelectorAll('img, b, script:not([src])').length") == 0
    page.goto(f"{visit.address}/?query=%3Cimg%20src%3Dx%3E")
    until(page, "<img src=x>", "#failure p")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, told: Pretended, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    visit = Visit(browser, told, color_scheme=scheme, reduced_motion="reduce")

    def check(page: Any) -> None:
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in serious] == []

    page = visit.open("ọmọ")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(21, 23, 26)" if scheme == "dark" else "rgb(251, 250, 247)")
    for key in "yrn":
        page.keyboard.press(key)
    saved(page)
    page.click("#filters summary")
    page.click("#score")
    check(page)
    page.set_viewport_size(PHONE["viewport"])
    check(page)
    page.keyboard.press("?")
    check(page)
    page.keyboard.press("Escape")
    page.fill("#word", "o")
    page.locator("[role=option]").first.wait_for()
    check(page)
    page.fill("#word", "zzz")
    page.press("#word", "Enter")
    page.locator("#failure").wait_for()
    check(page)
    page = visit.open()
    page.locator("#welcome").wait_for()
    check(page)
    visit.context.close()
    assert visit.outside == visit.troubles == []


def test_the_page_of_a_real_archive(browser: Any, tmp_path: Path, tiny_pictured_recipe: Recipe) -> None:
    from earmark.archive.judgements import judgements
    from earmark.web.app import create_app
    from support.live_server import EVIL, copy_archive, write_served

    archive = copy_archive(write_served(tmp_path / "served", tiny_pictured_recipe), tmp_path / "àwọn ohùn")
    picture = write_picture(tmp_path / "dog.png")
    with running(create_app(archive, token="sesame")) as address:
        visit = Visit(browser, Pretended(address))
        page = visit.page
        page.goto(f"{address}/?token=sesame")
        page.locator("#keywords .word", has_text="ọmọ").click()
        page.locator("#list li").first.wait_for()
        assert EVIL in page.locator("#list .file").all_inner_texts()
        assert "àwọn ohùn" in page.inner_text(".archive")
        assert "for <b>research</b>" in page.inner_text("footer")
        eventually(page, lambda: len(page.evaluate(DRAWN)["colours"]) > 1)
        page.locator("#whole-sound").wait_for()
        page.keyboard.press(" ")
        page.locator("#playhead").wait_for()
        page.locator("#end-of-word").press("Shift+ArrowLeft")
        end_s = float(page.get_attribute("#end-of-word", "aria-valuenow"))
        page.keyboard.press("y")
        page.keyboard.press("n")
        saved(page)
        first, second = sorted(judgements(archive, "ọmọ"), key=lambda judgement: judgement.id)
        assert (first.verdict, second.verdict) == ("yes", "no")
        assert first.end_s == pytest.approx(end_s, abs=0.006)
        page.keyboard.press("u")
        eventually(page, lambda: [j.id for j in judgements(archive, "ọmọ")] == [first.id])
        page.click("#like")
        until(page, "what is spoken at", "#list h2")
        page.set_input_files("#picture-file", picture)
        page.locator("#asked canvas").wait_for()
        eventually(page, lambda: "image%3A" in page.url)
        page.fill("#word", "omo")
        page.press("#word", "Enter")
        until(page, "ọmọ", "#list h2")
        assert page.inner_text("#precision") == "yes 1 of 1 judged (100 %)"
        visit.context.close()
    archive.close()
    assert visit.outside == visit.troubles == []
