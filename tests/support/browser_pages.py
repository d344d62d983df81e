"""Examples of what pages show, and what pages and drawings hold when they are read back."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from earmark.core.corpus import Word
from earmark.core.costs import NIST
from earmark.core.evaluation_setup import EvaluationSetup
from earmark.core.results import (
    ChanceLevels,
    ChanceSpotting,
    Confidence,
    Detection,
    KeywordDetection,
    KeywordMetrics,
    MeasurementConditions,
    Measures,
    Metrics,
    NormalisedCrossEntropy,
    Oracle,
    PrecisionRecall,
    ReleasedMetrics,
    ReliabilityBins,
    Spotting,
    SpottingLocalisation,
    TermWeighted,
    ThresholdMetrics,
)
from earmark.core.types import Hit
from earmark.reports.evaluation import EvaluatedRun
from earmark.reports.example import Example
from support.media import tone

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x00\udcff'
VOID = {"meta", "img", "br", "link", "input", "hr"}


def an_example(query: str = "dog", seconds: float = 2.0, offset_s: float = 0.0, **other: Any) -> Example:
    """A tone with two true dogs, found in the second one, at six tenths of it."""
    times_s = offset_s + np.arange(0.02, seconds, 0.04)
    peak_s = offset_s + 0.6 * seconds
    example = Example(
        hit=Hit("a.wav", query, 0.9, peak_s, peak_s - 0.2, peak_s + 0.1),
        waveform=tone(seconds),
        offset_s=offset_s,
        curve_times_s=times_s,
        curve=np.exp(-(((times_s - peak_s) / 0.1) ** 2)),
        words=(
            Word("the", offset_s + 0.1, offset_s + 0.3),
            Word("dog", offset_s + 0.3, offset_s + 0.7),
            Word("DOG", peak_s - 0.1, peak_s + 0.3),
        ),
    )
    return replace(example, **other)


def an_evaluated_run(name: str = "VGS", **other: Any) -> EvaluatedRun:
    """Values that all differ, so that none can stand in for another."""
    bins = ReliabilityBins(np.array([0.05, np.nan, 0.9]), np.array([0.02, np.nan, 0.75]), np.array([9000, 0, 40]))
    return replace(EvaluatedRun(name, metrics_of(), [an_example(verdict="right")], [], bins), **other)


def metrics_of(**other: Any) -> Metrics:
    """Metrics whose values all differ."""
    measures = Measures(
        detection=Detection(0.801, 0.702, 0.748, 0.779, 0.711),
        oracle=Oracle(0.829),
        actual=PrecisionRecall(0.703, 0.604, 0.658),
        spotting=Spotting(0.876, 0.705, 0.106, 0.925),
        spotting_localisation=SpottingLocalisation(0.807, None),
        term_weighted=TermWeighted(-0.512, 0.213, 0.324, 0.935),
        cross_entropy=NormalisedCrossEntropy(1.045, 0.416, 0.397),
        conditions=MeasurementConditions(NIST, NIST.beta, 3, 0.918, 0.052),
        released=ReleasedMetrics(
            Oracle(0.818), PrecisionRecall(0.717, 0.816, 0.763), SpottingLocalisation(0.615, 0.514)
        ),
        fixed_threshold=ThresholdMetrics(
            0.5, PrecisionRecall(0.913, 0.112, 0.211), PrecisionRecall(0.81, 0.109, 0.108)
        ),
        global_threshold=ThresholdMetrics(
            0.234, PrecisionRecall(0.741, 0.642, 0.688), PrecisionRecall(0.643, 0.544, 0.589)
        ),
        chance=ChanceLevels(Oracle(0.083), ChanceSpotting(0.031)),
        per_keyword={word: keyword_metrics(f1) for word, f1 in (("ball", 0.4), ("boy", None), ("dog", 0.9))},
        confidence=Confidence(0.9, 1000, {"actual.f1": (0.622, 0.694)}),
    )
    setup = EvaluationSetup(
        schema_version=1,
        earmark="0.1.0",
        run="runs/first",
        corpus="photos",
        split="test",
        supervision="vgs",
        architecture="earmark",
        features="mfcc",
        localisation="score-aggregation",
        queries="written",
        query_images=None,
        agreement=None,
        utterances=1350,
        keywords=3,
    )
    return replace(Metrics.of(setup, measures), **other)


def keyword_metrics(f1: float | None) -> KeywordMetrics:
    return KeywordMetrics(
        detection=KeywordDetection(None, None, 0.5, None),
        actual=PrecisionRecall(None, None, f1),
        oracle=Oracle(0.6),
        spotting=Spotting(0.7, None, None, None),
        spotting_localisation=SpottingLocalisation(0.3, None),
        occurrences=25,
        utterances=21,
        threshold=0.37,
    )


class Page(HTMLParser):
    """A page as its tags, table rows and visible text; unbalanced tags are an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute of <{tag}> is there twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data + "|" if "small" in self._open else data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# What holds two slashes and is no address, or none that is followed: base64 may.
