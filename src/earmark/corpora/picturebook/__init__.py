"""Drawn scenes and spoken descriptions of them, made on this machine.

Origin: made up, drawn (Pillow) and spoken (eSpeak NG, the extra ``earmark[demo]``) by this package; nothing is
downloaded. The same size and seed give the same bytes, whatever the number of processes and however often the work was
interrupted.
Size: as asked; 2,000 training utterances of about 3 seconds by default, an eighth of that for each of dev and test, 41
keywords, 20 voices of which 4 are heard in the test set alone. Beside the corpus lies ``pictures/``: other scenes with
three written captions each, for training a tagger that never sees the corpus.
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
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, TypeVar

import typer

from earmark.audio import Waveform
from earmark.corpora.picturebook.captions import sample_caption
from earmark.corpora.picturebook.draw import draw_scene
from earmark.corpora.picturebook.room import sample_room
from earmark.corpora.picturebook.scenes import KEYWORDS, Scene, sample_scene
from earmark.corpora.picturebook.speak import PITCH, VOICES, WORDS_PER_MINUTE, require_espeak, say
from earmark.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
from earmark.errors import EarmarkError
from earmark.files import replacing, write_text
from earmark.progress import Advance, progress
from earmark.timing import SAMPLE_RATE
from earmark.vocabulary import read_text

EDITION = 1  # raised whenever the same size and seed give other bytes than before
SETTINGS = "picturebook.json"
PICTURES = "pictures/pictures.csv"

FEWEST = 24  # utterances in dev and in test
CAPTIONS_A_PICTURE = 3
UNSEEN_VOICES = ("en-US+f3", "en-GB-scotland+m3", "en-029+f1", "en-GB-x-rp+m5")  # in no training utterance
SEEN_VOICES = tuple(voice for voice in VOICES if voice not in UNSEEN_VOICES)

MOST_WORKERS = 8
AT_ONCE = 16  # utterances or pictures that a worker takes in one go

Item = tuple[str, int]  # split, number
T = TypeVar("T")


def prepare(
    out: Annotated[Path, typer.Argument(help="Folder to make the corpus in.")],
    *,
    size: Annotated[int, typer.Option(min=1, help="Number of training utterances.")] = 2000,
    seed: Annotated[int, typer.Option(help="Another seed makes other scenes.")] = 0,
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
    if (out / "corpus.yaml").is_file():
        return read_corpus(out)
    require_espeak()
    write_text(out / SETTINGS, settings)

    rest = max(FEWEST, size // 8)
    sizes = {"train": size, "dev": rest, "test": rest}
    items = [(split, index) for split, count in sizes.items() for index in range(count)]
    pictures = [("picture", index) for index in range(size + size // 2)]
    with progress("Drawing and speaking", len(items) + len(pictures)) as advance, _workers() as workers:
        utterances = _each(partial(make_utterance, out, seed), items, workers, advance)
        captions = _each(partial(make_picture, out, seed), pictures, workers, advance)

    _write_captions(out / PICTURES, captions)
    in_order = iter(utterances)
    splits = {split: list(islice(in_order, count)) for split, count in sizes.items()}
    return write_corpus(Corpus(out, "picturebook", "en", "MIT", KEYWORDS), splits)


def make_utterance(out: Path, seed: int, item: Item) -> Utterance:
    """Make one utterance with its picture, unless their files are there."""
    split, index = item
    name = f"{split}-{index:05d}"
    rng = Random(f"{seed}/{name}")
    scene = sample_scene(rng)
    caption = sample_caption(scene, rng)
    speech = say(
        caption.spoken,
        voice := rng.choice(UNSEEN_VOICES if split == "test" and rng.random() < 0.5 else SEEN_VOICES),
        words_per_minute=rng.randint(*WORDS_PER_MINUTE),
        pitch=rng.randint(*PITCH),
    )
    room = sample_room(rng)

    image, audio = out / "images" / f"{name}.jpg", out / "audio" / f"{name}.flac"
    _save_picture(image, scene, rng)
    if not audio.exists():
        _save_audio(audio, room.record(speech.waveform))
    return Utterance(
        id=name,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        samples=room.samples(speech.waveform),
        image=image,
        speaker=voice,
        text=caption.text,
        words=tuple(_later(word, room.before_s) for word in speech.words),
    )


def make_picture(out: Path, seed: int, item: Item) -> list[tuple[str, str]]:
    """Make one of the tagger's pictures, unless its file is there; rows of its file name and a caption."""
    split, index = item
    name = f"{index:05d}.jpg"
    rng = Random(f"{seed}/{split}-{index:05d}")
    scene = sample_scene(rng)
    captions = [sample_caption(scene, rng).text for _ in range(CAPTIONS_A_PICTURE)]
    _save_picture((out / PICTURES).parent / name, scene, rng)
    return [(name, caption) for caption in captions]


def _save_picture(path: Path, scene: Scene, rng: Random) -> None:
    if path.exists():
        return
    with replacing(path) as partial_path:
        draw_scene(scene, rng).save(partial_path, quality=90, subsampling=0)


def _save_audio(path: Path, waveform: Waveform) -> None:
    import soundfile

    # FLAC, because an Ogg stream has a random serial number.
    with replacing(path) as partial_path:
        soundfile.write(partial_path, waveform, SAMPLE_RATE, subtype="PCM_16")


def _later(word: Word, seconds: float) -> Word:
    return Word(word.word, round(word.start_s + seconds, 6), round(word.end_s + seconds, 6))


def _check_folder(out: Path, settings: str) -> None:
    """Make sure that the folder is new, or was begun with the same settings."""
    begun = out / SETTINGS
    if begun.is_file():
        if read_text(begun) != settings:
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


def _write_captions(path: Path, pictures: list[list[tuple[str, str]]]) -> None:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("image", "caption"))
    rows.writerows(row for captions in pictures for row in captions)
    write_text(path, table.getvalue())
