"""A folder of existing recordings: what becomes a take, what does not and why, and that nothing comes twice."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.core.errors import EarmarkError
from earmark.studio.dropped_files import delete_dropped, dropped_folder, dropped_path
from earmark.studio.folder_contents import read_folder
from earmark.studio.folder_import import import_utterances, named_speakers
from earmark.studio.pictures import list_pictures
from earmark.studio.project import Project, open_project
from earmark.studio.speakers import add_consent, add_speaker
from earmark.studio.takes import TakeStore
from support.annotated import eaf, textgrid, tier
from support.media import write_picture

RATE = 16_000


def tone(seconds: float, pitch_hz: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Two documents, a table, a recording with its picture, and things that are nothing."""
    folder = tmp_path / "champ 2019"
    (folder / "ọrọ").mkdir(parents=True)
    for number, name in enumerate(("story.wav", "grid.wav", "row.wav", "ọrọ/ajá.wav", "alone.wav"), start=1):
        soundfile.write(folder / name, tone(3.0, 200.0 * number), RATE)
    write_picture(folder / "ọrọ" / "ajá.png")
    write_picture(folder / "row.png", (40, 24))
    tiers = [
        (tier("tx@Ana", participant="Ana"), [("a1", ("t1", "t2"), "ajá kan"), ("a2", ("t3", "t4"), "")]),
        (tier("ft@Ana", "ft", "tx@Ana", "Ana"), [("b1", ("a1", ""), "a dog")]),
    ]
    slots = {"t1": 500, "t2": 1500, "t3": 1600, "t4": 2000}
    (folder / "story.eaf").write_text(eaf(slots, tiers, constraints={"ft": "Symbolic_Association"}), "utf-8")
    (folder / "grid.TextGrid").write_text(textgrid(3.0, {"speech@Ben": [(0.0, 1.0, "ilé"), (1.0, 3.0, "")]}), "utf-8")
    (folder / "broken.eaf").write_text("no document", "utf-8")
    (folder / "table.csv").write_text(
        "audio,image,speaker,translation\nrow.wav,row.png,Ana,a house\nmissing.wav,row.png,Ana,\n", "utf-8"
    )
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


def test_what_a_folder_holds(field: Path) -> None:
    contents = read_folder(field)
    found = {(one.audio.name, one.image and one.image.name, one.speaker, one.stretch_s) for one in contents.utterances}
    assert found == {
        ("story.wav", None, "Ana", (0.5, 1.5)),
        ("grid.wav", None, "Ben", (0.0, 1.0)),
        ("row.wav", "row.png", "Ana", None),
        ("ajá.wav", "ajá.png", None, None),
    }
    reasons = {(one.which, one.reason) for one in contents.left_out}
    assert reasons == {
        ("broken.eaf", "unreadable"),
        ("story-a2", "nothingWritten"),
        ("table.csv 3", "row"),
        ("alone.wav", "alone"),
    }
    assert not any(str(field) in one.which + one.detail for one in contents.left_out)


def test_a_folder_becomes_takes_once(project: Project, field: Path) -> None:
    ana = add_speaker(project.folder, "ANA").id
    ben = add_speaker(project.folder, "Benjamin").id
    add_consent(project.folder, ana, "text", "yes")
    contents = read_folder(field)
    named = {(one.label, one.count, one.speaker) for one in named_speakers(project, contents.utterances)}
    assert named == {("", 1, ""), ("Ana", 2, ana), ("Ben", 1, "")}
    store = TakeStore(project.folder)
    people = {"Ana": ana, "Ben": ben, "": ana}
    done = import_utterances(project, store, contents.utterances, people)
    assert (done.added, done.present, done.left_out) == (4, 0, [])
    again = import_utterances(project, TakeStore(project.folder), read_folder(field).utterances, people)
    assert (again.added, again.present) == (0, 4)

    takes = {take.source: take for take in store.takes()}
    story = takes["story.wav 0.50-1.50"]
    assert (story.speaker, story.text, story.translation, story.item) == (ana, "ajá kan", "a dog", "")
    expected, _ = soundfile.read(field / "story.wav", start=RATE // 2, stop=RATE * 3 // 2)
    np.testing.assert_allclose(soundfile.read(store.path(story))[0], expected, atol=1e-4)
    assert store.path(takes["row.wav"]).read_bytes() == (field / "row.wav").read_bytes()
    assert {picture.name for picture in list_pictures(project)} == {"ajá.png", "row.png"}
    with (project.folder / "utterances.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["utterance_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == {take.name for take in takes.values() if take.speaker == ana}  # Ben has not agreed yet
    assert rows[story.name]["text"] == "ajá kan"


def test_two_recordings_of_one_picture_are_two_takes(project: Project, tmp_path: Path) -> None:
    write_picture(tmp_path / "dog.png")
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, tone(1.0, 300.0 + ord(name[0])), RATE)
    (tmp_path / "takes.tsv").write_text("audio\timage\na.wav\tdog.png\nb.wav\tdog.png\n", "utf-8")
    (tmp_path / "project" / "takes").mkdir(exist_ok=True)
    someone = add_speaker(project.folder).id
    add_consent(project.folder, someone, "text", "yes")
    folder = tmp_path / "drop"
    folder.mkdir()
    for name in ("a.wav", "b.wav", "dog.png", "takes.tsv"):
        (tmp_path / name).rename(folder / name)
    store = TakeStore(project.folder)
    import_utterances(project, store, read_folder(folder).utterances, {"": someone})
    assert [take.is_latest for take in store.takes()] == [True, True]


@pytest.mark.parametrize("name", ["../../up.wav", "/etc/passwd", "..\\..\\up.wav", ".hidden", "a\0b/..", "...", "C:/x"])
def test_names_from_outside_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    path = dropped_path(tmp_path / "drop", name)
    assert (tmp_path / "drop").resolve() in path.resolve().parents
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_a_token_is_no_path(project: Project) -> None:
    with pytest.raises(EarmarkError, match="no import"):
        dropped_folder(project, "../takes")
    token = "0" * 32
    dropped_folder(project, token).mkdir(parents=True)
    delete_dropped(project, token)
    assert not (project.folder / "imports").exists()
