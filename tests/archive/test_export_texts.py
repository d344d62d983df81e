"""Exports as subtitles, as FLEx's interlinear texts, and as an index for OHMS."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from earmark.archive.export import exporter
from earmark.media.annotations.flextext import read_flextext
from support.exports import collection, marked, recording, sound


@pytest.fixture
def market(tmp_path: Path):
    path = sound(tmp_path / "ọjà & <b>.wav")
    hits = (
        marked("ajá", 3.1, 3.9),
        marked("a --> b <i>", 1.25, 1.5, None),
        marked("omi", 9.9, 10.2, "related"),
        marked("ilé", 5, 6, "no"),
    )
    about = {"speaker": "Adé", "language": "yo", "date": "2019-04-12", "consent": "for kin"}
    return collection(recording(path, *hits, **about), licence="CC BY")


def written(name: str, market, out: Path) -> str:
    [path] = [path for path in exporter(name).write(market, out) if path.name != "LICENCE AND CONSENT.txt"]
    assert path.name.startswith(market.recordings[0].name)
    return path.read_text("utf-8")


def test_srt(market, tmp_path: Path) -> None:
    assert written("srt", market, tmp_path / "out") == (
        "1\n00:00:01,250 --> 00:00:02,050\na → b <i>?\n\n"
        "2\n00:00:03,100 --> 00:00:03,900\najá\n\n"
        "3\n00:00:09,900 --> 00:00:10,000\nomi (related)\n"
    )


def test_vtt_is_what_a_browser_reads(market, tmp_path: Path) -> None:
    text = written("vtt", market, tmp_path / "out")
    head, *blocks = text.split("\n\n")
    assert head == "WEBVTT"
    assert blocks[0] == "00:00:01.250 --> 00:00:02.050\na → b &lt;i&gt;?"
    times = re.findall(r"^(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})$", text, re.MULTILINE)
    assert len(times) == 3
    assert all(start < end for start, end in times)


@pytest.mark.browser
def test_vtt_in_a_browser(market, tmp_path: Path, browser) -> None:
    text = written("vtt", market, tmp_path / "out")
    page = browser.new_page()
    page.set_content("<video></video>")
    cues = page.evaluate(
        """async (text) => {
          const track = document.createElement("track");
          track.src = URL.createObjectURL(new Blob([text], { type: "text/vtt" }));
          document.querySelector("video").append(track);
          track.track.mode = "hidden";
          await new Promise((resolve) => track.addEventListener("load", resolve));
          return [...track.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.getCueAsHTML().textContent]);
        }""",
        text,
    )
    page.close()
    assert cues == [[1.25, 2.05, "a → b <i>?"], [3.1, 3.9, "ajá"], [9.9, 10.0, "omi (related)"]]


def test_flextext_is_read_as_it_was_written(market, tmp_path: Path) -> None:
    written("flextext", market, tmp_path / "out")
    [path] = (tmp_path / "out").glob("*.flextext")
    phrases = read_flextext(path)
    assert [(p.start_s, p.end_s, p.texts["yo"], p.speaker) for p in phrases] == [
        (1.25, 1.5, "a --> b <i>", "Adé"),
        (3.1, 3.9, "ajá", "Adé"),
        (9.9, 10.2, "omi", "Adé"),
    ]
    assert str(market.recordings[0].path) in phrases[0].media[0].paths
    root = ET.parse(path).getroot()
    notes = [item.text for item in root.iter("item") if item.get("type") == "note"]
    assert notes == ["a --> b <i>?", "omi (related)"]
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len(guids) == len(set(guids))
    before = path.read_bytes()
    exporter("flextext").write(market, tmp_path / "out")
    assert path.read_bytes() == before  # the same hits keep their ids


def test_ohms_has_a_point_a_hit(market, tmp_path: Path) -> None:
    root = ET.fromstring(written("ohms", market, tmp_path / "out"))
    ns = {"o": "https://www.weareavp.com/nunncenter/ohms"}
    record = root.find("o:record", ns)
    assert record is not None
    assert record.get("dt") == "2019-04-12"
    assert (record.get("id") or "").isdecimal()
    points = [
        (point.findtext("o:time", "", ns), point.findtext("o:title", "", ns), point.findtext("o:keywords", "", ns))
        for point in root.iterfind(".//o:index/o:point", ns)
    ]
    assert points == [("1", "a --> b <i>?", "a --> b <i>"), ("3", "ajá", "ajá"), ("9", "omi (related)", "omi")]
    assert record.findtext("o:rights", "", ns) == "CC BY"
    assert record.findtext("o:usage", "", ns) == "for kin"
