"""What the server says of a request that it can't fulfil: one sentence, never a traceback or a path of the machine."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from earmark.core.errors import EarmarkError


class Problem(BaseModel):
    """Why a request was not fulfilled."""

    detail: str = Field(description="One sentence: what is wrong, and what to do about it.")


MEANINGS = {
    400: "What was asked for is not possible.",
    401: "The server has a token, and the request does not.",
    403: "The request comes from another site.",
    404: "There is no such thing.",
    409: "The file is no longer what was indexed.",
    413: "The body is too large.",
    415: "The body is of another type.",
    416: "The file has no such range.",
    421: "The address is not one of this server's.",
    422: "A parameter is missing, or is not of its kind.",
    503: "The archive's tables can't be reached, or its disk is full: the same may succeed later.",
}
OUT_OF_REACH = "The archive's tables can't be reached: is its disk plugged in, and its database running?"
ANYWHERE = (401, 421, 422, 503)
BY_STATUS = {404: "There is nothing at this address.", 405: "This address is not asked in this way."}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for the API's description."""
    return {s: {"model": Problem, "description": MEANINGS[s]} for s in sorted({*statuses, *ANYWHERE})}


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as an answer."""
    return JSONResponse({"detail": sentence}, status, headers)


def tell_problems(app: FastAPI) -> None:
    """Answer what is raised in an application with sentences."""

    def of_status(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        sentence = BY_STATUS.get(error.status_code) if is_bare(error) else error.detail
        return told(error.status_code, sentence or error.detail, error.headers)

    def of_user(request: Request, error: Exception) -> JSONResponse:
        if is_of_tables(error):
            return told(503, OUT_OF_REACH)
        return told(400, without_paths(str(error), request.app.state.served.private))

    def of_parameters(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return told(422, _first(error))

    def of_tables(_request: Request, _error: Exception) -> JSONResponse:
        return told(503, OUT_OF_REACH)

    def of_disk(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return told(503, "The disk of the archive is full: make room, and it goes on.")
        raise error

    app.add_exception_handler(HTTPException, of_status)
    app.add_exception_handler(EarmarkError, of_user)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(DBAPIError, of_tables)
    app.add_exception_handler(OSError, of_disk)


def is_of_tables(error: Exception) -> bool:
    """Whether the archive's tables are at fault, not what was asked for: it may be asked again."""
    return isinstance(error.__cause__, DBAPIError)


def is_bare(error: HTTPException) -> bool:
    """Whether nobody has written a sentence for this error."""
    return error.detail == HTTPException(error.status_code).detail


def without_paths(sentence: str, private: Mapping[str, str]) -> str:
    """A sentence with paths of the machine called as the page calls them.

    Only whole absolute paths are replaced, the longest first; the root of the file system is none, for in containers
    it may be the home folder, and every "/" of a sentence would then be taken for it.

    >>> without_paths("and/or: /home/ada/a.wav, /home/adam/b.wav", {"/home/ada": "~", "/": "~"})
    'and/or: ~/a.wav, /home/adam/b.wav'
    """
    names = {path: name for path, name in private.items() if os.path.isabs(path) and os.path.dirname(path) != path}
    if not names:
        return sentence
    longest_first = "|".join(re.escape(path) for path in sorted(names, key=len, reverse=True))
    whole = rf"(?<![\w/\\.~-])(?:{longest_first})(?![\w-]|\.\w)"
    return re.sub(whole, lambda found: names[found[0]], sentence)


def _first(error: RequestValidationError) -> str:
    """The first of what is wrong with parameters, without what was sent."""
    first = error.errors()[0]
    kind, *names = first["loc"]
    name = ".".join(str(part) for part in names)
    if first["type"] == "json_invalid":
        return "The body is no JSON: write it anew."
    message = str(first["msg"]).rstrip(".")
    what = f"{kind} parameter {name!r}" if name else str(kind)
    return f"The {what} can't be used: {message}."
