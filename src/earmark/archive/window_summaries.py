"""Window summaries: one vector a window, by which windows are ranked for an image query before exact scoring.

The detection score of a window is estimated by an inner product with its summary (see
:meth:`earmark.models.image_query_models.ImageQueryModel.window_summary`). The summaries of all windows of a hundred
hours are one memory-mapped matrix, so that ranking them is one matrix product. The best are then scored exactly.
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
from earmark.archive.rescoring import ChunkKey, EncodedQuery, Recordings, Window, frames_of, windows_from
from earmark.core.progress import progress
from earmark.models.image_query_models import ImageQueryModel, accepts_images
from earmark.models.padding import pad

WINDOWS, SUMMARIES, CODEBOOK = "windows.npy", "summaries.npy", "codebook.npy"
CODEBOOK_SIZE = 256  # frames
SAMPLE_SIZE = 20_000  # frames that are clustered
ITERATIONS = 10
EPSILON = 1e-12
OPEN_SHARDS = 64  # their files never change

Numbers = npt.NDArray[np.int32]


def write_summaries(folder: Path, archive: Archive, chunks: Sequence[ChunkKey], rows: Recordings) -> None:
    """Write the summaries of all windows that start in some chunks; none where the model takes no image queries."""
    model = archive.spotter.model
    if not accepts_images(model):
        return
    frames_codebook = codebook(archive, chunks, rows)
    windows: list[Window] = []
    summaries = []
    with progress("Window summaries, chunks", len(chunks)) as advance:
        for chunk in chunks:
            stored = [(window, frames_of(archive, window, rows)) for window in windows_from(chunk, rows)]
            audible = [(window, frames) for window, frames in stored if frames.any()]
            if audible:
                windows += [window for window, _ in audible]
                summaries.append(_summarise(model, [frames for _, frames in audible], frames_codebook))
            advance()
    np.save(folder / CODEBOOK, frames_codebook, allow_pickle=False)
    np.save(folder / WINDOWS, np.array(windows, np.int32).reshape(-1, 3), allow_pickle=False)
    np.save(folder / SUMMARIES, np.concatenate(summaries or [np.zeros((0, 1), np.float16)]), allow_pickle=False)


def rank_windows(folders: Sequence[Path], query: EncodedQuery, rows: Recordings, limit: int) -> list[Window]:
    """The windows of some recordings with the highest estimated scores for an image query, the highest first.

    Parameters
    ----------
    folders : sequence of Path
        Shards.
    query : EncodedQuery
    rows : mapping
        Of :func:`earmark.archive.rescoring.matching_recordings`.
    limit : int
        The largest number of windows.
    """
    found: list[tuple[float, Window]] = []
    for folder in folders:
        windows, summaries, frames_codebook = _open(folder)
        if len(windows):
            estimates = _estimates(query, summaries, frames_codebook)
            estimates[~torch.from_numpy(np.isin(windows[:, 0], list(rows)))] = -torch.inf
            best = estimates.topk(min(limit, len(estimates)))
            found += [
                (estimate, Window(*windows[row].tolist()))
                for estimate, row in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                if estimate > -torch.inf
            ]
    return [window for _, window in sorted(found, key=lambda one: (-one[0], one[1]))[:limit]]


def codebook(archive: Archive, chunks: Sequence[ChunkKey], rows: Recordings) -> Single:
    """Centroids (C, K) of clusters of a sample of frames from some chunks."""
    rng = np.random.default_rng(0)
    samples = []
    for chunk in chunks:
        frames = archive.frames.read(rows[chunk.recording].sha256, chunk.channel, chunk.number)
        audible = np.flatnonzero(frames.any(axis=1))
        sampled = rng.choice(audible, min(len(audible), 1 + SAMPLE_SIZE // len(chunks)), replace=False)
        samples.append(frames[np.sort(sampled)].astype(np.float32))
    return kmeans(np.concatenate(samples), CODEBOOK_SIZE)


def kmeans(sample: Single, count: int) -> Single:
    """Centroids of `count` clusters of a sample (n, K), by Lloyd's algorithm; of a small sample, all of it."""
    initial = np.random.default_rng(0).choice(len(sample), min(count, len(sample)), replace=False)
    points, centroids = torch.from_numpy(sample), torch.from_numpy(sample[np.sort(initial)])
    for _ in range(ITERATIONS if len(sample) > count else 0):
        nearest = (points @ centroids.T - centroids.square().sum(dim=1) / 2).argmax(dim=1)
        sums = torch.zeros_like(centroids).index_add_(0, nearest, points)
        sizes = nearest.bincount(minlength=count)[:, None]
        centroids = torch.where(sizes > 0, sums / sizes.clamp_min(1), centroids)
    array: Single = centroids.numpy()
    return array


@torch.no_grad()
def _estimates(query: EncodedQuery, summaries: Tensor, frames_codebook: Tensor) -> Tensor:
    model = query.spotter.model
    assert accepts_images(model)
    query_summary = model.query_summary(query.encoded, frames_codebook.to(model.device)).cpu()
    # Summaries are in half precision, which is twice as fast to read; scaled so, the query does not overflow it.
    return (summaries @ (query_summary / query_summary.abs().max().clamp_min(EPSILON)).to(summaries)).float()


@torch.no_grad()
def _summarise(model: ImageQueryModel, windows: Sequence[Single], frames_codebook: Single) -> Half:
    frames, lengths = (part.to(model.device) for part in pad(windows))
    summaries = model.window_summary((frames, lengths), torch.from_numpy(frames_codebook).to(model.device))
    array: Half = summaries.half().cpu().numpy()
    return array


@lru_cache(maxsize=OPEN_SHARDS)
def _open(folder: Path) -> tuple[Numbers, Tensor, Tensor]:
    # Mapped as copy-on-write, though nothing writes to it: torch takes no memory that is read-only.
    names = (WINDOWS, SUMMARIES, CODEBOOK)
    windows, *rest = (np.load(folder / name, mmap_mode="c", allow_pickle=False) for name in names)
    summaries, frames_codebook = (torch.from_numpy(part) for part in rest)
    return np.asarray(windows), summaries, frames_codebook
