"""What a network makes of pictures, computed once and kept, some hundred pictures a file, so that work can go on.

A picture that has changed (size or time of change) is looked at anew. Files are written in one step and named by
what is in them, so that two programs may share a folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from earmark.errors import EarmarkError
from earmark.files import replacing
from earmark.images import read_image
from earmark.progress import Advance, progress

A_FILE, A_BATCH = 128, 16  # pictures; what a stop costs, and what a network is given at once

Rows = npt.NDArray[np.float16]


def vectors_of(images: Sequence[Path], vectors: Callable[[Sequence[Image]], Tensor], folder: Path, task: str) -> Rows:
    """Vectors or maps of pictures, from the files in `folder` where they are there, else computed and kept there.

    Parameters
    ----------
    images : sequence of Path
        N pictures; one that comes twice is looked at once.
    vectors : callable
        Pictures to vectors (n, D), or to anything (n, ...).
    folder : Path
        Belongs to this network alone.
    task : str
        What the progress is called.

    Returns
    -------
    numpy.ndarray, shape = (N, ...), float16

    Raises
    ------
    EarmarkError
        If a picture is missing or can't be read, or a vector is not of finite numbers.
    """
    identities = [_identity(image) for image in images]
    known = dict(_kept(folder, set(identities)))
    new = {identity: image for identity, image in zip(identities, images, strict=True) if identity not in known}
    if new:
        with progress(task, len(new) + len(known), len(known)) as advance:
            for start in range(0, len(new), A_FILE):
                some = list(new)[start : start + A_FILE]
                rows = _computed([new[identity] for identity in some], vectors, advance)
                _keep(folder, some, rows)
                known.update(zip(some, rows, strict=True))
    return np.stack([known[identity] for identity in identities])


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


def _keep(folder: Path, identities: Sequence[str], rows: Rows) -> None:
    name = hashlib.sha256("\n".join(identities).encode()).hexdigest()[:16]
    with replacing(folder / f"{name}.safetensors") as partial:
        partial.write_bytes(save({"vectors": rows}, {"pictures": json.dumps(identities)}))


def _kept(folder: Path, wanted: set[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
    for path in sorted(folder.glob("[!.]*.safetensors")):
        try:
            with safe_open(path, "numpy") as file:
                identities = json.loads(file.metadata()["pictures"])
                if not wanted.isdisjoint(identities):
                    rows = file.get_tensor("vectors")
                    yield from (pair for pair in zip(identities, rows, strict=True) if pair[0] in wanted)
        except (SafetensorError, KeyError, TypeError, ValueError):
            continue  # half a file, from a power cut, or somebody else's: its pictures are looked at anew
