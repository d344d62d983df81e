"""Phones as recorders: a second, small server that phones in the same Wi-Fi reach over HTTPS.

It has the recorder of one speaker and nothing else: no archive, no other speakers. Somebody turns it on by a button,
and it ends with the program. A phone is let in by a token that is shown as a QR code, works once, and is bound to one
speaker; from then on it has a cookie, of which the project keeps a hash, so that it finds its way back after a restart.
Browsers give a microphone to secure pages only, so the certificate is made here; no authority knows it, and each phone
shows a warning once.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import ipaddress
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from earmark.core.errors import EarmarkError
from earmark.core.files import write_durably
from earmark.studio.project import Project
from earmark.studio.speakers import read_speaker, withdrawn
from earmark.web.sockets import listen

FOLDER = "phones"
PORT = 8767
INVITATION_S = 15 * 60.0
CERTIFICATE_DAYS = 397  # Safari accepts no longer ones
MOST_PHONES = 100
START_S = 10.0
SHUTDOWN_S = 2  # for takes that are being sent
MISSING = "Phones need two more packages: run pip install 'earmark[studio]', then try again."


@dataclass(frozen=True)
class Invitation:
    """How one phone is let in.

    Attributes
    ----------
    speaker : str
        Id of the speaker.
    address : str
        With the token, after ``#``: it is never part of a request.
    qr : str
        The address as an SVG drawing.
    """

    speaker: str
    address: str
    qr: str


@dataclass
class Phone:
    """A phone that was let in.

    Attributes
    ----------
    speaker : str
        Id of the speaker.
    digest : str
        SHA-256 of its cookie.
    joined_at : float
        Seconds since 1970.
    last_contact_at : float
        Seconds since 1970; 0 if there was none since the start of the program.
    waiting : int
        Takes that are still on the phone, as it said at the last contact.
    """

    speaker: str
    digest: str
    joined_at: float
    last_contact_at: float = 0.0
    waiting: int = 0


class Phones:
    """The server for phones, which is off at first.

    Parameters
    ----------
    project : Project
    create_app : callable
        Makes the application of the phones, which is reached at an address.
    """

    def __init__(self, project: Project, create_app: Callable[[Phones, str], ASGIApp]) -> None:
        self._project, self._create_app = project, create_app
        self._folder = project.folder / FOLDER
        self._lock = threading.RLock()
        self._invitations: dict[str, tuple[str, float]] = {}  # by the token's digest: speaker and end
        self._phones = {phone.digest: phone for phone in _read_phones(self._folder)}
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._host = ""
        self._port = 0

    @property
    def address(self) -> str:
        """Of the server; "" while it is off."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"https://{host}:{self._port}/" if self._server is not None else ""

    @property
    def phones(self) -> list[Phone]:
        """The phones that were let in, the latest first; not those of speakers who withdrew."""
        gone = withdrawn(self._project.folder)
        known = [phone for phone in self._phones.values() if phone.speaker not in gone]
        return sorted(known, key=lambda phone: -max(phone.joined_at, phone.last_contact_at))

    def turn_on(self, host: str = "", port: int = PORT) -> str:
        """Start the server; its address. Does nothing where it is on at this address.

        Parameters
        ----------
        host : str
            One of :func:`local_addresses`, or the first of them.
        port : int
            0 for any free one. Where it is in use, any free one is taken.

        Raises
        ------
        EarmarkError
            If this machine is in no network, or a package is missing.
        """
        with self._lock:
            host = host or next(iter(local_addresses()), "")
            if not host:
                sentence = "This machine is in no network: turn on its Wi-Fi or a hotspot, then try again."
                raise EarmarkError(sentence, code="noNetwork")
            if self._server is not None and host == self._host:
                return self.address
            self.turn_off()
            certificate = certificate_for(host, self._folder)
            try:
                listener = listen(host, port)
            except EarmarkError:
                if port == 0:
                    raise
                listener = listen(host, 0)
            self._host, self._port = host, listener.getsockname()[1]
            self._run(listener, certificate)
            return self.address

    def turn_off(self) -> None:
        """Stop the server. Phones keep what they have not sent."""
        with self._lock:
            if self._server is not None:
                self._server.should_exit = True
                assert self._thread is not None
                self._thread.join(START_S)
            self._server = self._thread = None

    def invite(self, speaker: str) -> Invitation:
        """Let one more phone in, for one speaker, within a quarter of an hour.

        Raises
        ------
        EarmarkError
            If the server is off, or there is no such speaker.
        """
        read_speaker(self._project.folder, speaker)
        with self._lock:
            if self._server is None:
                raise EarmarkError("Phones are turned off: turn them on first.")
            now = time.monotonic()
            self._invitations = {key: value for key, value in self._invitations.items() if value[1] > now}
            token = secrets.token_urlsafe(16)
            self._invitations[_digest(token)] = (speaker, now + INVITATION_S)
            address = f"{self.address}#{token}"
        return Invitation(speaker, address, qr_svg(address))

    def join(self, token: str) -> tuple[Phone, str] | None:
        """Let a phone in by a token, which is void afterwards: the phone and its cookie; None for any other token."""
        with self._lock:
            speaker, end = self._invitations.pop(_digest(token), ("", 0.0))
            if not speaker or time.monotonic() > end or speaker in withdrawn(self._project.folder):
                return None
            cookie = secrets.token_urlsafe(32)
            phone = Phone(speaker, _digest(cookie), time.time())
            self._phones[phone.digest] = phone
            for old in self.phones[MOST_PHONES:]:
                del self._phones[old.digest]
            self._write_phones()
            return phone, cookie

    def phone_of(self, cookie: str) -> Phone | None:
        """The phone that has a cookie; None for any other cookie, and for a speaker who withdrew."""
        phone = self._phones.get(_digest(cookie))
        if phone is None or phone.speaker in withdrawn(self._project.folder):
            return None
        phone.last_contact_at = time.time()
        return phone

    def forget(self, speaker: str) -> None:
        """Let the phones of a speaker in no more."""
        with self._lock:
            self._phones = {digest: phone for digest, phone in self._phones.items() if phone.speaker != speaker}
            self._write_phones()

    def _run(self, listener: socket.socket, certificate: Path) -> None:
        import uvicorn

        config = uvicorn.Config(
            self._create_app(self, self._host),
            ssl_certfile=str(certificate),
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="phones", daemon=True
        )
        self._thread.start()
        end = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                self._server = None
                raise EarmarkError(f"The server for phones did not start at {self._host}: restart Earmark.")
            time.sleep(0.01)

    def _write_phones(self) -> None:
        rows = [{"speaker": p.speaker, "digest": p.digest, "joined_at": p.joined_at} for p in self._phones.values()]
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_durably(self._folder / "phones.json", json.dumps(rows, indent=1).encode())


