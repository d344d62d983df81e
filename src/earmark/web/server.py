"""Serving an archive at an address of this machine."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from pathlib import Path
from urllib.parse import quote

from earmark.core.errors import EarmarkError
from earmark.web.security import EVERY_ADDRESS, LOOPBACK

LOCALHOST = "127.0.0.1"
PATIENCE_S = 3  # for answers that are under way when the server is stopped


def serve(folder: Path, host: str, port: int, token: str | None, open_page: bool) -> None:
    """Serve an archive until Ctrl-C; prints the address.

    Raises
    ------
    EarmarkError
        If the folder is no archive, the address can't be had, or others could reach it and there is no token.
    """
    if token is not None and not token.strip():
        raise EarmarkError("An empty token keeps nobody out: give one that can't be guessed.")
    if token is None and not is_loopback(host):
        raise EarmarkError(
            f"At {host}, others could reach the archive: give them a token with --token, or leave --host out."
        )
    from earmark.archive.archive import open_archive
    from earmark.web.app import create_app

    archive = open_archive(folder)
    with listening(host, port) as listener:
        name = _shown(host)
        address = f"http://{name}:{listener.getsockname()[1]}/" + (f"?token={quote(token, safe='')}" if token else "")
        app = create_app(archive, token, {*LOOPBACK, name, _bracketed(host)})
        print(f"The archive {folder} is at {address} (Ctrl-C stops it).", flush=True)
        if open_page:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        _run(app, listener)
    archive.close()


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach an address."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises
    ------
    EarmarkError
        If it can't be had.
    """
    bare = LOCALHOST if host.lower() == "localhost" else host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        return socket.create_server((bare, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} is taken: name another with --port, or stop the program that has it."
        elif error.errno == errno.EACCES:
            problem = f"Port {port} is not for everybody: name one above 1023 with --port."
        else:
            problem = f"The address {host} can't be had ({error.strerror or error}): leave --host out."
        raise EarmarkError(problem) from error


def _run(app: object, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,  # tokens and queries are nobody's business
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=PATIENCE_S,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print("Stopped. All judgements are kept.")


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def _shown(host: str) -> str:
    """What to write in a browser."""
    return socket.gethostname().lower() if _bracketed(host) in EVERY_ADDRESS else _bracketed(host)


def _bracketed(host: str) -> str:
    bare = host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare
