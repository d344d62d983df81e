"""The page's own files."""

from __future__ import annotations

import mimetypes
from importlib.resources import files
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

STATIC = Path(str(files("earmark.web"))) / "static"
REVALIDATE = {"Cache-Control": "no-cache"}  # an update of Earmark shows at once


def add_types() -> None:
    """Have modules served as such: some systems map their ending otherwise, and browsers then refuse them."""
    mimetypes.add_type("text/javascript", ".js")


class RevalidatedFiles(StaticFiles):
    """Static files that browsers cache, but revalidate on each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file below the folder, and nothing else."""
        answer = await super().get_response(path, scope)
        answer.headers.update(REVALIDATE)
        return answer
