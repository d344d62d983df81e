"""What pages show of an image query: pictures, matchmap, image and audio attention."""

from __future__ import annotations

import base64
import doctest
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from earmark.core.errors import EarmarkError
from earmark.core.types import Hit, ImageQuery, Prompt
from earmark.reports import matchmap_data
from earmark.reports import matchmap_plot as heat
from earmark.reports.evaluation import write_results_page
from earmark.reports.hits import write_hits_page
from earmark.reports.matchmap_data import MatchmapData, strongest
from earmark.reports.page import prompt_uri
from earmark.reports.plots import clock, describe, localisation_plot
from support.browser_pages import (
    HOSTILE,
    LABELS_THAT_TOUCH,
    SVG,
    Page,
    an_evaluated_run,
    an_example,
    assert_self_contained,
    decoded,
    drawn,
    of_class,
    until,
    visited,
)
from support.media import write_picture

HEIGHT, WIDTH = 5, 7


def a_query(folder: Path, name: str = "dog", count: int = 1, size: tuple[int, int] = (40, 20)) -> ImageQuery:
    return ImageQuery(name, tuple(Prompt(write_picture(folder / f"{i}.png", size)) for i in range(count)))


def some_matchmap_data(query: ImageQuery, frames: int = 50, offset_s: float = 0.0, **other: Any) -> MatchmapData:
    """Frames of 40 ms whose values all differ, one of them far above the others: row 1, column 5, at 1.22 s."""
    rng = np.random.default_rng(frames)
    matchmap = rng.permutation(HEIGHT * WIDTH * frames).reshape(HEIGHT, WIDTH, frames) / (HEIGHT * WIDTH * frames) - 3
    if frames > 30:
        matchmap[1, 5, 30] = 2.0
    times_s = offset_s + 0.02 + 0.04 * np.arange(frames)
    data = MatchmapData(query, 0, matchmap, rng.random((HEIGHT, WIDTH)), rng.random(frames), times_s)
    return replace(data, **other)


def heat_of(uri: str) -> np.ndarray[Any, Any]:
    """The numbers, to 255, that a heat map was drawn from."""
    with Image.open(io.BytesIO(decoded(uri, "image/png"))) as opened:
        pixels = np.asarray(opened)
    assert (pixels[..., :3] == heat.SHADE).all()
    return pixels[..., 3]


# --- matchmap data


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"best": 1}, "number 1"),
        ({"best": -1}, "number -1"),
        ({"matchmap": np.zeros((HEIGHT * WIDTH, 50))}, "height, width, frames"),
        ({"matchmap": np.zeros((0, WIDTH, 50)), "image_attention": np.zeros((0, WIDTH))}, "height, width, frames"),
        ({"matchmap": np.zeros((HEIGHT, WIDTH, 49))}, "do not fit"),
        ({"matchmap": np.full((HEIGHT, WIDTH, 50), np.nan)}, "not numbers"),
        ({"image_attention": np.zeros((WIDTH, HEIGHT))}, "image attention"),
        ({"image_attention": np.full((HEIGHT, WIDTH), np.inf)}, "not numbers"),
        ({"image_attention": np.full((HEIGHT, WIDTH), 1.1)}, "outside 0 to 1"),
        ({"audio_attention": np.zeros(49)}, "audio attention"),
        ({"audio_attention": np.full(50, -0.1)}, "outside 0 to 1"),
        ({"times_s": np.zeros(49)}, "times"),
        ({"times_s": np.zeros(50)}, "even steps"),
        ({"times_s": np.arange(50)[::-1]}, "even steps"),
        ({"times_s": np.arange(50) ** 2}, "even steps"),
    ],
)
def test_inconsistent_matchmap_data_is_refused(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        some_matchmap_data(a_query(tmp_path), **wrong)


def test_the_levels_of_a_matchmap_are_one_scale_from_its_lowest_to_its_highest_value() -> None:
    query = ImageQuery("dog", (Prompt(Path("dog.png")),))
    matchmap = np.array([[[-1.0, 0.0], [1.0, 4.0]]])  # one row, two columns, two frames
    data = MatchmapData(query, 0, matchmap, np.ones((1, 2)), np.ones(2), np.array([0.1, 0.2]))
    assert data.levels().tolist() == [[[0, 102]], [[51, 255]]]
    flat = replace(data, matchmap=np.full((1, 2, 2), -7.0))
    assert not flat.levels().any()


def test_an_excerpt_keeps_its_matchmap_data(tmp_path: Path) -> None:
    data = some_matchmap_data(a_query(tmp_path), frames=1500, offset_s=100.0)  # 60 s
    example = an_example(
        seconds=60.0, offset_s=100.0, matchmap_data=data, words=(), hit=Hit("a.wav", "dog", 0.9, 130.0, 129.9, 130.1)
    )
    excerpt = example.excerpt().matchmap_data
    assert excerpt is not None
    inside = [i for i, time_s in enumerate(data.times_s) if 120.0 <= time_s <= 140.0]
    assert len(inside) == 500
    np.testing.assert_array_equal(excerpt.times_s, data.times_s[inside])
    np.testing.assert_array_equal(excerpt.matchmap, data.matchmap[:, :, inside])
    np.testing.assert_array_equal(excerpt.audio_attention, data.audio_attention[inside])
    np.testing.assert_array_equal(excerpt.image_attention, data.image_attention)


@given(frames=st.integers(0, 40), finest=st.integers(1, 15))
def test_downsampling_takes_the_maximum_of_each_group(frames: int, finest: int) -> None:
    data = some_matchmap_data(ImageQuery("dog", (Prompt(Path("dog.png")),)), frames=frames, offset_s=5.0)
    thin = data.downsampled(finest)
    assert thin.frames <= finest
    each = next(n for n in range(1, 50) if finest * n >= frames)
    groups = [list(range(start, min(start + each, frames))) for start in range(0, frames, each)]
    assert thin.frames == len(groups)
    for i, group in enumerate(groups):
        np.testing.assert_array_equal(thin.matchmap[:, :, i], np.max([data.matchmap[:, :, t] for t in group], axis=0))
        assert thin.audio_attention[i] == max(data.audio_attention[t] for t in group)
        assert thin.times_s[i] == pytest.approx(5.02 + 0.04 * (group[0] + (each - 1) / 2))


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(matchmap_data)
    assert tried
    assert not failed


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "upper left"), (0, 4, "at the top"), (2, 3, "in the middle"), (4, 6, "lower right"), (2, 0, "on the left")],
)
def test_the_strongest_place_is_described_in_words(row: int, column: int, words: str) -> None:
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[row, column] = 9
    assert words in strongest(values)


