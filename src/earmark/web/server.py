"""HTTP server of an archive or of a project, at an address of this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from earmark.core.errors import EarmarkError
from earmark.web.security import EVERY_ADDRESS, LOOPBACK
from earmark.web.sockets import listen

SHUTDOWN_S = 3  # for responses that are under way when the server is stopped


def serve(
    folder: Path, host: str, port: int, token: str | None, started: Callable[[str], None], judge: str = ""
) -> None:
    """Serve an archive until Ctrl-C.

    Parameters
    ----------
    folder : Path
        The archive.
    host : str
    port : int
        0 for any free port.
    token : str, optional
        Secret of all requests; required for a host that is not this machine's loopback.
    started : callable
        Called with the address of the page, once it can be opened.
    judge : str
        Who judges, where the page does not say; 200 characters at most.

    Raises
    ------
    EarmarkError
        If the name is too long, the folder is no archive, the server can't listen at the address, or others could reach
        it without a token.
    """
    _check_access(host, token)
    from earmark.archive.archive import open_archive
    from earmark.archive.judgement_log import LONGEST
    from earmark.web.app import create_app

    judge = " ".join(judge.split())
    if len(judge) > LONGEST["judge"]:
        raise EarmarkError(f"The name of who judges is too long: give {LONGEST['judge']} characters at most with --as.")
    archive = open_archive(folder)
    _serve(lambda hosts: create_app(archive, token, hosts, judge=judge), host, port, token, started)
    archive.close()


def serve_studio(folder: Path, host: str, port: int, token: str | None, started: Callable[[str], None]) -> None:
    """Serve the studio of a project folder until Ctrl-C; parameters as of :func:`serve`.

    Raises
    ------
    EarmarkError
        If the folder holds something else, the server can't listen at the address, or others could reach it without a
        token.
    """
    _check_access(host, token)
    from earmark.studio.project import open_project
    from earmark.web.app import create_app

    project = open_project(folder)
    _serve(lambda hosts: create_app(None, token, hosts, project), host, port, token, started)


def _check_access(host: str, token: str | None) -> None:
    if token is not None and not token.strip():
        raise EarmarkError("The token is empty: give one that can't be guessed.")
    if token is None and not is_loopback(host):
        raise EarmarkError(f"Others could reach the archive at {host}: set a token with --token, or leave --host out.")


def _serve(
    create: Callable[[set[str]], object], host: str, port: int, token: str | None, started: Callable[[str], None]
) -> None:
    with listen(host, port) as listener:
        name = _browser_host(host)
        address = f"http://{name}:{listener.getsockname()[1]}/" + (f"?token={quote(token, safe='')}" if token else "")
        app = create({*LOOPBACK, name, _bracketed(host)})
        started(address)
        _run(app, listener)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _run(app: object, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,  # it would hold tokens and queries
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _browser_host(host: str) -> str:
    """The host part of the address for a browser."""
    return socket.gethostname().lower() if _bracketed(host) in EVERY_ADDRESS else _bracketed(host)


def _bracketed(host: str) -> str:
    bare = host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare
