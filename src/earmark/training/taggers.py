"""Training of taggers from captioned pictures: a small CNN from scratch, or a head on a frozen network's vectors.

Their targets are the words of the captions: for each keyword, the part of a picture's captions that name it. A training
that was stopped goes on by the same call, to the same weights as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from earmark.core.errors import EarmarkError
from earmark.core.files import replace_file
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_encoder import Backbone
from earmark.media.images import read_image
from earmark.supervision.backbone_tagger import VECTORS, BackboneTaggerSettings, backbone_vectors
from earmark.supervision.captions import Picture, named_in_captions
from earmark.supervision.cnn_tagger import CnnTagger, CnnTaggerSettings, scaled, square
from earmark.supervision.learned_pictures import write_learned_pictures
from earmark.supervision.linear_tagger import LinearTaggerSettings
from earmark.supervision.mlp_tagger import MlpTaggerSettings, mlp
from earmark.supervision.tagger_folder import (
    WEIGHTS,
    or_damaged,
    read_settings,
    read_vocabulary,
    refuse_finished,
    write_description,
    write_weights,
)
from earmark.supervision.transcripts import report_missing_keywords
from earmark.training.data import Batch, ShuffledSampler
from earmark.training.devices import accelerated
from earmark.training.fit import FitSettings, fit
from earmark.training.logistic_regression import logistic_regression
from earmark.training.state import FILE

MIN_PICTURES = 10  # on a backbone; of a perceptron, one is held out
BEST = "best.safetensors"  # weights of the best epoch, while the training is under way
WARMUP_PART = 0.3  # of the steps of a one-cycle schedule

Item = tuple[Tensor, Tensor]


def train_cnn_tagger(
    pictures: Sequence[Picture],
    keywords: Vocabulary,
    settings: CnnTaggerSettings,
    out: Path,
    device: str | None = None,
    precision: str | None = None,
) -> None:
    """Train a small convolutional network and leave it in the folder `out`.

    Parameters
    ----------
    pictures : sequence of Picture
    keywords : Vocabulary
    settings : CnnTaggerSettings
    out : Path
    device, precision : str, optional
        As of :func:`earmark.training.loop.train`.

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite.
    EarmarkError
        If no caption names any keyword, a picture can't be read, or `out` already has a tagger or a part of
        another one.
    """
    refuse_finished(out)
    targets = named_in_captions(pictures, keywords)
    report_missing_keywords(keywords, targets, "caption")
    settings = settings.model_copy(update={"pictures_sha256": _fingerprint(pictures)})
    pixels = _pixels([picture.image for picture in pictures], settings.side)
    _claim(out, settings, keywords, pictures)
    with accelerated(device, precision) as accelerator:
        torch.manual_seed(settings.seed)  # of the initial weights
        objective = _CnnObjective(CnnTagger(settings, keywords), pixels, torch.from_numpy(targets))
        optimizer = torch.optim.AdamW(objective.model.parameters(), settings.learning_rate)

        def schedule(optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
            for group in optimizer.param_groups:
                group["lr"], momentum = one_cycle(settings.learning_rate, step, steps)
                group["betas"] = (momentum, group["betas"][1])

        fit_settings = FitSettings(settings.epochs, settings.seed, schedule)
        fit(objective, optimizer, fit_settings, out, accelerator, "Training the tagger")
        write_weights(out / WEIGHTS, objective.model)
    (out / FILE).unlink()


def train_mlp_tagger(
    pictures: Sequence[Picture],
    keywords: Vocabulary,
    backbone: Backbone,
    settings: MlpTaggerSettings,
    out: Path,
    cache: Path | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> None:
    """Train a perceptron on a backbone's vectors and leave it in the folder `out`.

    It ends when the loss on the pictures held out has not fallen for some epochs, and keeps the best one's weights.

    Parameters
    ----------
    pictures : sequence of Picture
    keywords : Vocabulary
    backbone : Backbone
    settings : MlpTaggerSettings
    out : Path
    cache : Path, optional
        Folder for the pictures' vectors, which several taggers may share; without it, a folder in `out`.
    device, precision : str, optional
        As of :func:`earmark.training.loop.train`.

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite.
    EarmarkError
        If there are too few pictures or one can't be read, no caption names any keyword, or `out` already has a tagger
        or a part of another one.
    """
    targets = _targets(pictures, keywords)
    settings = settings.model_copy(update={"pictures_sha256": _fingerprint(pictures)})
    _claim(out, settings, keywords, pictures)
    images = [picture.image for picture in pictures]
    vectors = torch.from_numpy(backbone_vectors(backbone, images, cache or out / VECTORS, "Encoding pictures"))
    with accelerated(device, precision) as accelerator:
        torch.manual_seed(settings.seed)  # of the initial weights
        head = mlp(vectors.shape[1], settings, len(keywords))
        objective = _MlpObjective(head, vectors, torch.from_numpy(targets), settings)
        fit(
            objective,
            torch.optim.Adam(head.parameters(), settings.learning_rate),
            FitSettings(
                settings.epochs,
                settings.seed,
                schedule=lambda optimizer, step, steps: None,
                patience=settings.patience,
                advice="look for damaged pictures or weights",
            ),
            out,
            accelerator,
            "Training the tagger",
            keep_best=lambda: write_weights(out / BEST, head),
        )
    replace_file(out / BEST, out / WEIGHTS)
    (out / FILE).unlink()


def train_linear_tagger(
    pictures: Sequence[Picture],
    keywords: Vocabulary,
    backbone: Backbone,
    settings: LinearTaggerSettings,
    out: Path,
    cache: Path | None = None,
) -> None:
    """Fit a linear probe on a backbone's vectors and leave it in the folder `out`.

    Parameters and errors are those of :func:`train_mlp_tagger`.
    """
    targets = _targets(pictures, keywords)
    settings = settings.model_copy(update={"pictures_sha256": _fingerprint(pictures)})
    _claim(out, settings, keywords, pictures)
    images = [picture.image for picture in pictures]
    vectors = torch.from_numpy(backbone_vectors(backbone, images, cache or out / VECTORS, "Encoding pictures"))
    layer = logistic_regression(vectors.float(), torch.from_numpy(targets), settings.penalty, settings.iterations)
    write_weights(out / WEIGHTS, nn.Sequential(layer))


def one_cycle(peak: float, step: int, steps: int) -> tuple[float, float]:
    """Learning rate and momentum of the one-cycle schedule (Smith and Topin 2019), with cosines.

    The rate rises from a 25th of the peak to the peak over three tenths of the steps, and then falls to a 250,000th of
    it; momentum falls from 0.95 to 0.85 and rises again. These are the defaults of torch's ``OneCycleLR``.
    """
    start, end = peak / 25, peak / 25 / 1e4
    top, last = WARMUP_PART * steps - 1, steps - 1
    if step <= top:
        part = step / top
        return _cosine(start, peak, part), _cosine(0.95, 0.85, part)
    part = (step - top) / (last - top)
    return _cosine(peak, end, part), _cosine(0.85, 0.95, part)


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


class _TensorDataset(Dataset[Item]):
    """Inputs and targets of pictures."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Item:
        return self.inputs[index], self.targets[index]


