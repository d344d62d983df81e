"""Training a model, or a part of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusOption, given, keywords_of

# Written out, so that help comes without what reads recipes.
RECIPES = (
    "earmark, earmark-mfcc, earmark-pictures, earmark-pictures-mfcc, nortje2022/attention, "
    "nortje2022/contrastive-davenet, nortje2022/davenet, nortje2022/max, nortje2022/pretrained-attention, "
    "nortje2022/pretrained-contrastive-davenet, nortje2022/pretrained-davenet, nortje2022/pretrained-max, "
    "nortje2022/small-attention, nortje2022/small-contrastive-davenet, nortje2022/small-davenet, "
    "nortje2022/small-max, olaleye2022/cnn-attend, olaleye2022/cnn-attend-released, olaleye2022/cnn-pool, "
    "olaleye2022/cnn-pool-attend, olaleye2022/cnn-pool-attend-released, olaleye2022/psc"
)

verbs = typer.Typer()
pretraining = typer.Typer(help="Pretrain a part of a model, on speech alone.", no_args_is_help=True)
verbs.add_typer(pretraining, name="pretrain")


@verbs.command()
def train(
    recipe: Annotated[str, typer.Argument(help=f"A recipe file, or one that comes with Earmark: {RECIPES}.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="New folder for the trained model.")],
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, if not the corpus's own.")] = None,
    set: Annotated[list[str] | None, typer.Option(help="Change the recipe: key=value, dots between levels.")] = None,
    init_from: Annotated[
        Path | None, typer.Option(help="Begin with the networks of this tagger or run, all but their last layers.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N, if not a GPU where there is one.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="Mixed precision: no, bf16 or fp16. It is faster on GPUs made for it.")
    ] = None,
) -> None:
    """Train a model from a corpus's tags."""
    from earmark.core.corpus import read_corpus
    from earmark.recipe import read_recipe

    resolved = read_recipe(recipe, set)
    known = read_corpus(corpus)
    words = keywords_of(known, keywords)
    from earmark.training.loop import train as run

    run(resolved, known, out, words, resume, init_from, device, precision)
    print(f"The model is in {out}.")


@pretraining.command("cpc")
def pretrain_cpc(
    audio: Annotated[
        list[Path],
        typer.Argument(metavar="AUDIO", help="Audio files, folders of them, or corpora: their train split."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the network; what was begun there goes on.")],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe of the model that will start from it, for its features and widths.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over all speech (20).")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-8, help="Of Adam (0.0004).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Pretrain the acoustic network on untranscribed speech: contrastive predictive coding."""
    from earmark.models.cpc_pretraining import CpcPretraining, pretraining_for
    from earmark.recipe import read_recipe

    changes = {"seed": seed, **given(epochs=epochs, learning_rate=learning_rate)}
    settings = pretraining_for(read_recipe(recipe), **changes) if recipe else CpcPretraining(**changes)
    from earmark.training.cpc import pretrain

    pretrain(settings, audio, out)
    print(f"The network is in {out}: name that folder as model.speech.init_from in a recipe.")
