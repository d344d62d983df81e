"""Drawn scenes and spoken descriptions of them, made on this machine.

Origin: made up, drawn (Pillow) and spoken (eSpeak NG, the extra ``earmark[demo]``) by this package; nothing is
downloaded. The same size and seed give the same bytes, whatever the number of processes and however often the work was
interrupted.
Size: chosen by the caller; 2,000 training utterances of about 3 seconds by default, an eighth of that for each of dev
and test, 41 keywords, 20 voices of which 4 are in the test set alone. ``pictures/`` in the corpus's folder holds other
scenes with three written captions each, for training a tagger that never sees the corpus. ``queries.csv`` there gives
the box of each keyword that the caption of a dev or test picture names, for image queries.
Licence: MIT, as Earmark itself.
Citation: that of Earmark.
"""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, TypeVar

from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.progress import Advance, progress
from earmark.core.timing import SAMPLE_RATE
from earmark.core.vocabulary import read_text
from earmark.corpora.picturebook.captions import Caption, sample_caption
from earmark.corpora.picturebook.render import crops, draw_scene
from earmark.corpora.picturebook.scenes import KEYWORDS, Scene, sample_scene
from earmark.corpora.picturebook.synthesis import (
    PITCH,
    VOICES,
    WORDS_PER_MINUTE,
    Acoustics,
    require_espeak,
    sample_room,
    say,
)
from earmark.media.audio import Waveform, write_audio

EDITION = 1  # raised whenever the same size and seed give other bytes than before
SETTINGS = "picturebook.json"
PICTURES = "pictures/pictures.csv"
QUERIES = "queries.csv"
IMAGES = "images"

FEWEST = 24  # utterances in dev and in test
CAPTIONS_A_PICTURE = 3
UNSEEN_VOICES = ("en-US+f3", "en-GB-scotland+m3", "en-029+f1", "en-GB-x-rp+m5")  # in no training utterance
TRAINING_VOICES = tuple(voice for voice in VOICES if voice not in UNSEEN_VOICES)

MOST_WORKERS = 8
AT_ONCE = 16  # utterances or pictures that a worker takes in one go

Item = tuple[str, int]  # split, number
T = TypeVar("T")


