"""Ready sets of pictures: read from folders and stamps, taken with their names and licences, credited in a deposit."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora import tuxpaint_stamps
from earmark.studio.picture_credits import picture_credits
from earmark.studio.picture_sets import SetPicture, installed_sets, read_set, spread, take_pictures
from earmark.studio.pictures import list_pictures
from earmark.studio.project import Project, open_project
from earmark.studio.speakers import add_consent, add_speaker
from earmark.studio.take_home import CREDITS, write_deposit
from earmark.studio.takes import TakeStore
from support.media import write_picture
from support.take_writer import new_take, wav

ILLUSTRATIONS = Path(__file__).parents[3] / "shared" / "data" / "illustrations"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Four pictures in a table, one of them missing and one outside the folder."""
    folder = tmp_path / "pages"
    for i in range(3):
        write_picture(folder / "images" / f"{i}.png", (32 + i, 24))
    write_picture(tmp_path / "outside.png", (50, 50))
    rows = ["images/0.png,a dog,CC-BY,Ana", f"images/1.png,{'long ' * 30},CC-BY,", "images/2.png,,,"]
    rows += ["images/9.png,none,,", "../outside.png,secret,,"]
    (folder / "pictures.csv").write_text("image,caption,license,author\n" + "\n".join(rows) + "\n", "utf-8")
    return folder


def test_a_set_is_taken_with_names_and_licences_once(project: Project, pages: Path) -> None:
    found = read_set(pages)
    assert found.licences == {"CC-BY": 2, "": 1}
    assert list(take_pictures(project, found, 2)) == [True, True]
    assert list(take_pictures(project, found, 100, start=1)) == [False, True]
    assert {picture.name for picture in list_pictures(project)} == {"a dog", "1.png", "2.png"}
    credited = {
        credit.source: (credit.set, credit.licence, credit.credit) for credit in picture_credits(project).values()
    }
    assert credited == {
        "images/0.png": ("pages", "CC-BY", "Ana"),
        "images/1.png": ("pages", "CC-BY", ""),
        "images/2.png": ("pages", "", ""),
    }


def test_a_folder_without_a_table_is_no_set(project: Project, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("who,what\na,b\n", "utf-8")
    with pytest.raises(EarmarkError, match="no table of pictures"):
        read_set(tmp_path)


def test_stamps_are_offered_where_they_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuxpaint_stamps.INSTALLED.is_dir() or installed_sets() == []
    monkeypatch.setattr(tuxpaint_stamps, "INSTALLED", tmp_path)
    write_picture(tmp_path / "animals" / "dog.png")
    write_picture(tmp_path / "unnamed.png")
    (tmp_path / "animals" / "dog.txt").write_text("A dog.\nfr.utf8=Un chien.\n", "utf-8")
    [french], [other] = installed_sets("fr"), installed_sets("sw")
    assert [picture.caption for picture in french.pictures] == ["Un chien."]
    assert [picture.caption for picture in other.pictures] == ["A dog."]
    assert french.licences == {"GPL-2.0": 1}


def test_pictures_are_spread_over_a_set() -> None:
    pictures = [SetPicture(Path(str(i))) for i in range(10)]
    assert [int(picture.path.name) for picture in spread(pictures, 3)] == [0, 3, 6]
    assert spread(pictures, 99) == pictures


def test_a_deposit_credits_the_pictures_that_leave(project: Project, pages: Path) -> None:
    list(take_pictures(project, read_set(pages), 100))
    speaker = add_speaker(project.folder).id
    add_consent(project.folder, speaker, "text", "yes")
    store = TakeStore(project.folder)
    dog = next(picture for picture in list_pictures(project) if picture.name == "a dog")
    with store.receive() as path:
        path.write_bytes(content := wav(1))
        store.add(new_take(content, speaker, 1, f"pictures/{dog.image}"), path)
    deposit = write_deposit(project, store, ["community"])
    with (deposit / CREDITS).open(encoding="utf-8", newline="") as file:
        assert [(row["image"], row["licence"], row["credit"]) for row in csv.DictReader(file)] == [
            (dog.image, "CC-BY", "Ana")
        ]


@pytest.mark.skipif(not ILLUSTRATIONS.is_dir(), reason="needs the pages of storybooks")
def test_pages_of_storybooks_are_a_set() -> None:
    found = read_set(ILLUSTRATIONS)
    assert len(found.pictures) > 2000
    assert all(licence.startswith("CC") for licence in found.licences)
