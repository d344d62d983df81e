"""A PostgreSQL server for the while of some tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = Path("/usr/lib/postgresql")
USER = "postgres"  # the server refuses to run as root


@contextmanager
def server() -> Iterator[str]:
    """Address of a fresh server, without the name of a database; skips where PostgreSQL is not installed."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"))
    if not found:
        pytest.skip(f"needs a PostgreSQL server below {PROGRAMS}")
    pytest.importorskip("psycopg", reason="needs earmark[postgresql]")
    as_user: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL refuses root, and there is no runuser")
        as_user = ["runuser", "-u", USER, "--"]
    home = Path(tempfile.mkdtemp(prefix="earmark-postgresql-"))  # pytest's own folders are closed to other users
    try:
        if as_user:
            shutil.chown(home, USER)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        data, programs = home / "data", found[-1].parent

        def go(program: str, *arguments: str) -> None:
            command = [*as_user, str(programs / program), "-D", str(data), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, cwd=home, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr

        go("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
        go("pg_ctl", "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}"
        finally:
            go("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