def prepare(
    out: Annotated[Path, "Folder to make the corpus in."],
    *,
    size: Annotated[int, "Number of training utterances."] = 2000,
    seed: Annotated[int, "Another seed makes other scenes."] = 0,
) -> Corpus:
    """Draw and speak a picturebook; what an earlier, interrupted run has made is kept.

    Parameters
    ----------
    out : Path
        Folder to make the corpus in; new, or of an earlier run with the same size and seed.
    size : int
        Number of training utterances.
    seed : int
        Another seed makes other scenes.

    Raises
    ------
    EarmarkError
        If eSpeak NG is not installed, `size` is not positive, or `out` holds anything else.
    """
    if size < 1:
        raise EarmarkError(f"A picturebook of {size} training utterances can't be made: ask for at least 1.")
    settings = json.dumps({"corpus": "picturebook", "edition": EDITION, "size": size, "seed": seed})
    _check_folder(out, settings)
    rest = max(FEWEST, size // 8)
    sizes = {"train": size, "dev": rest, "test": rest}
    if not (out / "corpus.yaml").is_file():
        require_espeak()
        write_text(out / SETTINGS, settings)
        _make(out, seed, sizes)
    if not (out / QUERIES).is_file():
        _write_queries(out / QUERIES, seed, _items({split: sizes[split] for split in ("dev", "test")}))
    return read_corpus(out)


def _make(out: Path, seed: int, sizes: dict[str, int]) -> None:
    items = _items(sizes)
    pictures = _items({"picture": sizes["train"] + sizes["train"] // 2})
    with progress("Drawing and speaking", len(items) + len(pictures)) as advance, _workers() as workers:
        utterances = _each(partial(make_utterance, out, seed), items, workers, advance)
        captions = _each(partial(make_picture, out, seed), pictures, workers, advance)

    _write_table(out / PICTURES, ("image", "caption"), (row for rows in captions for row in rows))
    in_order = iter(utterances)
    splits = {split: list(islice(in_order, count)) for split, count in sizes.items()}
    write_corpus(Corpus(out, "picturebook", "en", "MIT", KEYWORDS), splits)


def _items(sizes: dict[str, int]) -> list[Item]:
    return [(split, index) for split, count in sizes.items() for index in range(count)]


@dataclass(frozen=True)
class Page:
    """What an utterance and its picture are made from; `rng` goes on to draw the picture."""

    scene: Scene
    caption: Caption
    voice: str
    words_per_minute: int
    pitch: int
    room: Acoustics
    rng: Random


def sample_page(seed: int, item: Item) -> Page:
    """Make up an utterance and its picture."""
    split, index = item
    rng = Random(f"{seed}/{_name(split, index)}")
    scene = sample_scene(rng)
    return Page(
        scene=scene,
        caption=sample_caption(scene, rng),
        voice=rng.choice(UNSEEN_VOICES if split == "test" and rng.random() < 0.5 else TRAINING_VOICES),
        words_per_minute=rng.randint(*WORDS_PER_MINUTE),
        pitch=rng.randint(*PITCH),
        room=sample_room(rng),
        rng=rng,
    )


def _name(split: str, index: int) -> str:
    return f"{split}-{index:05d}"


def make_utterance(out: Path, seed: int, item: Item) -> Utterance:
    """Make one utterance with its picture, unless their files are there."""
    name, page = _name(*item), sample_page(seed, item)
    speech = say(page.caption.spoken, page.voice, words_per_minute=page.words_per_minute, pitch=page.pitch)
    image, audio = out / IMAGES / f"{name}.jpg", out / "audio" / f"{name}.flac"
    _save_picture(image, page.scene, page.rng)
    if not audio.exists():
        _save_audio(audio, page.room.record(speech.waveform))
    return Utterance(
        id=name,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        samples=page.room.samples(speech.waveform),
        image=image,
        speaker=page.voice,
        text=page.caption.text,
        words=tuple(_later(word, page.room.before_s) for word in speech.words),
    )


def make_picture(out: Path, seed: int, item: Item) -> list[tuple[str, str]]:
    """Make one of the tagger's pictures, unless its file is there; rows of its file name and a caption."""
    split, index = item
    name = f"{index:05d}.jpg"
    rng = Random(f"{seed}/{_name(split, index)}")
    scene = sample_scene(rng)
    captions = [sample_caption(scene, rng).text for _ in range(CAPTIONS_A_PICTURE)]
    _save_picture((out / PICTURES).parent / name, scene, rng)
    return [(name, caption) for caption in captions]


def _save_picture(path: Path, scene: Scene, rng: Random) -> None:
    if path.exists():
        return
    with replacing(path) as partial_path:
        draw_scene(scene, rng).image.save(partial_path, quality=90, subsampling=0)


def _save_audio(path: Path, waveform: Waveform) -> None:
    # FLAC, because an Ogg stream has a random serial number.
    with replacing(path) as partial_path:
        write_audio(partial_path, waveform, "FLAC")


def _later(word: Word, seconds: float) -> Word:
    return Word(word.word, round(word.start_s + seconds, 6), round(word.end_s + seconds, 6))


def _check_folder(out: Path, settings: str) -> None:
    """Make sure that the folder is new, or was begun with the same settings."""
    settings_file = out / SETTINGS
    if settings_file.is_file():
        if read_text(settings_file) != settings:
            raise EarmarkError(f"{out} holds a picturebook of another size, seed or edition: choose another folder.")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EarmarkError(f"{out} holds something that is not a picturebook: choose a new folder.")


def _workers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=min(MOST_WORKERS, os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_leave_interrupts_to_parent,
    )


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _each(make: Callable[[Item], T], items: Sequence[Item], workers: ProcessPoolExecutor, advance: Advance) -> list[T]:
    """What `make` gives for each item, in order."""
    made = []
    try:
        for one in workers.map(make, items, chunksize=AT_ONCE):
            made.append(one)
            advance()
    except BaseException:
        workers.shutdown(cancel_futures=True)  # on Ctrl-C, no more than what is in hand
        raise
    return made


def _write_queries(path: Path, seed: int, items: Sequence[Item]) -> None:
    """Write which part of each picture shows what; the pictures' layout is drawn again for it, in seconds."""
    rows: list[tuple[str | int, ...]] = []
    with progress("Finding what pictures show", len(items)) as advance:
        for item in items:
            page = sample_page(seed, item)
            crops_by_word = crops(page.scene, page.caption.words, draw_scene(page.scene, page.rng).boxes)
            rows += [(word, f"{IMAGES}/{_name(*item)}.jpg", *(box or ("",) * 4)) for word, box in crops_by_word.items()]
            advance()
    _write_table(path, ("keyword", "image", "left", "top", "right", "bottom"), rows)


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    table = io.StringIO()
    lines = csv.writer(table, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(rows)
    write_text(path, table.getvalue())