class _CnnObjective:
    """Binary cross-entropy of moved and mirrored pictures; none are held out."""

    def __init__(self, model: CnnTagger, pixels: Tensor, targets: Tensor) -> None:
        self.model = model
        self.dataset = _TensorDataset(pixels, targets)
        self.sampler = ShuffledSampler(len(pixels), model.settings.batch_size, model.settings.seed)

    def collate(self, items: Sequence[Item]) -> Batch:
        return _collate(items)

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        pictures = shift_and_mirror(scaled(batch["inputs"]), self.model.settings.mirror, rng)
        return {"loss": nn.functional.binary_cross_entropy_with_logits(forward(pictures), batch["targets"])}

    def dev_loss(self) -> None:
        return None


class _MlpObjective:
    """Binary cross-entropy of vectors (P, D) against targets (P, W); some pictures are held out."""

    def __init__(self, head: nn.Sequential, vectors: Tensor, targets: Tensor, settings: MlpTaggerSettings) -> None:
        self.model, self.batch_size = head, settings.batch_size
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(settings.seed))
        held_out = max(1, round(settings.held_out * len(vectors)))
        dev, train = order[:held_out], order[held_out:]
        self.dataset, self.dev = (_TensorDataset(vectors[part], targets[part]) for part in (train, dev))
        self.sampler = ShuffledSampler(len(train), settings.batch_size, settings.seed)

    def collate(self, items: Sequence[Item]) -> Batch:
        return _collate(items)

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        logits = forward(batch["inputs"].float())
        return {"loss": nn.functional.binary_cross_entropy_with_logits(logits, batch["targets"])}

    @torch.no_grad()
    def dev_loss(self) -> float:
        self.model.eval()
        device, total = next(self.model.parameters()).device, 0.0
        cross_entropy = nn.functional.binary_cross_entropy_with_logits
        parts = zip(self.dev.inputs.split(self.batch_size), self.dev.targets.split(self.batch_size), strict=True)
        for inputs, targets in parts:
            loss = cross_entropy(self.model(inputs.float().to(device)), targets.to(device))
            total += float(loss) * len(inputs)
        return total / len(self.dev)


