"""Boxes of what a mouse pointed at while a word was spoken, as image queries: ``queries.csv`` of a corpus."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from earmark.core.corpus import Corpus, Word
from earmark.core.files import replacing
from earmark.media.images import read_image

QUERIES = "queries.csv"
COLUMNS = ("keyword", "image", "left", "top", "right", "bottom")
FEWEST_POINTS = 2

Point = tuple[float, float, float]  # x and y as parts of the picture's width and height, seconds


@dataclass(frozen=True)
class Pointed:
    """A word, and the edges of what was pointed at meanwhile, as parts of the picture's width and height."""

    word: str
    left: float
    top: float
    right: float
    bottom: float

    def in_pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a picture of that size."""
        return (
            math.floor(self.left * width),
            math.floor(self.top * height),
            math.ceil(self.right * width),
            math.ceil(self.bottom * height),
        )


def pointed_at(words: Iterable[Word], traces: Any) -> list[Pointed]:
    """What was pointed at during each word, the part of it that is in the picture; not where the mouse stood still.

    Parameters
    ----------
    words : iterable of Word
    traces : list of list of dict
        Runs of points ``x, y, t`` as in a JSON file; those that are out of order are passed over.
    """
    points = [point for run in _items(traces) for item in _items(run) if (point := _point(item))]
    found = []
    for word in words:
        during = [(x, y) for x, y, t in points if word.start_s <= t <= word.end_s]
        if len(during) < FEWEST_POINTS:
            continue
        xs, ys = zip(*during, strict=True)
        edges = [min(max(edge, 0.0), 1.0) for edge in (min(xs), min(ys), max(xs), max(ys))]
        if edges[0] < edges[2] and edges[1] < edges[3]:
            found.append(Pointed(word.word, *edges))
    return found


def write_queries(corpus: Corpus, pointed: Mapping[str, list[Pointed]]) -> None:
    """Write the image queries of a corpus's dev and test utterances: one box a keyword and picture, the first.

    Parameters
    ----------
    corpus : Corpus
        Is written; only its keywords are queries.
    pointed : mapping
        What was pointed at, by utterance id.
    """
    rows: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    keywords = set(corpus.keywords)
    for utterance in (one for split in corpus.splits() if split != "train" for one in corpus.utterances(split)):
        named = [one for one in pointed.get(utterance.id, ()) if one.word in keywords]
        if utterance.image is not None and named:
            size = read_image(utterance.image).size
            for one in named:
                rows.setdefault((one.word, str(utterance.image)), one.in_pixels(*size))
    with replacing(corpus.folder / QUERIES) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows([*about, *box] for about, box in rows.items())


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _point(item: Any) -> Point | None:
    values = [item.get(key) for key in ("x", "y", "t")] if isinstance(item, dict) else []
    numbers = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == len("xyt") else None
