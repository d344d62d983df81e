"""Which pictures each keyword is asked for with: those of the first utterances of the split that say it.

So Nortje and Kamper (2022) do, whose ten utterances a keyword repeat some pictures; here all are distinct. A picture
that is in the training split too is never asked with. Where the corpus's folder has a table ``queries.csv``, with the
columns keyword, image, left, top, right and bottom, it says which part of a picture shows a keyword, in pixels of the
upright picture; all of it where these four are empty, or where the table does not say.

Evaluation with image queries: a keyword is asked for with pictures that show it (Nortje and Kamper 2022).

An utterance is asked with all pictures of a keyword but its own. Where there are no others, it can't be asked, and that
pair of utterance and keyword takes no part in any measure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earmark.core.corpus import Corpus, Utterance
from earmark.core.csv_tables import Problems, Row, read_table
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.core.types import Box, ImageQuery, Prompt, canonical_path, unique
from earmark.core.vocabulary import Vocabulary, normalise
from earmark.evaluation.data import Bools, Predictions, ground_truth
from earmark.evaluation.keyword_queries import (
    BATCH,
    IMAGE,
    Evaluation,
    SplitFeatures,
    header,
    hear,
    no_later_than_its_end,
)
from earmark.evaluation.summary import compute_metrics
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import DEFAULT_THRESHOLD
from earmark.models.encoded import EncodedSpeech
from earmark.models.image_query_models import accepts_images
from earmark.models.prompts import Prompts
from earmark.supervision.transcripts import bag_of_words

MOST = 10  # pictures a keyword, as in Nortje and Kamper (2022)
TABLE = "queries.csv"
EDGES = ("left", "top", "right", "bottom")

Boxes = Mapping[tuple[str, str], Box | None]  # by normalised keyword and by :func:`canonical_path` of picture


@dataclass(frozen=True)
class QueryPictures:
    """What a split is asked with.

    Attributes
    ----------
    queries : tuple of ImageQuery
        One a keyword that has a picture, called by the keyword.
    unpictured : tuple of str
        The keywords that have none.
    learned : int
        How many pictures were passed over because they are in the training split too.
    """

    queries: tuple[ImageQuery, ...]
    unpictured: tuple[str, ...]
    learned: int

    def askable(self, images: Sequence[Path | None]) -> Bools:
        """Where a query has a picture that is not the utterance's own.

        Parameters
        ----------
        images : sequence of Path or None
            The picture of each of U utterances.

        Returns
        -------
        numpy.ndarray, shape = (U, Q), bool
        """
        own = [image and canonical_path(image) for image in images]
        shown = [{canonical_path(prompt.path) for prompt in query.prompts} for query in self.queries]
        table = np.array([[bool(pictures - {picture}) for pictures in shown] for picture in own], dtype=bool)
        return table.reshape(len(images), len(self.queries))

    def to_json(self, folder: Path) -> dict[str, Any]:
        """As they stand in ``metrics.json``: the pictures of each keyword, named relative to the corpus's folder."""
        return {
            query.name: [
                {"image": _relative(prompt.path, folder), "box": prompt.box and list(prompt.box)}
                for prompt in query.prompts
            ]
            for query in self.queries
        }


def query_pictures(corpus: Corpus, split: str, keywords: Vocabulary) -> QueryPictures:
    """The pictures that a split of a corpus is asked with.

    Raises
    ------
    EarmarkError
        If no keyword has a picture, or ``queries.csv`` is not in order.
    """
    boxes = read_boxes(corpus)
    learned = {u.image for u in corpus.utterances("train") if u.image} if "train" in corpus.splits() else set()
    chosen = choose(corpus.utterances(split), keywords, learned, boxes)
    if not chosen.queries:
        why = "all of them are in the split train, which the model learned from" if chosen.learned else "none has one"
        raise EarmarkError(
            f"There is no picture to ask with among the utterances of the split {split} of {corpus.folder} that say "
            f"a keyword: {why}. Evaluate another split, or a model that knows words with --queries written."
        )
    return chosen


def choose(
    utterances: Sequence[Utterance], keywords: Vocabulary, learned: Collection[Path], boxes: Boxes
) -> QueryPictures:
    """For each keyword the pictures of the first utterances that say it, each picture once.

    Parameters
    ----------
    utterances : sequence of Utterance
        Of the split, in its order. What is said in one is what its word times say, else its text.
    keywords : Vocabulary
    learned : collection of Path
        Pictures that are not to be asked with.
    boxes : mapping
        As of :func:`read_boxes`.
    """
    shown = [u for u in utterances if u.image is not None and (u.words is not None or u.text is not None)]
    said = bag_of_words(shown, keywords).rows
    known = {canonical_path(path) for path in learned}
    queries, bare, passed = [], [], set()
    for number, keyword in enumerate(keywords):
        paths = unique(u.image for u in shown if u.image and said[u.id][number])
        passed |= {canonical_path(path) for path in paths} & known
        kept = [path for path in paths if canonical_path(path) not in known][:MOST]
        if kept:
            prompts = (Prompt(path, boxes.get((normalise(keyword), canonical_path(path)))) for path in kept)
            queries.append(ImageQuery(keyword, tuple(prompts)))
        else:
            bare.append(keyword)
    return QueryPictures(tuple(queries), tuple(bare), len(passed))


