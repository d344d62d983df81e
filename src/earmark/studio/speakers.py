"""Speakers of a project, and their consents: one folder a speaker, in plain files.

::

    speakers/
      s01/
        speaker.yaml       name or code, languages, access, licence, consents
        consent-01.wav     consent as speech
        consent-02.jpg     a picture of a signed form
      withdrawn.jsonl      ids (no names) of speakers who took their consent back

A speaker's id is a number that is never used again, because names of people do not belong into names of files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from filelock import FileLock

from earmark.core.errors import EarmarkError
from earmark.core.files import append_durably, write_durably
from earmark.core.yaml_text import to_yaml

SPEAKERS = "speakers"
DESCRIPTION = "speaker.yaml"
WITHDRAWN = "withdrawn.jsonl"
ID = re.compile(r"s[0-9]{2,6}")
LOCK_S = 20.0  # to wait for another window; then its program is not running well

Access = Literal["open", "community", "request", "closed"]
ConsentKind = Literal["speech", "picture", "text"]
ACCESS_LEVELS: tuple[str, ...] = get_args(Access)
MOST_TEXT = 10_000  # characters


@dataclass(frozen=True)
class Consent:
    """A speaker's consent.

    Attributes
    ----------
    kind : {"speech", "picture", "text"}
        Spoken, a picture of a signed form, or a text that was read out and agreed to.
    given_on : str
        Date, as YYYY-MM-DD.
    file : str
        Of speech or picture, beside the description; "" for a text.
    text : str
        What was agreed to, as far as it is written down.
    sha256 : str
        Of the file; a file that comes twice is one consent.
    """

    kind: ConsentKind
    given_on: str
    file: str = ""
    text: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Speaker:
    """A speaker.

    Attributes
    ----------
    id : str
        In the names of files.
    name : str
        Of the person, or only a code; may be empty.
    languages : tuple of str
    access : {"open", "community", "request", "closed"}
        Who may listen to the takes.
    licence : str
        Of the takes; "" for the project's.
    note : str
    added_on : str
        Date, as YYYY-MM-DD.
    consents : tuple of Consent
    """

    id: str
    name: str = ""
    languages: tuple[str, ...] = ()
    access: Access = "community"
    licence: str = ""
    note: str = ""
    added_on: str = ""
    consents: tuple[Consent, ...] = field(default=())

    @property
    def display_name(self) -> str:
        """Name for people: the id where there is no other."""
        return self.name or self.id


def speakers(folder: Path) -> list[Speaker]:
    """The speakers of a project, by id.

    Raises
    ------
    EarmarkError
        If a description can't be read.
    """
    found = [
        path.parent.name for path in (folder / SPEAKERS).glob(f"*/{DESCRIPTION}") if ID.fullmatch(path.parent.name)
    ]
    gone = withdrawn(folder)
    return [read_speaker(folder, id_) for id_ in sorted(found, key=_number) if id_ not in gone]


def read_speaker(folder: Path, id_: str) -> Speaker:
    """A speaker of a project.

    Raises
    ------
    EarmarkError
        If there is none of this id, or the description can't be read.
    """
    path = speaker_folder(folder, id_) / DESCRIPTION
    try:
        status = path.stat()
    except OSError as error:
        raise EarmarkError(
            f"There is no speaker {id_} in this project: choose one of its list.", code="reload"
        ) from error
    version = (status.st_mtime_ns, status.st_size, status.st_ino)
    known = _read.get(path)
    if known is None or known[0] != version:  # reading YAML takes a millisecond, and a table has thousands of rows
        known = _read[path] = (version, _parse(path, id_))
    return known[1]


_read: dict[Path, tuple[tuple[int, int, int], Speaker]] = {}


def add_speaker(
    folder: Path,
    name: str = "",
    languages: Sequence[str] = (),
    access: Access = "community",
    licence: str = "",
    note: str = "",
) -> Speaker:
    """Add a speaker to a project; a name is not needed.

    Returns
    -------
    Speaker
        With an id that no other speaker of the project has, or had.
    """
    with _lock(folder):
        used = [path.name for path in (folder / SPEAKERS).iterdir() if ID.fullmatch(path.name)] + list(
            withdrawn(folder)
        )
        id_ = f"s{max(map(_number, used), default=0) + 1:02}"
        speaker = _clean(Speaker(id_, name, tuple(languages), access, licence, note, _today()))
        return _write(folder, speaker)


def change_speaker(folder: Path, id_: str, **values: Any) -> Speaker:
    """Change a speaker's name, languages, access, licence or note.

    Raises
    ------
    EarmarkError
        If there is no such speaker, or a value is not possible.
    """
    if unknown := set(values) - {"name", "languages", "access", "licence", "note"}:
        raise EarmarkError(f"A speaker has no {', '.join(sorted(unknown))}: leave it out.")
    with _lock(folder):
        return _write(folder, _clean(replace(read_speaker(folder, id_), **values)))


def add_consent(
    folder: Path, id_: str, kind: ConsentKind, text: str = "", content: bytes = b"", suffix: str = ""
) -> Speaker:
    """Add a consent to a speaker. Earlier ones stay: each is a document.

    Parameters
    ----------
    folder : Path
    id_ : str
        Of the speaker.
    kind : {"speech", "picture", "text"}
    text : str
        What was agreed to; required where there is nothing else.
    content : bytes
        Of the recording or picture, which was checked before.
    suffix : str
        Of its file, chosen by what it holds: ``.wav``.

    Raises
    ------
    EarmarkError
        If there is no such speaker, or the consent is empty.
    """
    if kind == "text" and not text.strip():
        raise EarmarkError("The consent is empty: write down what the speaker agrees to.", code="emptyConsent")
    if kind != "text" and not (content and re.fullmatch(r"\.[a-z0-9]{2,4}", suffix)):
        raise EarmarkError("The consent is empty: record it, or take a picture of the form.", code="emptyConsent")
    with _lock(folder):
        speaker = read_speaker(folder, id_)
        sha256 = hashlib.sha256(content).hexdigest() if kind != "text" else ""
        if sha256 and any(consent.sha256 == sha256 for consent in speaker.consents):
            return speaker
        file = "" if kind == "text" else f"consent-{len(speaker.consents) + 1:02}{suffix}"
        if file:
            write_durably(speaker_folder(folder, id_) / file, content)
        consent = Consent(kind, _today(), file, text.strip()[:MOST_TEXT], sha256)
        return _write(folder, replace(speaker, consents=(*speaker.consents, consent)))


def withdrawn(folder: Path) -> dict[str, str]:
    """Ids of the speakers who took their consent back, and when."""
    try:
        lines = (folder / SPEAKERS / WITHDRAWN).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {row["id"]: row["on"] for row in map(_json_row, lines) if row}


def note_withdrawal(folder: Path, id_: str) -> None:
    """Write down that a speaker took the consent back: from here on, nothing of theirs is listed or accepted."""
    with _lock(folder):
        read_speaker(folder, id_)
        append_durably(folder / SPEAKERS / WITHDRAWN, json.dumps({"id": id_, "on": _today()}))


def speaker_folder(folder: Path, id_: str) -> Path:
    """Folder of a speaker's description and consents.

    Raises
    ------
    EarmarkError
        If the id is none: it came from outside, and must not become a path.
    """
    if not ID.fullmatch(id_):
        raise EarmarkError("That is no id of a speaker: choose one of the project's list.", code="reload")
    return folder / SPEAKERS / id_


def _parse(path: Path, id_: str) -> Speaker:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        consents = tuple(Consent(**consent) for consent in values.pop("consents", None) or ())
        languages = tuple(values.pop("languages", None) or ())
        speaker = Speaker(**{**values, "id": id_}, languages=languages, consents=consents)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise EarmarkError(f"{path} can't be read as a speaker ({error}): correct it, or take a backup's.") from error
    if speaker.access not in ACCESS_LEVELS:
        raise EarmarkError(f"{path}: the access {speaker.access!r} is none of {', '.join(ACCESS_LEVELS)}.")
    return speaker


def _clean(speaker: Speaker) -> Speaker:
    if speaker.access not in ACCESS_LEVELS:
        raise EarmarkError(f"The access {speaker.access!r} is none of {', '.join(ACCESS_LEVELS)}.")
    languages = tuple(dict.fromkeys(name for name in map(_line, speaker.languages) if name))
    return replace(
        speaker,
        name=_line(speaker.name),
        languages=languages,
        licence=_line(speaker.licence),
        note=speaker.note.strip()[:MOST_TEXT],
    )


def _line(text: str) -> str:
    """Text on one line, without the characters that would break a table."""
    return " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text).split())[:200]


def _write(folder: Path, speaker: Speaker) -> Speaker:
    values = asdict(speaker) | {"languages": list(speaker.languages)}
    values["consents"] = [{k: v for k, v in asdict(consent).items() if v} for consent in speaker.consents]
    text = to_yaml(values)
    write_durably(speaker_folder(folder, speaker.id) / DESCRIPTION, text.encode())
    return speaker


def _lock(folder: Path) -> FileLock:
    (folder / SPEAKERS).mkdir(parents=True, exist_ok=True)
    return FileLock(folder / SPEAKERS / "speakers.lock", timeout=LOCK_S)


def _json_row(line: str) -> dict[str, str]:
    """A line of a list; empty for the torn last line that a loss of power may leave."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return row if isinstance(row, dict) and {"id", "on"} <= row.keys() else {}


def _number(id_: str) -> int:
    return int(id_[1:])


def _today() -> str:
    return date.today().isoformat()
