"""Error responses: one sentence each, never a traceback or a path of the machine."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import fastapi
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from earmark.core.errors import EarmarkError, UnknownWordError


class Problem(BaseModel):
    """Why a request failed."""

    detail: str = Field(description="One sentence: what is wrong, and what to do about it.")
    code: str | None = Field(
        None, description="Where the pages' catalogues have a sentence for it, that of the key `error.CODE`."
    )
    suggestions: list[str] | None = Field(
        None, description="For an unknown word: the words that are spelt most like it, the nearest first."
    )


MEANINGS = {
    400: "The request is not possible.",
    401: "The server has a token, and the request does not.",
    403: "The request comes from another site.",
    404: "There is no such resource.",
    409: "The file was changed since it was indexed.",
    413: "The body is too large.",
    415: "The body is of another type.",
    416: "The file has no such range.",
    421: "The address is not one of this server's.",
    422: "A parameter is missing, or is not of its kind.",
    503: "The archive's tables can't be reached, or its disk is full: the same may succeed later.",
}
OUT_OF_REACH = "The archive's tables can't be reached: is its disk plugged in, and its database running?"
ANYWHERE = (401, 421, 422, 503)
BY_STATUS = {404: "There is nothing at this address.", 405: "This address does not support this method."}


class RefusedError(fastapi.HTTPException):
    """A refused request, for which the pages' catalogues have a sentence.

    Parameters
    ----------
    status : int
    sentence : str
        In English: what is wrong, and what to do about it.
    code : str
        ``error.CODE`` is the key in the catalogues.
    """

    def __init__(self, status: int, sentence: str, code: str) -> None:
        super().__init__(status, sentence)
        self.code = code


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error responses of an operation, for the OpenAPI description."""
    return {s: {"model": Problem, "description": MEANINGS[s]} for s in sorted({*statuses, *ANYWHERE})}


def problem_response(
    status: int,
    sentence: str,
    headers: Mapping[str, str] | None = None,
    suggestions: Sequence[str] = (),
    code: str = "",
) -> JSONResponse:
    """An error response, in the form of :class:`Problem`."""
    extra: dict[str, Any] = {"suggestions": list(suggestions)} if suggestions else {}
    if code:
        extra["code"] = code
    return JSONResponse({"detail": sentence, **extra}, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Turn every exception of an application's routes into an error response."""

    def http_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        sentence = BY_STATUS.get(error.status_code) if is_generic(error) else error.detail
        code = error.code if isinstance(error, RefusedError) else ""
        return problem_response(error.status_code, sentence or error.detail, error.headers, code=code)

    def earmark_error(request: Request, error: Exception) -> JSONResponse:
        if is_database_error(error):
            return problem_response(503, OUT_OF_REACH, code="outOfReach")
        suggestions = error.suggestions if isinstance(error, UnknownWordError) else ()
        sentence = redact_paths(str(error), request.app.state.server.private_paths)
        code = error.code if isinstance(error, EarmarkError) else ""
        return problem_response(400, sentence, suggestions=suggestions, code=code)

    def invalid_parameters(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem_response(422, _first(error))

    def database_error(_request: Request, _error: Exception) -> JSONResponse:
        return problem_response(503, OUT_OF_REACH, code="outOfReach")

    def os_error(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return problem_response(503, "The disk is full: make room, and it goes on.", code="diskFull")
        raise error

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(EarmarkError, earmark_error)
    app.add_exception_handler(RequestValidationError, invalid_parameters)
    app.add_exception_handler(DBAPIError, database_error)
    app.add_exception_handler(OSError, os_error)


def is_database_error(error: Exception) -> bool:
    """Whether the database failed, and not the request: the same request may succeed later."""
    return isinstance(error.__cause__, DBAPIError)


def is_generic(error: HTTPException) -> bool:
    """Whether an error only has the standard phrase of its status."""
    return error.detail == HTTPException(error.status_code).detail


def redact_paths(sentence: str, private: Mapping[str, str]) -> str:
    """Replace paths of the machine in a sentence by the names that the page has for them.

    Only whole absolute paths are replaced, the longest first; the root of the file system is none, for in containers
    it may be the home folder, and every "/" of a sentence would then be taken for it.

    >>> redact_paths("and/or: /home/ada/a.wav, /home/adam/b.wav", {"/home/ada": "~", "/": "~"})
    'and/or: ~/a.wav, /home/adam/b.wav'
    """
    names = {path: name for path, name in private.items() if os.path.isabs(path) and os.path.dirname(path) != path}
    if not names:
        return sentence
    longest_first = "|".join(re.escape(path) for path in sorted(names, key=len, reverse=True))
    whole = rf"(?<![\w/\\.~-])(?:{longest_first})(?![\w-]|\.\w)"
    return re.sub(whole, lambda found: names[found[0]], sentence)


def _first(error: RequestValidationError) -> str:
    """A sentence on the first invalid parameter, without its value."""
    first = error.errors()[0]
    kind, *names = first["loc"]
    name = ".".join(str(part) for part in names)
    if first["type"] == "json_invalid":
        return "The body is not JSON: correct it."
    message = str(first["msg"]).rstrip(".")
    what = f"{kind} parameter {name!r}" if name else str(kind)
    return f"The {what} can't be used: {message}."
