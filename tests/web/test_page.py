"""The search page in a real Chromium, on the real application: keys, buttons, boundaries, and faults."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.archive.archive import open_archive
from earmark.archive.judgements import judgements
from earmark.archive.results import ArchiveHit
from earmark.archive.search import SearchOptions, search
from earmark.models.operating_points import OPERATING_POINTS
from earmark.recipe import Recipe
from earmark.web.app import create_app
from earmark.web.catalogues import page_languages
from support.live_server import HOSTILE_NAME, copy_archive, write_served
from support.media import write_picture
from support.overflow import overflowing
from support.page_server import HITS, HOSTILE_WORD, INTERVIEW, PageServer, add_known_hits, page_server, running

LAPTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def folder(tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that no test changes."""
    archive = open_archive(write_served(tmp_path_factory.mktemp("page"), tiny_pictured_recipe))
    add_known_hits(archive, archive.folder.parent / "field")
    archive.close()
    return archive.folder


@pytest.fixture(scope="module")
def running_server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    archive = copy_archive(folder, tmp_path_factory.mktemp("served") / "àwọn ohùn")
    with page_server(archive) as server:
        yield server


@pytest.fixture
def server(running_server: PageServer) -> PageServer:
    running_server.reset()
    return running_server


@pytest.fixture(scope="module")
def best(folder: Path) -> list[ArchiveHit]:
    """The known hits of the word ọmọ."""
    archive = open_archive(folder)
    hits = search(archive, "ọmọ", SearchOptions())
    archive.close()
    assert len(hits) == HITS
    return hits


def positions(hits: list[ArchiveHit]) -> list[str]:
    return [str(hit.position) for hit in hits]


class Visit:
    """A page, its errors, and its requests to other servers."""

    def __init__(self, browser: Any, server: PageServer, **how: Any) -> None:
        self.context = browser.new_context(**(LAPTOP | how))
        self.page = self.context.new_page()
        self.address = server.address
        self.problems: list[str] = []
        self.outside: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog {dialog.message}"))
        self.page.on("request", self._watch)
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith(self.address + "/"):
            self.outside.append(request.url)

    def open(self, query: str = "") -> Any:
        self.page.goto(self.address + (f"/?query={query}" if query else "/"))
        self.page.locator("body[data-started]").wait_for(state="attached")  # on a busy machine, a moment after loading
        if query:
            self.page.locator("#list li").first.wait_for()
        return self.page


