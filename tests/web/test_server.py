"""The server as a program of its own, which this machine alone can reach and which connects to nobody."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from earmark.archive.archive import Archive, open_archive
from earmark.archive.judgements import judgements
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.recipe import Recipe
from earmark.web import server as serving
from earmark.web.app import STATIC
from earmark.web.security import LOOPBACK
from support.live_server import PAGE_HEADERS, client_of, copy_archive, number_of, sentence, write_served
from support.media import write_picture

JUDGEMENT = {"query": "dog", "position": "1:1:1.00", "verdict": "yes", "start_s": 0.5, "end_s": 1.5}
# Python tells its audit hooks of every socket that is bound or connected, and every name that is looked up.
WATCHED = """
import json, sys
events = open(sys.argv.pop(1), "a")
def watch(event, arguments):
    if event in ("socket.bind", "socket.connect", "socket.sendto"):
        print(json.dumps([event, str(arguments[1])]), file=events, flush=True)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print(json.dumps([event, str(arguments[0])]), file=events, flush=True)
sys.addaudithook(watch)
from earmark.cli import main
main()
"""


@pytest.fixture(scope="module")
def original(tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served(tmp_path_factory.mktemp("started"), tiny_pictured_recipe)


@pytest.fixture
def archive(original: Path, tmp_path: Path) -> Archive:
    return copy_archive(original, tmp_path / "archive")


class ServerProcess:
    """A running `earmark serve`, and the line that it printed."""

    def __init__(self, archive: Archive, events: Path, *options: str) -> None:
        self.events = events
        arguments = [sys.executable, "-c", WATCHED, str(events), "serve", str(archive.folder), "--port", "0", *options]
        paths = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.search(r"http://\S+", self.line)
        assert found, (self.line, self.process.communicate())
        self.address = found[0]

    def end(self, how: signal.Signals) -> tuple[int, str, str]:
        """Status, and what it printed after its first line."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def start(archive: Archive, tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    started: list[ServerProcess] = []

    def begin(*options: str) -> ServerProcess:
        started.append(ServerProcess(archive, tmp_path / "events.jsonl", *options))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_no_request_leaves_the_machine(archive: Archive, start: Callable[..., ServerProcess], tmp_path: Path) -> None:
    server = start()
    with httpx.Client(base_url=server.address, headers=PAGE_HEADERS, timeout=120, trust_env=False) as page:
        assert "<html" in page.get("/").text
        for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
            assert page.get(f"/static/{path.relative_to(STATIC).as_posix()}").content == path.read_bytes()
        assert page.get("/static/main.js").headers["content-type"].startswith("text/javascript")
        assert page.get("/api/archive").json()["recordings"] == 3
        hit = page.get("/api/search", params={"query": "dog"}).json()["hits"][0]
        number = hit["recording"]
        picture = write_picture(tmp_path / "a.png").read_bytes()
        answer = page.post("/api/search/picture", content=picture, headers={"Content-Type": "image/png"})
        assert answer.json()["hits"]
        assert page.get("/api/curve", params={"query": "dog", "position": hit["position"]}).json()["curve"]
        stretch = {"start_s": 0, "end_s": 1}
        assert page.get(f"/api/recordings/{number}/sound", params=stretch).content[:4] == b"RIFF"
        assert page.get(f"/api/recordings/{number}/file", headers={"Range": "bytes=0-3"}).status_code == 206
        assert page.post("/api/judgements", json=JUDGEMENT).json()["judged"]["yes"] == 1
    status, out, err = server.end(signal.SIGINT)
    assert (status, out, err) == (0, "Stopped. All judgements are kept.\n", "")
    events = [json.loads(line) for line in server.events.read_text().splitlines()]
    loopback = ["socket.bind", "('127.0.0.1', 0)"]
    assert loopback in events
    allowed = (loopback, ["socket.bind", "('::1', 0)"])  # a library tries at import whether there is IPv6
    assert [event for event in events if event not in allowed] == []
    assert [one.verdict for one in judgements(archive)] == ["yes"]


def test_a_judgement_is_on_disk_before_its_response(archive: Archive, start: Callable[..., ServerProcess]) -> None:
    server = start()
    answer = httpx.post(
        f"{server.address}api/judgements", json=JUDGEMENT, headers=PAGE_HEADERS, timeout=120, trust_env=False
    )
    server.end(signal.SIGKILL)
    assert [one.id for one in judgements(open_archive(archive.folder))] == [answer.json()["id"]]


