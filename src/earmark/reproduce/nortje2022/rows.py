"""The models that are compared: the paper's, its follow-up's, Earmark's own, and the visual bag of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE, WRITTEN
from earmark.recipe import read_recipe
from earmark.reproduce.grid import Row

ATTENTION, VISUAL_BOW, BOTH_KINDS = "attention", "visual-bow", "earmark-pictures"
MORE = "-more"  # behind the name of an architecture that learns a longer list of keywords
SMALL, PRETRAINED = "small", "pretrained"


@dataclass(frozen=True)
class RecipeSet:
    """The recipes of one value of ``--recipes``.

    Attributes
    ----------
    prefix : str
        Of the names of the pair models' recipes.
    both_kinds, visual_bow : str
        The recipes for pictures and words, and of the visual bag of words.
    start : str, optional
        The architecture with whose networks the pair models begin. Those of the paper, and the pretrained ones, begin
        with what other data taught.
    """

    prefix: str
    both_kinds: str
    visual_bow: str
    start: str | None = None


RECIPES = {
    SMALL: RecipeSet("small-", "earmark-pictures-mfcc", "earmark-mfcc", start=BOTH_KINDS),
    PRETRAINED: RecipeSet("pretrained-", "earmark-pictures", "earmark"),
    "paper": RecipeSet("", "earmark-pictures-mfcc", "olaleye2022/cnn-attend"),
}


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
        "small" for networks that train in minutes without a download; "pretrained" for such networks on frozen
        features that ship inside packages; or "paper" for the networks of the released code.
    more : bool
        Whether localising attention and the visual bag of words are trained a second time, on a longer list of
        keywords, as in the paper's analysis.

    Raises
    ------
    EarmarkError
        If it is none of them.
    """
    if recipes not in RECIPES:
        raise EarmarkError(f"There are no recipes {recipes!r}: choose from {', '.join(RECIPES)}.")
    chosen = RECIPES[recipes]
    pairs = {
        "davenet": "DAVEnet",
        "contrastive-davenet": "Contrastive DAVEnet",
        ATTENTION: "Localising attention",
        "max": "Matchmap maximum",
    }
    pair_models = [
        QueryRow(
            f"{chosen.prefix}{name}",
            "matchmap",
            f"nortje2022/{chosen.prefix}{name}",
            title,
            queries=IMAGE,
            start=chosen.start,
        )
        for name, title in pairs.items()
    ]
    both = read_recipe(chosen.both_kinds).localisation
    ours = [
        QueryRow(BOTH_KINDS, both, chosen.both_kinds, "Earmark, pictures and words", queries=queries)
        for queries in (IMAGE, WRITTEN)
    ]
    located_by = read_recipe(chosen.visual_bow).localisation
    visual_bow = QueryRow(f"{chosen.prefix}{VISUAL_BOW}", located_by, chosen.visual_bow, "Visual BoW")
    attention = next(row for row in pair_models if row.architecture == f"{chosen.prefix}{ATTENTION}")
    # The start of the small networks learned the shorter list; its last layers, which depend on it, are not taken over.
    longer = [_on_more_keywords(row) for row in (attention, visual_bow)] if more else []
    return [*pair_models, *ours, visual_bow, *longer]


def _on_more_keywords(row: QueryRow) -> QueryRow:
    return replace(row, architecture=f"{row.architecture}{MORE}", title=f"{row.title}, more keywords", learns_more=True)


def row_of(rows: Sequence[Row], name: str) -> Row | None:
    """The row of an architecture, whichever recipes were chosen."""
    prefixes = {chosen.prefix for chosen in RECIPES.values()}
    return next((row for row in rows if row.architecture in {prefix + name for prefix in prefixes}), None)
