"""What windows come to, for a query: one row of numbers each, which the model made of all that it heard in them.

How well a window answers a query is guessed by an inner product with its row (see
:meth:`earmark.models.image_query_models.ImageQueryModel.window_summary`). All windows of a hundred hours are one
matrix, memory-mapped, and a query is one product with it. The best are then scored exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.archive.archive import Archive
from earmark.archive.frame_store import Half, Single
from earmark.archive.rescoring import Asked, Piece, Recordings, Window, frames_of, windows_from
from earmark.core.progress import progress
from earmark.models.image_query_models import ImageQueryModel, accepts_images
from earmark.models.padding import pad

WINDOWS, DIGESTS, TYPICAL = "windows.npy", "digests.npy", "typical.npy"
TYPICALS = 256  # frames
SAMPLE = 20_000  # frames that these are the middles of
ROUNDS = 10
SMALLEST = 1e-12
OPEN = 64  # shards; their files never change

Numbers = npt.NDArray[np.int32]


def write_summaries(folder: Path, archive: Archive, whole: Sequence[Piece], rows: Recordings) -> None:
    """Write those of all windows that start in some pieces; none of a model that is not asked with pictures."""
    model = archive.spotter.model
    if not accepts_images(model):
        return
    typical = codebook(archive, whole, rows)
    windows: list[Window] = []
    digests = []
    with progress("Summing windows up, pieces", len(whole)) as advance:
        for piece in whole:
            heard = [(window, frames_of(archive, window, rows)) for window in windows_from(piece, rows)]
            speaking = [(window, frames) for window, frames in heard if frames.any()]
            if speaking:
                windows += [window for window, _ in speaking]
                digests.append(_digest(model, [frames for _, frames in speaking], typical))
            advance()
    np.save(folder / TYPICAL, typical, allow_pickle=False)
    np.save(folder / WINDOWS, np.array(windows, np.int32).reshape(-1, 3), allow_pickle=False)
    np.save(folder / DIGESTS, np.concatenate(digests or [np.zeros((0, 1), np.float16)]), allow_pickle=False)


def rank_windows(folders: Sequence[Path], asked: Asked, rows: Recordings, most: int) -> list[Window]:
    """The windows of some recordings that are likely to answer a query, the likeliest first.

    Parameters
    ----------
    folders : sequence of Path
        Shards.
    asked : Asked
    rows : mapping
        Of :func:`earmark.archive.scoring.searched`.
    most : int
        Windows, at most.
    """
    found: list[tuple[float, Window]] = []
    for folder in folders:
        windows, digests, typical = _open(folder)
        if len(windows):
            guesses = _guesses(asked, digests, typical)
            guesses[~torch.from_numpy(np.isin(windows[:, 0], list(rows)))] = -torch.inf
            best = guesses.topk(min(most, len(guesses)))
            found += [
                (guess, Window(*windows[row].tolist()))
                for guess, row in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                if guess > -torch.inf
            ]
    return [window for _, window in sorted(found, key=lambda one: (-one[0], one[1]))[:most]]


def codebook(archive: Archive, whole: Sequence[Piece], rows: Recordings) -> Single:
    """Frames that those of some pieces are like, (C, K): the middles of clusters of some of them."""
    rng = np.random.default_rng(0)
    some = []
    for piece in whole:
        frames = archive.frames.read(rows[piece.recording].sha256, piece.channel, piece.number)
        speaking = np.flatnonzero(frames.any(axis=1))
        chosen = rng.choice(speaking, min(len(speaking), 1 + SAMPLE // len(whole)), replace=False)
        some.append(frames[np.sort(chosen)].astype(np.float32))
    sample = np.concatenate(some)
    return kmeans(sample, TYPICALS)


def kmeans(sample: Single, count: int) -> Single:
    """The middles of `count` clusters of a sample (n, K), by Lloyd's algorithm; of a small sample, all of it."""
    chosen = np.random.default_rng(0).choice(len(sample), min(count, len(sample)), replace=False)
    points, middle = torch.from_numpy(sample), torch.from_numpy(sample[np.sort(chosen)])
    for _ in range(ROUNDS if len(sample) > count else 0):
        nearest = (points @ middle.T - middle.square().sum(dim=1) / 2).argmax(dim=1)
        sums = torch.zeros_like(middle).index_add_(0, nearest, points)
        sizes = nearest.bincount(minlength=count)[:, None]
        middle = torch.where(sizes > 0, sums / sizes.clamp_min(1), middle)
    clusters: Single = middle.numpy()
    return clusters


@torch.no_grad()
def _guesses(asked: Asked, digests: Tensor, typical: Tensor) -> Tensor:
    model = asked.spotter.model
    assert accepts_images(model)
    query_summary = model.query_summary(asked.query, typical.to(model.device)).cpu()
    # Half as precise, and twice as fast to read; so nothing may be too large for it.
    return (digests @ (query_summary / query_summary.abs().max().clamp_min(SMALLEST)).to(digests)).float()


@torch.no_grad()
def _digest(model: ImageQueryModel, heard: Sequence[Single], typical: Single) -> Half:
    frames, lengths = (part.to(model.device) for part in pad(heard))
    window_summary: Half = (
        model.window_summary((frames, lengths), torch.from_numpy(typical).to(model.device)).half().cpu().numpy()
    )
    return window_summary


@lru_cache(maxsize=OPEN)
def _open(folder: Path) -> tuple[Numbers, Tensor, Tensor]:
    # Mapped to be copied on writing, which nobody does: torch takes no memory that can't be written.
    windows, *rest = (np.load(folder / name, mmap_mode="c", allow_pickle=False) for name in (WINDOWS, DIGESTS, TYPICAL))
    digests, typical = (torch.from_numpy(part) for part in rest)
    return np.asarray(windows), digests, typical