def test_token_in_the_printed_address(start: Callable[..., ServerProcess]) -> None:
    server = start("--token", "kéy & more")
    with httpx.Client(follow_redirects=True, timeout=120, trust_env=False) as page:
        bare = server.address.partition("?")[0]
        assert page.get(f"{bare}api/archive").status_code == 401
        opened = page.get(server.address)
        assert (opened.status_code, str(opened.url)) == (200, bare)
        assert page.get(f"{bare}api/archive").status_code == 200
        bearer = {"Authorization": "Bearer kéy & more".encode()}
        assert httpx.get(f"{bare}api/archive", headers=bearer, trust_env=False).status_code == 200


def test_port_in_use(archive: Archive) -> None:
    with serving.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EarmarkError, match=rf"Port {port} is in use: .*--port"):
            serving.serve(archive.folder, "127.0.0.1", port, None, print)


def test_address_of_another_machine(archive: Archive) -> None:
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(EarmarkError, match=r"is not available .*--host"):
            serving.serve(archive.folder, host, 0, "a token", print)


def test_folder_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="is no archive"):
        serving.serve(tmp_path, "127.0.0.1", 0, None, print)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_addresses(host: str, alone: bool) -> None:
    assert serving.is_loopback(host) is alone


def test_ipv6_of_this_machine(archive: Archive) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with serving.listen("[::1]", 0) as listener:
        assert listener.getsockname()[0] == "::1"
    with client_of(archive) as client:
        assert client.get("/api/archive", headers={"Host": "[::1]:8765"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.0.7:8765", 200), ("[fe80::1]:8765", 200), ("evil.example", 421), ("1.2.3", 421)]
)
def test_hosts_when_listening_on_all_addresses(archive: Archive, host: str, status: int) -> None:
    headers = {"Host": host, "Authorization": "Bearer a token"}
    with client_of(archive, token="a token", hosts={*LOOPBACK, "0.0.0.0"}) as client:
        assert client.get("/api/archive", headers=headers).status_code == status


def test_a_file_overwritten_with_noise(archive: Archive, tmp_path: Path) -> None:
    with client_of(archive) as client:
        number = number_of(client, "tape.wav")
        noise = tmp_path / "tape.wav"
        noise.write_bytes(os.urandom(12 * 16_000 * 4 + 44))
        with archive.writing() as connection:
            changed = update(recordings).where(recordings.c.id == number)
            connection.execute(changed.values(path=str(noise), folder=str(tmp_path), size=noise.stat().st_size))
        stretch = {"start_s": 0, "end_s": 1}
        assert "can't be read" in sentence(client.get(f"/api/recordings/{number}/sound", params=stretch), 409)
        position = {"query": "dog", "position": f"{number}:1:1.00"}
        assert client.get("/api/curve", params=position).json()["curve"]  # of what was indexed
        other = number_of(client, "ọ̀rọ̀ ẹ̀kọ́ – 1.flac")
        assert client.get(f"/api/recordings/{other}/sound", params=stretch).status_code == 200
        assert client.get(f"/api/recordings/{number}/peaks", params=stretch).status_code == 200


def test_errors_that_may_pass_are_503(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page keeps a judgement that gets such an answer, and brings it again."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/archive.sqlite")

    with client_of(archive) as client:
        with monkeypatch.context() as patched:
            patched.setattr("earmark.web.routes.judgements.judge", full)
            assert "make room" in sentence(client.post("/api/judgements", json=JUDGEMENT), 503)
        number = client.post("/api/judgements", json=JUDGEMENT).json()["id"]
        with archive.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE judgements RENAME TO elsewhere")
        for answer in (
            client.get("/api/search", params={"query": "dog"}),
            client.post("/api/judgements", json=JUDGEMENT),
            client.delete(f"/api/judgements/{number}"),
        ):
            assert "plugged in" in sentence(answer, 503)


def test_page_files_name_no_other_address() -> None:
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, which nothing is loaded from
    for path in STATIC.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w[\w./-]*", path.read_text(encoding="utf-8")))
            assert named <= namespaces, path


def test_who_judges_is_given_on_the_command_line(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.cli import app

    made = []

    def note_and_end(create: Callable[[set[str]], Any], *_: object) -> None:
        made.append(create({"127.0.0.1"}).state.server.judge)

    monkeypatch.setattr(serving, "_serve", note_and_end)
    with pytest.raises(SystemExit):
        app(["serve", str(archive.folder), "--as", " Ọlá  B "])
    assert made == ["Ọlá B"]
    with pytest.raises(EarmarkError, match="too long: give 200"):
        serving.serve(archive.folder, "127.0.0.1", 0, None, print, "x" * 201)
