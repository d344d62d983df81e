"""Features of a whole split, computed once and kept in the corpus's folder.

On disk: the 16-bit floats of all utterances end to end, memory-mapped on reading, and an index.
An utterance whose audio file has changed (size or time of change) makes the split be computed anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.audio import read_audio
from earmark.corpus import Corpus, Utterance
from earmark.errors import EarmarkError
from earmark.features import extractor
from earmark.files import replacing, write_text
from earmark.progress import progress
from earmark.recipe import Features

WORKERS = 2


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


def load_features(corpus: Corpus, split: str, settings: Features) -> FeatureSet:
    """Features of a split: from the cache if they are there and fit, else computed and kept.

    Raises
    ------
    EarmarkError
        If an audio file is missing or can't be read.
    """
    utterances = corpus.utterances(split)
    folder = corpus.folder / "features" / _name(settings)
    array, index = folder / f"{split}.f16", folder / f"{split}.json"
    audio = [_identity(utterance) for utterance in utterances]
    known = _read_index(index)
    if known is None or known["audio"] != audio or not array.is_file():
        starts = _compute(utterances, settings, array, split)
        known = {"audio": audio, "starts": starts}
        write_text(index, json.dumps(known, ensure_ascii=False))
    shape = (known["starts"][-1], extractor(settings).dimension)
    frames = np.memmap(array, np.float16, "r", shape=shape)
    return FeatureSet(frames, np.array(known["starts"], dtype=np.int64))


def _name(settings: Features) -> str:
    code = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:8]
    return f"{settings.kind}-{code}"


def _identity(utterance: Utterance) -> list[Any]:
    try:
        status = utterance.audio.stat()
    except FileNotFoundError:
        raise EarmarkError(
            f"The audio of utterance {utterance.id} is gone: {utterance.audio}. Put it back, or prepare the corpus anew."
        ) from None
    return [utterance.id, status.st_size, status.st_mtime_ns]


def _read_index(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def _compute(utterances: list[Utterance], settings: Features, array: Path, split: str) -> list[int]:
    """Write the array of a split; return where each utterance starts in it."""
    starts = [0]
    with (
        replacing(array) as partial,
        open(partial, "wb") as rows,
        progress(f"Features of {split}", len(utterances)) as advance,
    ):
        for frames in _features(utterances, settings):
            rows.write(frames.tobytes())
            starts.append(starts[-1] + len(frames))
            advance()
    return starts


def _features(utterances: list[Utterance], settings: Features) -> Iterator[npt.NDArray[np.float16]]:
    import torch

    extract = extractor(settings)

    def one(utterance: Utterance) -> npt.NDArray[np.float16]:
        frames: npt.NDArray[np.float16] = extract(read_audio(utterance.audio)).half().numpy()
        return frames

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # whole utterances side by side are faster than threads inside one
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            yield from pool.map(one, utterances)
    finally:
        torch.set_num_threads(threads)
