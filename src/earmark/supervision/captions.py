"""Captioned pictures, what a tagger is trained on, and the words of their captions.

The format of a file is recognised by its content: our own table, MSCOCO's captions, or Flickr30k's and Flickr8k's
tokens; a folder holds stories. Our own table is strict: a missing picture is an error, with its row. In the public sets
pictures are often missing; they are counted and logged, and the rest is used.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, plain_words, read_text
from earmark.media.lookup import MediaFolder
from earmark.supervision.storybooks import read_story_pages

logger = logging.getLogger(__name__)

# Words of English that name nothing in a picture by themselves.
_FUNCTION_WORDS = """
a an the this that these those some any each every either neither both all no none such another other others own
same several few many much more most less least
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
herself it its itself they them their theirs themselves something someone anything anyone nothing everyone
who whom whose which what when where why how whether
and or but nor so yet if then than because as while until although though since unless
of in on at by for with about against between into through during before after above below to from up down out off
over under again further onto upon near beside besides behind along across around among within without toward
towards
am is are was were be been being have has had having do does did doing done will would shall should can could may
might must
not only just very too also there here once now ever never quite almost even still
don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't hasn't haven't hadn't it's he's
she's there's that's they're
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def with_commonest(keywords: Vocabulary, commonest: Vocabulary, count: int) -> Vocabulary:
    """So many words: all keywords, in their order, then as many of the commonest as there is room for.

    A keyword that is not among the commonest words is learned, too.
    """
    return Vocabulary([*keywords, *(word for word in commonest if word not in keywords)][: max(count, len(keywords))])


def commonest_words(pictures: Iterable[Picture], count: int) -> Vocabulary:
    """The content words that occur in the captions of the most pictures, the commonest first."""
    return commonest_content_words((picture.captions for picture in pictures), count)


def commonest_content_words(written: Iterable[Iterable[str]], count: int) -> Vocabulary:
    """The content words that occur in the texts of the most of some things, the commonest first.

    What is left out are English function words, and numbers and letters that stand alone; in another language, give
    a keyword list instead.

    Parameters
    ----------
    written : iterable of iterable of str
        The texts of each thing.
    count : int

    Raises
    ------
    EarmarkError
        If no content word is left.
    """
    things_with: dict[str, int] = {}
    for texts in written:
        for word in {word for text in texts for word in plain_words(text)} - FUNCTION_WORDS:
            if not (word.isnumeric() or (len(word) == 1 and word.isascii())):
                things_with[word] = things_with.get(word, 0) + 1
    return Vocabulary(sorted(things_with, key=lambda word: (-things_with[word], word))[:count])


def named_in_captions(pictures: Sequence[Picture], keywords: Vocabulary) -> npt.NDArray[np.float32]:
    """For each picture and keyword, the part of the picture's captions that name it: shape (P, W).

    The tagger of the paper has one example a caption instead, with targets of 0 and 1. The binary cross-entropy is
    linear in its target, so its mean over a picture's captions is the one for this mean target: the same loss, from
    a fifth of the examples.
    """
    # By the first word of each keyword: its column, and all of its words.
    forms: dict[str, list[tuple[int, list[str]]]] = {}
    for column, keyword in enumerate(keywords):
        words = plain_words(keyword)
        if not words:
            continue
        forms.setdefault(words[0], []).append((column, words))
    targets = np.zeros((len(pictures), len(keywords)), dtype=np.float32)
    for row, picture in zip(targets, pictures, strict=True):
        for caption in picture.captions:
            caption_words = plain_words(caption)
            named = {
                column
                for place, word in enumerate(caption_words)
                for column, words in forms.get(word, ())
                if caption_words[place : place + len(words)] == words
            }
            row[list(named)] += 1
        row /= len(picture.captions)
    return targets


TOKEN_LINE = re.compile(r"(?P<image>[^\t]+)#\d+\t(?P<caption>.*)")  # name.jpg#0, tab, caption
# The number that Flickr gave to a photo, in a file name (ID_SECRET) and in an address (.../ID_SECRET_z.jpg).
FLICKR_NAME = re.compile(r"(\d{5,})_[0-9a-f]{10}")
FLICKR_ADDRESS = re.compile(r"/(\d{5,})_[0-9a-f]{10}\w*\.jpg$")


@dataclass(frozen=True)
class Picture:
    """A picture and its captions."""

    image: Path
    captions: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """A picture as a file of captions names it; `row` is where, for the table; `keys` are what a list may call it."""

    name: str
    keys: frozenset[str]
    captions: tuple[str, ...]
    row: int = 0


