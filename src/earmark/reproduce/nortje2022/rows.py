"""The models that are compared: the paper's, its follow-up's, Earmark's own, and the visual bag of words."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.core.errors import EarmarkError
from earmark.evaluation.keyword_queries import IMAGE, WRITTEN
from earmark.recipe import read_recipe
from earmark.reproduce.grid import Row

ATTENTION, VISUAL_BOW, BOTH_KINDS = "attention", "visual-bow", "earmark-pictures"
SMALL = "small"
# By the choice that the command line has: what begins the recipes' names, and the recipe of the visual bag of words.
RECIPES = {SMALL: ("small-", "earmark"), "paper": ("", "olaleye2022/cnn-attend")}


@dataclass(frozen=True)
class AskedRow(Row):
    """A model, and what it is asked with."""

    @property
    def name(self) -> str:
        """Such as ``small-attention/image``."""
        return f"{self.architecture}/{self.queries}"


def rows(recipes: str = SMALL) -> list[Row]:
    """The models that are compared.

    Parameters
    ----------
    recipes : str
        "small" for networks that learn in minutes and need no download, or "paper" for those of the released code.

    Raises
    ------
    EarmarkError
        If it is neither.
    """
    if recipes not in RECIPES:
        raise EarmarkError(f"There are no recipes {recipes!r}: choose from {', '.join(RECIPES)}.")
    beginning, written = RECIPES[recipes]
    pairs = {
        "davenet": "DAVEnet",
        "contrastive-davenet": "Contrastive DAVEnet",
        ATTENTION: "Localising attention",
        "max": "Matchmap maximum",
    }
    # The paper's networks were pretrained on other data; the small ones begin with what ours has learned from the same.
    start = BOTH_KINDS if recipes == SMALL else None
    theirs = [
        AskedRow(f"{beginning}{name}", "matchmap", f"nortje2022/{beginning}{name}", title, queries=IMAGE, start=start)
        for name, title in pairs.items()
    ]
    both = read_recipe(BOTH_KINDS).localisation
    ours = [
        AskedRow(BOTH_KINDS, both, BOTH_KINDS, "Earmark, pictures and words", queries=queries)
        for queries in (IMAGE, WRITTEN)
    ]
    bow = f"{beginning}{VISUAL_BOW}"
    return [*theirs, *ours, AskedRow(bow, read_recipe(written).localisation, written, "Visual BoW")]