def _collate(items: Sequence[Item]) -> Batch:
    inputs, targets = zip(*items, strict=True)
    return {"inputs": torch.stack(inputs), "targets": torch.stack(targets)}


def shift_and_mirror(pictures: Tensor, mirror: bool, rng: torch.Generator) -> Tensor:
    """A batch shifted by up to a sixteenth of its side, with repeated edges, and mirrored or not.

    Parameters
    ----------
    pictures : torch.Tensor, shape = (B, 3, side, side)
    mirror : bool
        Whether it may be mirrored, all of it or nothing.
    rng : torch.Generator
        Of the CPU.
    """
    reach = pictures.shape[3] // 16
    padded = nn.functional.pad(pictures, (reach,) * 4, mode="replicate")
    top, left = (int(torch.randint(2 * reach + 1, (), generator=rng)) for _ in range(2))
    shifted = padded[:, :, top : top + pictures.shape[2], left : left + pictures.shape[3]]
    return shifted.flip(3) if mirror and bool(torch.rand((), generator=rng) < 0.5) else shifted


def _pixels(images: Sequence[Path], side: int) -> Tensor:
    """All pictures as (P, side, side, 3), uint8."""
    with progress("Reading pictures", len(images)) as advance:
        pixels = torch.empty((len(images), side, side, 3), dtype=torch.uint8)
        for row, image in zip(pixels, images, strict=True):
            row.copy_(square(read_image(image), side))
            advance()
    return pixels


def _targets(pictures: Sequence[Picture], keywords: Vocabulary) -> npt.NDArray[np.float32]:
    """Targets of a tagger on a backbone."""
    if len(pictures) < MIN_PICTURES:
        raise EarmarkError(
            f"{len(pictures)} captioned pictures are too few to learn from: give at least {MIN_PICTURES}."
        )
    targets = named_in_captions(pictures, keywords)
    report_missing_keywords(keywords, targets, "caption")
    return targets


def _fingerprint(pictures: Sequence[Picture]) -> str:
    lines = json.dumps([[picture.image.name, *picture.captions] for picture in pictures])
    return hashlib.sha256(lines.encode()).hexdigest()


def _claim(
    out: Path,
    settings: CnnTaggerSettings | BackboneTaggerSettings,
    keywords: Vocabulary,
    pictures: Sequence[Picture],
) -> None:
    """Describe the tagger, or make sure that the folder has an unfinished training of this very one."""
    refuse_finished(out)
    if not (out / "tagger.yaml").exists():
        write_learned_pictures(out, pictures)
        write_description(out, settings, keywords)
    with or_damaged(out):
        same = read_settings(out, type(settings)) == settings and read_vocabulary(out) == keywords
    if not same:
        raise EarmarkError(
            f"{out} holds a part of a tagger with other settings, keywords or pictures: choose another folder, "
            "or delete it."
        )
