"""The tagger: an image network that learns from captioned pictures and then tags pictures. It never hears speech.

    earmark tagger train PICTURES.csv --out TAGGER
    earmark tag CORPUS --tagger TAGGER

A small convolutional network scores every place of a picture for every keyword and pools the places with
log-mean-exp, so that one small thing in a corner can be enough. Its targets are the words of the captions: for
each keyword, the part of a picture's captions that name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from earmark.corpus import Utterance
from earmark.errors import EarmarkError
from earmark.files import replacing, write_text
from earmark.images import read_image
from earmark.progress import progress
from earmark.supervision.captions import Picture, named_in_captions
from earmark.supervision.targets import Targets
from earmark.vocabulary import Vocabulary, read_text

CHANNELS = (32, 48, 96, 128)


class TaggerSettings(BaseModel):
    """How a tagger is built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int = Field(96, ge=32, le=512, description="pictures are scaled to a square of this many pixels")
    mirror: bool = Field(True, description="learn from mirrored pictures too; not for writing")
    epochs: int = Field(12, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0


class Tagger(nn.Module):
    """Pictures (B, 3, side, side) in [0, 1] to logits (B, W)."""

    def __init__(self, settings: TaggerSettings, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.settings, self.vocabulary = settings, vocabulary
        layers: list[nn.Module] = []
        inputs = 3
        for number, outputs in enumerate(CHANNELS):
            kernel, stride = (5, 2) if number == 0 else (3, 2 if number < 3 else 1)
            layers += [
                nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        self.places = nn.Sequential(*layers, nn.Dropout(0.2), nn.Conv2d(inputs, len(vocabulary), 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Log-mean-exp over the places of each picture."""
        scores = self.places(pictures - 0.5).flatten(2)
        pooled: Tensor = scores.logsumexp(dim=2) - np.log(scores.shape[2])
        return pooled


def train_tagger(pictures: Sequence[Picture], keywords: Vocabulary, settings: TaggerSettings, out: Path) -> None:
    """Train a tagger and leave it in the new folder `out`.

    Raises
    ------
    EarmarkError
        If a picture can't be read, `out` already holds a tagger, or the loss is no longer a number.
    """
    if (out / "model.safetensors").exists():
        raise EarmarkError(f"{out} already holds a tagger: choose another folder.")
    targets = torch.from_numpy(named_in_captions(pictures, keywords))
    pixels = _pixels([picture.image for picture in pictures], settings.side)
    torch.manual_seed(settings.seed)
    tagger = Tagger(settings, keywords).to(_device())
    optimizer = torch.optim.AdamW(tagger.parameters(), settings.learning_rate)
    steps = settings.epochs * -(-len(pixels) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    with progress("Training the tagger", settings.epochs) as advance:
        for _ in range(settings.epochs):
            losses = []
            tagger.train()
            for rows in torch.randperm(len(pixels)).split(settings.batch_size):
                batch = _moved(_scaled(pixels[rows]), settings.mirror).to(_device())
                loss = nn.functional.binary_cross_entropy_with_logits(tagger(batch), targets[rows].to(_device()))
                if not loss.isfinite():
                    raise EarmarkError("The tagger's loss is no longer a number: train with a lower learning rate.")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
            advance(note=f"loss {float(torch.stack(losses).mean()):.4f}")
    _write(tagger, out)


@torch.no_grad()
def tag(tagger: Tagger, utterances: Sequence[Utterance]) -> Targets:
    """Tags of the utterances' images; an image of several utterances is looked at once.

    Raises
    ------
    EarmarkError
        If an utterance has no image, or an image is missing or can't be read.
    """
    images: dict[Path, list[str]] = {}
    for utterance in utterances:
        if utterance.image is None:
            raise EarmarkError(f"Utterance {utterance.id} has no image, so a tagger can't tag it.")
        images.setdefault(utterance.image, []).append(utterance.id)
    rows = {}
    tagger.eval()
    with progress("Tagging pictures", len(images)) as advance:
        paths = list(images)
        for start in range(0, len(paths), tagger.settings.batch_size):
            some = paths[start : start + tagger.settings.batch_size]
            pixels = torch.stack([_square(path, tagger.settings.side) for path in some])
            tags = tagger(_scaled(pixels).to(_device())).sigmoid().cpu().numpy()
            for path, row in zip(some, tags, strict=True):
                rows.update(dict.fromkeys(images[path], row))
            advance(len(some))
    return Targets(tagger.vocabulary, {utterance.id: rows[utterance.id] for utterance in utterances})


def read_tagger(folder: Path | str) -> Tagger:
    """Load a tagger.

    Raises
    ------
    EarmarkError
        If the folder holds none, or one that is damaged.
    """
    folder = Path(folder)
    if not (folder / "tagger.yaml").is_file():
        raise EarmarkError(f"{folder} is not a tagger (it has no tagger.yaml): train one with 'earmark tagger train'.")
    try:
        settings = TaggerSettings.model_validate(yaml.safe_load(read_text(folder / "tagger.yaml")))
        # Every line is a keyword here, even one that begins with "#".
        tagger = Tagger(settings, Vocabulary(read_text(folder / "vocabulary.txt").splitlines()))
        tagger.load_state_dict(safetensors.torch.load_file(folder / "model.safetensors"))
    except (ValidationError, yaml.YAMLError, SafetensorError, OSError, RuntimeError) as error:
        raise EarmarkError(f"The tagger in {folder} is damaged ({type(error).__name__}): train it again.") from error
    return tagger.to(_device())


def _write(tagger: Tagger, out: Path) -> None:
    write_text(out / "vocabulary.txt", "".join(f"{word}\n" for word in tagger.vocabulary))
    write_text(out / "tagger.yaml", yaml.safe_dump(tagger.settings.model_dump()))
    weights = {name: weight.contiguous() for name, weight in tagger.state_dict().items()}
    with replacing(out / "model.safetensors") as partial:
        partial.write_bytes(safetensors.torch.save(weights))


def _pixels(images: Sequence[Path], side: int) -> Tensor:
    """All pictures as (P, side, side, 3), uint8."""
    with progress("Reading pictures", len(images)) as advance:
        pixels = torch.empty((len(images), side, side, 3), dtype=torch.uint8)
        for row, image in zip(pixels, images, strict=True):
            row.copy_(_square(image, side))
            advance()
    return pixels


def _square(image: Path, side: int) -> Tensor:
    return torch.from_numpy(np.array(read_image(image).resize((side, side))))


def _scaled(pixels: Tensor) -> Tensor:
    """(B, side, side, 3) uint8 to (B, 3, side, side) in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 255


def _moved(pictures: Tensor, mirror: bool) -> Tensor:
    """A batch moved by up to a sixteenth of its side, the edges repeated, and mirrored or not."""
    reach = pictures.shape[3] // 16
    padded = nn.functional.pad(pictures, (reach,) * 4, mode="replicate")
    top, left = (int(torch.randint(2 * reach + 1, ())) for _ in range(2))
    moved = padded[:, :, top : top + pictures.shape[2], left : left + pictures.shape[3]]
    return moved.flip(3) if mirror and bool(torch.rand(()) < 0.5) else moved


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
