from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import earmark
import webvtt
from earmark.archive.export import Collection, Marked, MarkedRecording, exporter


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    earmark.register("export", "webvtt", webvtt)
    yield
    earmark.unregister("export", "webvtt")


def test_cues_are_in_order_and_escaped(tmp_path: Path) -> None:
    hits = (
        Marked(earmark.Hit("a.wav", "ọmọ\n& <b>", 0.5, 3725.5, 3725.1234, 3726.0), verdict="yes"),
        Marked(earmark.Hit("a.wav", "dog", 0.876, 1.5, 1.25, 1.25)),
        Marked(earmark.Hit("a.wav", "snow", 0.9, 2.0, 1.9, 2.1), verdict="no"),
    )
    recording = MarkedRecording(Path("a.wav"), "a", 4000.0, 1, hits)
    rejected = MarkedRecording(Path("b.wav"), "b", 10.0, 1, hits[2:])
    files = exporter("webvtt").write(Collection("archive", "model", "", "", (recording, rejected)), tmp_path / "new")
    assert files == [tmp_path / "new" / "a.vtt"]
    assert files[0].read_text(encoding="utf-8") == (
        "WEBVTT\n\n00:00:01.250 --> 00:00:01.251\ndog 0.88\n\n01:02:05.123 --> 01:02:06.000\nọmọ &amp; &lt;b&gt; ✓\n"
    )


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"] == {"earmark.archive.export": {"webvtt": webvtt.__name__}}
