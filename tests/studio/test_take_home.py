"""The deposit: what leaves is what the preview names, of those who allow it, without names unless wanted."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile

from earmark.studio.pictures import add_picture
from earmark.studio.project import Project, open_project
from earmark.studio.speakers import add_consent, add_speaker
from earmark.studio.take import NewTake
from earmark.studio.take_home import preview, write_deposit
from earmark.studio.takes import TakeStore
from studio.test_pictures import picture


def record(store: TakeStore, speaker: str, item: str, day: str = "2026-03-01") -> None:
    rng = np.random.default_rng(int.from_bytes(secrets.token_bytes(4)))
    with store.receive() as path:
        soundfile.write(str(path), rng.normal(0, 0.1, 8000), 16_000, format="WAV", subtype="PCM_16")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        new = NewTake(secrets.token_hex(16), speaker, item, sha256, recorded_at=f"{day}T10:00:00+00:00")
        store.add(new, path)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Project, TakeStore]:
    """Three speakers: one open with two days, one for the community, one who never agreed."""
    project = open_project(tmp_path / "project")
    project.update(lambda _: {"name": "Ìbàdàn", "languages": ["yo"], "licence": "CC BY-NC"})
    image = f"pictures/{add_picture(project, picture(), 'dog.png').image}"
    store = TakeStore(project.folder)
    for name, access in (("Adé Secret", "open"), ("Bọ́lá", "community"), ("Kẹ́hìndé", "open")):
        add_speaker(project.folder, name, languages=("yo", "en"), access=access)  # type: ignore[arg-type]
    add_consent(project.folder, "s01", "speech", "I, Adé Secret, agree", b"RIFF", ".wav")
    add_consent(project.folder, "s02", "text", "agreed")
    for speaker, day in (("s01", "2026-03-01"), ("s01", "2026-03-02"), ("s02", "2026-03-01"), ("s03", "2026-03-01")):
        record(store, speaker, image, day)
    return project, store


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("with_names", [False, True])
def test_exactly_what_the_preview_names_leaves(recorded: tuple[Project, TakeStore], with_names: bool) -> None:
    project, store = recorded
    shown = preview(project, store, {"open"}, with_names)
    folder = write_deposit(project, store, {"open"}, with_names)
    assert files(folder) == {file.path for file in shown.files}
    for file in shown.files:
        if file.source:
            assert (folder / file.path).read_bytes() == (project.folder / file.source).read_bytes()
    assert [person.speaker.id for person in shown.people] == ["s01"]
    assert [person.speaker.id for person in shown.staying] == ["s02", "s03"]  # not open; never agreed
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).decode(errors="replace")
    assert ("Adé Secret" in everything) is with_names
    assert "Bọ́lá" not in everything
    assert any("consent" in file.path for file in shown.files) is with_names


def test_sessions_are_of_a_speaker_and_a_day(recorded: tuple[Project, TakeStore]) -> None:
    project, store = recorded
    folder = write_deposit(project, store, {"open", "community"})
    assert {path.name for path in (folder / "Sessions").iterdir()} == {
        "s01-2026-03-01",
        "s01-2026-03-02",
        "s02-2026-03-01",
    }
    session = ET.parse(folder / "Sessions" / "s01-2026-03-02" / "s01-2026-03-02.session").getroot()
    about = {element.tag: element.text for element in session}
    assert (about["date"], about["participants"], about["access"]) == ("2026-03-02", "s01", "open")
    assert session.findtext("contributions/contributor/role") == "speaker"
    person = ET.parse(folder / "People" / "s02" / "s02.person").getroot()
    assert (person.findtext("code"), person.findtext("primaryLanguage")) == ("s02", "yo")


def test_a_new_deposit_takes_the_place_of_the_former(recorded: tuple[Project, TakeStore]) -> None:
    project, store = recorded
    write_deposit(project, store, {"open", "community"})
    folder = write_deposit(project, store, {"community"})
    assert not any("s01" in name for name in files(folder))
    assert [path.name for path in project.exports.iterdir()] == ["deposit"]


def test_nothing_leaves_of_nobody(recorded: tuple[Project, TakeStore]) -> None:
    project, store = recorded
    assert {file.path for file in preview(project, store, ()).files} == {"deposit.sprj", "README.txt"}
