"""Starting a pictured model from small networks that have learned something before, all but their last layers."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from earmark.errors import EarmarkError
from earmark.models.checkpoint import read_weights
from earmark.models.encoders import ConvEncoder
from earmark.models.image import SmallImageNetwork
from earmark.models.pictured import PicturedModel


def load_start(model: PicturedModel, folder: Path) -> None:
    """Begin with what a tagger's or another run's networks have learned. It is for a new training alone.

    The last layers stay fresh: they map to a space of each model's own.

    Parameters
    ----------
    model : PicturedModel
    folder : Path
        Made by ``earmark tagger train``, whose image network is taken, or by ``earmark train`` from a recipe for
        pictures, of which both networks are taken.

    Raises
    ------
    EarmarkError
        If there is no such network in it, or one is of other widths.
    """
    learned = read_weights(folder)
    if not any(name.startswith(("image.", "speech.")) for name in learned):
        learned = {f"image.{name}": weight for name, weight in learned.items()}  # a tagger is an image network alone
    wanted: dict[str, Tensor] = {}
    for part, network in (("speech", model.speech), ("image", model.image)):
        if any(name.startswith(f"{part}.") for name in learned):
            fresh = tuple(f"{part}.{layer}" for layer in _last_layers(network))
            every = {f"{part}.{name}": weight for name, weight in network.state_dict().items()}
            wanted |= {name: weight for name, weight in every.items() if not name.startswith(fresh)}
    unfit = [n for n, weight in wanted.items() if n not in learned or learned[n].shape != weight.shape]
    if unfit or not wanted:
        raise EarmarkError(
            f"{folder} has no networks like this recipe's to start from ({unfit[0] if unfit else 'none at all'}): give "
            "the folder of a tagger or of a run for pictures with the same layers."
        )
    model.load_state_dict({name: learned[name] for name in wanted}, strict=False)


def _last_layers(network: nn.Module) -> tuple[str, ...]:
    if isinstance(network, ConvEncoder):
        return (f"blocks.{len(network.blocks) - 1}.",)
    if isinstance(network, SmallImageNetwork):
        return (f"places.{len(network.places) - 1}.", "norm.")
    return ("",)  # others are pretrained in ways of their own