# --- drawings


def heats_of(example: Any) -> list[tuple[float, float, np.ndarray[Any, Any]]]:
    """Each heat map of a plot: where it starts and ends in percent of the width, and its numbers."""
    images = of_class(drawn(localisation_plot(example)), "image", "em-heat")
    spans = [[float((image.get(name) or "").rstrip("%")) for name in ("x", "width")] for image in images]
    return [(x, x + width, heat_of(i.get("href") or "")) for (x, width), i in zip(spans, images, strict=True)]


def test_a_plot_draws_audio_attention_and_matchmap_as_they_are_at_their_time(tmp_path: Path) -> None:
    data = some_matchmap_data(a_query(tmp_path), frames=40, offset_s=10.1)  # from 10.1 s to 11.7 s
    example = an_example(seconds=2.0, offset_s=10.0, matchmap_data=data)
    (audio_start, audio_end, audio), (start, end, rows) = heats_of(example)
    assert (start, end) == (audio_start, audio_end) == pytest.approx((5.0, 85.0))
    assert audio.shape == (1, 40)
    np.testing.assert_allclose(audio[0] / 255, data.audio_attention, atol=0.5 / 255 + 1e-9)
    low, high = data.matchmap.min(), data.matchmap.max()
    for row in range(HEIGHT):
        for frame in range(40):
            best = max(data.matchmap[row, column, frame] for column in range(WIDTH))
            assert rows[row, frame] == pytest.approx(255 * (best - low) / (high - low), abs=0.5 + 1e-9)


def test_a_long_excerpt_is_drawn_in_fewer_frames_and_still_in_its_place(tmp_path: Path) -> None:
    data = some_matchmap_data(a_query(tmp_path), frames=499)  # to 19.96 s: the last group lacks a frame
    _, (start, end, rows) = heats_of(an_example(seconds=20.0, matchmap_data=data, words=()))
    assert rows.shape == (HEIGHT, 250)
    assert (start, end) == pytest.approx((0.0, 100.0))
    row, column = np.unravel_index(rows.argmax(), rows.shape)
    assert (row, column) == (1, 15)  # frame 30 of 499 is in group 15 of 250