def read_pictures(path: Path | str, images: Sequence[Path] = (), without: Set[str] = frozenset()) -> list[Picture]:
    """Read captioned pictures.

    =====================================  =================================================================
    CSV                                    columns ``image`` and ``caption``, one row a caption
    MSCOCO, ``captions_train2014.json``    JSON with ``images`` (``id``, ``file_name``) and ``annotations``
                                           (``image_id``, ``caption``)
    Flickr30k and 8k, ``*.token``          ``name.jpg#n``, a tab, the caption
    a folder                               stories of the African Storybook; see :mod:`.storybooks`
    =====================================  =================================================================

    Parameters
    ----------
    path : Path or str
    images : sequence of Path
        Folders in which pictures are looked for, the first that has one first; without any, the folder of `path`.
    without : set of str
        Pictures to leave out, as :func:`read_exclusions` gives them.

    Raises
    ------
    EarmarkError
        If the file is none of these, no picture is left, or images of a table are missing: all of it at once, with
        row numbers.
    """
    path = Path(path)
    if path.is_dir():
        return [Picture(image, (caption,)) for image, caption in read_story_pages(path, images, without)]
    text = read_text(path)
    folders = [MediaFolder(folder) for folder in images or [path.parent]]
    problems = Problems()
    strict, entries, unlisted = _entries(path, text, problems)
    wanted = [entry for entry in entries if without.isdisjoint(entry.keys)]
    pictures: dict[Path, tuple[str, ...]] = {}
    missing = []
    for entry in wanted:
        image = _find(entry.name, folders)
        if image.is_file():
            pictures[image] = pictures.get(image, ()) + entry.captions
        elif strict:
            problems.add(path, entry.row, f"there is no image {image}")
        else:
            missing.append(image)
    problems.stop()
    if not strict or len(wanted) < len(entries):
        _log_use(path, len(pictures), missing, unlisted, len(entries) - len(wanted))
    if not pictures:
        if missing:
            raise EarmarkError(f"{path}: not one of its images is there ({missing[0]}): name their folder, --images.")
        raise EarmarkError(f"{path} gives no picture to learn from: it has no caption, or all are left out as listed.")
    return [Picture(image, captions) for image, captions in pictures.items()]


def read_exclusions(paths: Iterable[Path]) -> set[str]:
    """The pictures that lists name, one a line, as file names with or without ending; ``#`` begins a comment.

    A photo of Flickr8k (``ID_SECRET.jpg``) also stands for the Flickr30k picture ``ID.jpg``, and for the MSCOCO
    picture whose address on Flickr has that number: Flickr8k's own split lists do to keep its photos out.
    """
    lines = (line.strip() for path in paths for line in read_text(path).splitlines())
    return {key for line in lines if line and not line.startswith("#") for key in names_of_picture(line)}


def _entries(path: Path, text: str, problems: Problems) -> tuple[bool, list[_Entry], list[Any]]:
    """Whether every image must be there, the pictures, and the ids of images that have captions but no name."""
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        return False, *_coco(path, text)
    if TOKEN_LINE.fullmatch(next((line for line in text.splitlines() if line.strip()), "")):
        return False, list(_tokens(path, text)), []
    rows = read_table(path, ("image", "caption"), (), problems).rows
    return (
        True,
        [_Entry(r.get("image"), names_of_picture(r.get("image")), (r.get("caption"),), r.number) for r in rows],
        [],
    )


def _coco(path: Path, text: str) -> tuple[list[_Entry], list[Any]]:
    captions: dict[Any, list[str]] = {}
    entries = []
    try:
        content = json.loads(text)
        for annotation in content["annotations"]:
            captions.setdefault(annotation["image_id"], []).append(str(annotation["caption"]).strip())
        for image in content["images"]:
            name, texts = str(image["file_name"]), captions.pop(image["id"], [])
            address = FLICKR_ADDRESS.search(str(image.get("flickr_url", "")))
            if texts:
                entries.append(
                    _Entry(name, names_of_picture(name) | ({address[1]} if address else set()), tuple(texts))
                )
        return entries, list(captions)
    except json.JSONDecodeError as error:
        raise EarmarkError(f"{path} is damaged JSON ({error}): copy it again.") from None
    except KeyError as error:
        raise EarmarkError(f"{path} has no {error}, which MSCOCO's captions files have: give one of them.") from None
    except (TypeError, AttributeError) as error:
        raise EarmarkError(f"{path} is not laid out as MSCOCO's captions are ({error}): copy it again.") from None


def _tokens(path: Path, text: str) -> Iterator[_Entry]:
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            parts = TOKEN_LINE.fullmatch(line)
            if parts is None:
                raise EarmarkError(f"{path}, line {number}: it should be 'name.jpg#0', a tab and the caption.")
            captions.setdefault(parts["image"].strip(), []).append(parts["caption"].strip())
    for name, texts in captions.items():
        yield _Entry(name, names_of_picture(name), tuple(texts))


def names_of_picture(name: str) -> frozenset[str]:
    """What a picture is called where others may call it by another ending, folder, or Flickr's number alone."""
    stem = unicodedata.normalize("NFC", Path(name.replace("\\", "/")).stem)
    photo = FLICKR_NAME.fullmatch(stem)
    return frozenset({stem, photo[1]} if photo else {stem})


def _find(name: str, folders: Sequence[MediaFolder]) -> Path:
    paths = [folder.find(name) for folder in folders]
    return next((path for path in paths if path.is_file()), paths[0])


def _log_use(path: Path, used: int, missing: Sequence[Path], unlisted: Sequence[Any], excluded: int) -> None:
    """Log what is used of a file."""
    parts = [f"{path.name}: {used} pictures"]
    if missing:
        parts.append(f"not there: {len(missing)} (first: {missing[0]})")
    if unlisted:
        parts.append(f"captioned, but not in its list of images: {len(unlisted)} (first: image_id {unlisted[0]})")
    if excluded:
        parts.append(f"left out as listed: {excluded}")
    logger.warning("%s", "; ".join(parts))
