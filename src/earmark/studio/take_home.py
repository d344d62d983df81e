"""The deposit: a folder with all takes and what is known about them, laid out as lameta and SayMore lay out a project.

::

    deposit/
      deposit.sprj                     the project: title, languages, licence
      People/s01/s01.person            a speaker; consents beside it
      Sessions/s01-2026-12-01/         what a speaker recorded on one day
        s01-2026-12-01.session
        s01-4f0c….wav, .wav.meta       a take, and what it is about
        9b1d….jpg                      the pictures that were described
      README.txt                       what is in it, and under which conditions
      picture-credits.csv              whose the pictures are that came from a set, and their licences

Takes of speakers whose access level is not among the chosen ones stay at home. Names are left out unless wanted, and
the consents with them, because names are said and written in them: speakers then have their codes alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

from earmark.core.files import replacing, write_text
from earmark.studio.picture_credits import Credit, credits_table, picture_credits
from earmark.studio.project import Project, Settings
from earmark.studio.speakers import Access, Speaker, speaker_folder, speakers
from earmark.studio.take import Take
from earmark.studio.takes import TakeStore

DEPOSIT = "deposit"
CREDITS = "picture-credits.csv"
LEVELS: tuple[Access, ...] = get_args(Access)


@dataclass(frozen=True)
class Leaving:
    """A file that leaves.

    Attributes
    ----------
    path : str
        In the deposit.
    source : str
        In the project; "" for one that is written for the deposit.
    bytes : int
        Its size; 0 where it is written for the deposit.
    """

    path: str
    source: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class Person:
    """A speaker, and how many takes of theirs leave."""

    speaker: Speaker
    takes: int


@dataclass(frozen=True)
class Preview:
    """Exactly what leaves, and who stays at home.

    Attributes
    ----------
    files : tuple of Leaving
    people, staying : tuple of Person
        Speakers whose takes leave, and those whose access level keeps them here.
    """

    files: tuple[Leaving, ...]
    people: tuple[Person, ...]
    staying: tuple[Person, ...]

    @property
    def bytes(self) -> int:
        """Size of what is copied."""
        return sum(file.bytes for file in self.files)


def preview(project: Project, store: TakeStore, levels: Collection[str], with_names: bool = False) -> Preview:
    """What a deposit would hold.

    Parameters
    ----------
    project : Project
    store : TakeStore
        Of the project.
    levels : collection of str
        Access levels of the speakers whose takes leave.
    with_names : bool
        Whether speakers' names leave, and with them their consents, in which they are said or written.
    """
    takes = store.takes()
    known = speakers(project.folder)
    counts = {speaker.id: sum(take.speaker == speaker.id for take in takes) for speaker in known}
    people = [Person(speaker, counts[speaker.id]) for speaker in known]
    leaving = [person for person in people if person.speaker.access in levels and person.speaker.consents]
    ids = {person.speaker.id for person in leaving}
    files = [Leaving("deposit.sprj"), Leaving("README.txt")]
    if _credits(project, takes, {person.speaker.id for person in leaving}):
        files.append(Leaving(CREDITS))
    for person in leaving:
        files += _person_files(project, person.speaker, with_names)
    for session, some in sessions([take for take in takes if take.speaker in ids]).items():
        files += _session_files(project, session, some)
    return Preview(tuple(files), tuple(leaving), tuple(person for person in people if person not in leaving))


def write_deposit(project: Project, store: TakeStore, levels: Collection[str], with_names: bool = False) -> Path:
    """Write the deposit into the project's exports, in the place of a former one. Returns its folder.

    Parameters
    ----------
    project, store, levels, with_names
        As of :func:`preview`.
    """
    shown = preview(project, store, levels, with_names)
    folder = project.exports / DEPOSIT
    partial = folder.with_name(f".{DEPOSIT}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for file in shown.files:
        if file.source:
            target = partial / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project.folder / file.source, target)
    settings = project.settings()
    names = {one.speaker.id: _name(one.speaker, with_names) for one in shown.people}
    _write_project(partial / "deposit.sprj", settings)
    for person in shown.people:
        path = partial / "People" / person.speaker.id / f"{person.speaker.id}.person"
        _write_person(path, person.speaker, names, with_names)
    by_id = {person.speaker.id: person.speaker for person in shown.people}
    for session, some in sessions([take for take in store.takes() if take.speaker in by_id]).items():
        _write_session(partial / "Sessions" / session, session, some, by_id[some[0].speaker], names)
    write_text(partial / "README.txt", _readme(settings, shown, names))
    if credited := _credits(project, store.takes(), set(by_id)):
        write_text(partial / CREDITS, credits_table(credited))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return folder


def sessions(takes: list[Take]) -> dict[str, list[Take]]:
    """Takes by session: what one speaker recorded on one day."""
    found: dict[str, list[Take]] = {}
    for take in takes:
        day = (take.recorded_at or take.received_at)[:10]
        found.setdefault(f"{take.speaker}-{day}", []).append(take)
    return found


def _credits(project: Project, takes: list[Take], speakers_ids: Collection[str]) -> list[Credit]:
    """Whose the pictures are that leave, as far as they came from a set."""
    leaving = {Path(take.item).name for take in takes if take.item and take.speaker in speakers_ids}
    return [credit for image, credit in picture_credits(project).items() if image in leaving]


def _person_files(project: Project, speaker: Speaker, with_names: bool) -> Iterator[Leaving]:
    yield Leaving(f"People/{speaker.id}/{speaker.id}.person")
    for consent in speaker.consents:
        if consent.file and with_names:
            path = speaker_folder(project.folder, speaker.id) / consent.file
            yield _copied(project, path, f"People/{speaker.id}/{speaker.id}_{consent.file}")


def _session_files(project: Project, session: str, takes: list[Take]) -> Iterator[Leaving]:
    folder = f"Sessions/{session}"
    yield Leaving(f"{folder}/{session}.session")
    for take in takes:
        path = project.folder / take.file
        yield _copied(project, path, f"{folder}/{path.name}")
        yield Leaving(f"{folder}/{path.name}.meta")
    for item in dict.fromkeys(take.item for take in takes):
        if item.startswith("pictures/") and (project.folder / item).is_file():
            yield _copied(project, project.folder / item, f"{folder}/{Path(item).name}")


def _copied(project: Project, path: Path, target: str) -> Leaving:
    return Leaving(target, path.relative_to(project.folder).as_posix(), path.stat().st_size)


def _name(speaker: Speaker, with_names: bool) -> str:
    return speaker.name if with_names and speaker.name else speaker.id


def _write_project(path: Path, settings: Settings) -> None:
    root = ET.Element("Project")
    _field(root, "title", settings.name)
    _field(root, "vernacularLanguage", "; ".join(settings.languages))
    _field(root, "rightsHolder", "")
    _field(root, "license", settings.licence)
    _field(root, "fundingProjectTitle", "")
    _field(root, "projectDescription", settings.consent)
    _write(path, root)


def _write_person(path: Path, speaker: Speaker, names: dict[str, str], with_names: bool) -> None:
    root = ET.Element("Person")
    _field(root, "name", names[speaker.id])
    _field(root, "code", speaker.id)
    _field(root, "primaryLanguage", speaker.languages[0] if speaker.languages else "")
    _field(root, "otherLanguages", "; ".join(speaker.languages[1:]))
    consents = [
        f"Consent as {consent.kind}, {consent.given_on}{f': {consent.text}' if with_names and consent.text else ''}"
        for consent in speaker.consents
    ]
    _field(root, "notes", "\n".join(consents))
    _write(path, root)


def _write_session(folder: Path, session: str, takes: list[Take], speaker: Speaker, names: dict[str, str]) -> None:
    root = ET.Element("Session")
    _field(root, "id", session)
    _field(root, "title", session)
    _field(root, "genre", "stimuli")
    _field(root, "date", session.removeprefix(f"{speaker.id}-"), kind="date")
    _field(root, "participants", names[speaker.id])
    _field(root, "languages", "; ".join(speaker.languages))
    _field(root, "access", speaker.access)
    _field(root, "accessDescription", speaker.licence)
    contributions = ET.SubElement(root, "contributions", type="xml")
    contributor = ET.SubElement(contributions, "contributor")
    ET.SubElement(contributor, "name").text = names[speaker.id]
    ET.SubElement(contributor, "role").text = "speaker"
    _write(folder / f"{session}.session", root)
    for take in takes:
        meta = ET.Element("MetaData")
        about = [f"{take.kind} {Path(take.item).name}".strip(), take.question, take.translation]
        _field(meta, "notes", "\n".join(filter(None, about)))
        _field(meta, "sha256", take.sha256)
        _write(folder / f"{Path(take.file).name}.meta", meta)


def _field(root: ET.Element, name: str, text: str, kind: str = "string") -> None:
    ET.SubElement(root, name, type=kind).text = text


def _write(path: Path, root: ET.Element) -> None:
    ET.indent(root)
    with replacing(path) as partial:
        ET.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)


def _readme(settings: Settings, shown: Preview, names: dict[str, str]) -> str:
    lines = [
        settings.name,
        f"Languages: {', '.join(settings.languages)}" if settings.languages else "",
        f"Licence: {settings.licence}" if settings.licence else "",
        f"Consent: {settings.consent}" if settings.consent else "",
        "",
        "Speakers:",
        *(
            f"  {names[one.speaker.id]}: {one.takes} takes, access {one.speaker.access}, licence "
            f"{one.speaker.licence or settings.licence or 'not stated'}"
            for one in shown.people
        ),
    ]
    return "\n".join(line for line in lines if line is not None) + "\n"
