"""Security of the server: each test fails if its check is taken away."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import inspect, select

from earmark.archive.archive import Archive
from earmark.archive.judgements import judgements
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.recipe import Recipe
from earmark.web import server as serving
from earmark.web.security import HEADERS, MAX_BODY_BYTES
from support.live_server import (
    ADDRESS,
    HOSTILE_NAME,
    PAGE_HEADERS,
    client_of,
    copy_archive,
    number_of,
    sentence,
    write_served,
)

JUDGEMENT = {"query": "dog", "position": "1:1:1.00", "verdict": "yes", "start_s": 0.5, "end_s": 1.5}
TOKEN = "correct horse"


@pytest.fixture(scope="module")
def original(tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served(tmp_path_factory.mktemp("safe"), tiny_pictured_recipe)


@pytest.fixture
def archive(original: Path, tmp_path: Path) -> Archive:
    return copy_archive(original, tmp_path / "archive")


@pytest.fixture
def client(archive: Archive) -> Iterator[TestClient]:
    with client_of(archive) as opened:
        yield opened


# Paths


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/etc/passwd",
        "/archive.json",
    ],
)
def test_no_file_but_the_pages_own_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404, 405)
    assert "root:" not in answer.text
    assert "import" not in answer.text


@pytest.mark.parametrize("number", ["../1", "1%2f..%2f..", "0", "-1", "9" * 30, "1e0", "1.5", "%00", "one"])
def test_recordings_are_named_by_number_alone(client: TestClient, number: str) -> None:
    for what in ("", "/file", "/sound?start_s=0&end_s=1", "/peaks?start_s=0&end_s=1"):
        assert client.get(f"/api/recordings/{number}{what}").status_code in (400, 404, 422)


def test_a_link_that_took_a_recordings_place_leads_nowhere(
    archive: Archive, client: TestClient, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    number = number_of(client, "tape.wav")
    with archive.writing() as connection:
        path = tmp_path / "tape.wav"
        path.symlink_to(secret)
        connection.execute(recordings.update().where(recordings.c.id == number).values(path=str(path)))
    answer = client.get(f"/api/recordings/{number}/file")
    assert answer.status_code in (404, 409)
    assert "secret" not in answer.text


# Who asks


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "", "127.0.0.2"]
)
def test_a_name_that_was_made_to_point_here_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/archive", headers={"Host": host}).status_code == 421
    assert client.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost:8765", "LOCALHOST", "[::1]", "[::1]:8765"])
def test_this_machine_is_let_in_by_any_of_its_names(client: TestClient, host: str) -> None:
    assert client.get("/api/archive", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},  # no address at all
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1:8765.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Earmark": "0"},
    ],
)
def test_another_sites_page_changes_nothing(archive: Archive, client: TestClient, headers: dict[str, str]) -> None:
    number = client.post("/api/judgements", json=JUDGEMENT, headers={"Origin": ADDRESS}).json()["id"]
    sentence(client.post("/api/judgements", json=JUDGEMENT | {"verdict": "no"}, headers=headers), 403)
    sentence(client.delete(f"/api/judgements/{number}", headers=headers), 403)
    sentence(client.post("/api/search/picture", content=b"x", headers=headers | {"Content-Type": "image/png"}), 403)
    assert [one.verdict for one in judgements(archive)] == ["yes"]


def test_a_form_without_our_header_changes_nothing(archive: Archive, client: TestClient) -> None:
    del client.headers["X-Earmark"]
    sentence(client.post("/api/judgements", json=JUDGEMENT), 403)
    assert judgements(archive) == []


def test_browsers_may_not_request_from_elsewhere(client: TestClient) -> None:
    params = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for path in ("/api/judgements", "/api/archive"):
        answers = [client.options(path, headers=params), client.get(path, headers=params)]
        assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


# With a token


@pytest.fixture
def guarded(archive: Archive) -> Iterator[TestClient]:
    with client_of(archive, token=TOKEN) as opened:
        yield opened


def test_requests_without_the_token(guarded: TestClient) -> None:
    for path in ("/", "/static/main.js", "/api/archive", "/api/openapi.json", "/nothing"):
        sentence(guarded.get(path), 401)
        sentence(guarded.get(path, headers={"Authorization": "Bearer wrong"}), 401)
        sentence(guarded.get(f"{path}?token=wrong"), 401)
    sentence(guarded.post("/api/judgements", json=JUDGEMENT), 401)
    sentence(guarded.post(f"/api/judgements?token={TOKEN}", json=JUDGEMENT), 401)  # an address alone changes nothing


def test_the_token_opens_by_header_and_once_by_address(guarded: TestClient) -> None:
    assert guarded.get("/api/archive", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = guarded.get("/", params={"token": TOKEN, "query": "ọmọ"})
    assert answer.status_code == 303
    assert "token" not in answer.headers["location"]
    assert "query=" in answer.headers["location"]
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/api/archive").status_code == 200  # the cookie was kept


def test_the_token_never_leads_to_another_site(guarded: TestClient) -> None:
    answer = guarded.get("//evil.example/", params={"token": TOKEN})
    assert not answer.headers.get("location", "/").startswith("//")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", "0"])
def test_others_can_reach_the_archive_only_with_a_token(original: Path, host: str) -> None:
    with pytest.raises(EarmarkError, match="--token"):
        serving.serve(original, host, 0, None, print)
    with pytest.raises(EarmarkError, match="token is empty"):
        serving.serve(original, host, 0, " ", print)


# What is brought


def test_a_huge_upload_is_refused_before_it_is_read(client: TestClient) -> None:
    sentence(client.post("/api/search/picture", content=b"0" * (MAX_BODY_BYTES + 1), headers=_picture()), 413)


def test_a_huge_upload_that_does_not_say_so_is_refused_on_the_way(client: TestClient) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(MAX_BODY_BYTES // 1_000_000 + 5):
            sent += 1_000_000
            yield b"0" * 1_000_000

    sentence(client.post("/api/search/picture", content=chunks(), headers=_picture()), 413)


def test_pictures_that_are_none(client: TestClient) -> None:
    broken = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(broken, "PNG")
    for content in (b"", b"GIF89a", b"<svg onload='alert(1)'/>", broken.getvalue()[:60], os.urandom(2000)):
        answer = client.post("/api/search/picture", content=content, headers=_picture())
        assert answer.status_code in (400, 415)
        sentence(answer, answer.status_code)


def test_a_picture_that_would_fill_the_memory(client: TestClient) -> None:
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < MAX_BODY_BYTES
    answer = client.post("/api/search/picture", content=bomb.getvalue(), headers=_picture())
    assert answer.status_code in (400, 413, 415)
    sentence(answer, answer.status_code)


def test_a_recording_that_became_something_else(archive: Archive, client: TestClient, tmp_path: Path) -> None:
    number = number_of(client, "tape.wav")
    for name, content in (("noise.wav", os.urandom(5000)), ("gone.wav", None), ("text.wav", b"RIFF")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with archive.writing() as connection:
            here = {"path": str(path), "folder": str(tmp_path)}
            connection.execute(recordings.update().where(recordings.c.id == number).values(here))
        answer = client.get(f"/api/recordings/{number}/sound", params={"start_s": 0, "end_s": 1})
        assert answer.status_code in (404, 409)
        sentence(answer, answer.status_code)
    assert client.get("/api/search", params={"query": "dog"}).status_code == 200


# What is written


def test_names_are_text_and_nothing_more(archive: Archive, client: TestClient) -> None:
    answer = client.get("/api/search", params={"query": "snow", "top": 100})
    assert HOSTILE_NAME in {hit["name"] for hit in answer.json()["hits"]}
    assert answer.headers["content-type"].startswith("application/json")
    for text in ("'; DROP TABLE recordings; --", "<script>alert(1)</script>", "%", "_", "\\", '" OR 1=1 --'):
        for name in ("query", "folder", "speaker", "date", "language"):
            answer = client.get("/api/search", params={"query": "dog"} | {name: text})
            assert answer.status_code in (200, 400, 404)
            if answer.status_code == 200:
                assert answer.json()["hits"] == []
    tables = set(inspect(archive.engine).get_table_names())
    assert {"recordings", "judgements", "postings"} <= tables
    with archive.reading() as connection:
        assert len(connection.execute(select(recordings.c.id)).all()) == 3


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1", "1e400", "99999999999999999999", "", "\x00", "٣"])
def test_numbers_that_are_none(client: TestClient, number: str) -> None:
    for name in ("top", "fa_per_hour", "min_score"):
        assert client.get("/api/search", params={"query": "dog", name: number}).status_code < 500
    for name in ("start_s", "end_s", "count", "channel"):
        for what in ("peaks", "sound"):
            params = {"start_s": "0", "end_s": "1", name: number}
            assert client.get(f"/api/recordings/1/{what}", params=params).status_code < 500
    for name in ("start_s", "end_s"):
        text = (
            f'{{"query": "dog", "position": "1:1:1.0", "verdict": "yes", "start_s": 0, "end_s": 1, "{name}": {number}}}'
        )
        answer = client.post("/api/judgements", content=text.encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code < 500


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x" * 100_000])
def test_texts_that_no_one_writes(client: TestClient, text: str) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass")[:5000])
    for name in ("query", "folder", "speaker"):
        answer = client.get(f"/api/search?{name}={encoded}" + ("" if name == "query" else "&query=dog"))
        assert answer.status_code < 500
    for name in ("query", "position", "verdict"):
        body = json.dumps(JUDGEMENT | {name: text}).encode()
        answer = client.post("/api/judgements", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500


# What every answer carries


def test_every_answer_tells_the_browser_to_load_nothing_from_elsewhere(client: TestClient) -> None:
    answers: list[Any] = [
        client.get("/"),
        client.get("/static/main.js"),
        client.get("/api/archive"),
        client.get("/nothing"),
        client.get("/api/search?query=unknown"),
        client.get("/", headers={"Host": "evil.example"}),
        client.post("/api/judgements", json=JUDGEMENT, headers={"X-Earmark": "0"}),
    ]
    for answer in answers:
        for name, value in HEADERS.items():
            if name != "Cache-Control":
                assert answer.headers[name] == value
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_pages_that_load_scripts_from_elsewhere_are_off(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404


def test_internal_errors_are_not_disclosed(archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"secret in {tmp_path}")

    with client_of(archive) as client:
        monkeypatch.setattr("earmark.web.routes.search.judging_list", fail)
        detail = sentence(client.get("/api/search", params={"query": "dog"}), 500)
        assert "secret" not in detail


def _picture() -> dict[str, str]:
    return PAGE_HEADERS | {"Content-Type": "image/png"}
