"""Tags that people give to pictures: a table with the columns ``image`` and ``tags``, one picture a row.

A cell of tags holds words with ``;`` or ``,`` between them. ``word`` is shown, ``word:0.7`` probably is, ``word:0`` is
not, and ``?word`` or ``word:?`` is unknown: then it teaches nothing, neither that the word is spoken nor that it isn't.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Utterance
from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, normalise, plain_words
from earmark.supervision.targets import Targets, unknown_row

logger = logging.getLogger(__name__)

SOFT = re.compile(r"(?P<word>.*?)\s*:\s*(?P<value>\?|[-+.0-9][^:]*)?", re.DOTALL)  # other colons belong to the word
UNKNOWN = float("nan")
EXAMPLES = 3


@dataclass(frozen=True)
class HandTags:
    """What a table says.

    Attributes
    ----------
    path : Path
        The table.
    by_image : mapping of tuple of str to mapping of str to float
        The tags of each picture, NaN where unknown, by word as written; a picture is named by the parts of its path.
    """

    path: Path
    by_image: Mapping[tuple[str, ...], Mapping[str, float]]

    @property
    def words(self) -> Vocabulary:
        """All words that are a tag of any picture, in the order of the table."""
        found: dict[str, str] = {}
        for tags in self.by_image.values():
            for word in tags:
                found.setdefault(normalise(word), word)
        return Vocabulary(found.values())


def read_hand_tags(path: Path | str) -> HandTags:
    """Read a table of tags.

    Raises
    ------
    EarmarkError
        If the file is missing or holds no tag, or rows are out of order: all of them at once.
    """
    problems = Problems()
    table = read_table(path, ("image", "tags"), (), problems)
    rows: dict[tuple[str, ...], int] = {}
    by_image: dict[tuple[str, ...], dict[str, float]] = {}
    for row in table.rows:
        image = _parts(row.get("image"))
        if not image:
            problems.add(table.path, row.number, "there is no image in this row")
        elif rows.setdefault(image, row.number) != row.number:
            problems.add(table.path, row.number, f"the image {row.get('image')!r} is that of row {rows[image]} too")
        else:
            by_image[image] = _tags(row.get("tags"), table.path, row.number, problems)
    problems.stop()
    if not any(by_image.values()):
        raise EarmarkError(f"{path} has no tag: it needs rows such as 'dog.jpg,\"dog; grass:0.7\"' below 'image,tags'.")
    return HandTags(table.path, by_image)


def tags_by_hand(tags: HandTags, utterances: Sequence[Utterance], keywords: Vocabulary | None = None) -> Targets:
    """Tags of the utterances' pictures: what a picture's row does not name is not shown, and has the tag 0.

    Of a picture without a row nothing is known.

    Parameters
    ----------
    tags : HandTags
    utterances : sequence of Utterance
    keywords : Vocabulary, optional
        The columns; by default all words of the table.

    Raises
    ------
    EarmarkError
        If no picture of the utterances has a row, or none of their tags is a keyword.
    """
    keywords = keywords or tags.words
    nothing = Targets(keywords, {utterance.id: unknown_row(keywords) for utterance in utterances})
    return _tagged(nothing, tags, utterances, others=0.0)


def add_hand_tags(targets: Targets, tags: HandTags, utterances: Sequence[Utterance]) -> Targets:
    """Tags of a tagger, and in their place those that a picture's row names.

    Raises
    ------
    EarmarkError
        As :func:`tags_by_hand`.
    """
    return _tagged(targets, tags, utterances, others=None)


def _tagged(targets: Targets, tags: HandTags, utterances: Sequence[Utterance], others: float | None) -> Targets:
    """`targets` with the tags of the pictures that have a row, whose `others` get this one number if it is given."""
    rows_of = _rows_of(tags, utterances)
    used: set[tuple[str, ...]] = set()
    strange: set[str] = set()
    rows: dict[str, npt.NDArray[np.float32]] = dict(targets.rows)
    for utterance in utterances:
        if (image := rows_of.get(utterance.id)) is None:
            continue
        used.add(image)
        row = rows[utterance.id].copy() if others is None else np.full(len(targets.vocabulary), others, np.float32)
        for word, value in tags.by_image[image].items():
            if word in targets.vocabulary:
                row[targets.vocabulary.index(word)] = value
            else:
                strange.add(word)
        rows[utterance.id] = row
    found = Targets(targets.vocabulary, rows)
    _report(found, tags, used, strange, len(utterances) - len(rows_of), others is not None)
    return found


def _report(
    targets: Targets, tags: HandTags, used: set[tuple[str, ...]], strange: set[str], untagged: int, alone: bool
) -> None:
    name = tags.path.name
    if not used:
        first = "/".join(next(iter(tags.by_image)))
        raise EarmarkError(
            f"{tags.path} names no picture of the corpus (its first: {first}): name pictures by file names, or by "
            "paths that end as theirs do."
        )
    if strange:
        words = ", ".join(map(repr, sorted(strange)[:EXAMPLES]))
        logger.warning("%s: %d tags are no keywords and are not used, such as %s.", name, len(strange), words)
        if not set(map(normalise, strange)) ^ {normalise(word) for word in tags.words}:
            raise EarmarkError(
                f"No tag of {tags.path} is a keyword (its tags: {words}): give its words with --keywords."
            )
    if strays := len(tags.by_image) - len(used):
        logger.warning("%s: %d of its pictures are not in the corpus.", name, strays)
    if untagged and alone:
        logger.warning("%s: %d utterances have no picture in it; nothing is learned from them.", name, untagged)
    if alone and (
        never := [w for w, c in zip(targets.vocabulary, _columns(targets), strict=True) if not (c > 0).any()]
    ):
        words = ", ".join(map(repr, never[:EXAMPLES]))
        logger.warning("%s: no picture shows %d of the keywords, such as %s.", name, len(never), words)


def _columns(targets: Targets) -> npt.NDArray[np.float32]:
    return np.stack(list(targets.rows.values())).T


def _rows_of(tags: HandTags, utterances: Sequence[Utterance]) -> dict[str, tuple[str, ...]]:
    """Which picture of the table each utterance has, by utterance id.

    Raises
    ------
    EarmarkError
        If a name in the table is that of several pictures of the corpus.
    """
    lengths = sorted({len(image) for image in tags.by_image}, reverse=True)  # so that a whole path goes first
    found: dict[str, tuple[str, ...]] = {}
    picture_of: dict[tuple[str, ...], tuple[str, ...]] = {}
    for utterance in utterances:
        path = _parts(utterance.image.as_posix()) if utterance.image else ()
        image = next((path[-length:] for length in lengths if path[-length:] in tags.by_image), None)
        if image is None:
            continue
        if picture_of.setdefault(image, path) != path:
            raise EarmarkError(
                f"{tags.path} names {'/'.join(image)}, but several pictures of the corpus are called so: name their "
                "folders, too."
            )
        found[utterance.id] = image
    return found


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a path in one spelling; "." and the root are none of them."""
    text = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    return tuple(part for part in text.split("/") if part not in ("", "."))


def _tags(cell: str, path: Path, row: int, problems: Problems) -> dict[str, float]:
    tags: dict[str, tuple[str, float]] = {}  # by the form in which words are compared
    for text in re.split("[;,]", cell):
        if not (tag := unicodedata.normalize("NFC", text.strip())):
            continue
        word, value = _tag(tag)
        if not plain_words(word) or word.isnumeric() or value is None:
            problems.add(path, row, f"the tag {tag!r} is no word, 'word:number from 0 to 1', '?word' or 'word:?'")
        elif not _same(tags.setdefault(normalise(word), (word, value))[1], value):
            problems.add(path, row, f"the tag {word!r} has two values")
    return dict(tags.values())


def _tag(text: str) -> tuple[str, float | None]:
    """A tag's word and value; None where the value is no number from 0 to 1."""
    if text.startswith("?"):
        return text[1:].strip(), UNKNOWN
    soft = SOFT.fullmatch(text)
    if soft is None:
        return text, 1.0
    if soft["value"] == "?":
        return soft["word"], UNKNOWN
    try:
        value = float(soft["value"] or "nan")
    except ValueError:
        value = UNKNOWN
    return soft["word"], value if 0 <= value <= 1 else None


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))
