"""An archive of words in another voice than the model learned, judged by somebody who knows what is spoken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from conftest import PITCHES, SAMPLE_RATE, WORD_S, spoken
from earmark.archive.archive import Archive
from earmark.archive.judgements import judge
from earmark.archive.search import SearchOptions, search
from earmark.core.corpus import Word
from earmark.media.audio import at_speed
from earmark.recipe import Recipe
from support.small_archive import indexed_archive, write_run

VOICE = 1.3  # how much faster, and so higher, it is
TOLERANCE_S = 0.3


def write_recordings(
    folder: Path, voice: float, recordings: int, words: int = 20, seed: int = 3
) -> dict[str, list[Word]]:
    """Recordings with a word every few seconds, and what is spoken in each."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    placed: dict[str, list[Word]] = {}
    for number in range(recordings):
        starts_s = (rng.uniform(1, 2.5, words) + WORD_S).cumsum()
        in_order = tuple(
            Word(str(rng.choice(list(PITCHES))), float(start_s), float(start_s) + WORD_S) for start_s in starts_s
        )
        sound = at_speed(spoken(in_order, in_order[-1].end_s + 1, rng), voice)
        path = folder / f"ọmọ {number}.wav"
        soundfile.write(path, sound, SAMPLE_RATE)
        placed[str(path)] = [Word(one.word, one.start_s / voice, one.end_s / voice) for one in in_order]
    return placed


def judged_archive(
    folder: Path, run: Path, voice: float = VOICE, flipped: bool = False, recordings: int = 3
) -> Archive:
    """An archive of such recordings, all of whose hits were judged.

    Parameters
    ----------
    folder : Path
        For ``archive`` and ``field``.
    run : Path
        Of the model.
    voice : float
        1 for the one that it learned.
    flipped : bool
        Every yes is a no, and every no a yes.
    recordings : int
    """
    placed = write_recordings(folder / "field", voice, recordings)
    archive = indexed_archive(folder / "archive", run, folder / "field")
    for word in PITCHES:
        for hit in search(archive, word, SearchOptions(top=200)):
            right = any(
                one.word == word and one.start_s - TOLERANCE_S <= hit.hit.time_s <= one.end_s + TOLERANCE_S
                for one in placed[hit.hit.recording]
            )
            judge(archive, word, hit, "yes" if right != flipped else "no")
    return archive


def noise_archive(folder: Path, recipe: Recipe, length_s: float = 95.0) -> Archive:
    """Two recordings of two channels of noise, indexed by a model with random weights; nothing is judged."""
    (folder / "field").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "ọmọ"):
        sound = rng.normal(0, [0.1, 0.2], (round(length_s * SAMPLE_RATE), 2))
        soundfile.write(folder / "field" / f"{name}.wav", sound, SAMPLE_RATE)
    return indexed_archive(folder / "archive", write_run(folder / "run", recipe, list(PITCHES)), folder / "field")
