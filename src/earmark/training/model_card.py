"""The model card: what a model is, what it learned from, and what it is for."""

from __future__ import annotations

from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.models.operating_points import ALARMS, IMAGE_ALARMS, Alarms, read_alarms, read_image_alarms
from earmark.recipe import Pictured, Recipe
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
        expected=_expected(read_alarms(out, keywords), ALARMS) + _expected(read_image_alarms(out), IMAGE_ALARMS),
        thresholds=_thresholds(recipe),
    )
    write_text(out / "model-card.md", card)


def _expected(alarms: Alarms | None, name: str) -> str:
    """What dev lets expect of hits, by keywords or by pictures."""
    if alarms is None:
        return ""
    asked = ", asked with pictures" if name == IMAGE_ALARMS else ""
    right = ""
    if alarms.expected_precision is not None:
        right = f"about {100 * alarms.expected_precision:.0f} of 100 hits above the threshold are right; "
    return (
        f"\n- **Expected on dev{asked}** {right}`{name}` has the scores from which so many false alarms an hour come, "
        f"as far as {alarms.hours:.2g} hours can tell"
    )


def _thresholds(recipe: Recipe) -> str:
    """Which files beside the card have the scores from which something counts as detected."""
    of_words = "`thresholds.json` has, for each keyword, the score from which it counts as detected"
    of_pictures = "`image-threshold.json` has the score from which what pictures show counts as detected"
    if not isinstance(recipe.model, Pictured):
        return of_words
    return f"{of_words}, and {of_pictures}" if recipe.model.similarity.kind == "keywords" else of_pictures
