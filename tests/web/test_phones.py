"""Phones: a token that works once, one speaker's recorder and nothing else, over HTTPS."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from earmark.core.errors import EarmarkError
from earmark.studio.project import Project
from earmark.studio.speakers import add_speaker, note_withdrawal
from earmark.studio.takes import TakeStore
from earmark.web import phones as phones_module
from earmark.web.phone_app import COOKIE, create_phone_app
from earmark.web.phones import Phones, certificate_for, qr_svg
from support.studio_server import take_id, take_parameters, write_project
from support.take_writer import wav

pytest.importorskip("trustme")


def phones_of(project: Project) -> Phones:
    takes = TakeStore(project.folder)
    return Phones(project, lambda phones, host: create_phone_app(phones, project, takes, host))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = write_project(tmp_path / "project")
    add_speaker(project.folder, "Ọlá")
    add_speaker(project.folder)
    return project


@pytest.fixture
def phones(project: Project) -> Iterator[Phones]:
    phones = phones_of(project)
    phones.turn_on("127.0.0.1", 0)
    yield phones
    phones.turn_off()


def phone(phones: Phones, cookie: str = "") -> httpx.Client:
    cookies = {COOKIE: cookie} if cookie else {}
    return httpx.Client(base_url=phones.address, verify=False, headers={"X-Earmark": "1"}, cookies=cookies)


@contextmanager
def joined(phones: Phones, speaker: str = "s01") -> Iterator[httpx.Client]:
    """A phone that was let in."""
    with phone(phones) as client:
        token = phones.invite(speaker).address.partition("#")[2]
        assert client.post("api/phone/join", json={"token": token}).json() == {"speaker": speaker}
        yield client


def test_a_phone_records_for_its_speaker(phones: Phones, project: Project) -> None:
    content = wav(1)
    with joined(phones) as client:
        assert client.get("api/phone").json() == {"speaker": "s01"}
        prompts = client.get("api/studio/speakers/s01/session").json()["prompts"]
        assert client.get("api/studio/speakers/s01/picture", params={"item": prompts[0]["id"]}).status_code == 200
        path = f"api/studio/speakers/s01/takes/{take_id(1)}"
        assert client.put(path, params=take_parameters(content), content=content).status_code == 200
        client.post("api/phone/waiting", json={"waiting": 3})
    (take,) = TakeStore(project.folder).takes()
    assert (project.folder / take.file).read_bytes() == content
    assert [(one.speaker, one.waiting) for one in phones.phones] == [("s01", 3)]


def test_a_phone_sees_its_own_speaker_and_nothing_else(phones: Phones) -> None:
    with joined(phones) as client:
        for path in (
            "api/studio/speakers/s02/session",
            f"api/studio/speakers/s02/takes/{take_id(1)}/sound",
            "api/studio/speakers/s01%2f..%2fs02/session",
            "api/studio/speakers",
            "api/studio",
            "api/studio/phones",
            "api/studio/plan",
            "api/archive",
            "api/search?query=dog",
            "api/openapi.json",
            "find",
        ):
            assert client.get(path).status_code in (403, 404), path
        assert client.delete("api/studio/speakers/s01").status_code in (404, 405)
        assert client.put(f"api/studio/speakers/s02/takes/{take_id(1)}", content=wav(1)).status_code == 403


def test_without_a_cookie_there_is_the_page_alone(phones: Phones) -> None:
    with phone(phones) as client:
        assert client.get("").status_code == 200
        for path in ("api/phone", "api/studio/speakers/s01/session", "api/studio/speakers/s01/takes", "find"):
            assert client.get(path).status_code == 401, path
        assert client.put(f"api/studio/speakers/s01/takes/{take_id(1)}", content=wav(1)).status_code == 401
    with phone(phones, "guessed") as client:
        assert client.get("api/phone").status_code == 401


def test_a_token_works_once_and_not_for_long(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation = phones.invite("s01")
    token = invitation.address.partition("#")[2]
    assert invitation.address.startswith(phones.address)
    with phone(phones) as client:
        assert client.get("", params={"token": token}).status_code == 200  # as previews of links do
        assert client.post("api/phone/join", json={"token": "wrong-token"}).status_code == 401
        assert client.post("api/phone/join", json={"token": token}, headers={"X-Earmark": ""}).status_code == 403
        assert client.post("api/phone/join", json={"token": token}).status_code == 200
        assert client.post("api/phone/join", json={"token": token}).status_code == 401
        monkeypatch.setattr(phones_module, "INVITATION_S", -1.0)
        late = phones.invite("s01").address.partition("#")[2]
        assert client.post("api/phone/join", json={"token": late}).status_code == 401


def test_a_cookie_is_safe_and_outlives_a_restart(phones: Phones, project: Project) -> None:
    with joined(phones) as client:
        (cookie,) = client.cookies.jar
        assert cookie.secure
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "strict"
        assert cookie.value not in (project.folder / "phones" / "phones.json").read_text(encoding="utf-8")
    phones.turn_off()
    assert phones.address == ""
    again = phones_of(project)
    again.turn_on("127.0.0.1", 0)
    with phone(again, str(cookie.value)) as client:
        assert client.get("api/phone").json() == {"speaker": "s01"}
        note_withdrawal(project.folder, "s01")
        assert client.get("api/phone").status_code == 401
    assert again.phones == []
    again.turn_off()


def test_other_names_and_sites_are_refused(phones: Phones) -> None:
    with joined(phones) as client:
        assert client.get("api/phone", headers={"Host": "evil.example"}).status_code == 421
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("api/phone/waiting", json={"waiting": 1}, headers=headers).status_code == 403


def test_the_certificate_is_for_the_address_and_is_used_again(tmp_path: Path) -> None:
    path = certificate_for("192.168.7.5", tmp_path)
    first = path.read_bytes()
    assert certificate_for("192.168.7.5", tmp_path).read_bytes() == first
    assert certificate_for("192.168.7.6", tmp_path).read_bytes() != first
    path.write_text("damaged", encoding="utf-8")
    certificate_for("192.168.7.5", tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    details = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    assert ("IP Address", "192.168.7.5") in details["subjectAltName"]
    lifetime_s = ssl.cert_time_to_seconds(details["notAfter"]) - ssl.cert_time_to_seconds(details["notBefore"])
    assert lifetime_s <= 825 * 24 * 3600 or ssl.cert_time_to_seconds(details["notBefore"]) < 1e9


def test_nothing_is_possible_while_phones_are_off(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = phones_of(project)
    with pytest.raises(EarmarkError, match="turn them on"):
        phones.invite("s01")
    monkeypatch.setattr(phones_module, "local_addresses", list)
    with pytest.raises(EarmarkError, match="in no network"):
        phones.turn_on()


def test_a_qr_code_is_a_drawing() -> None:
    drawing = qr_svg("https://192.168.7.5:8767/#token")
    assert drawing.startswith("<svg")
    assert "viewBox" in drawing
    assert "script" not in drawing
