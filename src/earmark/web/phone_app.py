"""The application that phones reach: the recorder of one speaker."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from earmark.studio.project import Project
from earmark.studio.takes import TakeStore
from earmark.web.errors import RefusedError, add_error_handlers, documented, problem_response
from earmark.web.parameters import PageHeader
from earmark.web.phones import Phones
from earmark.web.responses import HeadRequests
from earmark.web.routes import languages, studio_takes
from earmark.web.security import Guard
from earmark.web.state import ServerState
from earmark.web.static_files import REVALIDATE, STATIC, RevalidatedFiles, add_types

COOKIE = "earmark-phone"
COOKIE_S = 180 * 24 * 3600
OF_SPEAKER = re.compile(r"/api/studio/speakers/([^/]+)/.*")
PUBLIC = re.compile(rf"/|/static/.*|/api/phone/join|{languages.PATH}")
NOT_LET_IN = "This phone is not let in: scan the square code on the laptop again."

router = APIRouter(prefix="/api/phone", tags=["phone"])


class JoinRequest(BaseModel):
    """The token of a QR code."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=100)]


class PhoneResponse(BaseModel):
    """Whose recorder this phone is."""

    speaker: str


class WaitingRequest(BaseModel):
    """How many takes are still on the phone."""

    waiting: int = Field(ge=0, le=1_000_000)


def create_phone_app(phones: Phones, project: Project, takes: TakeStore, host: str) -> FastAPI:
    """Create the application for phones.

    Parameters
    ----------
    phones : Phones
        Says which tokens and cookies are good.
    project : Project
    takes : TakeStore
    host : str
        Address at which it is reached; requests for other names are refused.
    """
    add_types()
    app = FastAPI(title="Earmark's recorder", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.server = ServerState(None, project)
    app.state.takes = takes
    app.state.phones_server = phones
    app.add_middleware(HeadRequests)
    app.add_middleware(OneSpeaker, phones=phones)
    app.add_middleware(Guard, hosts={host, f"[{host}]"})
    add_error_handlers(app)
    app.include_router(router)
    app.include_router(languages.router)
    app.include_router(studio_takes.router)
    app.add_api_route("/", page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", RevalidatedFiles(directory=STATIC))
    return app


def page() -> FileResponse:
    """The page of a phone."""
    return FileResponse(STATIC / "studio" / "phone.html", headers=REVALIDATE)


class OneSpeaker:
    """ASGI middleware that lets phones into the paths of their own speaker, before anything of a request is read."""

    def __init__(self, app: ASGIApp, phones: Phones) -> None:
        self.app, self.phones = app, phones

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or PUBLIC.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        cookie = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")
        phone = self.phones.phone_of(cookie) if cookie else None
        if phone is None:
            await problem_response(401, NOT_LET_IN, code="notLetIn")(scope, receive, send)
            return
        named = OF_SPEAKER.fullmatch(scope["path"])
        if named and named[1] != phone.speaker:
            await problem_response(403, NOT_LET_IN, code="notLetIn")(scope, receive, send)
            return
        scope.setdefault("state", {})["phone"] = phone
        await self.app(scope, receive, send)


@router.post("/join", responses=documented(401, 403))
def join(request: Request, response: Response, content: JoinRequest, _: PageHeader) -> PhoneResponse:
    """Let a phone in by its token, which is void afterwards."""
    joined = request.app.state.phones_server.join(content.token)
    if joined is None:
        raise RefusedError(
            401, "This square code was used before, or is too old: show a new one on the laptop.", "usedCode"
        )
    phone, cookie = joined
    response.set_cookie(COOKIE, cookie, max_age=COOKIE_S, secure=True, httponly=True, samesite="strict")
    return PhoneResponse(speaker=phone.speaker)


@router.get("", responses=documented(401))
def phone(request: Request) -> PhoneResponse:
    """Whose recorder this phone is."""
    return PhoneResponse(speaker=request.state.phone.speaker)


@router.post("/waiting", responses=documented(401, 403))
def waiting(request: Request, content: WaitingRequest, _: PageHeader) -> WaitingRequest:
    """Note how many takes are still on the phone, for the laptop to show."""
    request.state.phone.waiting = content.waiting
    return content