@pytest.fixture
def visit(browser: Any, server: PageServer, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit(browser, server, **getattr(request, "param", {}))
    yield visit
    visit.context.close()
    assert visit.problems == []
    assert visit.outside == []


def rank(page: Any) -> int:
    return int(page.inner_text("#rank").split()[0])


def rows(page: Any) -> list[str]:
    times: list[str] = page.locator("#list .time").all_inner_texts()
    return times


def clock(seconds: float) -> str:
    """The slow obvious version of what the page shows."""
    tenths = int(seconds * 10 + 0.5)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def until(page: Any, text: str, position: str) -> None:
    page.locator(position, has_text=text).wait_for()


def eventually(page: Any, condition: Callable[[], Any]) -> Any:
    """The value of a function, once it is true."""
    for _ in range(250):
        value = condition()
        if value:
            return value
        page.wait_for_timeout(20)
    pytest.fail("still not so after 5 s")


def saved(page: Any) -> None:
    eventually(page, lambda: page.inner_text("#saved") == "saved")


def played(page: Any, server: PageServer, nth: int = 1) -> tuple[float, float]:
    """Start and end of the nth segment of sound that was requested."""
    line = eventually(page, lambda: [line for line in server.requests if "/sound?" in line][nth - 1 : nth])[0]
    start_s, end_s = (float(part.split("=")[1]) for part in line.split("&")[1:])
    return start_s, end_s


def play_state(page: Any) -> str:
    text: str = page.inner_text("#play .label")
    return text


def test_a_typed_word_is_searched(visit: Visit, best: list[ArchiveHit]) -> None:
    page = visit.open()
    page.fill("#word", "ọmọ")
    page.press("#word", "Enter")
    page.locator("#list li").first.wait_for()
    assert rows(page) == [clock(hit.hit.time_s) for hit in best]
    displayed = page.inner_text("#hit")
    for text in (INTERVIEW, "field/2019", "channel 1", "Adé", "2019-04-12", "Yorùbá", "score 0.97"):
        assert text in displayed
    assert clock(best[0].hit.time_s) in displayed
    footer = page.inner_text("footer")
    for text in ("Candidates, not facts.", "run", "CC BY", "for <b>research</b>", "about 62 are expected"):
        assert text in footer
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
    page = visit.open("dog")
    sound, model = "169,174,182", "180,80,12"
    eventually(page, lambda: {sound, model} <= set(page.evaluate(DRAWN)["colours"]))
    assert eventually(page, lambda: page.evaluate(DRAWN)["columns"])
    assert page.locator(".key.curve").is_visible()


def test_a_hit_without_stored_frames_has_no_curve(visit: Visit) -> None:
    page = visit.open("ọmọ")
    page.locator(".key.curve").wait_for(state="hidden")
    assert page.locator("#no-waveform").is_hidden()


def test_suggestions_ignore_unicode_forms_and_tone_marks(visit: Visit) -> None:
    page = visit.open()
    page.locator("#word").press_sequentially("okun")
    until(page, "ọkùnrin", "[role=option]")
    assert page.locator("[role=option]").all_inner_texts() == ["ọkùnrin"]
    page.fill("#word", "o\u0323mo")  # decomposed, and without its last mark
    until(page, "ọmọ", "[role=option]")
    assert page.locator("[role=option]").all_inner_texts() == ["ọmọ"]
    page.press("#word", "ArrowDown")
    assert page.get_attribute("#word", "aria-activedescendant") == "option-0"
    page.press("#word", "Enter")
    until(page, "ọmọ", "#list h2")
    page.fill("#word", "AJA")  # one keyword is spelt so but for marks and case
    page.press("#word", "Enter")
    until(page, "ajá", "#list h2")


def test_an_unknown_word_has_suggestions(visit: Visit) -> None:
    page = visit.open()
    page.fill("#word", "balls, or dogs.")  # a sentence that holds keywords and punctuation
    page.press("#word", "Enter")
    until(page, "The word 'balls, or dogs.' is neither among the 4 keywords", "#failure p")
    words = page.locator("#failure .word").all_inner_texts()
    assert len(words) == 5
    assert "ball" in words
    page.locator("#failure .word", has_text="ball").click()
    until(page, "ball", "#list h2")


def test_filters_and_an_empty_answer(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.click("#filters summary")
    assert "about 3 false alarms an hour" in page.locator("#filter-fa_per_hour option").all_inner_texts()
    page.select_option("#filter-fa_per_hour", "1")
    count = sum(hit.hit.score >= 0.9 for hit in best)
    eventually(page, lambda: len(rows(page)) == count)
    page.fill("#filter-folder", "field/2019")
    page.press("#filter-folder", "Tab")
    eventually(page, lambda: any("fa_per_hour=1" in line and "folder=field%2F2019" in line for line in server.requests))
    page.select_option("#filter-speaker", "Ọlá")
    eventually(page, lambda: 0 < len(rows(page)) < count)
    page.fill("#filter-date", "1999")
    page.press("#filter-date", "Tab")
    until(page, "Nothing was found for ọmọ.", "#failure h2")
    page.locator("#failure button").click()
    eventually(page, lambda: len(rows(page)) == HITS)
    assert page.input_value("#filter-speaker") == ""


def test_a_model_without_operating_points_has_no_threshold(visit: Visit, server: PageServer) -> None:
    file = server.archive.folder / "model" / OPERATING_POINTS
    content = file.read_bytes()
    file.unlink()
    try:
        page = visit.open("ọmọ")
        page.click("#filters summary")
        assert page.locator("#filter-fa_per_hour").is_hidden()
    finally:
        file.write_bytes(content)


def test_shortcuts_move_judge_and_undo(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("j")
    page.keyboard.press("J")
    assert rank(page) == 3
    page.keyboard.press("k")
    assert rank(page) == 2
    for key in "ynr":
        page.keyboard.press(key)
    assert rank(page) == 5
    assert page.inner_text("#precision") == "yes 1 of 3 judged (33 %), 1 related"
    saved(page)
    assert server.verdicts() == {positions(best)[1]: "yes", positions(best)[2]: "no", positions(best)[3]: "related"}
    page.keyboard.press("u")
    assert rank(page) == 4
    page.keyboard.press("u")
    assert rank(page) == 3
    eventually(page, lambda: server.verdicts() == {positions(best)[1]: "yes"})
    page.keyboard.press("u")
    page.keyboard.press("u")  # one too many
    until(page, "There is nothing to undo.", "#announcements")
    assert page.inner_text("#precision") == "none judged yet"
    eventually(page, lambda: not server.verdicts())


def test_undo_of_a_second_verdict(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("y")
    page.keyboard.press("k")
    page.keyboard.press("n")
    assert page.inner_text("#precision") == "yes 0 of 1 judged (0 %)"
    saved(page)
    assert server.verdicts() == {positions(best)[0]: "no"}
    page.keyboard.press("u")
    eventually(page, lambda: server.verdicts() == {positions(best)[0]: "yes"})
    assert page.inner_text("#precision") == "yes 1 of 1 judged (100 %)"


def test_buttons_judge_and_lose_focus(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.click("[data-judge=yes]")
    saved(page)
    page.keyboard.press(" ")
    played(page, server)
    assert server.verdicts() == {positions(best)[0]: "yes"}
    assert page.locator("#list li").first.get_attribute("data-verdict") == "yes"


def test_shortcuts_while_typing_and_turned_off(visit: Visit, server: PageServer) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "word"
    page.keyboard.type("yjn")
    page.keyboard.press("Escape")
    assert rank(page) == 1
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.locator("#shortcuts").is_visible()
    assert "with a second before and after" in page.inner_text("#shortcuts")
    page.keyboard.press("y")
    page.uncheck("#shortcuts-on")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("y")
    assert rank(page) == 1
    assert server.verdicts() == {}


def test_space_plays_and_stops(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press(" ")
    assert play_state(page) == "Stop"
    page.locator("#playhead").wait_for()
    page.keyboard.press(" ")
    assert play_state(page) == "Listen"
    assert page.locator("#playhead").is_hidden()
    hit = best[0].hit
    assert played(page, server) == pytest.approx((hit.start_s - 1, hit.end_s + 1))
    page.keyboard.press(" ")
    eventually(page, lambda: play_state(page) == "Listen")


def test_a_recording_of_three_hours(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    whole = page.locator("#recording-sound")
    whole.wait_for()
    assert "of 3:00:00" in page.inner_text("#elapsed")
    box = whole.bounding_box()
    whole.click(position={"x": box["width"] / 2, "y": box["height"] * 0.7})
    assert play_state(page) == "Stop"
    page.locator("#recording-playhead").wait_for()
    start_s, end_s = played(page, server)
    assert start_s == pytest.approx(5400, abs=10800 / box["width"])
    assert end_s == start_s + 60
    whole.press("ArrowRight")
    assert start_s + 5 <= played(page, server, 2)[0] < start_s + 15
    assert not any("/file" in line for line in server.requests)
    pin = box["width"] * best[4].hit.time_s / 10800
    whole.click(position={"x": pin, "y": 8})
    assert rank(page) == 5


def test_clicking_the_sound_listens_from_there(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    box = page.locator("#sound").bounding_box()
    page.locator("#sound").click(position={"x": box["width"] * 0.25, "y": 40})
    start, end = best[0].hit.start_s - 2, best[0].hit.end_s + 2
    assert played(page, server)[0] == pytest.approx(start + (end - start) / 4, abs=0.02)


def test_boundaries_move_by_keys(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    start = page.locator("#start-of-word")
    assert start.get_attribute("role") == "slider"
    before = best[0].hit.start_s
    start.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("y")
    saved(page)
    [judgement] = judgements(server.archive)
    assert judgement.start_s == pytest.approx(before - 0.03 + 0.1)
    assert judgement.end_s == best[0].hit.end_s
    page.keyboard.press("k")
    end = page.locator("#end-of-word")
    end.press("Shift+ArrowRight")
    stored_ends_s = lambda: [judgement.end_s for judgement in judgements(server.archive)]  # noqa: E731
    eventually(page, lambda: stored_ends_s() == [pytest.approx(best[0].hit.end_s + 0.1)])
    assert list(server.verdicts().values()) == ["yes"]
    assert end.get_attribute("aria-valuetext").startswith(clock(best[0].hit.end_s + 0.1)[:-2])
    page.keyboard.press("u")
    eventually(page, lambda: stored_ends_s() == [pytest.approx(best[0].hit.end_s)])


def test_the_start_stays_before_the_end(visit: Visit) -> None:
    page = visit.open("ọmọ")
    start = page.locator("#start-of-word")
    for _ in range(9):
        start.press("Shift+ArrowRight")
    now, end = (float(page.get_attribute(f"#{name}-of-word", "aria-valuenow")) for name in ("start", "end"))
    assert now < end


def test_boundaries_are_dragged_with_a_mouse(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    ground = page.locator("#sound").bounding_box()
    grip = page.locator("#end-of-word").bounding_box()
    y = grip["y"] + grip["height"] - 5
    page.mouse.move(grip["x"] + 6, y)
    page.mouse.down()
    page.mouse.move(grip["x"] + 6 + 60, y, steps=4)
    page.mouse.up()
    per_px = (best[0].hit.end_s - best[0].hit.start_s + 4) / ground["width"]
    now = float(page.get_attribute("#end-of-word", "aria-valuenow"))
    assert now == pytest.approx(best[0].hit.end_s + 60 * per_px, abs=0.02)
    assert play_state(page) == "Listen"  # a drag is no click
    page.keyboard.press("y")
    saved(page)
    [judgement] = judgements(server.archive)
    assert judgement.end_s == pytest.approx(now, abs=0.006)


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_on_a_phone_a_finger_drags_and_judges(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in page.locator(".actions button:visible").all():
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
    assert float(page.get_attribute("#start-of-word", "aria-valuenow")) < best[0].hit.start_s - 0.2
    page.tap("[data-judge=related]")
    saved(page)
    assert server.verdicts() == {positions(best)[0]: "related"}
    page.goto(visit.address)
    page.locator("#start").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def uploads(server: PageServer) -> int:
    return sum(line.startswith("POST /api/search/picture") for line in server.requests)


def test_a_dropped_picture_is_searched_for(visit: Visit, server: PageServer, tmp_path: Path) -> None:
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
    page.locator("#start").wait_for()
    page.evaluate(drop, [base64.b64encode(b"no").decode(), "<b>notes</b>.txt", "text/plain"])
    assert page.inner_text("#problem").startswith("<b>notes</b>.txt is not a picture")
    page.evaluate(drop, [base64.b64encode(picture).decode(), "dog.png", "image/png"])
    page.locator("#list li").first.wait_for()
    assert uploads(server) == 1
    thumbnail = page.locator("#query-chip canvas")
    assert thumbnail.get_attribute("aria-label") == "Search with the picture dog.png"
    eventually(page, lambda: "image%3A" in page.url)
    for key in "yyy":
        page.keyboard.press(key)
    eventually(page, lambda: page.inner_text("#reordered"))
    assert uploads(server) == 1  # searched again by its key
    page.click("#clear-query")
    page.locator("#start").wait_for()
    page.set_input_files("#image-file", {"name": "cat.png", "mimeType": "image/png", "buffer": picture})
    page.locator("#list li").first.wait_for()
    assert uploads(server) == 2


def test_more_like_this(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.keyboard.press("j")
    page.click("#more-like-this")
    until(page, f"the example at {best[1].position}", "#list h2")
    query = f"query=example%3A{str(best[1].position).replace(':', '%3A')}"
    assert any(query in line for line in server.requests)
    page.go_back()
    until(page, "ọmọ", "#list h2")


def test_judgements_reorder_the_rest(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    before = rows(page)
    for key in "yny":
        page.keyboard.press(key)
    saved(page)
    eventually(page, lambda: page.inner_text("#reordered"))
    assert rows(page)[:4] == before[:4]
    assert rank(page) == 4
    ranked = search(server.archive, "ọmọ", SearchOptions())
    fixed = set(positions(best)[:4])
    eventually(
        page,
        lambda: rows(page)[4:] == [clock(hit.hit.time_s) for hit in ranked if str(hit.position) not in fixed],
    )
    assert rows(page)[4:] != before[4:]
    assert page.locator("#announcements p").last.text_content() == "The rest was put in a new order by your judgements."


def test_people_who_disagree_are_shown_by_name(visit: Visit, server: PageServer) -> None:
    page = visit.open("ọmọ")
    page.fill("#who-judges", "Ana")
    page.keyboard.press("Tab")
    page.locator("#list li button").first.click()
    page.keyboard.press("y")
    saved(page)
    page.fill("#who-judges", "Ben")
    page.keyboard.press("Tab")
    page.locator("#list li button").first.click()
    assert page.inner_text("#opinions") == ""
    page.keyboard.press("n")
    saved(page)
    page.locator("#list li button").first.click()
    eventually(page, lambda: "Ana: yes, Ben: no" in page.inner_text("#opinions"))
    page.reload()
    until(page, "ọmọ", "#list h2")
    assert page.input_value("#who-judges") == "Ben"
    page.locator("#list li button").first.click()
    assert "Ana: yes, Ben: no" in page.inner_text("#opinions")


def test_hits_that_teach_are_marked_until_that_is_turned_off(visit: Visit, server: PageServer) -> None:
    page = visit.open("ọmọ")
    assert not page.is_visible("#mixing")
    for key in "ynynyn":
        page.keyboard.press(key)
    saved(page)
    eventually(page, lambda: "teaches" in page.inner_text("#list ol"))
    assert page.is_checked("#mixed")
    assert "less likely" in page.inner_text("#mixing")
    assert "10 false alarms an hour are expected, by the model" in page.inner_text("#threshold-of-word")
    page.uncheck("#mixed")
    eventually(page, lambda: "teaches" not in page.inner_text("#list ol"))
    page.reload()
    until(page, "ọmọ", "#list h2")
    assert not page.is_checked("#mixed")


def test_two_tabs_judge_one_query(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    other = visit.context.new_page()
    other.goto(page.url)
    other.locator("#list li").first.wait_for()
    page.keyboard.press("y")
    saved(page)
    other.keyboard.press("j")
    other.keyboard.press("n")
    saved(other)
    assert server.verdicts() == {positions(best)[0]: "yes", positions(best)[1]: "no"}
    assert other.inner_text("#precision") == "yes 1 of 2 judged (50 %)"  # the server's count


def test_a_restarted_server_is_judged_at_as_before(
    browser: Any, folder: Path, tmp_path: Path, best: list[ArchiveHit], server: PageServer
) -> None:
    archive = copy_archive(folder, tmp_path / "archive")
    with page_server(archive) as server:
        visit = Visit(browser, server)
        page = visit.open("ọmọ")
        page.keyboard.press("y")
        saved(page)
        port = int(server.address.rpartition(":")[2])
    page.keyboard.press("n")
    until(page, "1 judgement is kept in this browser", "#offline")
    with page_server(open_archive(archive.folder), port) as server:
        saved(page)
        assert server.verdicts() == {positions(best)[0]: "yes", positions(best)[1]: "no"}
        page.keyboard.press("u")
        eventually(page, lambda: server.verdicts() == {positions(best)[0]: "yes"})
        page.click("#more-like-this")
        until(page, "the example at", "#list h2")
    visit.context.close()
    assert visit.outside == visit.problems == []


def test_judging_offline(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    page.locator("#recording-sound").wait_for()
    visit.context.set_offline(True)
    page.keyboard.press("y")
    page.keyboard.press("n")
    until(page, "2 judgements are kept in this browser", "#offline")
    assert page.inner_text("#precision") == "yes 1 of 2 judged (50 %)"
    assert page.inner_text("#saved") == "saving"
    assert server.verdicts() == {}
    visit.context.set_offline(False)
    saved(page)
    assert page.locator("#offline").is_hidden()
    assert server.verdicts() == {positions(best)[0]: "yes", positions(best)[1]: "no"}


def test_a_closed_page_resumes_saving(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    visit.context.set_offline(True)
    page.keyboard.press("y")
    until(page, "1 judgement is kept in this browser", "#offline")
    page.close()
    visit.context.set_offline(False)
    visit.page = visit.context.new_page()
    page = visit.open()
    eventually(page, lambda: server.verdicts() == {positions(best)[0]: "yes"})


def test_judging_on_a_full_disk(visit: Visit, server: PageServer, best: list[ArchiveHit]) -> None:
    page = visit.open("ọmọ")
    server.failing = 1
    page.keyboard.press("y")
    until(page, "The disk is full: make room. 1 judgement is kept", "#offline")
    saved(page)
    assert server.verdicts() == {positions(best)[0]: "yes"}


def test_html_in_names_is_text(visit: Visit) -> None:
    page = visit.open()
    page.locator("#start").wait_for()
    assert HOSTILE_WORD in page.inner_text("#keywords")
    page.goto(f"{visit.address}/?query=ọmọ")
    page.locator("#list li").nth(10).click()
    assert page.inner_text("#hit h2") == HOSTILE_NAME
    assert "for <b>research</b>" in page.inner_text("footer")
    assert page.evaluate("document.querySelectorAll('img, b, script:not([src])').length") == 0
    page.goto(f"{visit.address}/?query=%3Cimg%20src%3Dx%3E")
    until(page, "<img src=x>", "#failure p")


@pytest.mark.parametrize(
    "screen", [pytest.param(LAPTOP, marks=pytest.mark.slow, id="laptop"), pytest.param(PHONE, id="phone")]
)
def test_nothing_overflows_in_any_language(browser: Any, server: PageServer, screen: dict[str, Any]) -> None:
    visit = Visit(browser, server, locale="en-GB", **screen)
    page = visit.open()
    for language in page_languages():
        page.select_option("#page-language", language.code)  # loads the page again
        page.locator(f'html[lang="{language.code}"][dir="{language.direction}"] body[data-started]').wait_for()
        assert (language.code, overflowing(page)) == (language.code, [])
        page.click("#choose-clip")
        assert (language.code, "clip", overflowing(page)) == (language.code, "clip", [])
        page.click("#clip-close")
        page.locator("#keywords .word", has_text="ọmọ").click()
        page.locator("#list li").first.wait_for()
        for key in "yr?":
            page.keyboard.press(key)
        page.locator("#shortcuts[open]").wait_for()
        assert (language.code, "keys", overflowing(page)) == (language.code, "keys", [])
        page.keyboard.press("Escape")
        page.click("#filters summary")
        assert (language.code, "hits", overflowing(page)) == (language.code, "hits", [])
        page.evaluate("history.pushState(null, '', '/'); dispatchEvent(new PopStateEvent('popstate'))")
        page.locator("#start").wait_for()
    visit.context.close()
    assert visit.problems == visit.outside == []


@pytest.mark.parametrize("visit", [{"locale": "ar", **LAPTOP}], indirect=True)
def test_from_right_to_left_time_still_goes_from_left_to_right(visit: Visit, server: PageServer) -> None:
    page = visit.open("ọmọ")  # the browser's language, without a menu
    assert page.get_attribute("html", "dir") == "rtl"
    lists, hit = page.locator("#list").bounding_box(), page.locator("#hit").bounding_box()
    assert lists["x"] > hit["x"]
    labels = page.locator("#times span")
    labels.nth(1).wait_for()
    first, second = (labels.nth(i) for i in (0, 1))
    assert first.inner_text() < second.inner_text()
    assert first.bounding_box()["x"] < second.bounding_box()["x"]
    start, end = (page.locator(f"#{edge}-of-word") for edge in ("start", "end"))
    assert float(start.get_attribute("aria-valuenow")) < float(end.get_attribute("aria-valuenow"))
    assert start.bounding_box()["x"] < end.bounding_box()["x"]
    page.locator("body").dispatch_event("keydown", {"key": "غ", "code": "KeyY"})  # Y of an Arabic keyboard
    eventually(page, lambda: list(server.verdicts().values()) == ["yes"])


@pytest.mark.parametrize("visit", [{"locale": "fr-FR", **LAPTOP}], indirect=True)
def test_errors_are_in_the_language_of_the_page(visit: Visit) -> None:
    page = visit.open()
    page.fill("#word", "zzz")
    page.press("#word", "Enter")
    until(page, "Le modèle ne connaît pas ce mot", "#failure h2")
    until(page, "Tapez un des mots qu’il connaît", "#failure p")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, server: PageServer, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    visit = Visit(browser, server, color_scheme=scheme, reduced_motion="reduce")

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
    page.locator("#start").wait_for()
    check(page)
    visit.context.close()
    assert visit.outside == visit.problems == []


def test_the_page_with_a_token(browser: Any, tmp_path: Path, tiny_pictured_recipe: Recipe) -> None:
    archive = copy_archive(write_served(tmp_path / "served", tiny_pictured_recipe), tmp_path / "àwọn ohùn")
    picture = write_picture(tmp_path / "dog.png")
    with running(create_app(archive, token="sesame")) as address:
        visit = Visit(browser, PageServer(archive, address))
        page = visit.page
        page.goto(f"{address}/?token=sesame")
        page.locator("#keywords .word", has_text="ọmọ").click()
        page.locator("#list li").first.wait_for()
        assert HOSTILE_NAME in page.locator("#list .file").all_inner_texts()
        assert "àwọn ohùn" in page.inner_text(".archive")
        assert "for <b>research</b>" in page.inner_text("footer")
        eventually(page, lambda: len(page.evaluate(DRAWN)["colours"]) > 1)
        page.locator("#recording-sound").wait_for()
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
        page.click("#more-like-this")
        until(page, "the example at", "#list h2")
        page.set_input_files("#image-file", picture)
        page.locator("#query-chip canvas").wait_for()
        eventually(page, lambda: "image%3A" in page.url)
        page.fill("#word", "omo")
        page.press("#word", "Enter")
        until(page, "ọmọ", "#list h2")
        assert page.inner_text("#precision") == "yes 1 of 1 judged (100 %)"
        visit.context.close()
    archive.close()
    assert visit.outside == visit.problems == []
