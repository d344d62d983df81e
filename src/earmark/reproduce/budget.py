"""How long each training may take: so many epochs, or as many whole ones as fit into so many minutes here."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe, read_recipe
from earmark.training.loop import check_description, estimate_epoch_seconds, resolve_recipe


@dataclass(frozen=True)
class Budget:
    """What a training may take; without either, the epochs of its recipe.

    Attributes
    ----------
    epochs : int or None
    minutes : float or None
        For a training, without the reading of features; at least one epoch is trained.

    Raises
    ------
    EarmarkError
        If both are given, or the minutes are no length of time.
    """

    epochs: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.minutes is not None:
            raise EarmarkError("Give --epochs or --minutes, not both.")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise EarmarkError("--minutes must be a number above 0.")


def settled(
    recipe: Callable[[int | None], Recipe], folder: Path, budget: Budget, keywords: Vocabulary
) -> Recipe | None:
    """The recipe of a run as far as it is settled before its training begins; None where minutes decide.

    Epochs were settled for good when the run was begun.

    Parameters
    ----------
    recipe : callable
        Gives the recipe for a number of epochs, or for its own number where that is None.
    folder : Path
        Of the run, there or not.
    keywords : Vocabulary
        What the model is to know, in this order.

    Raises
    ------
    EarmarkError
        If the run was begun with another recipe, other keywords, or other epochs than are asked for; or if a pretrained
        network of it is not here any more, or is another one: nothing is downloaded for a look.
    """
    epochs = agreed_epochs(folder, budget)
    if epochs is None:
        return None if budget.minutes else recipe(budget.epochs)
    begun = resolve_recipe(recipe(epochs), download=False)
    check_description(folder, begun, keywords)
    return begun


def agreed_epochs(folder: Path, budget: Budget) -> int | None:
    """The epochs that a run was begun with, whether it is finished or not; None where there is no run.

    Raises
    ------
    EarmarkError
        If other epochs are asked for.
    """
    if not ((folder / "recipe.yaml").is_file() and (folder / "vocabulary.txt").is_file()):
        return None
    epochs = read_recipe(folder / "recipe.yaml").training.epochs
    if budget.epochs and budget.epochs != epochs:
        raise EarmarkError(
            f"{folder} was begun with {epochs} epochs, not {budget.epochs}: "
            "leave --epochs out to go on with what is there, or choose another --out to train anew."
        )
    return epochs


def fitting(recipe: Callable[[int | None], Recipe], minutes: float, corpus: Corpus, keywords: Vocabulary) -> Recipe:
    """The recipe with as many whole epochs as fit into `minutes` on this machine, at least one."""
    epoch_s = estimate_epoch_seconds(recipe(None), corpus, keywords)
    epochs = max(1, int(60 * minutes / epoch_s))
    told = f"{epochs} of them fit" if epoch_s <= 60 * minutes else "one is trained, though it does not fit"
    print(f"An epoch takes about {epoch_s:.1f} s: {told} in {minutes:g} minutes.", file=sys.stderr, flush=True)
    return recipe(epochs)
