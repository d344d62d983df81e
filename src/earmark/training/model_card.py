"""The model card: what a model is, what it learned from, and what it is for."""

from __future__ import annotations

from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor, describe_features
from earmark.models.learning_test import LearningTest
from earmark.models.operating_points import IMAGE_OPERATING_POINTS, OPERATING_POINTS, OperatingPoints
from earmark.recipe import Recipe
from earmark.training.calibration import Calibration
from earmark.training.epoch_choice import EpochChoice
from earmark.training.state import State

CARD = """\
# {name}

Finds where a keyword is spoken in untranscribed speech. A hit is a candidate to listen to, not a fact.{warning}

- **Learned from** the corpus {corpus}{language}, by its tags `{supervision}`{shuffled}{start}
- **Licence of that corpus** {licence}
- **Features** {features}
- **Recipe** {recipe} (`recipe.yaml` beside this card has all of it)
- {epoch}
- **Learning test** {learning}
- **Keywords** ({count}) {keywords}{expected}

A detection score is the model's own estimate of the probability that the query is spoken in an utterance.{thresholds}
`earmark evaluate` measures how good the model is; it has only been evaluated on the corpora that you give to it.
"""


def write_card(
    out: Path,
    recipe: Recipe,
    corpus: Corpus,
    keywords: Vocabulary,
    extract: FeatureExtractor,
    state: State,
    choice: EpochChoice,
) -> None:
    """Write ``model-card.md`` into a run's folder."""
    calibration, test = choice.calibration, choice.calibration.learning_test
    card = CARD.format(
        name=out.name,
        corpus=corpus.name,
        language=f" (language: {corpus.language})" if corpus.language else "",
        supervision=recipe.supervision,
        shuffled=", each utterance with another one's (a control)" if recipe.shuffle_pairs else "",
        start=f"\n- **Started from** the networks in {state.init_from}" if state.init_from else "",
        licence=corpus.licence or "unknown",
        features=describe_features(recipe.features, extract),
        recipe=recipe.name,
        epoch=_chosen_epoch(state, recipe.training.epochs, choice.is_last),
        count=len(keywords),
        keywords=", ".join(keywords),
        warning=f"\n\n**{test.warning}**" if test.warning else "",
        learning=_learning(test),
        expected=_expected(calibration.operating_points, OPERATING_POINTS, "")
        + _expected(calibration.image_operating_points, IMAGE_OPERATING_POINTS, " of image queries")
        if test.is_learned
        else "",
        thresholds=f"\n{_thresholds(calibration)}, chosen on dev by the tags alone." if test.is_learned else "",
    )
    write_text(out / "model-card.md", card)


def _chosen_epoch(state: State, epochs: int, is_last: bool) -> str:
    """The epoch whose weights are kept."""
    best = min(state.curve, key=lambda point: point["dev_loss"])
    if not is_last:
        return f"**Best epoch** {best['epoch']:.0f} of {epochs}, loss on dev {best['dev_loss']:.4f}"
    point = state.curve[-1]
    return (
        f"**Epoch** {point['epoch']:.0f} of {epochs}, the last, loss on dev {point['dev_loss']:.4f}: in epoch "
        f"{best['epoch']:.0f}, which has the lowest ({best['dev_loss']:.4f}), nothing was learned yet"
    )


def _learning(test: LearningTest) -> str:
    """How the scores fit tags that are shuffled."""
    outcome = "better" if test.is_learned else "no better"
    return (
        f"the scores fit the tags of {test.pictures} pictures of dev {outcome} than shuffled ones "
        f"(p = {test.p:.2g}, {test.shuffles} shufflings)"
    )


def _expected(operating_points: OperatingPoints | None, name: str, queries: str) -> str:
    """The expected precision, and where the false-alarm rates are."""
    if operating_points is None:
        return ""
    right = ""
    if operating_points.expected_precision is not None:
        right = f"about {100 * operating_points.expected_precision:.0f} of 100 hits above the threshold are right; "
    return (
        f"\n- **Expected on dev{queries}** {right}`{name}` has the scores at which so many false alarms an hour are "
        f"expected, as far as {operating_points.hours:.2g} hours can tell"
    )


def _thresholds(calibration: Calibration) -> str:
    """Which files beside the card have the detection thresholds."""
    files = []
    if calibration.keyword_thresholds is not None:
        files.append("`thresholds.json` has, for each keyword, the score from which it counts as detected")
    if calibration.image_threshold is not None:
        files.append("`image-threshold.json` has the score from which an image query counts as detected")
    return ", and ".join(files)
