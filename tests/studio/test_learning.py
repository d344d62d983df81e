"""What is learned from, what can be expected, and what a model recognises on held-out takes."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from earmark.core.errors import EarmarkError
from earmark.studio.held_out import BestHit, HeldOutTake, luck, word_result
from earmark.studio.learning import (
    default_recipe,
    expectation,
    learning_steps,
    splits_of,
)
from earmark.studio.pictures import add_picture
from earmark.studio.project import Project, open_project
from earmark.studio.tags import TagChange, change_tags
from studio.test_pictures import picture


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


def described(project: Project, count: int, takes_each: int = 1) -> list[str]:
    """Pictures with takes, as the recorder writes them."""
    images = [add_picture(project, picture(f"#{i:06x}"), f"{i}.png").image for i in range(count)]
    with (project.folder / "utterances.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("audio", "image", "utterance_id", "speaker", "translation", "duration_s"))
        for i, image in enumerate(images):
            for take in range(takes_each):
                name = f"s01-{i}-{take}"
                table.writerow((f"takes/s01/{name}.wav", f"pictures/{image}", name, "s01", "", "2.5"))
        table.writerow(("takes/s01/x.wav", "", "s01-x", "s01", "", "2.5"))  # the answer to a question
    return images


def test_what_is_missing_is_named_before_anything_begins(project: Project) -> None:
    def obstacle() -> str:
        with pytest.raises(EarmarkError, match="add some first"):
            learning_steps(project)
        return expectation(project).obstacle

    assert obstacle() == "words"
    project.update(lambda _: {"words": ["mbwa", "paka"]})
    assert obstacle() == "takes"
    images = described(project, 12)
    assert obstacle() == "tags"
    change_tags(project, [TagChange(images[0], "mbwa", "no")])
    assert obstacle() == "tags"
    change_tags(project, [TagChange(image, "mbwa", "yes") for image in images])
    now = expectation(project)
    assert (now.obstacle, now.takes, now.pictures, now.speakers, now.speech_s) == ("", 12, 12, 1, 30.0)
    assert [(word.takes, word.outlook) for word in now.words] == [(12, "fair"), (0, "none")]


def test_the_steps_are_the_command_lines(project: Project) -> None:
    project.update(lambda _: {"words": ["mbwa", "paka"], "name": "Kiswahili", "licence": "CC BY"})
    images = described(project, 40)
    change_tags(project, [TagChange(images[0], "mbwa", "yes"), TagChange(images[1], "mbwa", "no")])
    corpus, tags, train, test = learning_steps(project)
    assert " ".join(corpus.arguments) == (
        "corpus table jobs/learn/utterances.csv corpus --keywords jobs/learn/keywords.txt "
        "--name Kiswahili --licence CC BY"
    )
    assert " ".join(tags.arguments) == "tag corpus --table jobs/learn/tags.csv"
    expected = f"train {default_recipe()} --corpus corpus --out jobs/learn/model --resume --set training.epochs=100"
    assert " ".join(train.arguments) == expected
    assert test.arguments == ("studio-step", "test", ".")
    folder = project.jobs / "learn"
    assert (folder / "keywords.txt").read_text() == "mbwa\n"  # no picture that was described shows the other one
    rows = list(csv.DictReader((folder / "utterances.csv").open()))
    assert len(rows) == 40
    assert (folder / rows[0]["image"]).resolve() == (project.pictures / images[0]).resolve()
    assert {row["split"] for row in rows} == {"train", "dev", "test"}


def test_a_picture_stays_in_its_split_when_others_come() -> None:
    images = [f"{i:016x}.jpg" for i in range(2000)]
    before, after = splits_of(set(images[:1000])), splits_of(set(images))
    assert all(after[image] == split for image, split in before.items())
    shares = [list(after.values()).count(split) / len(images) for split in ("train", "dev", "test")]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.03)


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_no_split_of_few_pictures_is_empty(count: int) -> None:
    for trial in range(50):
        names = {f"{trial}-{i}.jpg" for i in range(count)}
        assert set(splits_of(names).values()) == {"train", "dev", "test"}


def takes(scores: Sequence[float]) -> list[HeldOutTake]:
    return [HeldOutTake(f"{i}.wav", f"{i}.jpg", {"dog": BestHit(score, 0, 1)}) for i, score in enumerate(scores)]


def test_the_result_of_a_word_is_a_count() -> None:
    """A worked example: of the 3 takes with the word, 2 are among the 3 best of 8."""
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    tags = {f"{i}.jpg": {"dog": float(i in (0, 2, 5))} for i in range(8)}
    found = word_result("dog", [*takes(scores), HeldOutTake("x.wav", "x.jpg", {"dog": BestHit(1.0, 0, 1)})], tags)
    assert (found.shown, found.right, found.decided) == (3, 2, 8)  # of x.jpg nothing is decided
    assert found.by_luck == pytest.approx(9 / 8)
    assert found.verdict == "no"  # two of three are no more than luck: P = 16/56
    assert [(one.number, one.is_right) for one in found.examples] == [(0, True), (1, False), (2, True), (3, False)]


def test_verdicts() -> None:
    def verdict(scores: Sequence[float], shown: set[int]) -> str:
        tags = {f"{i}.jpg": {"dog": float(i in shown)} for i in range(len(scores))}
        return word_result("dog", takes(scores), tags).verdict

    falling = [1 - i / 100 for i in range(80)]
    assert verdict(falling, set(range(6))) == "well"
    assert verdict(falling, {0, 1, *range(20, 28)}) == "no"
    assert verdict(falling, {0, 1, 2, *range(40, 44)}) == "somewhat"
    assert verdict(falling, {0}) == "unknown"
    assert verdict(falling, set(range(80))) == "unknown"  # nothing to tell it from


@pytest.mark.parametrize(("right", "shown", "total"), [(2, 3, 8), (0, 3, 8), (3, 3, 8), (1, 2, 5)])
def test_luck_is_what_drawing_gives(right: int, shown: int, total: int) -> None:
    """Against counting every way to draw."""
    draws = list(itertools.combinations(range(total), shown))
    counted = np.mean([sum(one < shown for one in draw) >= right for draw in draws])
    assert luck(right, shown, total) == pytest.approx(counted)
