"""Bodies of requests that upload a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from fastapi import Request

from earmark.web.errors import RefusedError

BINARY = {"type": "string", "format": "binary"}
ANY_FILE = ("application/octet-stream",)


def body_of(family: str, refusal: str, code: str) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that gives the body of an upload, and refuses one of another family of media types (415)."""

    async def body(request: Request) -> bytes:
        kind = request.headers.get("content-type", family).lower()
        if not kind.startswith(family):
            raise RefusedError(415, refusal, code)
        return await request.body()

    return body


def documented_body(kinds: Iterable[str]) -> dict[str, Any]:
    """What the API's schema says of an upload: a file of one of these media types."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": BINARY} for kind in kinds}}}


async def receive(request: Request, path: Path, limit: int | None = None) -> None:
    """Write the body of a request to a file, as it comes."""
    size = 0
    with path.open("wb") as file:
        async for block in request.stream():
            size += len(block)
            if limit is not None and size > limit:
                raise RefusedError(413, f"That is too large: {limit // 1_000_000} MB at most.", "tooLarge")
            file.write(block)
