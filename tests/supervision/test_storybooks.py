from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.supervision.captions import Picture, read_pictures
from support.imports import write
from support.media import write_picture

CREDITS = ("##", "* License: [CC-BY]", "* Text: A. B.", "* Language: en")


def story(folder: Path, name: str, *pages: str) -> None:
    lines = [line for page in pages for line in ("##", *page.split("|"), "")]
    write(folder / "en" / name, "# A title", "", *lines, *CREDITS)


def pictures(folder: Path, number: str, count: int) -> list[Path]:
    return [write_picture(folder / "medium" / number / f"{n:02}.jpg", (2, 2)) for n in range(1, count + 1)]


@pytest.mark.parametrize("covers", [0, 1, 2])
def test_pictures_of_pages_are_the_last_ones(tmp_path: Path, covers: int) -> None:
    story(tmp_path, "0001_a-tall-man.md", "His hoe|was too short.", "", "He left* his house.")
    found = pictures(tmp_path, "0001", 3 + covers)
    assert read_pictures(tmp_path / "en", [tmp_path / "nowhere", tmp_path / "medium"]) == [
        Picture(found[covers], ("His hoe was too short.",)),
        Picture(found[covers + 2], ("He left* his house.",)),
    ]


def test_stories_that_do_not_come_out_even_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    story(tmp_path, "0001_one.md", "One.")
    story(tmp_path, "0002_two.md", "One.", "Two.")
    story(tmp_path, "0003_three.md", "One.")
    story(tmp_path, "0004_four.md", "One.")
    write(tmp_path / "en" / "README.md", "# Stories")
    (first,) = pictures(tmp_path, "0001", 1)
    pictures(tmp_path, "0002", 1)
    pictures(tmp_path, "0003", 4)
    assert [one.image for one in read_pictures(tmp_path / "en", [tmp_path / "medium"])] == [first]
    assert "1 stories; left out, for their pictures do not match their pages: 3 (first: 0002_two.md)" in caplog.text


def test_stories_are_left_out_by_their_numbers(tmp_path: Path) -> None:
    for number in ("0001", "0002"):
        story(tmp_path, f"{number}_a.md", "One.")
        pictures(tmp_path, number, 1)
    found = read_pictures(tmp_path / "en", [tmp_path / "medium"], {"0001"})
    assert [one.image.parent.name for one in found] == ["0002"]


def test_folders_without_stories_or_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"has no story \(NUMBER_TITLE.md\): name a file of captions or a folder"):
        read_pictures(tmp_path)
    story(tmp_path, "0001_one.md", "One.")
    with pytest.raises(EarmarkError, match=r"no story's pictures are in no folder: name their folder with --images"):
        read_pictures(tmp_path / "en")
