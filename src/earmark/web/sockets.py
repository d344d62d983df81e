"""Sockets that servers listen at."""

from __future__ import annotations

import errno
import socket

from earmark.core.errors import EarmarkError

LOCALHOST = "127.0.0.1"


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens at an address.

    Raises
    ------
    EarmarkError
        If the port or the address is not available.
    """
    bare = LOCALHOST if host.lower() == "localhost" else host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        return socket.create_server((bare, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} is in use: choose another with --port, or stop the program that uses it."
        elif error.errno == errno.EACCES:
            problem = f"Port {port} needs administrator rights: choose one above 1023 with --port."
        else:
            problem = f"The address {host} is not available ({error.strerror or error}): leave --host out."
        raise EarmarkError(problem) from error
