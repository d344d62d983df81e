"""Why the default recipe beats the paper's: one thing changed at a time, in the same minutes, on one corpus.

    python benchmarks/why.py CORPUS OUT [--supervision bow] [--epochs 4]

The default recipe is trained for some epochs; every other one gets as many whole epochs as fit into the time that it
took. Each learns from tags that must be there (earmark tag CORPUS --bow) and is measured on the test split. Then the
default and the one with attention are located by every method that they allow.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from earmark import localisation as localise
from earmark.core.corpus import Corpus, read_corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.runner import evaluate
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import Attention, Maximum, Recipe, read_recipe
from earmark.training.loop import estimate_epoch_seconds, train

DEFAULT, ATTENTION = "the default recipe", "attention and a classifier"


def with_encoder(recipe: Recipe, **change: object) -> Recipe:
    """The recipe with something changed in all but the last layer of its encoder."""
    *layers, last = recipe.model.encoder
    changed = [layer.model_copy(update=change) for layer in layers]
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"encoder": [*changed, last]})})


def with_pooling(recipe: Recipe, pooling: Attention | Maximum) -> Recipe:
    """The recipe with frames that are pooled before they are judged, by a classifier with one hidden layer."""
    encoder = recipe.model.encoder[:-1]
    model = recipe.model.model_copy(update={"encoder": encoder, "pooling": pooling, "classifier": [256]})
    method = {"attention": "attention", "max": "grad-cam"}[pooling.kind]
    return recipe.model_copy(update={"model": model, "localisation": method})


def variants(default: Recipe) -> dict[str, Recipe]:
    """The default, and the default with one thing changed."""
    wide, *rest = default.model.encoder
    wide_kernels = [layer.model_copy(update={"kernel": 11}) if layer.kernel == 5 else layer for layer in rest]
    constant = default.training.model_copy(update={"schedule": "constant", "warmup": 0.0})
    return {
        DEFAULT: default,
        "without batch norm": with_encoder(default, norm=False),
        "stride 1 instead of 4": with_encoder(default, stride=1),
        "kernels of 11 frames": default.model_copy(
            update={"model": default.model.model_copy(update={"encoder": [wide, *wide_kernels]})}
        ),
        "a constant learning rate": default.model_copy(update={"training": constant}),
        "one speed": default.model_copy(update={"augment": default.augment.model_copy(update={"speeds": [1.0]})}),
        ATTENTION: with_pooling(default, Attention(kind="attention")),
        "the same with queries that stay as drawn": with_pooling(default, Attention(kind="attention", queries="fixed")),
        "the maximum and a classifier": with_pooling(default, Maximum(kind="max")),
        "the paper's PSC": read_recipe("olaleye2022/psc", [f"supervision={default.supervision}"]),
        "the paper's CNN-Attend": read_recipe("olaleye2022/cnn-attend", [f"supervision={default.supervision}"]),
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


def measures(run: Path, corpus: Corpus, localisation: str | None = None) -> str:
    """The cells of a row, in percent."""
    metrics = evaluate(KeywordSpotter(read_checkpoint(run), localisation), corpus, "test").metrics
    cells = [
        metrics.oracle.accuracy,
        metrics.actual.f1,
        metrics.spotting.p_at_10,
        metrics.spotting_localisation.p_at_10,
    ]
    return " | ".join(f"{100 * cell:.1f}" for cell in cells)


def allowed(run: Path) -> list[str]:
    """The localisation methods that a trained model allows."""
    methods = []
    for name in localise.names():
        try:
            localise.method(name, read_checkpoint(run).model)
        except EarmarkError:
            continue
        methods.append(name)
    return methods


def main() -> None:
    """Train and measure every variant, a row each; then every method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--supervision", default="bow")
    parser.add_argument("--epochs", type=int, default=4, help="of the default recipe")
    arguments = parser.parse_args()
    corpus, runs = read_corpus(arguments.corpus), {}
    print("| recipe | epochs | time | oracle | actual F1 | P@10 | localised P@10 |\n|---|---|---|---|---|---|---|")
    budget = 0.0
    for number, (name, recipe) in enumerate(
        variants(read_recipe("earmark-mfcc", [f"supervision={arguments.supervision}"])).items()
    ):
        epochs = arguments.epochs
        if budget:
            epochs = max(1, round(budget / estimate_epoch_seconds(recipe, corpus, Vocabulary(corpus.keywords))))
        else:
            timed(for_epochs(recipe, 1), corpus, arguments.out / "warm-up")  # so that all features are there
        runs[name] = arguments.out / str(number)
        seconds = timed(for_epochs(recipe, epochs), corpus, runs[name])
        budget = budget or seconds
        print(f"| {name} | {epochs} | {seconds:.0f} s | {measures(runs[name], corpus)} |", flush=True)
    print("\n| model | located by | oracle | actual F1 | P@10 | localised P@10 |\n|---|---|---|---|---|---|")
    for name in (DEFAULT, ATTENTION):
        for method in allowed(runs[name]):
            print(f"| {name} | {method} | {measures(runs[name], corpus, method)} |", flush=True)


if __name__ == "__main__":
    main()
