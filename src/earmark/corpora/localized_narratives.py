"""Localized Narratives: 850,000 photos described aloud while the mouse points at what is spoken of.

Origin: Pont-Tuset, Uijlings, Changpinyo, Soricut and Ferrari; photos of Open Images, COCO, Flickr30k and ADE20K.
Nothing is downloaded; ``docs/corpora.md`` says how the files must lie.
Size: 849,000 photos and 873,000 narratives of some 35 seconds, in English; Open Images has 675,000 of them.
Licence: CC BY 4.0; that of the photos, too.
Citation: J. Pont-Tuset et al., "Connecting vision and language with Localized Narratives", ECCV 2020.

The format is that of the project's page and of its released loader: JSON Lines with ``image_id``, ``annotator_id``,
``caption``, ``timed_caption``, ``traces`` and ``voice_recording``. A picture's file is called by its ``image_id``, in
COCO with zeros before it, up to twelve figures. Recordings of Flickr30k and ADE20K have zeros before the image's number
in their names, which the lists lack; they are found under both names.

A timed caption has words or groups of words with the times when they were spoken, those of an aligner. Each word of a
group has the time of the group. Lists of train are train, those of test are test; those of validation are dev, or, for
photos that have no list of test, dev and test, half and half, by a hash of the ``image_id``.

Of dev and test, the box of the mouse's trace while a keyword was spoken is an image query, in ``queries.csv`` of the
corpus.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from earmark.core.corpus import Corpus, Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import plain_words
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import caption_in, hashed_split, keyword_list, text_in
from earmark.corpora._source import Keywords, MediaFolders, Out, Photos, Source, numbered_lines
from earmark.corpora._traces import Pointed, pointed_at, write_queries

NAME = "Localized Narratives"
LICENCE = "CC BY 4.0"
ANNOTATIONS = "annotations"
RECORDINGS = "voice-recordings"
LIST_NAME = re.compile(r"(?P<photos>\w+?)_(?P<part>train|val|validation|test)(?:_v\d+)?_localized_narratives.*\.jsonl")
RECORDING_NAME = re.compile(r"(?P<part>\w+)/\w+_(?P<image>\d+)_\d+\.")
HALVES_END = {"dev": 0.5, "test": 1.0}
COCO_FIGURES = 12
PADDED_FIGURES = 16
PICTURES = {".jpg", ".jpeg", ".png"}


def prepare(
    source: Annotated[Path, "The folder that holds annotations and voice-recordings."],
    out: Out,
    *,
    keywords: Keywords = "67",
    images: Photos = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there is no list of narratives, or no utterance is left.
    """
    refuse_file(out)
    listed = keyword_list(keywords)
    folder = Source(source, ANNOTATIONS)
    ledger = ImportLog()
    recordings = MediaFolders(folder.folder / RECORDINGS, folder.folder)
    photos = _photos(images or folder.folder / "images")
    entries: list[Entry] = []
    words: dict[str, list[Word]] = {}
    pointed: dict[str, list[Pointed]] = {}
    for path, ends in _lists(folder.folder):
        for row, narrative in _narratives(path, ledger):
            image_id, recording = text_in(narrative, "image_id"), text_in(narrative, "voice_recording")
            if not image_id or not recording:
                ledger.skip("utterances", "no recording or no picture is named", f"{path.name} row {row}")
                continue
            key = PurePosixPath(recording).stem
            audio = _recording(recording, text_in(narrative, "annotator_id"), recordings)
            photo = photos.get(image_id) or photos.get(image_id.zfill(COCO_FIGURES))
            speaker, caption = text_in(narrative, "annotator_id") or None, caption_in(narrative, "caption") or None
            entries.append(Entry(row, key, audio, photo, speaker, caption, hashed_split(image_id, ends)))
            words.setdefault(key, _words(narrative, key, ledger))
            if entries[-1].split != "train":
                spoken = [word for word in words[key] if word.word in listed]
                pointed.setdefault(key, pointed_at(spoken, narrative.get("traces")))
    corpus = assemble(Corpus(out, NAME, "en", LICENCE, listed), entries, words, ledger)
    write_queries(corpus, pointed)
    return corpus


def _lists(folder: Path) -> list[tuple[Path, dict[str, float]]]:
    """The lists of narratives, and where the share of each split ends in them.

    Raises
    ------
    EarmarkError
        If there is none.
    """
    found = [
        (path, matched)
        for place in (folder / ANNOTATIONS, folder)
        for path in sorted(place.glob("*.jsonl"))
        if (matched := LIST_NAME.fullmatch(path.name))
    ]
    if not found:
        raise EarmarkError(
            f"There is no list such as coco_val_localized_narratives.jsonl in {folder} or its folder {ANNOTATIONS}: "
            "put one there, with the recordings."
        )
    tested = {matched["photos"] for _, matched in found if matched["part"] == "test"}
    shares = []
    for path, matched in found:
        part = matched["part"]
        if part in ("train", "test"):
            shares.append((path, {part: 1.0}))
        else:
            shares.append((path, {"dev": 1.0} if matched["photos"] in tested else HALVES_END))
    return shares


def _photos(folder: Path) -> dict[str, Path]:
    """All pictures in a folder and below, by their names without ending."""
    return {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES}


def _narratives(path: Path, ledger: ImportLog) -> Iterator[tuple[int, Any]]:
    """The narratives of a list, with their row numbers."""
    for row, line in numbered_lines(path, "utterances", ledger):
        ledger.read("utterances")
        try:
            yield row, json.loads(line)
        except (ValueError, RecursionError) as error:
            ledger.skip("utterances", "the line is no JSON", f"{path.name} row {row}", str(error))


def _recording(listed: str, annotator: str, recordings: MediaFolders) -> Path:
    """A narrative's recording, under its listed name, or else with zeros before the image's number."""
    found = recordings.find(listed)
    if not found.is_file() and (matched := RECORDING_NAME.match(listed)):
        part, image = matched["part"], matched["image"].zfill(PADDED_FIGURES)
        padded = recordings.find(f"{part}/{part}_{image}_{annotator}.ogg")
        return padded if padded.is_file() else found
    return found


def _words(narrative: Any, key: str, ledger: ImportLog) -> list[Word]:
    """The words of a timed caption; each of a group of words has the group's time."""
    words = []
    timed = narrative.get("timed_caption")
    for group in timed if isinstance(timed, list) else ():
        spoken = plain_words(caption_in(group, "utterance"))
        ledger.read("words", max(len(spoken), 1))
        times_s = _times_s(group)
        if times_s is None or not spoken:
            for _ in range(max(len(spoken), 1)):
                ledger.skip("words", "their times make no sense", key, f"{group}")
            continue
        words += [Word(word, *times_s) for word in spoken]
    return words


def _times_s(group: Any) -> tuple[float, float] | None:
    """When a group of words starts and ends; None where it does not say."""
    times = [group.get(name) for name in ("start_time", "end_time")] if isinstance(group, dict) else []
    numbers = [float(time) for time in times if isinstance(time, int | float) and math.isfinite(time)]
    if len(numbers) != 2:
        return None
    start_s, end_s = numbers
    return (start_s, end_s) if 0 <= start_s <= end_s else None
