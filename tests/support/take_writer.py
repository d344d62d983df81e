"""A program that records takes until it is killed, and prints the id and SHA-256 of each one that was acknowledged.

``python -m support.take_writer FOLDER SEED``: with an odd seed it also ends itself, at a random call of the system
that changes the disk.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earmark.studio.speakers import add_speaker, speakers
from earmark.studio.take import NewTake
from earmark.studio.takes import TakeStore

DISK_CALLS = ("replace", "fsync", "unlink", "open", "rename", "mkdir")


def wav(seed: int, seconds: float = 0.3, rate: int = 16_000) -> bytes:
    """A wav file of noise, another one for each seed."""
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, noise, rate, format="WAV", subtype="PCM_24")
    return file.getvalue()


def new_take(content: bytes, speaker: str, number: int, item: str = "", **values: Any) -> NewTake:
    """What a recorder states about a wav file."""
    about = soundfile.info(io.BytesIO(content))
    return NewTake(
        id=hashlib.md5(f"{speaker} {number}".encode()).hexdigest(),
        speaker=speaker,
        item=item,
        sha256=hashlib.sha256(content).hexdigest(),
        samples=about.frames,
        sample_rate=about.samplerate,
        recorded_at=f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.000+00:00",
        **values,
    )


def send(store: TakeStore, new: NewTake, content: bytes) -> Any:
    """Hand a take to a store as a server does."""
    with store.receive() as path:
        path.write_bytes(content)
        return store.add(new, path)


def end_at(count: int) -> None:
    """End the process, as a power cut does, at the nth call that changes the disk."""
    left = count

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return call(*arguments, **options)

        return wrapper

    for name in DISK_CALLS:
        setattr(os, name, counted(getattr(os, name)))
    builtins.open = counted(builtins.open)
    io.open = builtins.open


def main(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    store = TakeStore(folder)
    speaker = (speakers(folder) or [add_speaker(folder)])[0].id
    if seed % 2:
        end_at(rng.randrange(60))
    for number in range(seed * 1000, seed * 1000 + 1000):
        content = wav(number, rng.uniform(0.1, 0.4))
        take = send(store, new_take(content, speaker, number, item=f"picture {rng.randrange(5)}"), content)
        os.write(1, f"{take.id} {hashlib.sha256(content).hexdigest()}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
