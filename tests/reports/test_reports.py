from __future__ import annotations

import doctest
import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image

from earmark.core.corpus import Word
from earmark.core.costs import NIST
from earmark.core.errors import EarmarkError
from earmark.core.results import (
    ChanceLevels,
    ChanceSpotting,
    Confidence,
    MeasurementConditions,
    Oracle,
    PrecisionRecall,
    ReliabilityBins,
    SpottingLocalisation,
    TermWeighted,
    ThresholdMetrics,
)
from earmark.core.types import Hit
from earmark.reports import page, plots, svg
from earmark.reports.evaluation import write_results_page
from earmark.reports.hits import write_hits_page
from earmark.reports.page import audio_uri, image_uri
from earmark.reports.plots import bars, localisation_plot, reliability
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
    keyword_metrics,
    metrics_of,
    of_class,
    percent_of,
    until,
    visited,
)
from support.media import tone, write_picture

# --- an example


def test_a_short_example_is_its_own_excerpt() -> None:
    example = an_example(seconds=20.0)
    assert example.excerpt() is example


@pytest.mark.parametrize(
    ("time_s", "start_s", "end_s"), [(130.0, 120.0, 140.0), (101.0, 100.0, 120.0), (159.5, 140.0, 160.0)]
)
def test_an_excerpt_lies_around_the_hit_and_within_the_sound(time_s: float, start_s: float, end_s: float) -> None:
    example = an_example(seconds=60.0, offset_s=100.0)
    words = tuple(Word(str(s), 100.0 + s, 100.5 + s) for s in range(60))
    example = replace(example, hit=replace(example.hit, time_s=time_s), words=words)
    excerpt = example.excerpt()
    assert (excerpt.offset_s, excerpt.end_s) == pytest.approx((start_s, end_s))
    first = round((start_s - 100.0) * 16_000)
    np.testing.assert_array_equal(excerpt.waveform, example.waveform[first : first + 320_000])
    points = zip(example.curve_times_s, example.curve, strict=True)
    inside = [(t, score) for t, score in points if start_s <= t <= end_s]
    assert list(zip(excerpt.curve_times_s, excerpt.curve, strict=True)) == inside
    assert [word.word for word in excerpt.words] == [str(s) for s in range(60) if start_s <= 100 + s < end_s]


@pytest.mark.parametrize(
    "wrong",
    [
        {"waveform": np.zeros((2, 100), np.float32)},
        {"waveform": np.zeros(0, np.float32)},
        {"waveform": np.array([0.0, np.nan], np.float32)},
        {"curve": np.zeros(3)},
        {"curve": np.full(50, np.nan)},
    ],
)
def test_an_inconsistent_example_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="example"):
        an_example(**wrong)


# --- drawings


def test_a_localisation_plot_puts_everything_at_its_time() -> None:
    root = drawn(localisation_plot(an_example(offset_s=10.0)))  # 10 s to 12 s, found at 11.2 s
    (dot,) = of_class(root, "circle", "em-dot")
    assert percent_of(dot, "cx") == pytest.approx(60)
    spoken = [
        (percent_of(rect, "x"), percent_of(rect, "x") + percent_of(rect, "width"))
        for rect in of_class(root, "rect", "em-true")
        if "em-wash" in (rect.get("class") or "")
    ]
    assert spoken == [pytest.approx((15, 35), abs=0.3), pytest.approx((55, 75), abs=0.3)]
    found = [path for path in of_class(root, "path", "em-found") if "em-wash" not in (path.get("class") or "")]
    (xs,) = ([float(point.split(",")[0]) for point in re.findall(r"[\d.]+,[\d.]+", p.get("d") or "")] for p in found)
    assert (min(xs), max(xs)) == pytest.approx((500, 650), abs=1000 / plots.COLUMNS)


def test_a_time_is_left_out_only_where_it_would_touch_the_location_or_an_end() -> None:
    root = drawn(localisation_plot(an_example()))  # 2 s, found at 1.2 s
    parsed = {text.text: set((text.get("class") or "").split()) for text in of_class(root, "text", "em-small")}
    wide = [time for time, kinds in parsed.items() if "em-w0" in kinds]
    narrow = [time for time, kinds in parsed.items() if "em-n0" in kinds]
    assert wide == ["0.5 s", "1.5 s"]  # 1 s is 56 px from the middle of "found at 1.20 s", which is 99 px wide
    assert narrow == ["0.5 s"]


