"""Clips and words of the lexicon in the API, and on the page in a real Chromium."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from earmark.archive.archive import Archive
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import query_key
from earmark.archive.lexicon import get_word, lexicon
from earmark.archive.search_by_clip import search_clips
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import SpokenQuery
from earmark.recipe import feature_settings
from support.live_server import client_of
from support.page_server import page_server

PLACES_S = (5.0, 30.0)


def word(pitch: float = 1.0) -> np.ndarray:
    t = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [sum(np.sin(2 * np.pi * f * pitch * k * t) / k for k in (1, 2, 3)) for f in (300, 2400, 700, 1500)]
    return 0.2 * np.concatenate([tone * np.hanning(len(t)) for tone in tones])


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    rng = np.random.default_rng(0)
    sound = 0.004 * rng.standard_normal(50 * SAMPLE_RATE)
    t = np.arange(round(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
    for start_s in np.arange(0.5, 49, 1.1):
        first = round(start_s * SAMPLE_RATE)
        if all(abs(start_s - place) > 1.1 for place in PLACES_S):
            sound[first : first + len(t)] += 0.1 * np.sin(2 * np.pi * (rng.uniform(200, 3000) + 200 * t) * t)
    for place in PLACES_S:
        first = round(place * SAMPLE_RATE)
        sound[first : first + len(word())] += word()
    (tmp_path / "media").mkdir()
    soundfile.write(tmp_path / "media" / "a.wav", sound, SAMPLE_RATE)
    made = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(made, [tmp_path / "media"], ThreadExecutor(1))
    yield made
    made.close()


@pytest.fixture
def client(archive: Archive) -> Iterator[TestClient]:
    with client_of(archive) as opened:
        yield opened


def wav(sound: np.ndarray) -> bytes:
    quiet = np.zeros(4000)
    content = io.BytesIO()
    soundfile.write(content, np.concatenate([quiet, sound, quiet]), SAMPLE_RATE, format="WAV")
    return content.getvalue()


def upload(client: TestClient, content: bytes, kind: str = "audio/wav") -> Any:
    return client.post("/api/clips", content=content, headers={"Content-Type": kind})


def search(client: TestClient, query: str, top: int = 5) -> Any:
    return client.get("/api/search", params={"query": query, "top": top})


def test_a_clip_is_found_named_and_found_again(client: TestClient, archive: Archive) -> None:
    key = upload(client, wav(word(1.02))).json()["query"]
    answer = search(client, key).json()
    assert answer["query"] == key
    assert key.startswith("clip:")
    assert sorted(hit["time_s"] for hit in answer["hits"][:2]) == pytest.approx([5.4, 30.4], abs=0.3)
    best = answer["hits"][0]
    judgement = {"query": answer["query"], "verdict": "yes", "score": best["score"]}
    judgement |= {name: best[name] for name in ("position", "start_s", "end_s")}
    assert client.post("/api/judgements", json=judgement).status_code == 200
    assert (
        client.get("/api/curve", params={"query": answer["query"], "position": best["position"]}).json()["curve"] == []
    )

    named = client.post("/api/lexicon", json={"word": "Mbwa", "query": answer["query"]})
    assert named.json() == {"word": "Mbwa", "spellings": [], "notes": "", "clips": 1, "accepted": 1}
    assert client.get("/api/lexicon").json() == [named.json()]
    again = search(client, "mbwa").json()
    assert again["judged"] == {"yes": 1, "related": 0, "no": 0}
    assert sorted(hit["time_s"] for hit in again["hits"][:2]) == pytest.approx([5.4, 30.4], abs=0.3)
    other = next(hit for hit in again["hits"] if hit["verdict"] is None)
    judgement = {"query": "Mbwa", "verdict": "yes", **{name: other[name] for name in ("position", "start_s", "end_s")}}
    client.post("/api/judgements", json=judgement)
    assert len(get_word(archive, "mbwa").accepted) == 2


def test_several_clips_and_what_is_not_meant_are_one_query(
    client: TestClient, archive: Archive, tmp_path: Path
) -> None:
    sounds = {"a": word(1.02), "b": word(0.98), "not": word(1.3)}
    for name, sound in sounds.items():
        (tmp_path / f"{name}.wav").write_bytes(wav(sound))
    keys = [upload(client, wav(sound)).json()["query"] for sound in sounds.values()]
    one, other, unwanted = (key.removeprefix("clip:") for key in keys)
    answer = search(client, f"clip:{other}+{one}-{unwanted}").json()
    query = SpokenQuery("a clip", (tmp_path / "a.wav", tmp_path / "b.wav"), (tmp_path / "not.wav",))
    assert answer["query"] == query_key(query) == f"clip:{'+'.join(sorted((one, other)))}-{unwanted}"
    expected = search_clips(archive, query, 5)
    assert [(hit["position"], hit["score"]) for hit in answer["hits"]] == [
        (str(hit.position), pytest.approx(hit.hit.score, abs=1e-3)) for hit in expected
    ]
    best = answer["hits"][0]
    judgement = {"query": answer["query"], "verdict": "yes", "score": best["score"]}
    client.post("/api/judgements", json=judgement | {name: best[name] for name in ("position", "start_s", "end_s")})
    assert search(client, answer["query"]).json()["judged"]["yes"] == 1
    client.post("/api/lexicon", json={"word": "mbwa", "query": answer["query"]})
    named = get_word(archive, "mbwa")
    assert (len(named.clips), len(named.not_clips), len(named.accepted)) == (2, 1, 1)


def test_an_example_of_the_archive_gets_a_name(client: TestClient, archive: Archive) -> None:
    named = client.post("/api/lexicon", json={"word": "mbwa", "query": "example:1:1:5.40"})
    assert (named.json()["clips"], named.json()["accepted"]) == (0, 1)
    hits = search(client, "mbwa").json()["hits"]
    assert sorted(hit["time_s"] for hit in hits[:2]) == pytest.approx([5.4, 30.4], abs=0.3)


def test_what_is_no_clip_or_no_query_is_refused(client: TestClient, archive: Archive) -> None:
    assert upload(client, b"no sound").status_code == 400
    assert upload(client, wav(word()), "text/plain").status_code == 415
    silent = upload(client, wav(np.zeros(8000))).json()["query"]
    assert search(client, silent).status_code == 400
    stored = upload(client, wav(word())).json()["query"]
    for other in ("clip:0123456789abcdef", f"{stored}+0123456789abcdef", f"{stored}-0123456789abcdef"):
        assert search(client, other).status_code == 404
    for malformed in ("clip:../../etc/passwd", "clip:", f"clip:-{stored[5:]}", f"{stored}--"):
        assert search(client, malformed).status_code == 404
    for query, status in (("clip:0123456789abcdef", 404), ("mbwa", 400), ("example:x", 400)):
        assert client.post("/api/lexicon", json={"word": "mbwa", "query": query}).status_code == status
    assert lexicon(archive) == []


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_the_page_takes_a_clip_and_gives_it_a_name(archive: Archive, browser: Any, tmp_path: Path) -> None:
    for name, pitch in (("mbwa.wav", 1.0), ("mbwa-2.wav", 1.01), ("maji.wav", 1.3)):
        (tmp_path / name).write_bytes(wav(word(pitch)))
    with page_server(archive) as server:
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(server.address)
        page.locator("body[data-started]").wait_for(state="attached")
        page.click("#choose-clip")
        page.set_input_files("#clip-file", str(tmp_path / "mbwa.wav"))
        page.locator("#clip-find:enabled").wait_for()
        assert 100 < int(page.input_value("#clip-start")) < 250  # 0.25 s of 1.3 s are quiet, but for a margin
        page.click("#clip-find")
        page.locator("#list li").first.wait_for()
        assert page.locator("#query-chip").is_visible()
        page.click("#choose-clip")  # what was searched with is there, to be added to
        assert page.locator("#clip-takes li").count() == 1
        for name, button in (("mbwa-2.wav", "#clip-keep"), ("maji.wav", "#clip-exclude")):
            page.set_input_files("#clip-file", str(tmp_path / name))
            page.locator(f"{button}:enabled").click()
        assert page.locator("#clip-takes li").all_inner_texts() == [
            "Example, 1 s\nRemove",
            "Example, 1 s\nRemove",
            "Not meant, 1 s\nRemove",
        ]
        page.click("#clip-find")
        page.wait_for_url("**/*%2B*-*")
        page.locator("#list li").first.wait_for()
        page.fill("#word-name", "mbwa")
        page.press("#word-name", "Enter")
        page.locator("#naming").wait_for(state="hidden")
        page.goto(server.address)
        page.locator("#lexicon button").click()
        page.locator("#list li").first.wait_for()
        assert problems == []
        page.close()
    named = get_word(archive, "mbwa")
    assert (len(named.clips), len(named.not_clips)) == (2, 1)
