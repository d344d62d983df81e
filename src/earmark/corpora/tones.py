"""Tones: four whistled words and squares of four colours, made in a second, to try things out on.

Origin: made here, by formulas.
Size: by default 64 utterances of one to three seconds for training and 16 each for dev and test.
Licence: CC0 1.0, as far as formulas have one.
Citation: none.

Each word is a pitch that moves for a third of a second, in noise and at various loudness; one has tone marks. An
utterance is one word or two, and its picture shows a square of the colour of each. A model of a few thousand weights
learns it in seconds. It shows that something works, never how well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, s_to_samples
from earmark.corpora._assemble import refuse_file
from earmark.corpora._source import Out
from earmark.media.audio import write_audio

WORD_S = 0.32
MIN_SIZE = 4
COLOURS = {"ball": "red", "dog": "blue", "ọmọ": "green", "snow": "yellow"}
Samples = npt.NDArray[np.float64]


def prepare(
    out: Out,
    *,
    size: Annotated[int, "Number of training utterances."] = 64,
    seed: Annotated[int, "Another seed makes other utterances."] = 0,
) -> Corpus:
    """Make the corpus; the same size and seed make the same files.

    Raises
    ------
    EarmarkError
        If `out` is a file, `size` is below 4, or `seed` is negative.
    """
    refuse_file(out)
    if size < MIN_SIZE or seed < 0:
        raise EarmarkError(f"A size of {size} and a seed of {seed} make no corpus: give {MIN_SIZE} and 0 or more.")
    rng = np.random.default_rng(seed)
    sizes = {"train": size, "dev": max(8, size // 4), "test": max(8, size // 4)}
    splits = {
        split: [_utterance(out, f"{split}-{number}", 1 + number % 2, rng) for number in range(count)]
        for split, count in sizes.items()
    }
    return write_corpus(Corpus(out, "tones", "art-x-tones", "CC0-1.0", tuple(COLOURS)), splits)


def _utterance(out: Path, name: str, count: int, rng: np.random.Generator) -> Utterance:
    spoken = [str(word) for word in rng.permutation(list(COLOURS))[:count]]
    pauses_s = rng.uniform(0.15, 0.5, count + 1).round(3)
    starts_s = pauses_s[:count].cumsum() + WORD_S * np.arange(count)
    words = tuple(
        Word(word, round(float(start_s), 3), round(float(start_s) + WORD_S, 3))
        for word, start_s in zip(spoken, starts_s, strict=True)
    )
    samples = _sound(words, float(pauses_s.sum()) + WORD_S * count, rng)
    audio, image = out / "audio" / f"{name}.wav", out / "images" / f"{name}.png"
    for path in (audio, image):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(audio, samples)
    _picture(spoken, rng).save(image)
    return Utterance(name, audio, SAMPLE_RATE, len(samples), image=image, text=" ".join(spoken), words=words)


def _sound(words: tuple[Word, ...], seconds: float, rng: np.random.Generator) -> Samples:
    samples = rng.normal(0, rng.uniform(0.005, 0.05), s_to_samples(seconds))
    times_s = np.arange(s_to_samples(WORD_S)) / SAMPLE_RATE
    for word in words:
        phase = 2 * np.pi * np.cumsum(_pitch_hz(word.word, times_s)) / SAMPLE_RATE
        start = s_to_samples(word.start_s)
        samples[start : start + len(times_s)] += rng.uniform(0.2, 0.5) * np.sin(phase) * np.hanning(len(times_s))
    return samples


def _pitch_hz(word: str, times_s: Samples) -> Samples:
    """The pitch over a word: rising, falling, in two steps, or level."""
    if word == "ball":
        return 400 + 2000 * times_s / WORD_S
    if word == "dog":
        return 2400 - 2000 * times_s / WORD_S
    return np.where(times_s % 0.16 < 0.08, 800.0, 1900.0) if word == "ọmọ" else np.full_like(times_s, 1200.0)


def _picture(spoken: list[str], rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", (48, 48), "grey")
    for corner, word in zip(rng.permutation(4), spoken, strict=False):
        left, top = int(corner % 2) * 24 + 4, int(corner // 2) * 24 + 4
        ImageDraw.Draw(image).rectangle((left, top, left + 14, top + 14), fill=COLOURS[word])
    return image
