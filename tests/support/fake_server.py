"""A server that speaks the HTTP API of the review page, about an archive that there isn't."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>.wav'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEYWORDS = ["ọmọ", "ajá", "omi", "ọkùnrin", "obìnrin", "bọ́ọ̀lù", "ẹṣin", "pupa", "koríko", "yìnyín", "òkè", "igi"]
RECORDINGS: dict[int, dict[str, Any]] = {
    1: {"name": "Ìfọ̀rọ̀wánilẹ́nuwò 3, market day.wav", "folder": "2019/Ìbàdàn", "duration_s": 10_800.0, "channels": 2}
    | {"speaker": "Adé", "date": "2019-04-12", "language": "Yorùbá"},
    2: {"name": "stories by the river.mp3", "folder": "2021", "duration_s": 1_934.5, "channels": 1}
    | {"speaker": "Bísí", "date": "2021-01-03", "language": "Yorùbá"},
    3: {"name": HOSTILE, "folder": "<b>bold</b>", "duration_s": 64.0, "channels": 1}
    | {"speaker": "<i>x</i>", "date": "", "language": ""},
}


@dataclass
class Pretended:
    """What the server was asked, and what it says.

    Attributes
    ----------
    asked : list of str
        Method, path and query of every request, in order.
    judgements : dict
        By id, as the page sent them.
    pictures : list of bytes
        That were brought.
    about : dict
        What is different in ``/api/archive``.
    failing : int
        How many of the next changes are refused, because the disk is full.
    """

    address: str = ""
    asked: list[str] = field(default_factory=list)
    judgements: dict[int, dict[str, Any]] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    failing: int = 0

    def verdicts(self) -> dict[str, str]:
        return {j["position"]: j["verdict"] for j in self.judgements.values()}


def hits_of(query: str) -> list[dict[str, Any]]:
    """Thirty hits, the best first; the eleventh is in the recording of a hostile name."""
    random = np.random.default_rng(len(query))
    hits = []
    for i in range(30):
        recording = 3 if i == 10 else 1 + i % 2
        about = RECORDINGS[recording]
        channel = 1 + i % about["channels"]
        time_s = 31.4 if i == 10 else round(float(random.uniform(3, about["duration_s"] - 3)), 2)
        long_s = float(random.uniform(0.25, 0.5))
        kept = {name: about[name] for name in ("name", "folder", "channels", "speaker", "date", "language")}
        extent = {"start_s": round(time_s - long_s / 2, 3), "end_s": round(time_s + long_s / 2, 3)}
        place = f"{recording}:{channel}:{time_s:.2f}"
        score = round(0.97 - 0.025 * i, 3)
        hits.append({"position": place, "recording": recording, "channel": channel, "time_s": time_s, "score": score})
        hits[-1] |= kept | extent | {"verdict": None}
    return hits


def outline(start_s: float, end_s: float, count: int) -> tuple[list[float], list[float]]:
    """Something that looks like speech: syllables in phrases."""
    at = np.linspace(start_s, end_s, count)
    syllables = np.abs(np.sin(at * 9.1) * np.sin(at * 5.3 + 1)) ** 1.5
    loud = (0.08 + 0.6 * syllables * (np.sin(at * 0.9) + np.sin(at * 0.013) > -0.6)) * (0.6 + 0.4 * np.sin(at * 71))
    wobble = np.random.default_rng(7).uniform(0.6, 1.0, count)
    return (-loud * wobble).tolist(), (loud * wobble[::-1]).tolist()


class Notes:
    """Writes down every request, and refuses those that the real server refuses."""

    def __init__(self, app: Any, told: Pretended) -> None:
        self.app, self.told = app, told

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            self.told.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
            refusal = self._refusal(request)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if request.method == "GET":
            return None
        if request.headers.get("x-earmark") != "1":
            return JSONResponse({"detail": "The header is missing."}, 403)
        if self.told.failing:
            self.told.failing -= 1
            return JSONResponse({"detail": "The disk is full: make room."}, 507)
        return None


def make_app(told: Pretended) -> FastAPI:
    app = FastAPI()
    app.add_middleware(Notes, told=told)

    @app.get("/api/archive")
    def archive() -> dict[str, Any]:
        about = {
            "name": "Yorùbá field notes",
            "model": "earmark-pictures",
            "keywords": KEYWORDS,
            "licence": "CC BY-NC 4.0",
        }
        about |= {
            "consent": "for research, by the speakers, 2019",
            "languages": ["Yorùbá"],
            "speakers": ["Adé", "Bísí"],
        }
        about |= {"recordings": 212, "hours": 187.4, "windows": 91_000, "postings": 5_000_000, "indexing": False}
        about |= {"accepts_images": True, "accepts_keywords": True, "has_fa_per_hour": True}
        return about | {"expected": "About 6 of the best 10 are right, as measured on held-out speech."} | told.about

    def judged(query: str) -> dict[str, int]:
        said = [j["verdict"] for j in told.judgements.values() if j["query"] == query]
        return {verdict: said.count(verdict) for verdict in ("yes", "related", "no")}

    def answer(query: str, name: str, hits: list[dict[str, Any]]) -> dict[str, Any]:
        said = {j["position"]: j for j in told.judgements.values() if j["query"] == query}
        known = [
            hit | {k: said[hit["position"]][k] for k in ("verdict", "start_s", "end_s")}
            for hit in hits
            if hit["position"] in said
        ]
        rest = [hit for hit in hits if hit["position"] not in said]
        if said:  # judgements turn the rest around, so that it can be seen
            rest.reverse()
        return {"query": query, "name": name, "hits": known + rest, "judged": judged(query), "note": ""}

    @app.get("/api/search")
    def search(query: str, speaker: str = "", fa_per_hour: str = "") -> dict[str, Any]:
        if query == "slow":
            time.sleep(1.0)
        if query == "nothing" or speaker == "Bísí":
            return answer(query, query, [])
        if query.startswith(("example:", "image:")):
            return answer(query, "like 0:31.4" if query.startswith("example:") else "dog.png", hits_of(query))
        if query not in KEYWORDS:
            nearest = ", ".join(KEYWORDS[:3])
            unknown = f"The word {query!r} is not among the {len(KEYWORDS)} keywords of this model"
            raise HTTPException(400, f"{unknown}: the nearest are {nearest}.")
        return answer(query, query, hits_of(query))

    @app.post("/api/search/picture")
    async def picture(request: Request) -> dict[str, Any]:
        told.pictures.append(await request.body())
        return answer("image:12ab", "dog.png", hits_of("image:12ab"))

    @app.get("/api/recordings/{number}")
    def recording(number: int) -> dict[str, Any]:
        return {"id": number, "licence": "", "consent": ""} | RECORDINGS[number]

    @app.get("/api/recordings/{number}/peaks")
    def peaks(number: int, start_s: float, end_s: float, count: int = 800) -> dict[str, Any]:
        lowest, highest = outline(start_s, end_s, count)
        return {"start_s": start_s, "end_s": end_s, "lowest": lowest, "highest": highest}

    @app.get("/api/recordings/{number}/sound")
    def sound(number: int, start_s: float, end_s: float) -> Response:
        file = io.BytesIO()
        times = np.arange(round((end_s - start_s) * 16_000)) / 16_000
        soundfile.write(file, 0.1 * np.sin(2 * np.pi * 330 * times), 16_000, format="WAV")
        return Response(file.getvalue(), media_type="audio/wav")

    @app.get("/api/curve")
    def curve(query: str, position: str) -> dict[str, Any]:
        at = float(position.split(":")[2])
        times = np.arange(at - 2.6, at + 2.6, 0.04)
        heard = np.exp(-(((times - at) / 0.14) ** 2)) + 0.25 * np.exp(-(((times - at + 1.3) / 0.2) ** 2)) + 0.04
        return {"start_s": times[0], "end_s": times[-1], "times_s": times.tolist(), "curve": (0.8 * heard).tolist()}

    @app.post("/api/judgements")
    def judge(judgement: dict[str, Any]) -> dict[str, Any]:
        same = [i for i, j in told.judgements.items() if all(j[k] == judgement[k] for k in ("position", "query"))]
        for earlier in same:
            del told.judgements[earlier]
        number = len(told.asked)
        told.judgements[number] = judgement
        return {"id": number, "judged": judged(judgement["query"])}

    @app.delete("/api/judgements/{number}")
    def undo(number: int) -> dict[str, Any]:
        if number not in told.judgements:
            raise HTTPException(404, "There is no such judgement.")
        gone = told.judgements.pop(number)
        return {"judged": judged(gone["query"])}

    static = resources.files("earmark.web") / "static"
    app.mount("/static", StaticFiles(directory=str(static)))

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(str(static / "index.html"), headers={"Content-Security-Policy": POLICY})

    return app


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The address of an application on a port of its own, for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@contextmanager
def served(told: Pretended) -> Iterator[Pretended]:
    """The server that pretends."""
    with running(make_app(told)) as told.address:
        yield told