def test_a_plot_has_room_for_its_lanes_and_says_what_they_show(tmp_path: Path) -> None:
    example = an_example(matchmap_data=some_matchmap_data(a_query(tmp_path)))
    root, plain = drawn(localisation_plot(example)), drawn(localisation_plot(replace(example, matchmap_data=None)))
    added = int(root.get("height") or 0) - int(plain.get("height") or 0)
    texts, before = ([text.text or "" for text in r.iter(SVG + "text")] for r in (root, plain))
    new = [text for text in texts if text not in before]
    assert [text.split(":")[0] for text in new] == ["Audio attention", "Matchmap"]
    ys = {text.text: float(text.get("y") or 0) for text in root.iter(SVG + "text")}
    below = {text.text: float(text.get("y") or 0) for text in plain.iter(SVG + "text")}
    assert ys["found at 1.20 s"] - below["found at 1.20 s"] == added
    (playhead,), (short,) = (of_class(r, "line", "em-playhead") for r in (root, plain))
    assert float(playhead.get("y2") or 0) - float(short.get("y2") or 0) == added
    data = example.matchmap_data
    assert data is not None
    data.matchmap[4, 3, 29] = 3.0  # 1.18 s; the hit, at 1.2 s, is as near to frame 30
    assert "the matchmap is strongest" in describe(example)
    assert "matchmap" not in describe(replace(example, matchmap_data=None))
    assert describe(replace(example, hit=replace(example.hit, time_s=1.19))).endswith("to 1.50 s.")
    assert "strongest at the bottom of the image" in describe(replace(example, hit=replace(example.hit, time_s=1.19)))


@pytest.mark.parametrize("frames", [0, 1])
def test_matchmap_data_of_few_frames(tmp_path: Path, frames: int) -> None:
    example = an_example(matchmap_data=some_matchmap_data(a_query(tmp_path), frames=frames))
    assert [heat[:2] for heat in heats_of(example)] == [(0.0, 100.0)] * 2 * frames
    write_hits_page(tmp_path / "found.html", "dog", [example])
    parsed = Page(tmp_path / "found.html")
    assert_self_contained(parsed)
    assert len(parsed.named("canvas")) == len(parsed.named("input")) == frames


# --- prompts


@pytest.mark.parametrize(
    ("size", "box", "small"),
    [
        ((1000, 500), None, (320, 160)),
        ((22, 27), None, (261, 320)),
        ((5000, 2), None, (320, 1)),
        ((100, 80), (10, 20, 50, 40), (320, 160)),
    ],
)
def test_a_prompt_is_shown_in_one_size_whatever_its_own(
    tmp_path: Path, size: tuple[int, int], box: tuple[int, int, int, int] | None, small: tuple[int, int]
) -> None:
    prompt = Prompt(write_picture(tmp_path / "a.png", size), box)
    with Image.open(io.BytesIO(decoded(prompt_uri(prompt), "image/jpeg"))) as picture:
        assert picture.size == small


def test_a_prompt_is_cropped(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40), "white")
    picture.paste("red", (30, 10, 50, 30))
    picture.save(tmp_path / "a.png")
    with Image.open(
        io.BytesIO(decoded(prompt_uri(Prompt(tmp_path / "a.png", (30, 10, 50, 30))), "image/jpeg"))
    ) as part:
        colours = np.asarray(part, int)
    assert np.abs(colours - (255, 0, 0)).max() < 10


def test_a_part_outside_the_picture_is_not_shown_in_black(tmp_path: Path) -> None:
    prompt = Prompt(write_picture(tmp_path / "a.png", (60, 40)), (30, 10, 90, 30))
    with pytest.raises(EarmarkError, match=r"The crop 30,10,90,30 is no part of .*a\.png, which is 60 pixels wide"):
        prompt_uri(prompt)


# --- the pages


