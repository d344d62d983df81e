"""A day of recording over a bad network to a server that is killed again and again: every take is there once."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from earmark.studio.speakers import add_speaker
from earmark.studio.takes import TakeStore
from support.studio_server import take_id, take_parameters, write_project
from support.take_writer import wav

pytestmark = pytest.mark.timeout(1800)


class Server:
    """A server that can be killed, and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "support.recorder_server", str(self.folder), str(self.port)]
        self.process = subprocess.Popen(command, env=environment)
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail("the server does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def put(self, number: int, content: bytes, cut_at: int | None = None) -> str:
        """The SHA-256 that the server answers with; "" if the connection was cut, by either side."""
        parameters = take_parameters(content, recorded_at=f"2026-01-01T{number:09}")
        path = f"/api/studio/speakers/s{1 + number % 2:02}/takes/{take_id(number)}?{urlencode(parameters)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest("PUT", path)
            connection.putheader("X-Earmark", "1")
            connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content[:cut_at])
            if cut_at is not None:
                return ""
            answer = connection.getresponse()
            body = json.loads(answer.read())
            assert answer.status == 200, body
            return str(body["sha256"])
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()


def record_a_day(folder: Path, takes: int, outages: int, kills: int) -> None:
    rng = random.Random(0)
    project = write_project(folder)
    for _ in range(2):
        add_speaker(project.folder)
    server = Server(project.folder)
    cut_at = set(rng.sample(range(takes), outages))
    killed_at = set(rng.sample(range(takes), kills))
    sums = {}
    try:
        for number in range(takes):
            content = wav(number, 0.1)
            sums[take_id(number)] = hashlib.sha256(content).hexdigest()
            if number in cut_at:
                server.put(number, content, rng.randrange(len(content)))
            if number in killed_at:  # while a take is on its way, or its answer
                server.put(number, content, rng.choice([None, len(content)]))
                server.kill()
                assert server.put(number, content) == ""
                server.start()
            while server.put(number, content) != sums[take_id(number)]:
                time.sleep(0.05)
    finally:
        server.kill()
    store = TakeStore(project.folder)
    stored = {take.id: hashlib.sha256(store.path(take).read_bytes()).hexdigest() for take in store.takes()}
    assert stored == sums
    assert len(list(project.takes.glob("s*/*.wav"))) == takes  # and none of them twice
    lines = (project.takes / "takes.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(sums)


def test_a_short_day(tmp_path: Path) -> None:
    record_a_day(tmp_path / "project", takes=30, outages=3, kills=1)


@pytest.mark.slow
def test_2000_takes_20_outages_and_20_kills(tmp_path: Path) -> None:
    record_a_day(tmp_path / "project", takes=2000, outages=20, kills=20)
