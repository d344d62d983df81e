"""What windows come to, for a query: one row of numbers each, which the model made of all that it heard in them.

How well a window answers a query is guessed by an inner product with its row (see
:meth:`earmark.models.pictured.PicturedModel.digest`). All windows of a hundred hours are one matrix, memory-mapped, and
a query is one product with it. The best are then scored exactly.
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
from earmark.archive.scoring import Piece, Recordings, Window, frames_of, windows_from
from earmark.features.padding import pad
from earmark.models.pictured import PicturedModel
from earmark.progress import progress

WINDOWS, DIGESTS = "windows.npy", "digests.npy"
OPEN = 64  # shards; their files never change

Numbers = npt.NDArray[np.int32]


def write_digests(folder: Path, archive: Archive, whole: Sequence[Piece], rows: Recordings) -> None:
    """Write those of all windows that start in some pieces; none of a model that is not asked with pictures."""
    model = archive.finder.model
    if not isinstance(model, PicturedModel):
        return
    windows: list[Window] = []
    digests = []
    with progress("Summing windows up, pieces", len(whole)) as advance:
        for piece in whole:
            heard = [(window, frames_of(archive, window, rows)) for window in windows_from(piece, rows)]
            speaking = [(window, frames) for window, frames in heard if frames.any()]
            if speaking:
                windows += [window for window, _ in speaking]
                digests.append(_digest(model, [frames for _, frames in speaking]))
            advance()
    np.save(folder / WINDOWS, np.array(windows, np.int32).reshape(-1, 3), allow_pickle=False)
    np.save(folder / DIGESTS, np.concatenate(digests or [np.zeros((0, 1), np.float16)]), allow_pickle=False)


def likely(folders: Sequence[Path], sought: Tensor, rows: Recordings, most: int) -> list[Window]:
    """The windows of some recordings that are likely to answer a query, the likeliest first.

    Parameters
    ----------
    folders : sequence of Path
        Shards.
    sought : torch.Tensor, shape = (S,)
        Of :meth:`earmark.models.pictured.PicturedModel.sought`.
    rows : mapping
        Of :func:`earmark.archive.scoring.searched`.
    most : int
        Windows, at most.
    """
    found = []
    for folder in folders:
        windows, digests = _open(folder)
        if len(windows):
            guesses = (digests @ sought.to(digests)).float()
            guesses[~torch.from_numpy(np.isin(windows[:, 0], list(rows)))] = -torch.inf
            best = guesses.topk(min(most, len(guesses)))
            found += [
                (guess, Window(*windows[row].tolist()))
                for guess, row in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                if guess > -torch.inf
            ]
    return [window for _, window in sorted(found, key=lambda one: (-one[0], one[1]))[:most]]


@torch.no_grad()
def _digest(model: PicturedModel, frames: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float16]:
    speech, lengths = (part.to(model.device) for part in pad(frames))
    return model.digest((speech, lengths)).half().cpu().numpy()


@lru_cache(maxsize=OPEN)
def _open(folder: Path) -> tuple[Numbers, Tensor]:
    # Mapped to be copied on writing, which nobody does: torch takes no memory that can't be written.
    windows, digests = (np.load(folder / name, mmap_mode="c", allow_pickle=False) for name in (WINDOWS, DIGESTS))
    return np.asarray(windows), torch.from_numpy(digests)
