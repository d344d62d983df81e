"""Pictures, tags and words of a project."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.studio.pictures import (
    add_picture,
    clean_name,
    count_pictures,
    list_pictures,
    picture_path,
    remove_pictures,
    thumbnail_path,
)
from earmark.studio.project import Project, open_project
from earmark.studio.proposals import discriminant_scores
from earmark.studio.tags import TagChange, change_tags, read_tags, write_tag_table
from earmark.studio.words import word_states
from earmark.supervision.hand_tags import read_hand_tags, tags_by_hand


def picture(colour: str = "red", form: str = "PNG", side: int = 60) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\a.png", "/abs.png", "a\n\x00b.png", "́🐕.png", "", "x" * 5000, "CON", "."]
)
def test_no_name_from_outside_becomes_a_path(project: Project, name: str) -> None:
    added = add_picture(project, picture(), name)
    assert added.is_new
    assert added.image == f"{added.image[:16]}.png"
    assert "/" not in added.name
    inside = {path.relative_to(project.folder).as_posix() for path in project.folder.rglob("*") if path.is_file()}
    stem = added.image[:16]
    expected = {f"pictures/{added.image}", "pictures/pictures.csv", f"pictures/thumbnails/{stem}.jpg"}
    assert inside - {"project.yaml", "project.lock"} == expected
    assert [one.name for one in list_pictures(project)] == [clean_name(name)]


def test_the_same_picture_is_there_once(project: Project) -> None:
    one, two = add_picture(project, picture(), "dog.png"), add_picture(project, picture(), "again.png")
    assert (one.is_new, two.is_new, one.image == two.image, two.name) == (True, False, True, "dog.png")
    assert picture_path(project, one.image).read_bytes() == picture()  # bit for bit


def test_what_browsers_do_not_show_is_stored_as_png(project: Project) -> None:
    added = add_picture(project, picture(form="TIFF"), "scan.tif")
    assert added.image.endswith(".png")
    assert Image.open(picture_path(project, added.image)).size == (60, 30)


@pytest.mark.parametrize("content", [b"", b"hello", picture()[:50], b"%PDF-1.4"])
def test_a_file_that_is_no_picture_is_named_with_the_reason(project: Project, content: bytes) -> None:
    with pytest.raises(EarmarkError, match=r"^holiday\.jpg "):
        add_picture(project, content, "C:\\photos\\holiday.jpg")
    assert count_pictures(project) == 0
    assert not list((project.pictures / "thumbnails").iterdir())


@pytest.mark.parametrize("image", ["../project.yaml", "a/b.png", ".hidden.png", "pictures.csv", "none.png", ""])
def test_nothing_but_pictures_is_given_out(project: Project, image: str) -> None:
    add_picture(project, picture(), "a.png")
    with pytest.raises(EarmarkError, match="no such picture"):
        picture_path(project, image)


def test_thumbnails_are_made_again_and_removed_pictures_can_come_back(project: Project) -> None:
    added = add_picture(project, picture(side=2000), "large.png")
    thumbnail = thumbnail_path(project, added.image)
    thumbnail.unlink()
    assert Image.open(thumbnail_path(project, added.image)).size == (320, 160)
    assert remove_pictures(project, [added.image]) == 1
    assert list_pictures(project) == []
    (project.pictures / "removed" / added.image).rename(project.pictures / added.image)
    assert [one.name for one in list_pictures(project)] == ["large.png"]


def test_pictures_copied_by_hand_count(project: Project) -> None:
    project.pictures.mkdir()
    (project.pictures / "mbwa.PNG").write_bytes(picture())
    assert [one.image for one in list_pictures(project)] == ["mbwa.PNG"]
    assert thumbnail_path(project, "mbwa.PNG").is_file()


def words(project: Project, *listed: str) -> list[str]:
    images = [add_picture(project, picture(colour), f"{colour}.png").image for colour in ("red", "green", "blue")]
    project.update(lambda _: {"words": list(listed)})
    return images


def test_tags_are_what_earmark_tag_reads(project: Project) -> None:
    """The decisions reach the learner as decided; what is undecided, and pictures without a row, teach nothing."""
    red, green, blue = words(project, "mbwa", "nyumba")
    change_tags(
        project, [TagChange(red, "mbwa", "yes"), TagChange(green, "mbwa", "no"), TagChange(red, "nyumba", "no")]
    )
    change_tags(project, [TagChange(red, "nyumba", "undecided"), TagChange(green, "nyumba", "yes")])
    utterances = [
        Utterance(name, Path(f"{name}.wav"), 16_000, 16_000, image=project.pictures / name)
        for name in (red, green, blue)
    ]
    found = tags_by_hand(read_hand_tags(project.pictures / "tags.csv"), utterances, Vocabulary(["mbwa", "nyumba"]))
    np.testing.assert_array_equal(found.rows[red], [1, np.nan])
    np.testing.assert_array_equal(found.rows[green], [0, 1])
    np.testing.assert_array_equal(found.rows[blue], [np.nan, np.nan])


def test_a_word_that_is_added_later_is_undecided(project: Project, tmp_path: Path) -> None:
    red, *_ = words(project, "mbwa")
    change_tags(project, [TagChange(red, "mbwa", "no")])
    project.update(lambda now: {"words": [*now.words, "paka"]})
    assert write_tag_table(project, tmp_path / "tags.csv") == 1
    utterance = Utterance("a", Path("a.wav"), 16_000, 16_000, image=project.pictures / red)
    found = tags_by_hand(read_hand_tags(tmp_path / "tags.csv"), [utterance], Vocabulary(["mbwa", "paka"]))
    np.testing.assert_array_equal(found.rows["a"], [0, np.nan])


def test_unknown_words_and_pictures_are_refused_whole(project: Project) -> None:
    red, *_ = words(project, "mbwa")
    for strange in (TagChange(red, "paka", "yes"), TagChange("x.png", "mbwa", "yes")):
        with pytest.raises(EarmarkError, match=r"(of|in) this project"):
            change_tags(project, [TagChange(red, "mbwa", "yes"), strange])
    assert read_tags(project) == {}


def test_decisions_of_two_windows_are_all_stored(project: Project) -> None:
    images = words(project, "mbwa", "paka", "nyumba")
    threads = [
        threading.Thread(target=change_tags, args=(project, [TagChange(image, word, "yes")]))
        for image in images
        for word in project.settings().words
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_tags(project) == {image: dict.fromkeys(("mbwa", "paka", "nyumba"), 1.0) for image in images}


def test_what_a_word_needs(project: Project) -> None:
    red, green, blue = words(project, "mbwa")
    change_tags(project, [TagChange(red, "mbwa", "yes"), TagChange(green, "mbwa", "no")])
    rows = [f"takes/{i}.wav,pictures/{image}" for i, image in enumerate([red, red, green, blue, ""])]
    (project.folder / "utterances.csv").write_text("\n".join(["audio,image", *rows]))
    [state] = word_states(project)
    assert (state.shown, state.not_shown, state.undecided, state.takes) == (1, 1, 1, 2)


def test_the_discriminant_finds_what_differs_little() -> None:
    """Two groups that differ along a direction of small variance: the distance to the mean does not separate them."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 16)).astype(np.float32) * np.array([3.0] * 8 + [1.0] * 8, np.float32)
    is_shown = np.arange(400) < 60
    vectors[is_shown, 12] += 4
    scores = discriminant_scores(vectors, [*range(20)], [])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    plain = unit @ unit[:20].mean(axis=0)

    def precision(found: np.ndarray) -> float:
        rest = np.argsort(-found[20:])[:40] + 20
        return float(is_shown[rest].mean())

    assert precision(scores) > precision(plain) + 0.05