def test_a_curve_can_be_read_back_from_its_drawing() -> None:
    example = an_example()
    (line,) = of_class(drawn(localisation_plot(example)), "polyline", "em-stroke")
    points = np.array([[float(v) for v in point.split(",")] for point in (line.get("points") or "").split()])
    np.testing.assert_allclose(points[:, 0] / 1000 * example.duration_s, example.curve_times_s, atol=2e-4)
    np.testing.assert_allclose(1 - points[:, 1] / 100, example.curve, atol=1e-3)


def test_a_waveform_shows_where_it_is_loud() -> None:
    waveform = np.zeros(32_000, np.float32)
    waveform[16_000:24_000] = tone(0.5)
    example = replace(an_example(), waveform=waveform, hit=Hit("a.wav", "dog", 0.5, 5.0, 5.0, 5.0))
    (shape,) = of_class(drawn(localisation_plot(example)), "path", "em-sound")
    points = [tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", shape.get("d") or "")]
    loud = [x for x, y in points if y < 10]
    assert (min(loud), max(loud)) == pytest.approx((500, 750), abs=2 * 1000 / plots.COLUMNS)
    assert min(y for _, y in points) == pytest.approx(1, abs=0.1)  # the loudest sample fills the lane
    assert all(49 < y < 51 for x, y in points if x < 495 or x > 755)


@pytest.mark.parametrize("frames", [0, 1])
def test_a_plot_needs_neither_a_curve_nor_words_nor_sound(frames: int) -> None:
    example = replace(
        an_example(), curve=np.ones(frames), curve_times_s=np.ones(frames), words=(), waveform=np.zeros(5, np.float32)
    )
    root = drawn(localisation_plot(example))
    assert "nan" not in ElementTree.tostring(root, encoding="unicode")
    assert not of_class(root, "rect", "em-true")


def test_another_word_that_the_location_lies_in_is_marked_as_found() -> None:
    missed = an_example(hit=Hit("a.wav", "dog", 0.9, 0.2, 0.1, 0.3))  # in "the"
    root = drawn(localisation_plot(missed))
    kinds = {text.text: (text.get("class") or "").split()[0] for text in root.iter(SVG + "text")}
    assert (kinds["the"], kinds["dog"], kinds["DOG"]) == ("em-found", "em-true", "em-true")
    assert "It lies in “the”." in (root.get("aria-label") or "")
    root = drawn(localisation_plot(an_example()))
    kinds = {text.text: (text.get("class") or "").split()[0] for text in root.iter(SVG + "text")}
    assert (kinds["the"], kinds["DOG"]) == ("em-soft", "em-true")
    assert "lies in" not in (root.get("aria-label") or "")


def test_a_plot_says_in_words_what_it_shows() -> None:
    label = drawn(localisation_plot(an_example())).get("aria-label") or ""
    assert "“dog”: found at 1.20 s, from 1.00 s to 1.30 s, detection score 0.900." in label
    assert "truly spoken from 0.30 s to 0.70 s and from 1.10 s to 1.50 s" in label
    assert "not spoken here" in plots.describe(an_example(query="cat"))
    assert "spoken" not in plots.describe(an_example(words=()))


def test_a_plot_stands_alone_as_a_file() -> None:
    root = drawn(localisation_plot(an_example(), title="Where is “dog” spoken?", subtitle="Found by ear."))
    assert root.tag == SVG + "svg"
    texts = [text.text for text in root.iter(SVG + "text")]
    assert texts[:2] == ["Where is “dog” spoken?", "Found by ear."]
    assert {"the", "dog", "DOG", "found at 1.20 s"} <= set(texts)
    (style,) = root.iter(SVG + "style")
    for light, dark in svg.COLOURS.values():
        assert light != dark
    assert "prefers-color-scheme:dark" in (style.text or "")
    assert of_class(root, "rect", "em-card"), "without a ground of its own it can't be read on every colour"


def test_text_in_another_unicode_form_is_the_same_word() -> None:
    example = an_example(query="ajá", words=(Word("aja\u0301", 0.2, 0.6),))
    assert len(of_class(drawn(localisation_plot(example)), "text", "em-true")) == 1


def test_bars_are_as_long_as_their_figures() -> None:
    root = drawn(bars([("dog", 0.8, 0.4), ("a" * 40, None, 0.2), ("犬", 0.0, None)], ("actual F1", "oracle accuracy")))
    full = 60.0
    thick = [percent_of(rect, "width") for rect in of_class(root, "rect", "em-found")]
    thin = [percent_of(rect, "width") for rect in of_class(root, "rect", "em-true")]
    assert thick == pytest.approx([0.8 * full, 0], abs=0.1)
    assert thin == pytest.approx([0.4 * full, 0.2 * full], abs=0.1)
    titles = [title.text for title in root.iter(SVG + "title")]
    assert titles[0] == "dog: actual F1 80 %, oracle accuracy 40 %"
    assert titles[1] == f"{'a' * 40}: actual F1 –, oracle accuracy 20 %"
    labels = [text.text or "" for text in of_class(root, "text", "em-end")]
    assert labels[0] == "dog"
    assert labels[1].endswith("…")
    assert len(labels[1]) < 16


def test_a_figure_hangs_on_its_own_bar_above_the_other() -> None:
    root = drawn(bars([("dog", 0.0, 1.0), ("cat", 0.3, 0.9), ("cow", None, 0.2)], ("actual F1", "oracle accuracy")))
    figures = [text for text in of_class(root, "text", "em-small") if "em-middle" not in text.get("class", "")]
    assert [text.text for text in figures] == ["0 %", "30 %", "–"]
    assert [percent_of(text, "x") for text in figures] == pytest.approx([27, 27 + 0.3 * 60, 27], abs=0.1)
    for text, thin in zip(figures, of_class(root, "rect", "em-true"), strict=True):
        assert float(text.get("y", "")) < float(thin.get("y", ""))


def test_the_figure_of_a_whole_bar_has_room_on_a_phone() -> None:
    root = drawn(bars([("dog", 1.0, 1.0)], ("actual F1", "oracle accuracy")))
    figure = of_class(root, "text", "em-small")[-1]
    assert figure.text == "100 %"
    phone = 350  # px
    assert phone * percent_of(figure, "x") / 100 + 6 + svg.text_width(figure.text) <= phone


def test_a_reliability_curve_leaves_out_empty_bins() -> None:
    root = drawn(
        reliability(ReliabilityBins(np.array([0.1, np.nan, 0.9]), np.array([0.0, np.nan, 0.5]), np.array([900, 0, 10])))
    )
    dots = [(float(dot.get("cx") or 0), float(dot.get("cy") or 0)) for dot in root.iter(SVG + "circle")]
    (low_x, low_y), (high_x, high_y) = dots
    assert high_x - low_x == pytest.approx(0.8 * 220, abs=0.1)
    assert low_y - high_y == pytest.approx(0.5 * 220, abs=0.1)
    assert "900 pairs with a mean score of 0.10: the keyword is spoken in 0.0 %" in ElementTree.tostring(
        root, encoding="unicode"
    )
    tall = [float(bar.get("height") or 0) for bar in of_class(root, "rect", "em-sound")]
    assert tall == pytest.approx([26, 26 * math.log(11) / math.log(901)], abs=0.1)


def test_a_reliability_curve_without_scores_is_empty() -> None:
    nothing = np.full(10, np.nan)
    root = drawn(reliability(ReliabilityBins(nothing, nothing, np.zeros(10, dtype=int))))
    assert not list(root.iter(SVG + "circle"))
    assert "no scores" in (root.get("aria-label") or "")


def test_no_text_can_break_a_drawing() -> None:
    example = an_example(query=HOSTILE, words=(Word(HOSTILE, 0.1, 1.9),), hit=Hit(HOSTILE, HOSTILE, 0.9, 1.2, 1.0, 1.3))
    for drawing in (localisation_plot(example, HOSTILE, HOSTILE), bars([(HOSTILE, 0.1, 0.2)], (HOSTILE, HOSTILE))):
        root = drawn(drawing)
        assert not list(root.iter(SVG + "script"))
        assert not [element for element in root.iter() if any(name.startswith("on") for name in element.attrib)]
        drawing.encode("utf-8")


@pytest.mark.parametrize("module", [plots, page])
def test_examples_in_docstrings(module: Any) -> None:
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


# --- what a page holds


def test_sound_in_a_page_is_the_sound() -> None:
    times_s = np.arange(32_000) / 16_000
    waveform = (0.4 * np.sin(2 * np.pi * (200 + 300 * times_s) * times_s)).astype(np.float32)
    content = decoded(audio_uri(waveform), "audio/ogg")
    samples, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32")
    assert (sample_rate, samples.shape) == (16_000, waveform.shape)
    assert np.corrcoef(samples, waveform)[0, 1] > 0.98
    assert len(content) < 2 * 8_000


def test_sound_that_is_too_loud_is_clipped() -> None:
    samples, _ = soundfile.read(io.BytesIO(decoded(audio_uri(50 * tone(0.5)), "audio/ogg")))
    assert np.median(np.abs(samples)) == pytest.approx(1, abs=0.1)  # the codec rings at the edges of what was cut


@pytest.mark.parametrize(("size", "small"), [((1000, 500), (320, 160)), ((100, 400), (80, 320)), ((32, 24), (32, 24))])
def test_pictures_in_a_page_are_small(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    path = write_picture(tmp_path / "ọ̀rọ̀ 1.png", size)
    with Image.open(io.BytesIO(decoded(image_uri(path), "image/jpeg"))) as picture:
        assert picture.size == small


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    example = an_example(image=tmp_path / "gone.jpg")
    with pytest.raises(EarmarkError, match=r"gone\.jpg"):
        write_hits_page(tmp_path / "found.html", "dog", [example])
    assert not (tmp_path / "found.html").exists()


# --- the pages


def rows_named(parsed: Page, name: str) -> list[list[str]]:
    return [[cell.strip() for cell in row[1:]] for row in parsed.rows if row[0].strip() == name]


def test_results_show_every_figure_in_its_place(tmp_path: Path) -> None:
    write_results_page(
        tmp_path / "report.html", "Photographs", [an_evaluated_run("VGS"), an_evaluated_run("BoW")], ["Seed 1."]
    )
    parsed = Page(tmp_path / "report.html")
    assert_self_contained(parsed)
    assert rows_named(parsed, "VGS") == [["74.8", "82.9", "65.862.2–69.4|", "87.6", "80.7"]]
    assert rows_named(parsed, "Guessing at random") == [["–", "8.3", "–", "3.1", "–"]]
    expected = {  # strict, released, guessing
        "Detection precision": ["80.1", "–", "–"],
        "Detection recall": ["70.2", "–", "–"],
        "Detection F1": ["74.8", "–", "–"],
        "Average precision": ["77.9", "–", "–"],
        "Mean average precision": ["71.1", "–", "–"],
        "Oracle accuracy": ["82.9", "81.8", "8.3"],
        "Actual precision": ["70.3", "71.7", "–"],
        "Actual recall": ["60.4", "81.6", "–"],
        "Actual F1": ["65.862.2–69.4|", "76.3", "–"],
        "Spotting P@10": ["87.6", "–", "3.1"],
        "Spotting P@N": ["70.5", "–", "–"],
        "Spotting EER": ["10.6", "–", "–"],
        "Localised P@10": ["80.7", "61.5", "–"],
        "Localised P@N": ["–", "51.4", "–"],
        "Mean reciprocal rank": ["92.5", "–", "–"],
        "ATWV": ["-51.2", "–", "–"],
        "MTWV": ["21.3", "–", "–"],
        "OTWV": ["32.4", "–", "–"],
        "STWV": ["93.5", "–", "–"],
        "Cnxe": ["104.5", "–", "–"],
        "minCnxe, affine": ["41.6", "–", "–"],
        "minCnxe, isotonic": ["39.7", "–", "–"],
    }
    for measure, row in expected.items():
        assert rows_named(parsed, measure) == [row, row], measure
    thresholds = {  # precision, recall and F1 of detection, then of actual localisation
        "0.5, the paper’s": ["91.3", "11.2", "21.1", "81.0", "10.9", "10.8"],
        "the best one for all keywords: 0.23": ["74.1", "64.2", "68.8", "64.3", "54.4", "58.9"],
        "one for each keyword: 0.37 to 0.37": ["80.1", "70.2", "74.8", "70.3", "60.4", "65.8"],
    }
    for setting, row in thresholds.items():
        assert rows_named(parsed, setting) == [row, row], setting
    assert rows_named(parsed, "dog") == [["21", "25", "0.37", "50.0", "60.0", "90.0", "70.0", "30.0"]] * 2
    assert "90 % confidence interval" in parsed.text
    assert (
        "a miss costs 1, a false alarm 0.1, the prior is 0.0001, so beta is 999.9; one trial a second." in parsed.text
    )
    assert "means over 3 keywords; the MTWV is reached at the threshold 0.918. Cnxe has the prior 0.052" in parsed.text
    assert "1\N{NARROW NO-BREAK SPACE}350 utterances" in parsed.text
    assert "candidate to listen to, not a fact" in parsed.text
    assert "Seed 1." in parsed.text


def test_keywords_are_sorted_by_actual_f1_and_unknown_ones_come_last(tmp_path: Path) -> None:
    write_results_page(tmp_path / "report.html", "Photographs", [an_evaluated_run()])
    parsed = Page(tmp_path / "report.html")
    assert [row[0] for row in parsed.rows if row[0] in ("ball", "boy", "dog")] == ["dog", "ball", "boy"]
    bar_titles = re.findall(r"<title>(\w+): actual F1 (.+?),", parsed.source)
    assert bar_titles == [("dog", "90 %"), ("ball", "40 %"), ("boy", "–")]


def test_results_without_word_times_or_examples_show_dashes(tmp_path: Path) -> None:
    metrics = metrics_of(
        oracle=Oracle(None),
        actual=PrecisionRecall(None, None, None),
        spotting_localisation=SpottingLocalisation(None, None),
        term_weighted=TermWeighted(None, None, None, None),
        conditions=MeasurementConditions(NIST, NIST.beta, None, None, None),
        chance=ChanceLevels(Oracle(None), ChanceSpotting(0.031)),
        per_keyword={"dog": replace(keyword_metrics(None), occurrences=None)},
        confidence=Confidence(0.95, 1000, {}),
    )
    run = an_evaluated_run(best=[], worst=[], metrics=metrics)
    write_results_page(tmp_path / "report.html", "Photographs", [run])
    parsed = Page(tmp_path / "report.html")
    assert rows_named(parsed, "VGS") == [["74.8", "–", "–", "87.6", "–"]]
    assert not parsed.named("article")
    assert "confidence interval" not in parsed.text
    assert rows_named(parsed, "MTWV") == [["–"] * 3]
    assert "MTWV is reached" not in parsed.text


def test_results_of_a_run_without_a_global_threshold_show_dashes(tmp_path: Path) -> None:
    undefined = PrecisionRecall(None, None, None)
    run = an_evaluated_run(metrics=metrics_of(global_threshold=ThresholdMetrics(None, undefined, undefined)))
    write_results_page(tmp_path / "report.html", "Photographs", [run])
    assert rows_named(Page(tmp_path / "report.html"), "the best one for all keywords") == [["–"] * 6]


def test_results_need_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one run"):
        write_results_page(tmp_path / "report.html", "Photographs", [])


def test_hits_page_ranks_hits_and_starts_sound_at_them(tmp_path: Path) -> None:
    far = an_example(query="ajá", offset_s=58.0, words=(), hit=Hit("orin àárọ̀.wav", "ajá", 0.42, 59.4, 59.1, 59.7))
    write_hits_page(tmp_path / "found.html", "dog and ajá", [an_example(), far], ["Two recordings."])
    parsed = Page(tmp_path / "found.html")
    assert_self_contained(parsed)
    assert parsed.rows[1:] == [
        ["1", "dog", "0.900", "1.20 s", "1.00 s – 1.30 s", "a.wav"],
        ["2", "ajá", "0.420", "59.40 s", "59.10 s – 59.70 s", "orin àárọ̀.wav"],
    ]
    assert [article["id"] for article in parsed.named("article")] == ["hit-1", "hit-2"]
    spans = [(float(b["data-start-s"] or -1), float(b["data-end-s"] or -1)) for b in parsed.named("button")]
    # The hit, at least 0.4 s of it, and the whole, from the start of the waveform.
    assert spans == [pytest.approx(span) for span in ((1.0, 1.4), (0, 2), (1.1, 1.7), (0, 2))]
    assert len(parsed.named("audio")) == 2


def test_a_page_without_hits(tmp_path: Path) -> None:
    write_hits_page(tmp_path / "found.html", "unicorn", [])
    parsed = Page(tmp_path / "found.html")
    assert_self_contained(parsed)
    assert "Nothing was found." in parsed.text


def test_no_name_can_break_a_page(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "a.png")
    example = an_example(
        query=HOSTILE,
        hit=Hit(HOSTILE, HOSTILE, 0.9, 1.2, 1.0, 1.3),
        words=(Word(HOSTILE, 0.1, 1.9),),
        image=image,
        verdict=HOSTILE,
        caption=HOSTILE,
    )
    metrics = metrics_of(
        run=HOSTILE, corpus=HOSTILE, split=HOSTILE, supervision=HOSTILE, per_keyword={HOSTILE: keyword_metrics(0.5)}
    )
    run = an_evaluated_run(HOSTILE, metrics=metrics, best=[example], worst=[example])
    write_results_page(tmp_path / "report.html", HOSTILE, [run, an_evaluated_run()], [HOSTILE])
    write_hits_page(tmp_path / "found.html", HOSTILE, [example], [HOSTILE])
    for name in ("report.html", "found.html"):
        parsed = Page(tmp_path / name)
        assert_self_contained(parsed)
        assert "alert(2)" in parsed.text  # the name is there, as text


def test_a_page_of_sixteen_examples_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = write_picture(tmp_path / "noise.png", (224, 224))  # noise is the worst case of a picture
    examples = [
        an_example(seconds=5.0, image=image, waveform=rng.normal(0, 0.1, 80_000).astype(np.float32)) for _ in range(16)
    ]
    write_results_page(
        tmp_path / "report.html", "Photographs", [an_evaluated_run(best=examples[:8], worst=examples[8:])]
    )
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


# --- in a browser


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_a_page_works_offline_in_a_browser(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    caption = "a brown dog is swimming through water with an orange ball in its mouth"
    words = tuple(Word(word, 0.1 + 0.13 * i, 0.23 + 0.13 * i) for i, word in enumerate(caption.split()))
    example = an_example(words=words, image=write_picture(tmp_path / "a.png"), caption=caption)
    path = tmp_path / "ọ̀rọ̀ report.html"
    write_results_page(
        path, "Photographs", [an_evaluated_run(best=[example], worst=[an_example()]), an_evaluated_run("BoW")]
    )

    with visited(
        browser, path, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    ) as opened:
        paper = svg.COLOURS["paper"][scheme == "dark"]
        red, green, blue = (int(paper[i : i + 2], 16) for i in (1, 3, 5))
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == f"rgb({red}, {green}, {blue})"
        assert opened.evaluate("document.documentElement.scrollWidth") == width, "the page must not scroll sideways"
        assert opened.evaluate(LABELS_THAT_TOUCH) == []

        panels = opened.locator("details.panel[name=keywords]")
        panels.nth(1).locator("summary").first.click()
        assert [panels.nth(i).get_attribute("open") is not None for i in (0, 1)] == [False, True]

        opened.evaluate(
            "window.starts = [];"
            "document.addEventListener('play', (event) => window.starts.push(event.target.currentTime), true)"
        )
        article = opened.locator("article").first
        hit, whole = article.locator("button").nth(0), article.locator("button").nth(1)
        hit.click()
        until(opened, "window.starts.length === 1")
        assert opened.evaluate("window.starts[0]") == pytest.approx(1.0, abs=0.05)
        assert "Stop" in hit.inner_text()
        playhead = article.locator(".em-playhead")
        until(opened, "document.querySelector('article audio').paused")
        assert opened.evaluate("document.querySelector('article audio').currentTime") == pytest.approx(1.4, abs=0.3)
        assert float((playhead.get_attribute("x1") or "")[:-1]) == pytest.approx(70, abs=15)
        assert "Play the hit" in hit.inner_text()

        whole.focus()
        opened.keyboard.press("Enter")
        until(opened, "window.starts.length === 2")
        assert opened.evaluate("window.starts[1]") == pytest.approx(0.0, abs=0.05)
        until(opened, "document.querySelector('article audio').currentTime > 0.1")
        assert playhead.evaluate("line => getComputedStyle(line).visibility") == "visible"
        opened.keyboard.press("Enter")
        assert opened.evaluate("document.querySelector('article audio').paused")
        assert playhead.evaluate("line => getComputedStyle(line).visibility") == "hidden"
        assert article.locator(".playback-error").is_hidden()
