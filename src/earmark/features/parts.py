"""Features of a split while they are computed: some utterances a file, so that a stop costs a minute and not hours.

Files are written in one step and named by the recordings that are in them, so that two programs may share a folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from earmark.files import replacing
from earmark.progress import progress

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
    parts = {folder / _name(identities[some.start : some.stop]): some for some in numbers}
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


def _name(identities: Sequence[Any]) -> str:
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