def test_hits_page_shows_query_images_and_matchmap(tmp_path: Path) -> None:
    query = a_query(tmp_path, "ọ̀rọ̀ ajá", count=3)
    data = some_matchmap_data(query, offset_s=7.0, best=1)
    example = an_example(query=query.name, offset_s=7.0, matchmap_data=data, image=write_picture(tmp_path / "own.png"))
    write_hits_page(
        tmp_path / "found.html", query.name, [example, replace(example, matchmap_data=None)], queries=[query]
    )
    parsed = Page(tmp_path / "found.html")
    assert_self_contained(parsed)
    alts = [image["alt"] for image in parsed.named("img")]
    assert alts[:3] == [f"Image {i} of 3 of the query ọ̀rọ̀ ajá" for i in (1, 2, 3)]
    assert alts[3] == "Image 2 of 3 of the query ọ̀rọ̀ ajá"
    assert alts[4] == f"Image attention over it: {strongest(data.image_attention)}."
    assert len(alts) == 7  # and the utterance's own picture, twice
    attention = heat_of(parsed.named("img")[4]["src"] or "")
    np.testing.assert_allclose(attention / 255, data.image_attention, atol=0.5 / 255 + 1e-9)

    (canvas,) = parsed.named("canvas")
    levels = np.frombuffer(base64.b64decode(canvas["data-levels"] or ""), np.uint8).reshape(50, HEIGHT, WIDTH)
    assert (canvas["width"], canvas["height"]) == (str(WIDTH), str(HEIGHT))
    np.testing.assert_allclose(
        levels / 255 * np.ptp(data.matchmap) + data.matchmap.min(),
        np.moveaxis(data.matchmap, 2, 0),
        atol=np.ptp(data.matchmap) * 0.5 / 255 + 1e-9,
    )
    times = [float(canvas[f"data-{name}-s"] or "nan") for name in ("offset", "first", "step")]
    assert times == pytest.approx([7.0, 0.02, 0.04])
    (slider,) = parsed.named("input")
    assert (slider["min"], slider["max"]) == ("0", "49")
    assert data.times_s[int(slider["value"] or 0)] == pytest.approx(8.2, abs=0.021)
    assert "Image attention, in image 2 of 3" in parsed.text
    assert "Query images" in parsed.text


def test_pictures_are_shown_even_where_nothing_was_found(tmp_path: Path) -> None:
    write_hits_page(tmp_path / "found.html", "dog", [], queries=[a_query(tmp_path)])
    parsed = Page(tmp_path / "found.html")
    assert_self_contained(parsed)
    assert [image["alt"] for image in parsed.named("img")] == ["The image of the query dog"]
    assert "Query image" in parsed.text
    assert "Nothing was found." in parsed.text


def test_results_show_matchmaps_of_image_queries_only(tmp_path: Path) -> None:
    example = an_example(matchmap_data=some_matchmap_data(a_query(tmp_path)))
    write_results_page(tmp_path / "report.html", "Photographs", [an_evaluated_run(worst=[example])])
    parsed = Page(tmp_path / "report.html")
    assert_self_contained(parsed)
    assert len(parsed.named("canvas")) == 1
    assert "image attention" in parsed.text
    write_results_page(tmp_path / "report.html", "Photographs", [an_evaluated_run()])
    assert not {"image attention", "matchmap"} & set(
        re.findall("image attention|matchmap", Page(tmp_path / "report.html").text)
    )


def test_a_missing_prompt_is_named(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"gone\.jpg"):
        write_hits_page(
            tmp_path / "found.html", "dog", [], queries=[ImageQuery("dog", (Prompt(tmp_path / "gone.jpg"),))]
        )
    assert not (tmp_path / "found.html").exists()


def test_a_prompt_is_read_once_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.reports import page

    read: list[Path] = []
    real = page.read_image
    monkeypatch.setattr(page, "read_image", lambda path, box=None: (read.append(path), real(path, box))[1])
    query = a_query(tmp_path)
    examples = [an_example(matchmap_data=some_matchmap_data(query)) for _ in range(4)]
    for times in (1, 2):  # a second page reads it again: the file may be another by then
        write_hits_page(tmp_path / "found.html", "dog", examples, queries=[query])
        assert read == [query.prompts[0].path] * times


def test_no_name_of_an_image_query_can_break_a_page(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / '"><img src=x onerror=alert(3)>&.png')
    query = ImageQuery(HOSTILE, (Prompt(picture), Prompt(picture)))
    example = an_example(
        query=HOSTILE, hit=Hit(HOSTILE, HOSTILE, 0.9, 1.2, 1.0, 1.3), matchmap_data=some_matchmap_data(query)
    )
    write_hits_page(tmp_path / "found.html", HOSTILE, [example], queries=[query])
    write_results_page(tmp_path / "report.html", HOSTILE, [an_evaluated_run(best=[example])])
    for name in ("found.html", "report.html"):
        parsed = Page(tmp_path / name)
        assert_self_contained(parsed)
        assert "alert(2)" in parsed.text
    assert "alert(3)" in Page(tmp_path / "found.html").text


