"""Cache of image features: computed once per picture and stored in safetensors files of up to 128 pictures each.

An interrupted run resumes at the last whole file. A picture whose size or modification time has changed is computed
again. Files are written atomically and named by a hash of their contents' keys, so two processes can share a folder.
They are memory-mapped; a row is read only when it is indexed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.Image import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.progress import Advance, progress
from earmark.media.images import read_image

A_FILE, A_BATCH = 128, 16  # pictures; what a stop costs, and what a network is given at once
FILES = "[!.]*.safetensors"

Rows = npt.NDArray[np.float16]
Place = tuple[Any, int]  # the array of a file that is mapped into memory, and the row in it


class CachedVectors:
    """Vectors or maps of N pictures, memory-mapped, because they may not fit in memory together."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, pictures: Iterable[int]) -> Rows:
        """Those of some pictures, shape = (n, ...)."""
        return np.stack([array[row] for array, row in (self._places[picture] for picture in pictures)])


def vectors_of(images: Sequence[Path], vectors: Callable[[Sequence[Image]], Tensor], folder: Path, task: str) -> Rows:
    """The same as :func:`cached_vectors`, read into memory: shape = (N, ...), float16."""
    cached = cached_vectors(images, vectors, folder, task)
    return cached[range(len(cached))]


def cached_vectors(
    images: Sequence[Path], vectors: Callable[[Sequence[Image]], Tensor], folder: Path, task: str
) -> CachedVectors:
    """Vectors or maps of pictures: read from the cache in `folder`, or computed and added to it.

    Parameters
    ----------
    images : sequence of Path
        N pictures; one that is listed twice is computed once.
    vectors : callable
        Pictures to vectors (n, D), or to anything (n, ...).
    folder : Path
        Belongs to this network alone.
    task : str
        What the progress is called.

    Raises
    ------
    EarmarkError
        If a picture is missing or can't be read, or a vector is not of finite numbers.
    """
    identities = [_identity(image) for image in images]
    wanted = set(identities)
    known = {key: place for path in sorted(folder.glob(FILES)) for key, place in _mapped(path, wanted)}
    new = {key: image for key, image in zip(identities, images, strict=True) if key not in known}
    if new:
        with progress(task, len(new) + len(known), len(known)) as advance:
            for start in range(0, len(new), A_FILE):
                some = list(new)[start : start + A_FILE]
                rows = _computed([new[key] for key in some], vectors, advance)
                known.update(_mapped(_keep(folder, some, rows), wanted))
    return CachedVectors([known[key] for key in identities])


def _identity(image: Path) -> str:
    try:
        status = image.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise EarmarkError(f"There is no picture {image}: check its name, or whether it was moved.") from None
    return json.dumps([str(image.absolute()), status.st_size, status.st_mtime_ns], ensure_ascii=False)


def _computed(images: Sequence[Path], vectors: Callable[[Sequence[Image]], Tensor], advance: Advance) -> Rows:
    rows = []
    for start in range(0, len(images), A_BATCH):
        some = images[start : start + A_BATCH]
        rows.append(vectors([read_image(image) for image in some]).half().numpy())
        advance(len(some))
    whole = np.ascontiguousarray(np.concatenate(rows))  # safetensors saves what lies in memory, in whatever order
    if not np.isfinite(whole).all():
        raise EarmarkError("The image network gives vectors that are not numbers: choose an undamaged network.")
    return whole


def _keep(folder: Path, identities: Sequence[str], rows: Rows) -> Path:
    name = hashlib.sha256("\n".join(identities).encode()).hexdigest()[:16]
    path = folder / f"{name}.safetensors"
    with replacing(path) as partial:
        partial.write_bytes(save({"vectors": rows}, {"pictures": json.dumps(identities)}))
    return path


def _mapped(path: Path, wanted: Set[str]) -> Iterator[tuple[str, Place]]:
    """The pictures in a file that are wanted, and where they are."""
    try:
        file: Any = safe_open(path, "numpy")
        identities = json.loads(file.metadata()["pictures"])
        array = file.get_slice("vectors")
        if len(identities) != array.get_shape()[0]:
            return
    except (SafetensorError, KeyError, TypeError, ValueError):
        return  # half a file, from a power cut, or somebody else's: its pictures are computed again
    yield from ((key, (array, row)) for row, key in enumerate(identities) if key in wanted)
