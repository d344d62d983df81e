"""The real application on a small archive whose hits are known, with a record of its requests and with faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
import uvicorn
from sqlalchemy import delete, insert, select
from starlette.requests import Request

from conftest import PITCHES
from earmark.archive import schema
from earmark.archive.archive import Archive
from earmark.archive.judgements import judgements
from earmark.archive.query_aliases import Alias, store_words
from earmark.models.operating_points import OPERATING_POINTS, OperatingPoints, write_operating_points
from earmark.web.app import create_app
from earmark.web.errors import problem_response
from support.live_server import HOSTILE_NAME

INTERVIEW = "Ìfọ̀rọ̀wánilẹ́nuwò 3, market day.wav"
INTERVIEW_S = 10_800.0
HOSTILE_WORD = '<img src=x onerror="alert(1)">'
KEYWORDS = [*PITCHES, HOSTILE_WORD, "ajá", "ọkùnrin"]
HITS = 30  # of the word ọmọ; the eleventh is in the file with the hostile name


@dataclass
class PageServer:
    """A server under test.

    Attributes
    ----------
    archive : Archive
    address : str
    requests : list of str
        Method, path and query of every request, in order.
    failing : int
        How many of the next changes fail, as on a full disk.
    """

    archive: Archive
    address: str = ""
    requests: list[str] = field(default_factory=list)
    failing: int = 0

    def verdicts(self, query: str = "ọmọ") -> dict[str, str]:
        """Verdicts that are on disk, by position."""
        return {str(judgement.position): judgement.verdict for judgement in judgements(self.archive, query)}

    def reset(self) -> None:
        """Forget requests and judgements."""
        self.requests.clear()
        self.failing = 0
        with self.archive.writing() as connection:
            connection.execute(delete(schema.judgements))


class RecordAndFail:
    """Middleware that records requests, and fails some changes."""

    def __init__(self, app: Any, server: PageServer) -> None:
        self.app, self.server = app, server

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            self.server.requests.append(f"{request.method} {request.url.path}?{request.url.query}")
            if request.method != "GET" and self.server.failing:
                self.server.failing -= 1
                await problem_response(503, "The disk is full: make room.")(scope, receive, send)
                return
        await self.app(scope, receive, send)


@contextmanager
def running(app: Any, port: int = 0) -> Iterator[str]:
    """The address of an application on a port of this machine, for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def page_server(archive: Archive, port: int = 0) -> Iterator[PageServer]:
    """Serve an archive, with records and faults."""
    server = PageServer(archive)
    with running(RecordAndFail(create_app(archive), server), port) as server.address:
        yield server


def add_known_hits(archive: Archive, media: Path) -> None:
    """Give an archive of :func:`support.live_server.write_served` known hits of ọmọ, aliases and operating points."""
    curves = dict.fromkeys(PITCHES, ((1.0, 0.9), (10.0, 0.5)))
    write_operating_points(archive.folder / "model" / OPERATING_POINTS, OperatingPoints(2.0, 0.62, curves))
    store_words(archive, [Alias(HOSTILE_WORD, ("dog",)), Alias("ajá", ("ball",)), Alias("ọkùnrin", ("snow",))])
    path = media / "2019" / INTERVIEW
    _write_silence(path)
    with archive.writing() as connection:
        ids = {Path(row.path).name: row.id for row in connection.execute(select(schema.recordings))}
        row = {"sha256": "f" * 64, "path": str(path), "folder": str(media), "size": path.stat().st_size}
        row |= {"mtime_ns": 1, "duration_s": INTERVIEW_S, "sample_rate": 8_000, "channels": 2, "status": "done"}
        row |= {"speaker": "Adé", "date": "2019-04-12", "language": "Yorùbá"}
        made = connection.execute(insert(schema.recordings).values(row)).inserted_primary_key
        assert made is not None
        keyword = list(PITCHES).index("ọmọ")
        connection.execute(delete(schema.postings).where(schema.postings.c.keyword == keyword))
        rows = [_hit(i, keyword, made[0], ids) for i in range(HITS)]
        connection.execute(insert(schema.postings), rows)


def _hit(number: int, keyword: int, interview: int, ids: dict[str, int]) -> dict[str, Any]:
    """Every second hit is in the interview, the others are in the tape, far enough apart not to overlap."""
    if number == 10:
        recording, channel, time_s = ids[HOSTILE_NAME], 1, 1.16
    elif number % 2 == 0:
        recording, channel, time_s = interview, 1 + number // 2 % 2, 31.4 + 350.0 * number
    else:
        recording, channel, time_s = ids["tape.wav"], 1 + number // 2 % 2, 0.6 + 0.36 * number
    extent = {"time_s": time_s, "start_s": round(time_s - 0.15, 3), "end_s": round(time_s + 0.17, 3)}
    score = round(0.97 - 0.025 * number, 3)
    return {"keyword": keyword, "score": score, "recording": recording, "channel": channel, "chunk": 0, **extent}


def _write_silence(path: Path) -> None:
    """A wav file of three hours that takes hardly any room on a disk: what is not written is zero."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = round(INTERVIEW_S * 8_000)
    soundfile.write(str(path), [[0.0, 0.0]], 8_000, subtype="PCM_16")
    content = bytearray(path.read_bytes()[:44])
    data = frames * 4
    content[4:8] = (36 + data).to_bytes(4, "little")
    content[40:44] = data.to_bytes(4, "little")
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(44 + data)