def local_addresses() -> list[str]:
    """Addresses by which other devices of the same network reach this machine, those of Wi-Fi first."""
    import psutil

    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if name not in up or one.family != socket.AF_INET:
                continue
            address = ipaddress.IPv4Address(one.address)
            if address.is_private and not address.is_loopback and not address.is_link_local:
                found.append((_interface_rank(name), one.address))
    return [address for _, address in sorted(found)]


def _interface_rank(name: str) -> int:
    """Wi-Fi, then others, then the networks of virtual machines and containers, which no phone is in."""
    name = name.lower()
    if name.startswith(("docker", "br-", "veth", "virbr", "vmnet", "vbox", "tun", "tap", "utun", "tailscale")):
        return 2
    return 0 if name.startswith(("wl", "wifi", "wi-fi", "ap")) else 1


def certificate_for(host: str, folder: Path) -> Path:
    """A certificate with its key for an address: the one that is there, or a new one, in a file for this user alone.

    Phones that accepted the certificate need not do so again after a restart.

    Raises
    ------
    EarmarkError
        If the package that makes it is missing.
    """
    try:
        import trustme
        from cryptography import x509
    except ImportError as error:
        raise EarmarkError(MISSING) from error
    path = folder / "certificate.pem"
    now = datetime.datetime.now(datetime.UTC)
    try:
        stored = x509.load_pem_x509_certificate(path.read_bytes())
        names = stored.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
        if host in addresses and stored.not_valid_after_utc > now + datetime.timedelta(days=1):
            return path
    except (OSError, ValueError, x509.ExtensionNotFound):
        pass  # there is none, or it is damaged
    # The authority is forgotten at once: nobody can make another certificate that a phone would trust with this one.
    authority = trustme.CA(organization_name="Earmark, on this machine")
    made = authority.issue_cert(host, not_after=now + datetime.timedelta(days=CERTIFICATE_DAYS))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = b"".join([*(part.bytes() for part in made.cert_chain_pems), made.private_key_pem.bytes()])
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    os.replace(partial, path)
    return path


def qr_svg(text: str) -> str:
    """A QR code as an SVG drawing.

    Raises
    ------
    EarmarkError
        If the package that draws it is missing.
    """
    try:
        import segno
    except ImportError as error:
        raise EarmarkError(MISSING) from error
    drawing = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawing, kind="svg", scale=1, border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True, svgclass=None
    )
    return drawing.getvalue().decode()


def _read_phones(folder: Path) -> list[Phone]:
    try:
        rows = json.loads((folder / "phones.json").read_text(encoding="utf-8"))
        return [Phone(row["speaker"], row["digest"], float(row["joined_at"])) for row in rows]
    except (OSError, ValueError, TypeError, KeyError):
        return []  # phones have to be invited anew


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
