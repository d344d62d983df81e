"""The tagger that needs nothing but captioned pictures: a small image network, trained from scratch.

It is a convolutional network that scores every place of a picture for every keyword and pools the places with
log-mean-exp, so that one small thing in a corner can be enough. Its targets are the words of the captions: for
each keyword, the part of a picture's captions that name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.hub import device
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_encoder import small_network
from earmark.media.images import read_image
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

CHANNELS = (32, 48, 96, 128)
DROPOUT = 0.2


class SmallTaggerSettings(BaseModel):
    """How a tagger is built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int = Field(96, ge=32, le=512, description="pictures are scaled to a square of this many pixels")
    mirror: bool = Field(True, description="learn from mirrored pictures too; not for writing")
    epochs: int = Field(12, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0


class SmallTagger(nn.Module):
    """Pictures (B, 3, side, side) in [0, 1] to logits (B, W)."""

    def __init__(self, settings: SmallTaggerSettings, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.settings, self.vocabulary = settings, vocabulary
        self.places = small_network(CHANNELS, DROPOUT, len(vocabulary))

    def forward(self, pictures: Tensor) -> Tensor:
        """Log-mean-exp over the places of each picture."""
        scores = self.places(pictures - 0.5).flatten(2)
        pooled: Tensor = scores.logsumexp(dim=2) - np.log(scores.shape[2])
        return pooled

    @torch.no_grad()
    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of pictures, shape (N, W)."""
        rows = []
        with progress("Tagging pictures", len(images)) as advance:
            for start in range(0, len(images), self.settings.batch_size):
                some = images[start : start + self.settings.batch_size]
                pixels = torch.stack([_square(image, self.settings.side) for image in some])
                rows.append(self(_scaled(pixels).to(device())).sigmoid().cpu().numpy())
                advance(len(some))
        return np.concatenate(rows)


def train_small_tagger(
    pictures: Sequence[Picture], keywords: Vocabulary, settings: SmallTaggerSettings, out: Path
) -> None:
    """Train a tagger and leave it in the new folder `out`.

    Raises
    ------
    EarmarkError
        If no caption says any keyword, a picture can't be read, `out` already holds a tagger, or the loss is no longer
        a number.
    """
    refuse_finished(out)
    named = named_in_captions(pictures, keywords)
    report_missing_keywords(keywords, named, "caption")
    targets = torch.from_numpy(named)
    pixels = _pixels([picture.image for picture in pictures], settings.side)
    torch.manual_seed(settings.seed)
    tagger = SmallTagger(settings, keywords).to(device())
    optimizer = torch.optim.AdamW(tagger.parameters(), settings.learning_rate)
    steps = settings.epochs * -(-len(pixels) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    with progress("Training the tagger", settings.epochs) as advance:
        for _ in range(settings.epochs):
            losses = []
            tagger.train()
            for rows in torch.randperm(len(pixels)).split(settings.batch_size):
                batch = _moved(_scaled(pixels[rows]), settings.mirror).to(device())
                loss = nn.functional.binary_cross_entropy_with_logits(tagger(batch), targets[rows].to(device()))
                if not loss.isfinite():
                    raise EarmarkError("The tagger's loss is no longer a number: train with a lower learning rate.")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
            advance(note=f"loss {float(torch.stack(losses).mean()):.4f}")
    write_description(out, settings, keywords)
    write_weights(out / WEIGHTS, tagger)


def read_small_tagger(folder: Path) -> SmallTagger:
    """Load a tagger.

    Raises
    ------
    EarmarkError
        If it is damaged.
    """
    with or_damaged(folder):
        tagger = SmallTagger(read_settings(folder, SmallTaggerSettings), read_vocabulary(folder))
        tagger.load_state_dict(read_weights(folder))
    return tagger.to(device()).eval()


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
