"""The paper's tagger: a multilayer perceptron on the vectors of a frozen image network that others have trained.

Its sizes and its training are those of the tagger behind Olaleye et al. (2022): four layers of 2048 with ReLU and
dropout on VGG-16's fc7, one sigmoid a word, Adam, and early stopping. The vectors are computed once and kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.hub import device
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_cache import Rows, vectors_of
from earmark.features.image_encoder import Backbone, read_backbone
from earmark.supervision._tagger_folder import (
    WEIGHTS,
    or_damaged,
    read_settings,
    read_vocabulary,
    read_weights,
    refuse_finished,
    write_description,
    write_weights,
)
from earmark.supervision.captions import Picture, named_in_captions
from earmark.supervision.transcripts import report_missing_keywords

FEWEST = 10  # pictures, of which one is held out
VECTORS = "vectors"
BEST, STATE = "best.safetensors", "resume.pt"  # while the training is under way


class MlpTaggerSettings(BaseModel):
    """How a tagger is built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="as backbones.py reads it")
    backbone_sha256: str = Field(description="a backbone with other weights would make nonsense of the vectors")
    pictures_sha256: str = Field("", description="of names and captions; training goes on with the same ones alone")
    layers: int = Field(4, ge=1)
    hidden: int = Field(2048, ge=1)
    dropout: float = Field(0.25, ge=0, lt=1)
    epochs: int = Field(75, ge=1, description="at most")
    patience: int = Field(5, ge=1, description="epochs without a lower loss on the pictures held out, then it ends")
    held_out: float = Field(0.05, gt=0, lt=1, description="part of the pictures that is never learned from")
    batch_size: int = Field(256, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    seed: int = 0


@dataclass(frozen=True)
class MlpTagger:
    """A trained tagger; `cache` is where vectors of pictures are kept."""

    vocabulary: Vocabulary
    head: nn.Sequential
    backbone: Backbone
    cache: Path

    @torch.no_grad()
    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of pictures, shape (N, W)."""
        rows = torch.from_numpy(_vectors(self.backbone, images, self.cache, "Tagging pictures"))
        batches = [self.head(some.float().to(device())).sigmoid().cpu() for some in rows.split(256)]
        return torch.cat(batches).numpy()


def train_mlp_tagger(
    pictures: Sequence[Picture],
    keywords: Vocabulary,
    backbone: Backbone,
    settings: MlpTaggerSettings,
    out: Path,
    cache: Path | None = None,
) -> None:
    """Train a tagger and leave it in the folder `out`; go on where an earlier run into `out` was stopped.

    The vectors of the pictures are kept in `cache`, which several taggers may share, or else in `out`.

    Raises
    ------
    EarmarkError
        If there are too few pictures or one can't be read, no caption says any keyword, `out` already holds a tagger
        or a part of another one, or the loss is no longer a number.
    """
    if len(pictures) < FEWEST:
        raise EarmarkError(f"{len(pictures)} captioned pictures are too few to learn from: give at least {FEWEST}.")
    named = named_in_captions(pictures, keywords)
    report_missing_keywords(keywords, named, "caption")
    settings = settings.model_copy(update={"pictures_sha256": _fingerprint(pictures)})
    _begin(out, settings, keywords)
    images = [picture.image for picture in pictures]
    rows = torch.from_numpy(_vectors(backbone, images, cache or out / VECTORS, "Looking at pictures"))
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(settings.seed))
    held = max(1, round(settings.held_out * len(rows)))
    _fit(_Lessons(rows, torch.from_numpy(named), order[held:], order[:held]), settings, out)
    os.replace(out / BEST, out / WEIGHTS)
    (out / STATE).unlink()


def read_mlp_tagger(folder: Path) -> MlpTagger:
    """Load a tagger and its backbone; nothing is downloaded.

    Raises
    ------
    EarmarkError
        If the tagger is damaged or unfinished, or its backbone is gone or another.
    """
    if not (folder / WEIGHTS).exists():
        raise EarmarkError(f"The tagger in {folder} is not finished: run the same 'earmark tagger train' again.")
    with or_damaged(folder):
        settings, vocabulary = read_settings(folder, MlpTaggerSettings), read_vocabulary(folder)
        weights = read_weights(folder)
        head = mlp(weights["0.weight"].shape[1], settings, len(vocabulary))
        head.load_state_dict(weights)
    try:
        backbone = read_backbone(settings.backbone)
    except EarmarkError as error:
        raise EarmarkError(f"The tagger in {folder} needs its backbone (tagger.yaml says which): {error}") from error
    if backbone.sha256 != settings.backbone_sha256:
        raise EarmarkError(
            f"The backbone {settings.backbone} is not the one that the tagger in {folder} was trained on: "
            "put the old files back, or train the tagger again."
        )
    return MlpTagger(vocabulary, head.to(device()).eval(), backbone, folder / VECTORS)


def mlp(inputs: int, settings: MlpTaggerSettings, outputs: int) -> nn.Sequential:
    """Vectors (B, `inputs`) to logits (B, `outputs`)."""
    layers: list[nn.Module] = []
    for _ in range(settings.layers):
        layers += [nn.Linear(inputs, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        inputs = settings.hidden
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def _vectors(backbone: Backbone, images: Sequence[Path], cache: Path, task: str) -> Rows:
    return vectors_of(images, backbone.vectors, cache / backbone.sha256[:16], task)


def _fingerprint(pictures: Sequence[Picture]) -> str:
    lines = json.dumps([[picture.image.name, *picture.captions] for picture in pictures])
    return hashlib.sha256(lines.encode()).hexdigest()


def _begin(out: Path, settings: MlpTaggerSettings, keywords: Vocabulary) -> None:
    """Describe the tagger, unless an earlier run for the same one did."""
    refuse_finished(out)
    if not (out / "tagger.yaml").exists():
        write_description(out, settings, keywords)
    with or_damaged(out):
        same = read_settings(out, MlpTaggerSettings) == settings and read_vocabulary(out) == keywords
    if not same:
        raise EarmarkError(
            f"{out} holds a part of a tagger with other settings, keywords or pictures: choose another folder, "
            "or delete it."
        )


@dataclass(frozen=True)
class _Lessons:
    """Vectors (P, D) and targets (P, W) of pictures; which are learned from, and which held out."""

    rows: Tensor
    targets: Tensor
    learned: Tensor
    held: Tensor

    def loss(self, head: nn.Module, some: Tensor) -> Tensor:
        """Mean binary cross-entropy of some of the pictures."""
        logits = head(self.rows[some].float().to(device()))
        return nn.functional.binary_cross_entropy_with_logits(logits, self.targets[some].to(device()))

    def epoch(self, head: nn.Module, optimizer: torch.optim.Optimizer, batch_size: int) -> float:
        """Learn from every picture once; return the mean loss."""
        head.train()
        losses = []
        for some in self.learned[torch.randperm(len(self.learned))].split(batch_size):
            loss = self.loss(head, some)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    @torch.no_grad()
    def held_out_loss(self, head: nn.Module, batch_size: int) -> float:
        """Mean loss of the pictures held out."""
        head.eval()
        batches = self.held.split(batch_size)
        return sum(float(self.loss(head, some)) * len(some) for some in batches) / len(self.held)


@dataclass
class _State:
    """How far a training is."""

    epochs: int = 0
    best: float = math.inf
    since_best: int = 0


def _fit(lessons: _Lessons, settings: MlpTaggerSettings, out: Path) -> None:
    """Train, leaving the weights of the best epoch in the file `BEST`."""
    torch.manual_seed(settings.seed)
    head = mlp(lessons.rows.shape[1], settings, lessons.targets.shape[1]).to(device())
    optimizer = torch.optim.Adam(head.parameters(), settings.learning_rate)
    state = _restore(out, head, optimizer)
    with progress("Training the tagger", settings.epochs, state.epochs) as advance:
        while state.epochs < settings.epochs and state.since_best < settings.patience:
            torch.manual_seed(int(np.random.SeedSequence([settings.seed, state.epochs]).generate_state(1)[0]))
            loss = lessons.epoch(head, optimizer, settings.batch_size)
            held = lessons.held_out_loss(head, settings.batch_size)
            if not math.isfinite(loss + held):
                raise EarmarkError("The tagger's loss is no longer a number: look for damaged pictures or weights.")
            state.epochs, state.since_best = state.epochs + 1, state.since_best + 1
            if held < state.best:
                state.best, state.since_best = held, 0
                write_weights(out / BEST, head)
            _keep(out, head, optimizer, state)
            advance(note=f"loss {loss:.4f}, on pictures held out {held:.4f}")
        if left := settings.epochs - state.epochs:
            advance(left, note=f"ended after {state.epochs} epochs, for {state.since_best} were no better")


def _keep(out: Path, head: nn.Module, optimizer: torch.optim.Optimizer, state: _State) -> None:
    packed = io.BytesIO()  # written by Python, a full disk is an OSError; written by torch, it is anything
    torch.save({"head": head.state_dict(), "optimizer": optimizer.state_dict(), "state": vars(state)}, packed)
    with replacing(out / STATE) as partial:
        partial.write_bytes(packed.getbuffer())


def _restore(out: Path, head: nn.Module, optimizer: torch.optim.Optimizer) -> _State:
    if not (out / STATE).exists():
        return _State()
    try:
        kept = torch.load(out / STATE, map_location=device(), weights_only=True)
        head.load_state_dict(kept["head"])
        optimizer.load_state_dict(kept["optimizer"])
        return _State(**kept["state"])
    except Exception as error:  # torch raises whatever a damaged file makes it stumble over
        raise EarmarkError(
            f"{out / STATE} is damaged ({type(error).__name__}): delete it to train from the start."
        ) from error
