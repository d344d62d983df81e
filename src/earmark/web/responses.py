"""HTTP responses beyond the framework's: byte ranges of a file, and HEAD requests."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.errors import problem_response

# A browser requests one part, a download manager for a few; many small ones are a way to wear a server out.
MAX_RANGES = 20
RANGE_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
MAX_DIGITS = 18  # more bytes than any disk has; Python refuses to read numbers of thousands of digits
ORIGINAL_METHOD = "earmark.method"  # the method of the request, where the application was given GET instead


def byte_ranges(header: str, size: int) -> list[tuple[int, int]] | None:
    """Parts of a file that the value of a ``Range`` header names, by RFC 9110, 14.1.2.

    Returns
    -------
    list of tuple, or None
        First and last byte of each part that the file has; an empty list where it has none of them. None where the
        header has to be ignored: another unit, ranges that are out of order or no ranges, or far too many.

    >>> byte_ranges("bytes=0-9,-2", 100)
    [(0, 9), (98, 99)]
    >>> byte_ranges("bytes=5-2", 100) is None
    True
    """
    unit, equals, listed = header.partition("=")
    specs = [spec.strip(" \t") for spec in listed.split(",")]
    specs = [spec for spec in specs if spec]
    if not equals or unit.strip(" \t").lower() != "bytes" or not 0 < len(specs) <= MAX_RANGES:
        return None
    parts = []
    for spec in specs:
        matched = RANGE_SPEC.fullmatch(spec)
        if matched is None or spec == "-":
            return None
        first, last = (_number(digits) for digits in matched.groups())
        if first is None:
            assert last is not None
            first, last = max(size - last, 0), size - 1 if last else -1
        elif last is not None and last < first:
            return None
        if first < size and last != -1:
            parts.append((first, size - 1 if last is None else min(last, size - 1)))
    return parts


def _number(digits: str) -> int | None:
    digits = digits.lstrip("0") or digits[:1]
    return int(digits if len(digits) <= MAX_DIGITS else "9" * MAX_DIGITS) if digits else None


class PartialFile(FileResponse):
    """A file, or the parts of it that the request's ``Range`` names. Its `stat_result` must be given."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: 206 with parts, 416 where the file has none of them, else 200 with all of it."""
        scope = {**scope, "method": scope.get(ORIGINAL_METHOD, scope["method"]), "headers": list(scope["headers"])}
        headers = MutableHeaders(scope=scope)
        ranges, condition = headers.getlist("range"), headers.get("if-range")
        del headers["range"], headers["if-range"]
        if ranges and (condition is None or condition in (self.headers["etag"], self.headers["last-modified"])):
            assert self.stat_result is not None
            size = self.stat_result.st_size
            parts = byte_ranges(ranges[0], size) if len(ranges) == 1 else None
            if parts == []:
                answer = problem_response(
                    416, f"The file has {size} bytes: request a part of them.", {"Content-Range": f"bytes */{size}"}
                )
                await answer(scope, receive, send)
                return
            if parts:
                headers["range"] = "bytes=" + ",".join(f"{first}-{last}" for first, last in parts)
        scope["headers"] = headers.raw
        await super().__call__(scope, receive, send)


class HeadRequests:
    """Answers HEAD wherever GET is answered, with the same headers and no body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application with GET, and leave the body out."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET", ORIGINAL_METHOD: "HEAD"}, receive, without_body)
