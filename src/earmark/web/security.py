"""Security middleware: checks of every request, and security headers of every response.

An archive is for the people at this machine, or those with its token. So the middleware refuses requests with a foreign
Host header (DNS rebinding), requests from another site's page that change something (CSRF), requests without the
token, and bodies that are too large. Its headers keep the browser from loading anything from elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.errors import RefusedError, problem_response

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERY_ADDRESS = ("0.0.0.0", "[::]")
MAX_BODY_BYTES = 20_000_000
TOO_LARGE = (f"That is too large: {MAX_BODY_BYTES // 1_000_000} MB at most, so scale a picture down.", "tooLarge")
MAX_TAKE_BYTES = 500_000_000
TAKE_TOO_LARGE = (f"That is too large: {MAX_TAKE_BYTES // 1_000_000} MB at most, so cut the recording.", "takeTooLarge")
TAKE_PATH = re.compile(  # written to the disk while it is received
    r"/api/studio/(speakers/[^/]+/(takes|consents)/[^/]+|imports/[^/]+/file)"
)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PAGE_HEADER = "X-Earmark"  # a page of another site can't send it without a preflight request, which is refused
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # recordings of people stay in the archive; the page's own files set another value
}

log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware that passes safe requests to an application.

    Parameters
    ----------
    app : ASGI application
    hosts : collection of str
        Allowed names in the Host header, without ports. One of `EVERY_ADDRESS` allows all IP addresses, which, unlike
        names, nobody else can make resolve to this machine.
    token : str, optional
        Secret that every request has to carry.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOOPBACK, token: str | None = None) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.secret = None if token is None else _digest(token.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await (self._refusal(scope) or self.app)(scope, _limited(scope, receive), send_with_headers)
        except Exception:
            log.exception("A request failed.")
            if started:
                raise
            sentence = "Something went wrong in Earmark: see what the server printed."
            await problem_response(500, sentence, code="inside")(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        return (
            self._wrong_host(headers)
            or self._no_token(scope, headers)
            or _wrong_site(scope["method"], headers)
            or _too_large(scope, headers)
        )

    def _wrong_host(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_allowed(_without_port(hosts[0].lower())):
            return None
        return problem_response(421, "Unknown Host header: open the address that 'earmark serve' printed.")

    def _is_allowed(self, host: str) -> bool:
        if host in self.hosts:
            return True
        return not self.hosts.isdisjoint(EVERY_ADDRESS) and _is_address(host)

    def _no_token(self, scope: Scope, headers: Headers) -> Response | None:
        if self.secret is None:
            return None
        cookie = f"earmark-{(scope.get('server') or ('', 0))[1]}"
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_secret(_digest(credentials.strip().encode("latin-1"))):
            return None
        if self._is_secret(_cookie(headers, cookie)):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        if scope["method"] == "GET" and tokens and self._is_secret(_digest(tokens[0].encode())):
            # The browser's history keeps the clean address; the cookie does not hold the token itself.
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            clean = "/" + Request(scope).url.path.lstrip("/")
            answer = RedirectResponse(f"{clean}?{rest}" if rest else clean, 303)
            answer.set_cookie(cookie, self.secret, httponly=True, samesite="strict")
            return answer
        return problem_response(
            401,
            "This archive needs a token: open the whole address that 'earmark serve' printed.",
            {"WWW-Authenticate": "Bearer"},
            code="noToken",
        )

    def _is_secret(self, digest: str) -> bool:
        assert self.secret is not None
        return hmac.compare_digest(digest.encode(), self.secret.encode())


def _wrong_site(method: str, headers: Headers) -> Response | None:
    if method in SAFE_METHODS:
        return None
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = origin is not None and origin.lower().partition("://")[2] != headers["host"].lower()
    if foreign or site not in (None, "same-origin", "none"):
        return problem_response(403, "Only the archive's own page may change something: open it and try again.")
    if headers.get(PAGE_HEADER) != "1":
        return problem_response(403, f"Changes and uploaded pictures need the header '{PAGE_HEADER}: 1'.")
    return None


def _limit(scope: Scope) -> tuple[int, tuple[str, str]]:
    """The most bytes of a body, and what a larger one is answered: sentence and code."""
    if scope["method"] == "PUT" and TAKE_PATH.fullmatch(scope["path"]):
        return MAX_TAKE_BYTES, TAKE_TOO_LARGE
    return MAX_BODY_BYTES, TOO_LARGE


def _too_large(scope: Scope, headers: Headers) -> Response | None:
    length = headers.get("content-length", "0")
    limit, (sentence, code) = _limit(scope)
    too_large = length.isdecimal() and int(length[:20]) > limit
    return problem_response(413, sentence, code=code) if too_large else None


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The same body, refused while it is read if it is too large, whatever its Content-Length."""
    received = 0
    limit, refusal = _limit(scope)

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise RefusedError(413, *refusal)
        return message

    return limited


def _digest(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not host.endswith("]") else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return False
    return True
