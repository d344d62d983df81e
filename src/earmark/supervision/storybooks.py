"""Pages of illustrated stories as captioned pictures: those of the African Storybook, in their Markdown edition.

A story is a file ``NUMBER_TITLE.md`` in the folder of its language: a title (``# ...``), pages, and at last a list of
licence, authors and illustrators (``* License: ...``), parted by lines ``##``. Its pictures are ``NUMBER/01.jpg`` and
so on, as in the project's image bank: up to two of the cover, then one a page. The pictures of the pages are therefore
the last ones; a story is passed over where this does not come out even.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_text

logger = logging.getLogger(__name__)

STORY_NAME = re.compile(r"(?P<number>\d+)_.+\.md")
PICTURE_NAME = re.compile(r"\d+\.(?:jpe?g|png)", re.IGNORECASE)
COVERS = range(3)  # how many pictures a story may have before those of its pages


def read_story_pages(
    folder: Path, images: Sequence[Path], without: Set[str] = frozenset()
) -> Iterator[tuple[Path, str]]:
    """Pictures and texts of the pages of all stories in a folder; pages without text are passed over.

    Parameters
    ----------
    folder : Path
        With the stories of one language.
    images : sequence of Path
        Folders in which the pictures of each story have a folder.
    without : set of str
        Numbers of stories to leave out.

    Raises
    ------
    EarmarkError
        If there is no story in the folder, or no picture of any.
    """
    stories = [
        (matched["number"], path) for path in sorted(folder.iterdir()) if (matched := STORY_NAME.fullmatch(path.name))
    ]
    if not stories:
        raise EarmarkError(f"{folder} has no story (NUMBER_TITLE.md): name a file of captions or a folder of stories.")
    used = 0
    uneven = []
    for number, path in stories:
        if number in without:
            continue
        pages, pictures = _page_texts(path), _pictures(number, images)
        covers = len(pictures) - len(pages)
        if covers not in COVERS:
            uneven.append(path.name)
            continue
        used += 1
        for picture, text in zip(pictures[covers:], pages, strict=True):
            if text:
                yield picture, text
    if not used:
        where = ", ".join(map(str, images)) or "no folder"
        raise EarmarkError(f"{folder}: no story's pictures are in {where}: name their folder with --images.")
    if uneven:
        logger.warning(
            "%s: %d stories; left out, for their pictures do not match their pages: %d (first: %s)",
            folder.name,
            used,
            len(uneven),
            uneven[0],
        )


def _page_texts(path: Path) -> list[str]:
    """The text of each page, "" where there is none: what lies between title and credits."""
    text = unicodedata.normalize("NFC", read_text(path))
    sections = [section.split() for section in re.split(r"^##\s*$", text, flags=re.MULTILINE)]
    if sections and sections[0][:1] == ["#"]:
        sections = sections[1:]
    if sections and sections[-1][:1] == ["*"]:
        sections = sections[:-1]
    return [" ".join(words) for words in sections]


def _pictures(number: str, images: Sequence[Path]) -> list[Path]:
    """A story's pictures in order."""
    folder = next((folder / number for folder in images if (folder / number).is_dir()), None)
    return sorted(path for path in folder.iterdir() if PICTURE_NAME.fullmatch(path.name)) if folder else []
