"""The state of a training, saved before the first epoch or after every one, to go on from when it is stopped.

One file, ``resume.pt``, has weights, optimiser and curve. It is replaced in one step, so that it is always whole, and
is written last: what is in it has happened. Random numbers need no saving, as they depend on seed and epoch alone. All
tensors are on the CPU: a training goes on wherever it is continued.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.hub import fingerprint
from earmark.core.model_folder import WEIGHTS
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.recipe import Recipe, read_recipe

FILE, CURVE = "resume.pt", "curve.jsonl"


@dataclass
class State:
    """How far a training is, beside its weights and its optimiser.

    Attributes
    ----------
    curve : list of dict
        ``epoch``, ``train_loss``, ``dev_loss`` where there is dev, and other means of each whole epoch.
    seconds : float
        How long these epochs took, without what was lost in a stop.
    init_from : str
        Name of the folder whose weights it began with, "" without one.
    init_from_sha256 : str or None
        Of the weights in that folder.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    init_from: str = ""
    init_from_sha256: str | None = None

    @property
    def epochs(self) -> int:
        """Whole epochs that are done."""
        return len(self.curve)

    @property
    def best(self) -> float:
        """The lowest dev loss so far."""
        return min((point["dev_loss"] for point in self.curve if "dev_loss" in point), default=math.inf)

    @property
    def epochs_since_best(self) -> int:
        """Epochs after the first one with the lowest dev loss."""
        return next((age for age, point in enumerate(reversed(self.curve)) if self._is_best(point)), 0)

    def _is_best(self, point: dict[str, float]) -> bool:
        first = next(known for known in self.curve if known.get("dev_loss") == self.best)
        return point is first

    def add(self, point: dict[str, float], seconds: float) -> None:
        """Count one more epoch."""
        self.curve.append(point)
        self.seconds += seconds


_FIELDS = tuple(each.name for each in fields(State))


def has_state(out: Path) -> bool:
    """Whether a folder holds a training with something to go on from."""
    return (out / FILE).is_file()


def save_state(out: Path, model: nn.Module, optimizer: Any, state: State, scaler: Any = None) -> None:
    """Write all that is needed to go on.

    Parameters
    ----------
    out : Path
    model : nn.Module
    optimizer : torch.optim.Optimizer
    state : State
    scaler : torch.amp.GradScaler, optional
        Of a training in fp16.
    """
    write_text(out / CURVE, "".join(json.dumps(point) + "\n" for point in state.curve))
    content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), **asdict(state)}
    if scaler is not None:
        content["scaler"] = scaler.state_dict()
    packed = io.BytesIO()  # written by Python, a full disk is an OSError; written by torch, it is anything
    torch.save(_on_cpu(content), packed)
    with replacing(out / FILE) as partial:
        partial.write_bytes(packed.getbuffer())


def load_state(out: Path, model: nn.Module, optimizer: Any, scaler: Any = None) -> State:
    """Put back what :func:`save_state` wrote, on whatever device; a fresh state where there is none.

    Raises
    ------
    EarmarkError
        If the file is damaged, or is of another network. Nothing in it is unpickled but tensors and numbers.
    """
    if not has_state(out):
        return State()
    saved = _read(out)
    try:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        if scaler is not None and saved.get("scaler"):
            scaler.load_state_dict(saved["scaler"])
    except (KeyError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EarmarkError(
            f"{out / FILE} is of another network or optimiser than this recipe's ({reason}): go on with the recipe "
            "that it was begun with, or choose another folder."
        ) from error
    return _state_of(out, saved)


def read_state(out: Path) -> State:
    """How far a training is, without its weights; a fresh state where there is none.

    Raises
    ------
    EarmarkError
        If the file is damaged.
    """
    if not has_state(out):
        return State()
    return _state_of(out, _read(out, mmap=True))  # mapped, not read: weights and optimiser stay on the disk


def training_seconds(out: Path) -> float | None:
    """How long the epochs of a run took, however often it was stopped between them; None where nothing says so."""
    try:
        return read_state(out).seconds if has_state(out) else None
    except EarmarkError:
        return None


def _read(out: Path, mmap: bool = False) -> dict[str, Any]:
    """What the file holds, on the CPU, whatever device it was saved on.

    What has nothing to do with the file, such as too little memory or a missing permission, is raised as it is: whoever
    reads that a file is damaged deletes it.
    """
    path = out / FILE
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # torch raises whatever a damaged file makes it stumble over
        raise _damaged(path, error) from error
    if not isinstance(saved, dict):
        raise _damaged(path, TypeError("it holds no training"))
    return saved


def _state_of(out: Path, saved: dict[str, Any]) -> State:
    try:
        return State(**{name: saved[name] for name in _FIELDS})
    except KeyError as error:
        raise _damaged(out / FILE, error) from error


def _damaged(path: Path, error: Exception) -> EarmarkError:
    return EarmarkError(f"{path} is damaged ({type(error).__name__}): delete it to train from the start.")


def _on_cpu(value: Any) -> Any:
    """The same nest of dictionaries and lists, with its tensors on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {name: _on_cpu(part) for name, part in value.items()}
    return [_on_cpu(part) for part in value] if isinstance(value, list) else value


# What a run of a recipe says of itself


def is_described(out: Path) -> bool:
    """Whether a folder says which recipe and keywords its run has."""
    return (out / "recipe.yaml").is_file() and (out / "vocabulary.txt").is_file()


def check_folder(out: Path, recipe: Recipe, keywords: Vocabulary, resume: bool) -> None:
    """Make sure that `out` is new, or with `resume` that it holds this very recipe's unfinished run.

    Raises
    ------
    EarmarkError
        If it does not.
    """
    if (is_described(out) or has_state(out)) and not resume:
        raise EarmarkError(f"{out} already holds a run: choose another folder, or go on with it by --resume.")
    if is_described(out):
        check_description(out, recipe, keywords)


def check_description(out: Path, recipe: Recipe, keywords: Vocabulary) -> None:
    """Make sure that a run has this recipe and these keywords, in this order.

    Raises
    ------
    EarmarkError
        If it has not.
    """
    otherwise = "go on with that, choose another folder, or delete this one to train anew"
    if read_recipe(out / "recipe.yaml") != recipe:
        raise EarmarkError(f"{out} has another recipe: {otherwise}.")
    if read_text(out / "vocabulary.txt").removesuffix("\n").split("\n") != list(keywords):
        raise EarmarkError(f"{out} has other keywords, or another order of them: {otherwise}.")


def initial_state(init_from: Path | None) -> State:
    """The state of a new run, which remembers whose weights it begins with."""
    if init_from is None:
        return State()
    return State(init_from=init_from.resolve().name, init_from_sha256=fingerprint(init_from / WEIGHTS))


def check_init_from(out: Path, state: State, init_from: Path | None) -> None:
    """Make sure that a run that is resumed is not given other initial weights than it began with.

    Raises
    ------
    EarmarkError
        If it is.
    """
    if init_from is None:
        return
    name, advice = init_from.resolve().name, "leave --init-from out, or choose another folder"
    if state.init_from != name:
        began = f"from {state.init_from}" if state.init_from else "without --init-from"
        raise EarmarkError(f"{out} was started {began}, not from {name}: {advice}.")
    weights = init_from / WEIGHTS
    if state.init_from_sha256 and weights.is_file() and fingerprint(weights) != state.init_from_sha256:
        raise EarmarkError(f"{out} was started from other weights than {init_from} has: {advice}.")
