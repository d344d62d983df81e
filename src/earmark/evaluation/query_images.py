"""The images that each keyword is searched for with: those of the first utterances of the split that contain it.

This follows Nortje and Kamper (2022), whose ten utterances a keyword repeat some images; here all are distinct. An
image of the training split is never used. A table ``queries.csv`` in the corpus's folder, with the columns keyword,
image, left, top, right and bottom, says which part of an image shows a keyword, in pixels of the upright image: all of
it where these four are empty, or where the table has no row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.core.corpus import Corpus, Utterance
from earmark.core.csv_tables import Problems, Row, read_table
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import QueryImage
from earmark.core.keyword_map import SPOKEN_AS_WRITTEN, KeywordMap
from earmark.core.types import Box, ImageQuery, Prompt, canonical_path, unique
from earmark.core.vocabulary import Vocabulary, normalise
from earmark.evaluation.data import Bools
from earmark.supervision.transcripts import bag_of_words

IMAGES_PER_KEYWORD = 10  # Nortje and Kamper (2022)
TABLE = "queries.csv"
EDGES = ("left", "top", "right", "bottom")

Boxes = Mapping[tuple[str, str], Box | None]  # by normalised keyword and :func:`canonical_path` of the image


@dataclass(frozen=True)
class ImageQueries:
    """The image queries of a split.

    Attributes
    ----------
    queries : tuple of ImageQuery
        One for each keyword that has an image, named by the keyword.
    without_image : tuple of str
        The keywords that have none.
    training_images : int
        How many images were not used because they are in the training split too.
    """

    queries: tuple[ImageQuery, ...]
    without_image: tuple[str, ...]
    training_images: int

    def usable(self, images: Sequence[Path | None]) -> Bools:
        """Whether a query has an image that is not the utterance's own.

        Parameters
        ----------
        images : sequence of Path or None
            The image of each of U utterances.

        Returns
        -------
        numpy.ndarray, shape = (U, Q), bool
        """
        own = [image and canonical_path(image) for image in images]
        prompts = [{canonical_path(prompt.path) for prompt in query.prompts} for query in self.queries]
        table = np.array([[bool(paths - {path}) for paths in prompts] for path in own], dtype=bool)
        return table.reshape(len(images), len(self.queries))

    def by_keyword(self, folder: Path) -> dict[str, tuple[QueryImage, ...]]:
        """The images of each keyword, named relative to the corpus's folder."""
        return {
            query.name: tuple(QueryImage(_relative(prompt.path, folder), prompt.box) for prompt in query.prompts)
            for query in self.queries
        }


def image_queries_of(corpus: Corpus, split: str, keywords: Vocabulary) -> ImageQueries:
    """The image queries that a split of a corpus is evaluated with.

    Raises
    ------
    EarmarkError
        If no keyword has an image, or ``queries.csv`` has errors.
    """
    boxes = read_boxes(corpus)
    training = {u.image for u in corpus.utterances("train") if u.image} if "train" in corpus.splits() else set()
    images = select_images(corpus.utterances(split), keywords, training, boxes, corpus.keyword_map)
    if not images.queries:
        why = (
            "all of them are in the split train, which the model learned from"
            if images.training_images
            else "none has one"
        )
        raise EarmarkError(
            f"There is no query image among the utterances of the split {split} of {corpus.folder} that contain a "
            f"keyword: {why}. Evaluate another split, or a model that accepts keywords with --queries written."
        )
    return images


def select_images(
    utterances: Sequence[Utterance],
    keywords: Vocabulary,
    training: Collection[Path],
    boxes: Boxes,
    keyword_map: KeywordMap = SPOKEN_AS_WRITTEN,
) -> ImageQueries:
    """For each keyword the images of the first utterances that contain it, each image once.

    Parameters
    ----------
    utterances : sequence of Utterance
        Of the split, in its order. Their words are those of the word alignment, else of the text.
    keywords : Vocabulary
    training : collection of Path
        Images of the training split, which are not used.
    boxes : mapping
        As of :func:`read_boxes`.
    keyword_map : KeywordMap, optional
        The words that are spoken for keywords.
    """
    usable = [u for u in utterances if u.image is not None and (u.words is not None or u.text is not None)]
    present = bag_of_words(usable, keywords, keyword_map).rows
    excluded = {canonical_path(path) for path in training}
    queries, without_image, skipped = [], [], set()
    for number, keyword in enumerate(keywords):
        paths = unique(u.image for u in usable if u.image and present[u.id][number])
        skipped |= {canonical_path(path) for path in paths} & excluded
        selected = [path for path in paths if canonical_path(path) not in excluded][:IMAGES_PER_KEYWORD]
        if selected:
            prompts = (Prompt(path, boxes.get((normalise(keyword), canonical_path(path)))) for path in selected)
            queries.append(ImageQuery(keyword, tuple(prompts)))
        else:
            without_image.append(keyword)
    return ImageQueries(tuple(queries), tuple(without_image), len(skipped))


def read_boxes(corpus: Corpus) -> Boxes:
    """Parts of images from ``queries.csv`` in a corpus's folder; none where there is no such file.

    Raises
    ------
    EarmarkError
        If something is wrong with the table: a line for each row.
    """
    path = corpus.folder / TABLE
    if not path.is_file():
        return {}
    problems = Problems()
    table = read_table(path, ("keyword", "image", *EDGES), (), problems)
    images = {u.image for split in corpus.splits() for u in corpus.utterances(split) if u.image}
    every = {canonical_path(image) for image in images}
    boxes: dict[tuple[str, str], Box | None] = {}
    for row in table.rows:
        name = canonical_path(corpus.folder / row.get("image"))
        key = normalise(row.get("keyword")), name
        problem = _problem(row, name in every, key in boxes)
        if problem:
            problems.add(path, row.number, problem)
        else:
            boxes[key] = _box(row)
    problems.stop()
    return boxes


def _problem(row: Row, known: bool, listed: bool) -> str | None:
    """What is wrong with a row of the table."""
    edges = [row.get(edge) for edge in EDGES]
    if not row.get("keyword"):
        return "there is no keyword"
    if not known:
        return f"no utterance of the corpus has the image {row.get('image')!r}: name it relative to the corpus"
    if listed:
        return f"{row.get('keyword')} and {row.get('image')} are listed above: keep one row"
    if any(edges) and not all(edge.isdecimal() for edge in edges):
        return f"{','.join(edges)} is no part of an image: give four whole numbers of pixels, or none for all of it"
    box = _box(row)
    if box and not (box[0] < box[2] and box[1] < box[3]):
        return f"{','.join(edges)} is no part of an image: left must be less than right, and top less than bottom"
    return None


def _box(row: Row) -> Box | None:
    left, top, right, bottom = (row.get(edge) for edge in EDGES)
    return (int(left), int(top), int(right), int(bottom)) if left else None


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