def test_matchmap_data_adds_little_to_a_page(tmp_path: Path) -> None:
    query = a_query(tmp_path, size=(1000, 1000))  # noise is the worst case of a picture
    rng = np.random.default_rng(0)
    frames = 500  # 10 s at 50 Hz
    noise = (rng.normal(size=(8, 8, frames)), rng.random((8, 8)), rng.random(frames))
    data = MatchmapData(query, 0, *noise, 0.01 + 0.02 * np.arange(frames))
    example = an_example(seconds=10.0, matchmap_data=data, words=())
    plain, pictured = tmp_path / "plain.html", tmp_path / "pictured.html"
    write_hits_page(plain, "dog", [replace(example, matchmap_data=None)])
    write_hits_page(pictured, "dog", [example])
    assert pictured.stat().st_size - plain.stat().st_size < 120_000


# --- in a browser


ALPHA = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return [...copy.getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 3);
}"""


@pytest.mark.parametrize(("scheme", "width", "offset_s"), [("light", 1280, 59.5), ("dark", 380, 3599.0)])
def test_the_image_shows_the_matchmap_at_the_playhead(
    browser: Any,
    tmp_path: Path,
    scheme: str,
    width: int,
    offset_s: float,
) -> None:
    query = a_query(tmp_path, "ọ̀rọ̀ ajá", count=2)
    data = some_matchmap_data(query, offset_s=offset_s)
    found = an_example(query=query.name, offset_s=offset_s, matchmap_data=data, image=query.prompts[0].path)
    path = tmp_path / "ọ̀rọ̀ found.html"
    write_hits_page(path, query.name, [found, an_example()], queries=[query])

    with visited(browser, path, color_scheme=scheme, viewport={"width": width, "height": 900}) as opened:
        assert opened.evaluate("document.documentElement.scrollWidth") == width, "the page must not scroll sideways"
        assert opened.evaluate(LABELS_THAT_TOUCH) == []

        article = opened.locator("article").first
        canvas, attention = article.locator("canvas"), article.locator("img.heat")
        slider = article.get_by_role("slider", name="Move through the speech")
        overlaid = [article.locator(one).bounding_box() for one in ("img.prompt", "img.heat")]
        assert overlaid[0] == pytest.approx(overlaid[1])
        assert (canvas.is_visible(), attention.is_visible()) == (False, True)

        def shown_frame() -> int:
            """The frame whose matchmap lies over the picture, by its pixels."""
            (same,) = np.flatnonzero((data.levels().reshape(50, -1) == canvas.evaluate(ALPHA)).all(axis=1))
            return int(same)

        start = int(slider.input_value())
        slider.focus()
        for key, frame in (("ArrowRight", start + 1), ("Home", 0), ("End", 49)):
            opened.keyboard.press(key)
            assert shown_frame() == frame
            assert (canvas.is_visible(), attention.is_visible()) == (True, False)
            time = clock(data.times_s[frame])
            words = strongest(data.levels()[frame])
            assert slider.evaluate("slider => slider.ariaValueText") == f"{time}: {words}"
            assert article.locator("figcaption .at-time").inner_text() == f"Matchmap at {time}: {words}"
            x = float((article.locator(".em-playhead").get_attribute("x1") or "")[:-1])
            assert x == pytest.approx(100 * (0.02 + 0.04 * frame) / 2, abs=0.01)
        slider.blur()
        assert (canvas.is_visible(), attention.is_visible()) == (False, True)

        lane = article.locator(".em-ground").last.bounding_box()
        opened.mouse.move(lane["x"] + lane["width"] * 1.22 / 2, lane["y"] + 5)  # the peak, at 1.22 s
        assert shown_frame() == 30
        assert data.levels()[30, 1, 5] == 255
        assert "strongest in the upper right" in article.locator("figcaption .at-time").inner_text()
        opened.mouse.move(2, 2)
        assert attention.is_visible()

        article.get_by_role("button", name="Play all").click()
        until(opened, "document.querySelector('article audio').currentTime > 0.3")
        assert canvas.is_visible()
        assert shown_frame() > 3
        article.locator("button.playing").click()
        assert attention.is_visible()


def test_without_its_script_a_page_still_shows_the_image_attention(browser: Any, tmp_path: Path) -> None:
    query = a_query(tmp_path)
    write_hits_page(
        tmp_path / "found.html", "dog", [an_example(matchmap_data=some_matchmap_data(query))], queries=[query]
    )
    with visited(browser, tmp_path / "found.html", java_script_enabled=False) as opened:
        parts = ("img.heat", "canvas", ".time-slider", ".scripted")
        visible = {part: opened.locator(part).first.is_visible() for part in parts}
        assert visible == {"img.heat": True, "canvas": False, ".time-slider": False, ".scripted": False}
        assert opened.locator("article svg image").count() == 2
