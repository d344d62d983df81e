"""The application: the archive's page, and the HTTP API that it asks."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from earmark.archive.archive import Archive
from earmark.web.errors import tell_problems
from earmark.web.responses import HeadRequests
from earmark.web.routes import archive as overview
from earmark.web.routes import judgements, recordings, search
from earmark.web.security import LOOPBACK, Guard
from earmark.web.state import Served

STATIC = Path(str(files("earmark.web"))) / "static"
FRESH = {"Cache-Control": "no-cache"}  # kept, but asked for again: an update shows at once
DESCRIPTION = "Search recordings that nobody has transcribed, and judge what is found. Hits are candidates, not facts."


def create_app(archive: Archive, token: str | None = None, hosts: Collection[str] = LOOPBACK) -> FastAPI:
    """The application that serves an archive.

    Parameters
    ----------
    archive : Archive
    token : str, optional
        That every request has to bring: as ``Authorization: Bearer``, or once as ``?token=``, which leaves a cookie.
    hosts : collection of str
        Names by which the server may be asked; see :class:`earmark.web.safety.Guard`.
    """
    mimetypes.add_type("text/javascript", ".js")  # some systems say otherwise, and browsers then refuse a module
    served = Served(archive)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        served.pictures.close()

    app = FastAPI(
        title="Earmark",
        description=DESCRIPTION,
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.served = served
    app.add_middleware(HeadRequests)
    app.add_middleware(Guard, hosts=hosts, token=token)
    tell_problems(app)
    for part in (overview, search, recordings, judgements):
        app.include_router(part.router)
    app.add_api_route("/", page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", Fresh(directory=STATIC))
    return app


def page() -> FileResponse:
    """The page."""
    return FileResponse(STATIC / "index.html", headers=FRESH)


class Fresh(StaticFiles):
    """The page's own files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file below the folder, and nothing else."""
        answer = await super().get_response(path, scope)
        answer.headers.update(FRESH)
        return answer
