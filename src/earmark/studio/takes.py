"""Takes of a project: each is a sound file and its description, and counts from when both are on the disk.

::

    takes/
      s01/
        s01-4f0c….wav      the sound, bit for bit as the recorder sent it
        s01-4f0c….json     what it is: picture, kind, SHA-256, the browser's settings, warnings
      takes.jsonl          all descriptions, one a line

The descriptions are what counts. ``takes.jsonl`` and the project's ``utterances.csv`` are made of them, and made anew
whenever they differ. Nothing is overwritten: who says something again adds a take, whose version is one higher.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from earmark.core.errors import EarmarkError
from earmark.core.files import flush_folder, replace_file, replacing, sha256_of, write_durably
from earmark.studio.speakers import ID, LOCK_S, withdrawn
from earmark.studio.take import NewTake, Take, take_name
from earmark.studio.take_checks import check_take
from earmark.studio.utterance_table import write_table

TAKES = "takes"
LISTING = "takes.jsonl"
INCOMING = "incoming"
TAKE_ID = re.compile(r"[0-9a-f]{32}")
ABANDONED_S = 24 * 3600.0  # after which a half-sent upload is deleted
MOST_TEXT = 10_000  # characters


class TakeConflictError(EarmarkError):
    """Another sound has the id of a take."""


class TakeStore:
    """The takes of a project folder, for any number of threads and processes.

    Parameters
    ----------
    folder : Path
        The project folder. Listings that differ from the takes, as after a power cut, are made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = folder / TAKES
        self._known: dict[str, Take] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._threads = threading.RLock()
        (self._root / INCOMING).mkdir(parents=True, exist_ok=True)
        self._delete_abandoned()
        with self._locked():
            self._write_listings()

    @contextmanager
    def receive(self) -> Iterator[Path]:
        """A path for a file that is on its way; it is deleted at the end of the block, unless a take was made of it."""
        path = self._root / INCOMING / f"{secrets.token_hex(16)}.partial"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def add(self, new: NewTake, received: Path) -> Take:
        """Make a take of a received file. When this returns, the take outlives a power cut.

        Sending a take again changes nothing and returns the one that is there.

        Raises
        ------
        TakeConflictError
            If another sound has this id.
        EarmarkError
            If the speaker took the consent back, the file is not the one that was sent, or it can't be decoded.
        """
        _check_new(self.folder, new)
        sha256 = sha256_of(received)
        if sha256 != new.sha256:
            raise EarmarkError("The recording changed on its way: send it again.", code="cutOff")
        if (present := self._on_disk(new)) is not None:
            return self._same(present, sha256)
        sound = check_take(received, new.samples, new.sample_rate, new.clock_s)
        folder = self._root / new.speaker
        path = folder / f"{take_name(new.speaker, new.id)}{sound.suffix}"
        take = Take(
            **{**_stated(new), "samples": sound.samples, "sample_rate": sound.sample_rate},
            file=path.relative_to(self.folder).as_posix(),
            channels=sound.channels,
            is_lossless=sound.is_lossless,
            warnings=sound.warnings,
            received_at=_now(),
        )
        with self._locked():
            _check_new(self.folder, new)  # the speaker may have withdrawn meanwhile
            if (present := self._on_disk(new)) is not None:
                return self._same(present, sha256)
            folder.mkdir(exist_ok=True)
            _move_durably(received, path)
            flush_folder(self._root)
            _describe(self.folder, take)
            self._add_to_listings(take)
            return self._known[take.id]

    def takes(self, speaker: str | None = None) -> list[Take]:
        """All takes, or those of one speaker, in the order in which they were recorded; all versions."""
        with self._locked():
            self._refresh()
            found = [take for take in self._known.values() if speaker in (None, take.speaker)]
        return sorted(found, key=_when)

    def take(self, id_: str) -> Take:
        """A take by its id.

        Raises
        ------
        EarmarkError
            If there is none.
        """
        with self._locked():
            self._refresh()
            if id_ not in self._known:
                raise EarmarkError("There is no such take: open the list again.", code="takeGone")
            return self._known[id_]

    def path(self, take: Take) -> Path:
        """The sound file of a take."""
        return self.folder / take.file

    def translate(self, id_: str, text: str) -> Take:
        """Set the typed translation of a take; "" deletes it."""
        with self._locked():
            take = replace(self.take(id_), translation=" ".join(text.split())[:MOST_TEXT])
            _describe(self.folder, take)
            self._known[id_] = take
            self._write_listings()
            return take

    def write_table(self) -> None:
        """Write ``utterances.csv`` anew, after a consent or a licence changed."""
        with self._locked():
            self._refresh()
            self._write_table()

    def delete_speaker(self, speaker: str) -> int:
        """Delete all takes of a speaker; the number of them. Their files are gone when this returns."""
        if not ID.fullmatch(speaker):
            raise EarmarkError("That is no id of a speaker: choose one of the project's list.", code="reload")
        with self._locked():
            count = len({path.stem for path in (self._root / speaker).glob("*.json")})
            # Descriptions first: what is left after a power cut is no take any more.
            for path in sorted((self._root / speaker).glob("*"), key=lambda path: path.suffix != ".json"):
                path.unlink()
            with suppress(FileNotFoundError):
                (self._root / speaker).rmdir()
            flush_folder(self._root)
            self._read_all()
            self._write_listings()
        return count

    def _on_disk(self, new: NewTake) -> Take | None:
        return _read_description(self._root / new.speaker / f"{take_name(new.speaker, new.id)}.json", self.folder)

    def _same(self, present: Take, sha256: str) -> Take:
        if present.sha256 != sha256:
            raise TakeConflictError("Another recording has this number: record it again.")
        with self._locked():
            self._refresh()
            return self._known.get(present.id, present)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads, FileLock(self._root / "takes.lock", timeout=LOCK_S, is_singleton=True):
            yield

    def _refresh(self) -> None:
        """Read what other programs wrote."""
        if self._stamp is None or self._stamp != _stamp(self._root / LISTING):
            self._read_all()
            self._stamp = _stamp(self._root / LISTING)

    def _read_all(self) -> None:
        gone = withdrawn(self.folder)
        descriptions = (path for path in self._root.glob("s*/*.json") if path.parent.name not in gone)
        takes = [take for path in descriptions if (take := _read_description(path, self.folder)) is not None]
        self._known = {take.id: take for take in _versioned(takes)}

    def _add_to_listings(self, take: Take) -> None:
        self._refresh()
        group = [known for known in self._known.values() if _group(known) == _group(take) and known.id != take.id]
        for versioned in _versioned([*group, take]):
            self._known[versioned.id] = versioned
        with (self._root / LISTING).open("a", encoding="utf-8", newline="\n") as listing:
            listing.write(_json_line(self._known[take.id]))
        self._stamp = _stamp(self._root / LISTING)
        self._write_table()

    def _write_listings(self) -> None:
        self._read_all()
        text = "".join(map(_json_line, sorted(self._known.values(), key=_when)))
        _replace_text(self._root / LISTING, text)
        self._stamp = _stamp(self._root / LISTING)
        self._write_table()

    def _write_table(self) -> None:
        write_table(self.folder, sorted(self._known.values(), key=_when))

    def _delete_abandoned(self) -> None:
        for path in (self._root / INCOMING).glob("*.partial"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    path.unlink()


def _check_new(folder: Path, new: NewTake) -> None:
    if not TAKE_ID.fullmatch(new.id) or (new.of and not TAKE_ID.fullmatch(new.of)):
        raise EarmarkError("A take's id is 32 hexadecimal digits: load the page again.", code="reload")
    if not ID.fullmatch(new.speaker) or not (folder / "speakers" / new.speaker).is_dir():
        raise EarmarkError("There is no such speaker in this project: choose one of its list.", code="reload")
    if new.speaker in withdrawn(folder):
        raise EarmarkError("This speaker took the consent back: nothing more is stored.", code="withdrawn")


def _stated(new: NewTake) -> dict[str, Any]:
    return {name: getattr(new, name) for name in NewTake.__dataclass_fields__}


def _move_durably(source: Path, target: Path) -> None:
    with source.open("rb+") as file:
        os.fsync(file.fileno())
    replace_file(source, target)
    flush_folder(target.parent)


def _describe(folder: Path, take: Take) -> None:
    """Write the description, from which on the take counts."""
    values = asdict(take) | {"warnings": list(take.warnings), "settings": dict(take.settings)}
    for derived in ("version", "is_latest"):
        del values[derived]
    path = (folder / take.file).with_suffix(".json")
    write_durably(path, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode())


def _read_description(path: Path, folder: Path) -> Take | None:
    """The take of a description whose sound is there; None for anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        take = Take(**{**values, "warnings": tuple(values["warnings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    in_place = take.file.startswith(f"{TAKES}/{take.speaker}/{take.name}.") and path.stem == take.name
    return take if in_place and "/" not in take.file.split("/", 2)[2] and (folder / take.file).is_file() else None


def _group(take: Take) -> tuple[str, ...]:
    """What the versions of a take have in common."""
    if take.source or not (take.item or take.of):
        return (take.id,)
    return (take.speaker, take.kind, take.item, take.question, take.of)


def _versioned(takes: list[Take]) -> list[Take]:
    groups: dict[tuple[str, ...], list[Take]] = {}
    for take in sorted(takes, key=_when):
        groups.setdefault(_group(take), []).append(take)
    return [
        replace(take, version=number, is_latest=number == len(group))
        for group in groups.values()
        for number, take in enumerate(group, 1)
    ]


def _when(take: Take) -> tuple[str, str, str]:
    return (take.recorded_at, take.received_at, take.id)


def _json_line(take: Take) -> str:
    return json.dumps({**asdict(take), "settings": dict(take.settings)}, ensure_ascii=False) + "\n"


def _replace_text(path: Path, text: str) -> None:
    """Write a text in one step, if it differs from the file's."""
    with suppress(OSError, UnicodeDecodeError):
        if path.read_bytes() == text.encode():
            return
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
