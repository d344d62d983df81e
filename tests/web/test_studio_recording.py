"""The recorder's API: speakers, consents, prompts and takes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from earmark.studio.project import Project
from earmark.web import security
from support.live_server import sentence
from support.studio_server import studio_client, take_id, take_parameters, write_project
from support.take_writer import wav

SPEAKERS = "/api/studio/speakers"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return write_project(tmp_path / "my language")


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    with studio_client(project) as opened:
        opened.post(SPEAKERS, json={"name": "Ọlá", "languages": ["Kiswahili"]})
        opened.post(SPEAKERS, json={})
        yield opened


def put(client: TestClient, content: bytes, number: int = 1, speaker: str = "s01", **values: Any) -> Any:
    path = f"{SPEAKERS}/{speaker}/takes/{take_id(number)}"
    return client.put(path, params=take_parameters(content, **values), content=content)


def table(project: Project) -> list[dict[str, str]]:
    with (project.folder / "utterances.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_speakers_are_added_and_changed(client: TestClient) -> None:
    first, second = client.get(SPEAKERS).json()
    assert (first["id"], first["name"], first["languages"]) == ("s01", "Ọlá", ["Kiswahili"])
    assert (second["id"], second["name"], second["prompts"], second["consents"]) == ("s02", "", 3, [])
    changed = client.post(f"{SPEAKERS}/s02", json={"access": "closed", "note": "by phone"}).json()
    assert (changed["access"], changed["note"]) == ("closed", "by phone")
    sentence(client.post(f"{SPEAKERS}/s02", json={"access": "all"}), 422)
    sentence(client.post(f"{SPEAKERS}/s09", json={"name": "x"}), 404)
    sentence(client.post(f"{SPEAKERS}/..%2fs01", json={"name": "x"}), 404)


def test_a_session_goes_through_the_prompts(client: TestClient, project: Project) -> None:
    session = client.get(f"{SPEAKERS}/s01/session").json()
    assert [session["speaker"], session["has_consent"], len(session["prompts"])] == ["s01", False, 3]
    assert session["consent_text"] == "You may use my voice for research."
    first, second, third = (prompt["id"] for prompt in session["prompts"])
    content = wav(1)
    stored = put(client, content, item=first, settings='{"echoCancellation": false}', clock_s=0.3).json()
    assert (stored["item"], stored["version"], stored["warnings"]) == (first, 1, [])
    assert put(client, wav(2), 2, item=first, recorded_at="2026-01-01T00:00:01Z").json()["version"] == 2
    client.post(f"{SPEAKERS}/s01/skips", json={"item": second})
    states = client.get(f"{SPEAKERS}/s01/session").json()["prompts"]
    assert [(state["takes"], state["is_skipped"]) for state in states] == [(2, False), (0, True), (0, False)]
    assert client.get(f"{SPEAKERS}/s01/picture", params={"item": third}).headers["content-type"] == "image/jpeg"
    assert client.get(f"{SPEAKERS}/s01/takes/{take_id(1)}/sound").content == content
    assert table(project) == []  # no consent yet
    client.post(f"{SPEAKERS}/s01/consents", json={"text": "I agree."})
    (row,) = table(project)
    assert (row["take"], row["image"], row["consent"][:4]) == (take_id(2), first, "text")
    client.put(f"{SPEAKERS}/s01/takes/{take_id(2)}/translation", json={"text": "a dog"})
    assert table(project)[0]["translation"] == "a dog"


def test_consents_of_all_kinds(client: TestClient, project: Project) -> None:
    picture = (project.pictures / "dog.jpg").read_bytes()
    assert client.put(f"{SPEAKERS}/s01/consents/speech", content=wav(1)).json()["consents"] == 1
    assert client.put(f"{SPEAKERS}/s01/consents/picture", content=picture).json()["consents"] == 2
    assert client.put(f"{SPEAKERS}/s01/consents/picture", content=picture).json()["consents"] == 2  # sent again
    sentence(client.put(f"{SPEAKERS}/s01/consents/picture", content=wav(1)), 415)
    sentence(client.put(f"{SPEAKERS}/s01/consents/picture", content=picture[:300]), 415)
    sentence(client.put(f"{SPEAKERS}/s01/consents/speech", content=picture), 400)
    sentence(client.put(f"{SPEAKERS}/s01/consents/song", content=wav(1)), 422)
    sentence(client.post(f"{SPEAKERS}/s01/consents", json={"text": "  "}), 400)
    given = client.get(SPEAKERS).json()[0]["consents"]
    assert [(consent["kind"], consent["has_file"]) for consent in given] == [("speech", True), ("picture", True)]
    assert client.get(f"{SPEAKERS}/s01/consents/1/file").content == wav(1)
    assert client.get(f"{SPEAKERS}/s01/consents/2/file").content == picture
    for number in (0, 3, -1):
        sentence(client.get(f"{SPEAKERS}/s01/consents/{number}/file"), 404)


def test_what_is_refused(client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    content = wav(1)
    assert put(client, content).status_code == 200
    assert put(client, content).status_code == 200
    sentence(put(client, wav(2)), 409)  # another sound with this id
    sentence(put(client, content, 2, sha256="0" * 64), 400)
    sentence(put(client, content, 2, samples=1), 400)
    sentence(put(client, content, 2, settings="[1]"), 422)
    sentence(put(client, content, 2, kind="song"), 422)
    sentence(put(client, content, 2, speaker="s03"), 404)
    sentence(put(client, content, 2, project="0" * 16), 409)
    own = client.get(f"{SPEAKERS}/s01/session").json()["project"]
    assert own == client.get(f"{SPEAKERS}/s02/session").json()["project"]
    assert put(client, content, project=own).status_code == 200
    sentence(client.put(f"{SPEAKERS}/s01/takes/x", params=take_parameters(content), content=content), 400)
    sentence(client.get(f"{SPEAKERS}/s02/takes/{take_id(1)}/sound"), 404)  # of another speaker
    sentence(client.put(f"{SPEAKERS}/s02/takes/{take_id(1)}/translation", json={"text": "x"}), 404)
    for item in ("project.yaml", "../../etc/passwd", "speakers/s01/speaker.yaml", "pictures/../project.yaml", ""):
        sentence(client.get(f"{SPEAKERS}/s01/picture", params={"item": item}), 404)
    monkeypatch.setattr(security, "MAX_TAKE_BYTES", 10_000)
    sentence(put(client, content, 3), 413)
    stream = (content for _ in range(3))  # without a Content-Length
    path = f"{SPEAKERS}/s01/takes/{take_id(3)}"
    sentence(client.put(path, params=take_parameters(content), content=stream), 413)
    bare = client.put(path, params=take_parameters(content), content=content, headers={"X-Earmark": ""})
    sentence(bare, 403)
    assert [take["id"] for take in client.get(f"{SPEAKERS}/s01/takes").json()] == [take_id(1)]
    assert not list((project.takes / "incoming").iterdir())


def test_a_withdrawal_says_what_is_left(client: TestClient, project: Project) -> None:
    client.post(f"{SPEAKERS}/s01/consents", json={"text": "I agree."})
    put(client, wav(1))
    project.exports.mkdir()
    (project.exports / "hits.csv").write_text("speaker\ns01\n", encoding="utf-8")
    done = client.delete(f"{SPEAKERS}/s01").json()
    assert done == {
        "takes": 1,
        "utterances": 0,
        "recordings": 0,
        "model_learned": False,
        "exports": ["exports/hits.csv"],
    }
    assert [speaker["id"] for speaker in client.get(SPEAKERS).json()] == ["s02"]
    sentence(put(client, wav(2), 2), 404)
    assert not (project.takes / "s01").exists()


def test_the_table_has_the_speakers_licence_or_the_projects(client: TestClient, project: Project) -> None:
    client.post("/api/studio", json={"licence": "CC BY-NC"})
    client.post(f"{SPEAKERS}/s02", json={"licence": "CC BY"})
    for number, speaker in ((1, "s01"), (2, "s02")):
        client.post(f"{SPEAKERS}/{speaker}/consents", json={"text": "I agree."})
        put(client, wav(number), number, speaker)
    assert {row["speaker"]: row["licence"] for row in table(project)} == {"s01": "CC BY-NC", "s02": "CC BY"}


def test_a_plan_is_changed(client: TestClient) -> None:
    changed = client.post("/api/studio/plan", json={"kind": "answer", "questions": ["Who?"], "pictures": False}).json()
    assert changed == client.get("/api/studio/plan").json()
    (prompt,) = client.get(f"{SPEAKERS}/s01/session").json()["prompts"]
    assert (prompt["question"], prompt["has_image"]) == ("Who?", False)
    sentence(client.post("/api/studio/plan", json={"seed": -1}), 422)
