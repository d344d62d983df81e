"""The models that are compared: the paper's, its follow-up's, Earmark's own, and the visual bag of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earmark.core.errors import EarmarkError
from earmark.core.results import IMAGE, WRITTEN
from earmark.recipe import read_recipe
from earmark.reproduce.grid import Row

ATTENTION, VISUAL_BOW, BOTH_KINDS = "attention", "visual-bow", "earmark-pictures"
MORE = "-more"  # behind the name of an architecture that learns a longer list of keywords
SMALL = "small"
# By the value of --recipes: the prefix of the recipes' names, and the recipe of the visual bag of words.
RECIPES = {SMALL: ("small-", "earmark-mfcc"), "paper": ("", "olaleye2022/cnn-attend")}


@dataclass(frozen=True)
class QueryRow(Row):
    """A model and its query modality."""

    @property
    def name(self) -> str:
        """Such as ``small-attention/image``."""
        return f"{self.architecture}/{self.queries}"


def rows(recipes: str = SMALL, more: bool = False) -> list[Row]:
    """The models that are compared.

    Parameters
    ----------
    recipes : str
        "small" for networks that train in minutes without a download, or "paper" for those of the released code.
    more : bool
        Whether localising attention and the visual bag of words are trained a second time, on a longer list of
        keywords, as in the paper's analysis.

    Raises
    ------
    EarmarkError
        If it is neither.
    """
    if recipes not in RECIPES:
        raise EarmarkError(f"There are no recipes {recipes!r}: choose from {', '.join(RECIPES)}.")
    prefix, written = RECIPES[recipes]
    pairs = {
        "davenet": "DAVEnet",
        "contrastive-davenet": "Contrastive DAVEnet",
        ATTENTION: "Localising attention",
        "max": "Matchmap maximum",
    }
    # The paper's networks were pretrained on other data; the small ones start from our model on the same data.
    start = BOTH_KINDS if recipes == SMALL else None
    pair_models = [
        QueryRow(f"{prefix}{name}", "matchmap", f"nortje2022/{prefix}{name}", title, queries=IMAGE, start=start)
        for name, title in pairs.items()
    ]
    both = read_recipe(BOTH_KINDS).localisation
    ours = [
        QueryRow(BOTH_KINDS, both, BOTH_KINDS, "Earmark, pictures and words", queries=queries)
        for queries in (IMAGE, WRITTEN)
    ]
    visual_bow = QueryRow(f"{prefix}{VISUAL_BOW}", read_recipe(written).localisation, written, "Visual BoW")
    attention = next(row for row in pair_models if row.architecture == f"{prefix}{ATTENTION}")
    # The start of the small networks learned the shorter list; its last layers, which depend on it, are not taken over.
    longer = [_on_more_keywords(row) for row in (attention, visual_bow)] if more else []
    return [*pair_models, *ours, visual_bow, *longer]


def _on_more_keywords(row: QueryRow) -> QueryRow:
    return replace(row, architecture=f"{row.architecture}{MORE}", title=f"{row.title}, more keywords", learns_more=True)


def row_of(rows: Sequence[Row], name: str) -> Row | None:
    """The row of an architecture, small or the paper's own."""
    return next((row for row in rows if row.architecture.removeprefix("small-") == name), None)
