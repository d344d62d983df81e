"""The application: the search page of an archive, the studio of a project, and their HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import FileResponse

from earmark.archive.archive import Archive
from earmark.studio.jobs import continue_interrupted
from earmark.studio.project import Project
from earmark.web.errors import add_error_handlers
from earmark.web.recorder_state import close_recorder
from earmark.web.responses import HeadRequests
from earmark.web.routes import archive as archive_routes
from earmark.web.routes import (
    judgements,
    languages,
    lexicon,
    recordings,
    search,
    studio_home,
    studio_imports,
    studio_jobs,
    studio_learning,
    studio_phones,
    studio_picture_sets,
    studio_pictures,
    studio_project,
    studio_recordings,
    studio_speakers,
    studio_takes,
)
from earmark.web.security import LOOPBACK, Guard
from earmark.web.state import ServerState
from earmark.web.static_files import REVALIDATE, STATIC, RevalidatedFiles, add_types

STUDIO = (  # routes of a project
    studio_project,
    studio_pictures,
    studio_picture_sets,
    studio_speakers,
    studio_takes,
    studio_imports,
    studio_phones,
    studio_jobs,
    studio_learning,
    studio_recordings,
    studio_home,
)
DESCRIPTION = "Search recordings that nobody has transcribed, and judge what is found. Hits are candidates, not facts."


def create_app(
    archive: Archive | None = None,
    token: str | None = None,
    hosts: Collection[str] = LOOPBACK,
    project: Project | None = None,
    judge: str = "",
) -> FastAPI:
    """Create the application that serves an archive, or a project with its archive.

    Parameters
    ----------
    archive : Archive, optional
        Left out where there is a project.
    token : str, optional
        Secret that every request has to carry: as ``Authorization: Bearer``, or once as ``?token=``, which sets a
        cookie.
    hosts : collection of str
        Allowed names in the Host header; see :class:`earmark.web.security.Guard`.
    project : Project, optional
        The studio's page is at ``/`` then, and that of its archive at ``/find``.
    judge : str
        Who judges, where the page does not say.
    """
    add_types()
    state = ServerState(archive, project, judge)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if project is not None:
            continue_interrupted(project)  # what a power cut ended goes on
        yield
        close_recorder(app.state)
        state.close()

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
    app.state.server = state
    app.add_middleware(HeadRequests)
    app.add_middleware(Guard, hosts=hosts, token=token)
    add_error_handlers(app)
    for part in (archive_routes, search, recordings, judgements, lexicon, languages):
        app.include_router(part.router)
    if project is not None:
        for part in STUDIO:
            app.include_router(part.router)
        app.add_api_route("/find", page, include_in_schema=False, response_class=FileResponse)
    home = page if project is None else studio_page
    app.add_api_route("/", home, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", RevalidatedFiles(directory=STATIC))
    return app


def page() -> FileResponse:
    """The page of an archive."""
    return FileResponse(STATIC / "index.html", headers=REVALIDATE)


def studio_page() -> FileResponse:
    """The page of the studio."""
    return FileResponse(STATIC / "studio" / "index.html", headers=REVALIDATE)
