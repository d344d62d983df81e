"""Archives whose frames are made up: no sound was indexed, but searching them is as if it had been."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import insert

from earmark.archive import schema
from earmark.archive.archive import Archive
from earmark.archive.creation import make_archive
from earmark.localisation.windows import Timeline
from earmark.recipe import Recipe
from support.small_archive import write_run

DIMENSION = 16


def pictured(recipe: Recipe, kind: str) -> Recipe:
    """The tiny pictured recipe with another way to compare."""
    values = recipe.model_dump(exclude_none=True)
    pooled = kind in ("misa", "sisa", "sima")
    values["model"]["similarity"] = {"kind": "matchmap", "pool": kind} if pooled else {"kind": kind}
    if kind != "keywords":
        loss = "contrastive" if kind == "localising-attention" else "triplet"
        values |= {"localisation": "matchmap", "loss": {"kind": loss}}
    return Recipe.model_validate(values)


def made_up_archive(folder: Path, recipe: Recipe) -> Archive:
    """An archive of a model with random weights, without recordings."""
    return make_archive(folder / "archive", write_run(folder / "run", recipe, ["ball", "dog", "ọmọ", "snow"]))


def add_recording(
    archive: Archive,
    number: int,
    duration_s: float,
    channels: int = 1,
    stored: Sequence[int] | None = None,
    silent_s: tuple[float, float] = (0.0, 0.0),
    speaker: str = "",
) -> None:
    """A recording with random frames, of which only some chunks were indexed; a segment of them is silent."""
    sound = {"duration_s": duration_s, "sample_rate": 16000, "channels": channels, "status": "done"}
    row = {"id": number, "sha256": f"{number:064x}", "path": f"/{number}.wav", "folder": "/", "size": 1, "mtime_ns": 1}
    with archive.writing() as connection:
        connection.execute(insert(schema.recordings).values({**row, **sound, "speaker": speaker}))
    for channel in range(1, channels + 1):
        frames = random_frames(archive, duration_s, seed=100 * number + channel)
        frames[slice(*(round(edge_s / archive.frames.step_s) for edge_s in silent_s))] = 0
        for chunk in range(Timeline(duration_s).chunks) if stored is None else stored:
            store_frames(archive, number, channel, chunk, frames, duration_s)


def store_frames(
    archive: Archive, number: int, channel: int, chunk: int, frames: npt.NDArray[np.float16], duration_s: float
) -> None:
    """Store the frames of one chunk, as the indexer would."""
    first, end = (round(edge_s / archive.frames.step_s) for edge_s in Timeline(duration_s).chunk_bounds_s(chunk))
    archive.frames.write(f"{number:064x}", channel, chunk, frames[first:end])
    place = {"recording": number, "channel": channel, "number": chunk}
    with archive.writing() as connection:
        connection.execute(insert(schema.chunks).values(**place, windows=1, peaks=b""))


def random_frames(archive: Archive, duration_s: float, seed: int) -> npt.NDArray[np.float16]:
    """Frames (T', K) of a whole recording, five of a kind at a time."""
    rng = np.random.default_rng(seed)
    count = round(duration_s / archive.frames.step_s)
    sounds = rng.standard_normal((count // 5 + 1, DIMENSION)).repeat(5, axis=0)[:count]
    return (sounds + 0.5 * rng.standard_normal(sounds.shape)).astype(np.float16)
