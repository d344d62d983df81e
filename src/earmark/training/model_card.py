"""The model card: what a model is, what it learned from, and what it is for."""

from __future__ import annotations

from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.models.operating_points import (
    IMAGE_OPERATING_POINTS,
    OPERATING_POINTS,
    OperatingPoints,
    read_image_operating_points,
    read_operating_points,
)
from earmark.recipe import Recipe
from earmark.training.state import State

CARD = """\
# {name}

Finds where a keyword is spoken in untranscribed speech. A hit is a candidate to listen to, not a fact.

- **Learned from** the corpus {corpus}{language}, by its tags `{supervision}`{shuffled}{start}
- **Licence of that corpus** {licence}
- **Recipe** {recipe} (`recipe.yaml` beside this card has all of it)
- **Best epoch** {epoch} of {epochs}, loss on dev {loss:.4f}
- **Keywords** ({count}) {keywords}{expected}

A detection score is the model's own estimate that what is asked for is spoken in an utterance. {thresholds}, chosen on
dev by the tags alone. How well it does is measured by `earmark evaluate`; it has been measured on nothing but what you
measure it on.
"""


def write_card(out: Path, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, state: State) -> None:
    """Write ``model-card.md`` into a run's folder."""
    best = min(state.curve, key=lambda point: point["dev_loss"])
    card = CARD.format(
        name=out.name,
        corpus=corpus.name,
        language=f" (language: {corpus.language})" if corpus.language else "",
        supervision=recipe.supervision,
        shuffled=", dealt to the wrong utterances (a control)" if recipe.shuffle_pairs else "",
        start=f"\n- **Started from** the networks in {state.start}" if state.start else "",
        licence=corpus.licence or "unknown",
        recipe=recipe.name,
        epoch=int(best["epoch"]),
        epochs=recipe.training.epochs,
        loss=best["dev_loss"],
        count=len(keywords),
        keywords=", ".join(keywords),
        expected=_expected(read_operating_points(out, keywords), OPERATING_POINTS)
        + _expected(read_image_operating_points(out), IMAGE_OPERATING_POINTS),
        thresholds=_thresholds(recipe),
    )
    write_text(out / "model-card.md", card)


def _expected(operating_points: OperatingPoints | None, name: str) -> str:
    """What dev lets expect of hits, by keywords or by pictures."""
    if operating_points is None:
        return ""
    asked = ", asked with pictures" if name == IMAGE_OPERATING_POINTS else ""
    right = ""
    if operating_points.expected_precision is not None:
        right = f"about {100 * operating_points.expected_precision:.0f} of 100 hits above the threshold are right; "
    return (
        f"\n- **Expected on dev{asked}** {right}`{name}` has the scores from which so many false alarms an hour come, "
        f"as far as {operating_points.hours:.2g} hours can tell"
    )


def _thresholds(recipe: Recipe) -> str:
    """Which files beside the card have the scores from which something counts as detected."""
    of_words = "`thresholds.json` has, for each keyword, the score from which it counts as detected"
    of_pictures = "`image-threshold.json` has the score from which what pictures show counts as detected"
    if recipe.model.similarity is None:
        return of_words
    return f"{of_words}, and {of_pictures}" if recipe.model.similarity.kind == "keywords" else of_pictures