def read_boxes(corpus: Corpus) -> Boxes:
    """What ``queries.csv`` in a corpus's folder says; nothing where there is no such file.

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
        place = normalise(row.get("keyword")), name
        wrong = _wrong(row, name in every, place in boxes)
        if wrong:
            problems.add(path, row.number, wrong)
        else:
            boxes[place] = _box(row)
    problems.stop()
    return boxes


def _wrong(row: Row, known: bool, listed: bool) -> str | None:
    """What is wrong with a row of the table."""
    edges = [row.get(edge) for edge in EDGES]
    if not row.get("keyword"):
        return "there is no keyword"
    if not known:
        return f"no utterance of the corpus has the picture {row.get('image')!r}: name it relative to the corpus"
    if listed:
        return f"{row.get('keyword')} and {row.get('image')} are listed above: keep one row"
    if any(edges) and not all(edge.isdecimal() for edge in edges):
        return f"{','.join(edges)} is no part of a picture: give four whole numbers of pixels, or none for all of it"
    box = _box(row)
    if box and not (box[0] < box[2] and box[1] < box[3]):
        return f"{','.join(edges)} is no part of a picture: left must be less than right, and top less than bottom"
    return None


def _box(row: Row) -> Box | None:
    left, top, right, bottom = (row.get(edge) for edge in EDGES)
    return (int(left), int(top), int(right), int(bottom)) if left else None


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def evaluate_pictures(
    finder: KeywordSpotter, corpus: Corpus, split: str, include_own_image: bool = False
) -> Evaluation:
    """Measure a model on a split, asked with pictures of that split.

    Parameters
    ----------
    finder : Finder
        Of a model that is asked with pictures.
    corpus : Corpus
    split : str
    include_own_image : bool
        Ask utterances with their own pictures too, as the released code of Nortje and Kamper (2022) does.

    Raises
    ------
    EarmarkError
        If the model is not asked with pictures, there are none to ask with, or none can be read; or as
        :func:`earmark.evaluate.runner.evaluate`.
    """
    if not accepts_images(finder.model):
        raise EarmarkError(
            "This model is asked with words alone, so it can't be evaluated with image queries: leave --queries out."
        )
    pictures = query_pictures(corpus, split, finder.checkpoint.vocabulary)
    keywords = Vocabulary(query.name for query in pictures.queries)
    utterances, heard = hear(finder, corpus, split)
    images = [None if include_own_image else utterance.image for utterance in utterances]
    asked = pictures.askable(images)
    truth = ground_truth(utterances, keywords)
    predictions = answers(finder, heard, Prompts(finder.model, pictures.queries), images, asked)
    threshold = finder.checkpoint.image_threshold
    measures = compute_metrics(
        truth.within(asked),
        predictions,
        np.full(len(keywords), DEFAULT_THRESHOLD if threshold is None else threshold),
        keywords.words,
        np.array([utterance.duration_s for utterance in utterances]),
        threshold,
    )
    metrics = {
        **header(finder, corpus, split),
        "queries": IMAGE,
        "query_pictures": {
            "of_keywords": pictures.to_json(corpus.folder),
            "own_pictures_asked": include_own_image,
            "crops": sum(prompt.box is not None for query in pictures.queries for prompt in query.prompts),
            "left_out": {
                "pairs": int((~asked).sum()),
                "spoken_pairs": int((truth.present & ~asked).sum()),
                "keywords": list(pictures.unpictured),
                "learned_pictures": pictures.learned,
            },
        },
        "utterances": len(utterances),
        "keywords": len(keywords),
        **measures,
    }
    return Evaluation(finder, utterances, pictures.queries, truth.within(asked), predictions, metrics)


@torch.no_grad()
def answers(
    finder: KeywordSpotter, heard: SplitFeatures, prompts: Prompts, images: Sequence[Path | None], asked: Bools
) -> Predictions:
    """What a model says of U utterances and Q image queries.

    Parameters
    ----------
    finder : Finder
    heard : Heard
    prompts : Prompts
    images : sequence of Path or None
        The picture of each of the U utterances, with which it is not asked.
    asked : numpy.ndarray, shape = (U, Q), bool
        Where a query has other pictures.
    """
    scores, times_s = np.full(asked.shape, np.nan), np.full(asked.shape, np.nan)
    with progress("Searching with pictures", len(heard)) as advance:
        for batch in heard.batches(BATCH):
            features, lengths = heard.padded(batch)
            answer = partial(_said, finder, finder.encode(features, lengths))
            found = prompts.answers([images[u] for u in batch], answer).cpu().numpy()
            scores[batch] = np.where(asked[batch], found[..., 0], np.nan)
            times_s[batch] = no_later_than_its_end(finder, found[..., 1], lengths)
            advance(len(batch))
    return Predictions(scores, times_s, asked)


def _said(finder: KeywordSpotter, encoded: EncodedSpeech, rows: Sequence[int], queries: Any) -> Tensor:
    """Detection scores and locations, (b, q, 2), of some rows of a batch."""
    located = finder.localise(encoded.select(rows), queries)
    return torch.stack([located.detection.double().sigmoid(), located.locations_s().double()], dim=2)
