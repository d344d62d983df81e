"""The budget of each training: a number of epochs, or as many whole epochs as fit into some minutes here."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe, read_recipe
from earmark.training.loop import estimate_epoch_seconds, resolve_recipe
from earmark.training.state import check_description

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """Limit of a training; without either value, the epochs of its recipe.

    Attributes
    ----------
    epochs : int or None
    minutes : float or None
        For a training, without the reading of features; at least one epoch is trained.

    Raises
    ------
    EarmarkError
        If both are given, or the minutes are not a positive number.
    """

    epochs: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.minutes is not None:
            raise EarmarkError("Give --epochs or --minutes, not both.")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise EarmarkError("--minutes must be a number above 0.")


def resolved_recipe(
    recipe: Callable[[int | None], Recipe], folder: Path, budget: Budget, keywords: Vocabulary
) -> Recipe | None:
    """The resolved recipe of a run before its training; None where the minutes of the budget decide.

    The epochs of a run that was started before can't be changed.

    Parameters
    ----------
    recipe : callable
        Gives the recipe for a number of epochs, or for its own number where that is None.
    folder : Path
        Of the run, which may not exist yet.
    keywords : Vocabulary
        Of the model, in this order.

    Raises
    ------
    EarmarkError
        If the run was started with another recipe, other keywords, or other epochs than are given; or if a pretrained
        network of it is missing or has changed: nothing is downloaded to find out.
    """
    epochs = agreed_epochs(folder, budget)
    if epochs is None:
        return None if budget.minutes else recipe(budget.epochs)
    resolved = resolve_recipe(recipe(epochs), download=False)
    check_description(folder, resolved, keywords)
    return resolved


def agreed_epochs(folder: Path, budget: Budget) -> int | None:
    """The epochs that a run was started with, whether it is complete or not; None where there is no run.

    Raises
    ------
    EarmarkError
        If the budget has other epochs.
    """
    if not ((folder / "recipe.yaml").is_file() and (folder / "vocabulary.txt").is_file()):
        return None
    epochs = read_recipe(folder / "recipe.yaml").training.epochs
    if budget.epochs and budget.epochs != epochs:
        raise EarmarkError(
            f"{folder} was started with {epochs} epochs, not {budget.epochs}: "
            "leave --epochs out to continue it, or choose another --out to train again."
        )
    return epochs


def recipe_within(
    recipe: Callable[[int | None], Recipe], minutes: float, corpus: Corpus, keywords: Vocabulary
) -> Recipe:
    """The recipe with as many whole epochs as fit into `minutes` on this machine, at least one."""
    epoch_s = estimate_epoch_seconds(recipe(None), corpus, keywords)
    epochs = max(1, int(60 * minutes / epoch_s))
    note = f"{epochs} of them fit" if epoch_s <= 60 * minutes else "one is trained, though it does not fit"
    log.info("An epoch takes about %.1f s: %s in %g minutes.", epoch_s, note, minutes)
    return recipe(epochs)