NO_ADDRESS = r'http://www\.w3\.org/2000/svg|data:[^"]*|data-levels="[^"]*"'


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def of_class(root: ElementTree.Element, tag: str, kind: str) -> list[ElementTree.Element]:
    return [element for element in root.iter(SVG + tag) if kind in (element.get("class") or "").split()]


def percent_of(element: ElementTree.Element, name: str) -> float:
    value = element.get(name)
    assert value is not None
    assert value.endswith("%")
    return float(value[:-1])


def decoded(uri: str, kind: str) -> bytes:
    head, content = uri.split(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(content)


def assert_self_contained(parsed: Page) -> None:
    """Nothing is loaded from outside, and the one script is the one that the page's policy names."""
    for tag, attributes in parsed.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                assert (value or "").startswith(("data:", "#")), f"<{tag} {name}={value}>"
            assert not name.startswith("on")
    assert parsed.source.count("<script") == len(parsed.named("script")) == 1
    assert "@import" not in parsed.source
    assert "url(" not in parsed.source
    assert "//" not in re.sub(NO_ADDRESS, "", without_script(parsed.source))
    script = re.findall(r"<script>(.*?)</script>", parsed.source, flags=re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(m["content"] for m in parsed.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy or "")
    assert f"script-src 'sha256-{digest}'" in (policy or "")
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.tags:
        for name in ("aria-labelledby", "href"):
            target = attributes.get(name) or ""
            if name == "aria-labelledby" or target.startswith("#"):
                assert not target or target.lstrip("#") in ids
    assert all(image.get("alt") for image in parsed.named("img"))
    assert all(drawing.get("aria-label") for drawing in parsed.named("svg") if drawing.get("role") == "img")


def without_script(source: str) -> str:
    return re.sub(r"<script>.*?</script>", "", source, flags=re.DOTALL)


@contextmanager
def visited(browser: Any, path: Path, **how: Any) -> Iterator[Any]:
    """A page opened offline; at the end it must have logged nothing and requested nothing outside its file."""
    context = browser.new_context(offline=True, **how)
    opened = context.new_page()
    problems: list[str] = []
    requests: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(path.as_uri())
    yield opened
    assert not problems
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def until(opened: Any, condition: str) -> None:
    """Wait for a condition; Playwright's own way needs eval, which the page's policy forbids."""
    for _ in range(250):
        if opened.evaluate(condition):
            return
        opened.wait_for_timeout(20)
    pytest.fail(f"still not so after 5 s: {condition}")


LABELS_THAT_TOUCH = """() => {
  const touching = [];
  for (const drawing of document.querySelectorAll("article svg[role=img]")) {
    const visible = [...drawing.querySelectorAll("text")].filter((t) => getComputedStyle(t).visibility === "visible");
    const boxes = visible.map((t) => [t.textContent, t.getBoundingClientRect()]);
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 0.5 && down > 4) touching.push([a, b]);
    }));
  }
  return touching;
}"""
