"""Feature cache: features of a whole split, computed once and stored in the corpus's folder.

On disk: the 16-bit floats of all utterances end to end, memory-mapped on reading, and an index.
An utterance whose audio file has changed (size or time of change) makes the split be computed again.

While a split is computed, each 64 utterances go to a part file (:func:`in_parts`), so that an interrupted run loses at
most one part. Part files are written atomically and named by a hash of their recordings, so two processes can share a
folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.progress import progress
from earmark.features import FeatureExtractor, extractor, resolve
from earmark.media.audio import at_speed
from earmark.media.utterances import identity, read_utterance
from earmark.recipe import FeatureSettings

WORKERS = 2  # at least, for one may wait for the disk


@dataclass(frozen=True)
class FeatureSet:
    """Features of the utterances of a split, in the manifest's order.

    Attributes
    ----------
    frames : numpy.ndarray, shape = (all frames, F), float16
    starts : numpy.ndarray, shape = (U + 1,), int64
        Utterance `u` has the rows from ``starts[u]`` to ``starts[u + 1]``.
    """

    frames: npt.NDArray[np.float16]
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, utterance: int) -> npt.NDArray[np.float32]:
        """Features of one utterance, shape = (T, F)."""
        return self.frames[self.starts[utterance] : self.starts[utterance + 1]].astype(np.float32)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Frames of each utterance, shape = (U,)."""
        return np.diff(self.starts)


def load_features(
    corpus: Corpus, split: str, settings: FeatureSettings, speed: float = 1.0, extract: FeatureExtractor | None = None
) -> FeatureSet:
    """Features of a split: from the cache if they are there and fit, else computed and kept.

    Parameters
    ----------
    corpus : Corpus
    split : str
    settings : FeatureSettings
    speed : float
        Play every recording this much faster first, and so higher (:func:`earmark.media.audio.at_speed`).
    extract : FeatureExtractor, optional
        Built from these settings, which are then already resolved; without it, one is built.

    Raises
    ------
    EarmarkError
        If an audio file is missing or can't be read, or the features' network is missing or another one.
    """
    name = split if speed == 1 else f"{split}-at-{speed:g}"
    return cached_features(corpus.utterances(split), corpus.folder / "features", name, settings, speed, extract)


def cached_features(
    utterances: list[Utterance],
    folder: Path,
    name: str,
    settings: FeatureSettings,
    speed: float = 1.0,
    extract: FeatureExtractor | None = None,
) -> FeatureSet:
    """Features of any utterances, cached in `folder` under `name`; the rest as in :func:`load_features`."""
    if extract is None:
        settings = resolve(settings)
        extract = extractor(settings)
    folder = folder / _name(settings)
    array, index = folder / f"{name}.f16", folder / f"{name}.json"
    audio = [_identity(utterance) for utterance in utterances]
    dimension = extract.dimension
    starts = _cached_starts(index, array, audio, dimension)
    if starts is None:
        index.unlink(missing_ok=True)  # so that an index is never older than its array
        starts = _compute(utterances, audio, extract, array, speed)
        write_text(index, json.dumps({"audio": audio, "starts": starts}, ensure_ascii=False))
        shutil.rmtree(_parts(array), ignore_errors=True)  # another program may be at the same work
    shape = (starts[-1], dimension)
    frames = np.memmap(array, np.float16, "r", shape=shape) if starts[-1] else np.empty(shape, np.float16)
    return FeatureSet(frames, np.array(starts, dtype=np.int64))


def _name(settings: FeatureSettings) -> str:
    """Wherever a network is kept: its SHA-256 says what it computes."""
    code = hashlib.sha256(settings.model_dump_json(exclude={"network"}).encode()).hexdigest()[:8]
    return f"{settings.kind}-{code}"


def _identity(utterance: Utterance) -> list[Any]:
    try:
        return identity(utterance)
    except (FileNotFoundError, NotADirectoryError):
        raise EarmarkError(
            f"The audio of utterance {utterance.id} is gone, {utterance.audio}: put it back or prepare the corpus anew."
        ) from None


def _cached_starts(index: Path, array: Path, audio: list[list[Any]], dimension: int) -> list[int] | None:
    """Offset of each utterance in the cached array; None if nothing is cached for exactly these recordings."""
    try:
        known = json.loads(index.read_text(encoding="utf-8"))
        starts: list[int] = known["starts"]
        size = starts[-1] * dimension * np.dtype(np.float16).itemsize
        return starts if known["audio"] == audio and array.stat().st_size == size else None
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None


def _compute(
    utterances: list[Utterance], audio: list[list[Any]], extract: FeatureExtractor, array: Path, speed: float
) -> list[int]:
    """Write the array of a split; return where each utterance starts in it."""

    def features(utterance: int) -> npt.NDArray[np.float16]:
        waveform = at_speed(read_utterance(utterances[utterance]), speed)
        frames: npt.NDArray[np.float16] = extract(waveform).half().numpy()
        return frames

    starts = [0]
    with replacing(array) as partial, open(partial, "wb") as rows, _one_thread_each() as workers:
        for frames in in_parts(audio, features, _parts(array), f"Features of {array.stem}", workers):
            rows.write(frames.tobytes())
            starts.append(starts[-1] + len(frames))
    return starts


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """How many utterances to compute side by side, which is faster than several threads for one of them."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield max(WORKERS, threads)
    finally:
        torch.set_num_threads(threads)


def _parts(array: Path) -> Path:
    return array.with_name(f"{array.stem}.parts")


A_PART = 64  # utterances

Frames = npt.NDArray[np.float16]


def in_parts(
    identities: Sequence[Any], compute: Callable[[int], Frames], folder: Path, task: str, workers: int
) -> Iterator[Frames]:
    """Features of one utterance after the other, from what an earlier run left in `folder`, else computed.

    Parameters
    ----------
    identities : sequence
        What tells each recording from another, and from what it was before a change; as JSON.
    compute : callable
        The number of an utterance to its features (T, F).
    folder : Path
        Belongs to this split and these settings alone. Of no more use when the last features were taken.
    task : str
        What the progress is called.
    workers : int
        Utterances that are computed side by side.
    """
    numbers = [range(first, min(first + A_PART, len(identities))) for first in range(0, len(identities), A_PART)]
    parts = {folder / _part_name(identities[some.start : some.stop]): some for some in numbers}
    done = sum(len(some) for path, some in parts.items() if path.is_file())
    with progress(task, len(identities), done) as advance, ThreadPoolExecutor(workers) as pool:
        for path, some in parts.items():
            frames = _read(path)
            if frames is None:
                frames = []
                for one in pool.map(compute, some):
                    frames.append(one)
                    advance()
                _write(path, frames)
            yield from frames


def _part_name(identities: Sequence[Any]) -> str:
    return f"{hashlib.sha256(json.dumps(identities).encode()).hexdigest()[:16]}.safetensors"


def _write(path: Path, frames: Sequence[Frames]) -> None:
    whole = {"frames": np.concatenate(frames), "lengths": np.array([len(one) for one in frames])}
    with replacing(path) as partial:
        partial.write_bytes(save(whole))


def _read(path: Path) -> list[Frames] | None:
    try:
        whole = load_file(path)
        return np.split(whole["frames"], whole["lengths"].cumsum()[:-1])
    except (FileNotFoundError, SafetensorError, KeyError):  # there is none, or half of one, from a power cut
        return None
