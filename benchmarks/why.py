"""Why the default recipe learns quickly: one thing changed at a time, in the same minutes, on one corpus.

    python benchmarks/why.py trials/digits/whole trials/why

The default recipe is trained for some epochs; every other one gets as many whole epochs as fit into the time that it
took. Each learns from bags of words (which must be there: earmark tag CORPUS --bow) and is measured on the test split.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from earmark.corpus import Corpus, read_corpus
from earmark.evaluate.runner import evaluate
from earmark.finder import load_model
from earmark.recipe import Recipe, read_recipe
from earmark.train.loop import train
from earmark.vocabulary import Vocabulary

EPOCHS = 4


def with_encoder(recipe: Recipe, **change: object) -> Recipe:
    """The recipe with something changed in all but the last layer of its encoder."""
    *layers, last = recipe.model.encoder
    changed = [layer.model_copy(update=change) for layer in layers]
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"encoder": [*changed, last]})})


def variants(default: Recipe) -> dict[str, Recipe]:
    """The default, and the default with one thing changed."""
    wide, *rest = default.model.encoder
    wide_kernels = [layer.model_copy(update={"kernel": 11}) if layer.kernel == 5 else layer for layer in rest]
    constant = default.training.model_copy(update={"schedule": "constant", "warmup": 0.0})
    return {
        "the default recipe": default,
        "without batch norm": with_encoder(default, norm=False),
        "stride 1 instead of 4": with_encoder(default, stride=1),
        "kernels of 11 frames": default.model_copy(
            update={"model": default.model.model_copy(update={"encoder": [wide, *wide_kernels]})}
        ),
        "a constant learning rate": default.model_copy(update={"training": constant}),
        "one speed": default.model_copy(update={"augment": default.augment.model_copy(update={"speeds": [1.0]})}),
        "the paper's PSC": read_recipe("olaleye2022/psc", ["supervision=bow"]),
    }


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe with another number of epochs."""
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": epochs})})


def timed(recipe: Recipe, corpus: Corpus, out: Path) -> float:
    """Train from the start; return the seconds it took."""
    shutil.rmtree(out, ignore_errors=True)
    begun = time.monotonic()
    train(recipe, corpus, out, Vocabulary(corpus.keywords))
    return time.monotonic() - begun


def main() -> None:
    """Train and measure every variant, a row each."""
    corpus, folder = read_corpus(sys.argv[1]), Path(sys.argv[2])
    print(
        "| recipe | epochs | time | oracle | actual F1 (0.5) | P@10 | localised P@10 |\n|---|---|---|---|---|---|---|"
    )
    budget = 0.0
    for number, (name, recipe) in enumerate(variants(read_recipe("earmark", ["supervision=bow"])).items()):
        timed(for_epochs(recipe, 1), corpus, folder / "warm-up")  # features, and how long an epoch takes
        epochs = (
            EPOCHS if not budget else max(1, round(budget / timed(for_epochs(recipe, 1), corpus, folder / "warm-up")))
        )
        run = folder / str(number)
        seconds = timed(for_epochs(recipe, epochs), corpus, run)
        budget = budget or seconds
        metrics = evaluate(load_model(run), corpus, "test").metrics
        cells = [
            metrics["oracle"]["accuracy"],
            metrics["at_half"]["actual"]["f1"],
            metrics["spotting"]["p_at_10"],
            metrics["spotting_localisation"]["p_at_10"],
        ]
        figures = " | ".join(f"{100 * cell:.1f}" for cell in cells)
        print(f"| {name} | {epochs} | {seconds:.0f} s | {figures} |", flush=True)


if __name__ == "__main__":
    main()
