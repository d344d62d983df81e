"""What every request has to pass, and what every answer carries.

The archive is for the people at this machine, or those with its token. So a request is refused that was sent to another
name (a site whose name was made to point here), that would change something and comes from another site's page, that
lacks the token, or that is too large. An answer tells the browser to load nothing from elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.errors import told

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERY_ADDRESS = ("0.0.0.0", "[::]")
MOST_BYTES = 20_000_000
LARGE = f"That is too large: {MOST_BYTES // 1_000_000} MB at most, so scale a picture down."
READING = ("GET", "HEAD", "OPTIONS")
OURS = "X-Earmark"  # no page of another site can send it without asking, and it is told no
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
    "Cache-Control": "no-store",  # recordings of people stay in the archive; the page's own files say otherwise
}

log = logging.getLogger(__name__)


class Guard:
    """Lets pass to an application what is safe.

    Parameters
    ----------
    app : ASGI application
    hosts : collection of str
        Names by which the server may be asked, without ports. One of `EVERY_ADDRESS` stands for all addresses, which,
        unlike names, can't be made to point here by others.
    token : str, optional
        That every request has to bring.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOOPBACK, token: str | None = None) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.secret = None if token is None else _digest(token.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def safely(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await (self._refusal(scope) or self.app)(scope, _limited(receive), safely)
        except Exception:
            log.exception("A request could not be answered.")
            if begun:
                raise
            await told(500, "Something went wrong in Earmark: what the server printed says more.")(
                scope, receive, safely
            )

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        return (
            self._wrong_host(headers)
            or self._no_token(scope, headers)
            or _wrong_site(scope["method"], headers)
            or _too_large(headers)
        )

    def _wrong_host(self, headers: Headers) -> Response | None:
        asked = headers.getlist("host")
        if len(asked) == 1 and self._is_ours(_without_port(asked[0].lower())):
            return None
        return told(421, "This server does not answer to that address: open the one that 'earmark serve' printed.")

    def _is_ours(self, host: str) -> bool:
        if host in self.hosts:
            return True
        return not self.hosts.isdisjoint(EVERY_ADDRESS) and _is_address(host)

    def _no_token(self, scope: Scope, headers: Headers) -> Response | None:
        if self.secret is None:
            return None
        cookie = f"earmark-{(scope.get('server') or ('', 0))[1]}"
        scheme, _, brought = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_secret(_digest(brought.strip().encode("latin-1"))):
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
        return told(
            401,
            "This archive is opened with a token: open the address that 'earmark serve' printed, as a whole.",
            {"WWW-Authenticate": "Bearer"},
        )

    def _is_secret(self, digest: str) -> bool:
        assert self.secret is not None
        return hmac.compare_digest(digest.encode(), self.secret.encode())


def _wrong_site(method: str, headers: Headers) -> Response | None:
    if method in READING:
        return None
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = origin is not None and origin.lower().partition("://")[2] != headers["host"].lower()
    if foreign or site not in (None, "same-origin", "none"):
        return told(403, "Only the archive's own page may change something: open it and try again.")
    if headers.get(OURS) != "1":
        return told(403, f"What changes something, or brings a picture, has to say '{OURS}: 1' in its headers.")
    return None


def _too_large(headers: Headers) -> Response | None:
    length = headers.get("content-length", "0")
    too_large = length.isdecimal() and int(length[:20]) > MOST_BYTES
    return told(413, LARGE) if too_large else None


def _limited(receive: Receive) -> Receive:
    """The same body; one that turns out to be too large is refused while it is read, whatever it said of itself."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise HTTPException(413, LARGE)
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
