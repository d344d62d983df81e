"""Starting an image-query model from encoders that were trained before, all but their last layers."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights
from earmark.models.image_encoders import ImageEncoder
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.speech_encoders import SpeechEncoder


def init_from(model: ImageQueryModel, folder: Path) -> None:
    """Copy the encoders of a tagger or of another run into a new model, but for their last layers.

    The last layers stay fresh: they map to a space of each model's own.

    Parameters
    ----------
    model : ImageQueryModel
    folder : Path
        Made by ``earmark tagger train``, or by ``earmark train``.

    Raises
    ------
    EarmarkError
        If there is no such network in it, or one is of other widths.
    """
    learned = read_weights(folder)
    parts: dict[str, SpeechEncoder | ImageEncoder] = {
        "speech_encoder.": model.speech_encoder,
        "image_encoder.": model.image_encoder,
    }
    if not any(name.startswith(tuple(parts)) for name in learned):
        learned = {f"image_encoder.{name}": weight for name, weight in learned.items()}  # of a tagger
    wanted: dict[str, Tensor] = {}
    for prefix, encoder in parts.items():
        if any(name.startswith(prefix) for name in learned):
            weights = encoder.state_dict()
            wanted |= {prefix + name: weights[name] for name in encoder.transferable() or ()}
    unfit = [n for n, weight in wanted.items() if n not in learned or learned[n].shape != weight.shape]
    if unfit or not wanted:
        raise EarmarkError(
            f"{folder} has no networks like this recipe's to start from ({unfit[0] if unfit else 'none at all'}): give "
            "the folder of a tagger or of a run for pictures with the same layers."
        )
    model.load_state_dict({name: learned[name] for name in wanted}, strict=False)
