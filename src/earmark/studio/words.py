"""What is there for each word of a project, and what it still needs."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from earmark.studio.pictures import list_pictures
from earmark.studio.project import Project
from earmark.studio.tags import read_tags
from earmark.studio.utterance_table import UTTERANCES

# Of pictures and of takes that show a word. Taught by bags of words (docs/results.md), all of 20 Swahili words with 20
# utterances or more were found, and 12 of 15 with 7 to 19. Pictures say less than that, so twice as many are wanted.
FEWEST_TAKES = 10
WANTED_PICTURES = 15
WANTED_TAKES = 40
SHOWN_FROM = 0.5  # a tag from which on a picture counts as showing a word


@dataclass(frozen=True)
class WordState:
    """A word, and what there is of it.

    Attributes
    ----------
    word : str
    shown, not_shown, undecided : int
        Pictures, by whether they show the word.
    takes : int
        Takes about pictures that show it.
    missing_pictures, missing_takes : int
        To be a word that can be expected to be found.
    """

    word: str
    shown: int
    not_shown: int
    undecided: int
    takes: int

    @property
    def missing_pictures(self) -> int:
        """Pictures that it still needs."""
        return max(0, WANTED_PICTURES - self.shown)

    @property
    def missing_takes(self) -> int:
        """Takes that it still needs."""
        return max(0, WANTED_TAKES - self.takes)


def word_states(project: Project) -> list[WordState]:
    """The state of each word of the project, in their order."""
    tags = read_tags(project)
    images = [picture.image for picture in list_pictures(project)]
    takes = takes_by_image(project)
    return [_state(word, images, tags, takes) for word in project.settings().words]


def takes_by_image(project: Project) -> Counter[str]:
    """Number of usable takes about each picture, by its file's name."""
    counts: Counter[str] = Counter()
    path = project.folder / UTTERANCES
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            counts.update(row["image"].rsplit("/", 1)[-1] for row in csv.DictReader(file) if row["image"])
    return counts


def _state(
    word: str, images: list[str], tags: Mapping[str, Mapping[str, float]], takes: Mapping[str, int]
) -> WordState:
    values = {image: value for image in images if (value := tags.get(image, {}).get(word)) is not None}
    shown = [image for image, value in values.items() if value >= SHOWN_FROM]
    return WordState(
        word,
        shown=len(shown),
        not_shown=len(values) - len(shown),
        undecided=len(images) - len(values),
        takes=sum(takes.get(image, 0) for image in shown),
    )
