"""What a run keeps before the first epoch and after every one, to go on from when it is stopped."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text

FILE = "resume.pt"


@dataclass
class State:
    """How far a run is, beside its weights and its optimiser.

    Attributes
    ----------
    epochs : int
        Whole epochs that are done.
    best : float
        The lowest loss on dev so far.
    curve : list of dict
        ``epoch``, ``train_loss`` and ``dev_loss`` of each epoch.
    seconds : float
        How long these epochs took, without what was lost in a stop.
    start : str or None
        Name of the folder whose networks it began with, "" without one; None for an older run, which does not say.
    start_sha256 : str or None
        Of the weights in that folder; None without one, or for an older run.
    """

    epochs: int = 0
    best: float = math.inf
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    start: str | None = None
    start_sha256: str | None = None


def has_state(out: Path) -> bool:
    """Whether a folder holds a run with something to go on from."""
    return (out / FILE).is_file()


def save_state(out: Path, model: nn.Module, optimizer: Any, state: State) -> None:
    """Write all that is needed to go on after this epoch, or with the first. The last write is the one that counts."""
    write_text(out / "curve.jsonl", "".join(json.dumps(point) + "\n" for point in state.curve))
    packed = io.BytesIO()  # written by Python, a full disk is an OSError; written by torch, it is anything
    torch.save(_on_cpu({"model": model.state_dict(), "optimizer": optimizer.state_dict(), **vars(state)}), packed)
    with replacing(out / FILE) as partial:
        partial.write_bytes(packed.getbuffer())


def load_state(out: Path, model: nn.Module, optimizer: Any) -> State:
    """Put back what :func:`save_state` wrote, if it did; a fresh state otherwise.

    Raises
    ------
    EarmarkError
        If the file is damaged. Nothing in it is unpickled but tensors and numbers.
    """
    if not has_state(out):
        return State()
    try:
        kept = torch.load(out / FILE, map_location="cpu", weights_only=True)
        model.load_state_dict(kept.pop("model"))
        optimizer.load_state_dict(kept.pop("optimizer"))
        return State(**kept)
    except Exception as error:
        path = out / FILE
        raise EarmarkError(f"{path} is damaged ({type(error).__name__}): delete it to train from the start.") from error


def _on_cpu(value: Any) -> Any:
    """Whatever it is, with its tensors on the CPU: no device is in the file, which any other can read."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {name: _on_cpu(part) for name, part in value.items()}
    return [_on_cpu(part) for part in value] if isinstance(value, list) else value


def training_seconds(out: Path) -> float | None:
    """How long the epochs of a run took, however often it was stopped between them; None where nothing says so."""
    if not has_state(out):
        return None
    try:
        # Mapped, not read: weights and optimiser stay on the disk.
        return float(torch.load(out / FILE, map_location="cpu", weights_only=True, mmap=True)["seconds"])
    except Exception:  # an older state has no time, a damaged one has nothing at all
        return None
