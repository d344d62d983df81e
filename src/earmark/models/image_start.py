"""Starting a small image network from one that has learned something before."""

from __future__ import annotations

from pathlib import Path

from earmark.errors import EarmarkError
from earmark.models.checkpoint import read_weights
from earmark.models.image import SmallImageNetwork


def load_image_start(network: SmallImageNetwork, folder: Path) -> None:
    """Begin with what a tagger's or another run's small network has learned, but for its last layer.

    It is for a new training alone.

    Parameters
    ----------
    network : SmallImageNetwork
    folder : Path
        Made by ``earmark tagger train``, or by ``earmark train`` with a small image network.

    Raises
    ------
    EarmarkError
        If there is no such network in it, or it is of other widths.
    """
    learned = {name.removeprefix("image."): weight for name, weight in read_weights(folder).items()}
    last = f"places.{len(network.places) - 1}."
    wanted = {name: weight for name, weight in network.state_dict().items() if not name.startswith((last, "norm."))}
    for name, weight in wanted.items():
        if name not in learned or learned[name].shape != weight.shape:
            raise EarmarkError(
                f"{folder} has no small image network of the same widths to start from: give a folder of "
                "'earmark tagger train', or of 'earmark train' with a small image network like this one's."
            )
    network.load_state_dict({name: learned[name] for name in wanted}, strict=False)
