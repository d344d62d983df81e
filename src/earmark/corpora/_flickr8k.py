"""What the corpora of spoken Flickr8k captions share: names of captions, the written captions, the split lists."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

from earmark.core.corpus import SPLITS
from earmark.core.csv_tables import Problems, read_table
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import caption_in, karpathy_splits, read_listed, text_in
from earmark.corpora._source import MediaFolders, Source, numbered_lines, picture_folders

TEXT = "Flickr8k_text"
PICTURES = ("Flicker8k_Dataset", "Flickr8k_Dataset", "Images", "images")  # the first is how it is distributed
TOKENS, TABLE, KARPATHY = "Flickr8k.token.txt", "captions.txt", "dataset.json"  # captions: the first that is there
CAPTIONS = 5  # that each picture has


def image_key(name: str) -> str:
    """The name of a picture up to its first dot, so that ``KEY.jpg.1``, too, is ``KEY``."""
    return unicodedata.normalize("NFC", name.split(".")[0])


def caption_key(name: str) -> str | None:
    """``KEY_N`` from a caption's name, ``KEY.jpg#N`` or ``KEY.jpg_#N``; None if it is no such name."""
    image, _, number = name.rpartition("#")
    key = image_key(image)
    return f"{key}_{number}" if key and number.isdecimal() else None


def photos(source: Source, folder: Path | None) -> MediaFolders:
    """The photos: in `folder` if one is given, else in the source under a name that is customary.

    Raises
    ------
    EarmarkError
        If the folder that is given is not there.
    """
    return picture_folders(folder, source.find(*PICTURES) or source.folder / PICTURES[0])


def token_captions(path: Path, ledger: ImportLog) -> dict[str, str]:
    """Captions by :func:`caption_key`, from lines ``KEY.jpg#N caption``, as in ``Flickr8k.token.txt``."""
    captions: dict[str, str] = {}
    for number, line in numbered_lines(path, "captions", ledger):
        ledger.read("captions")
        name, *caption = line.split(maxsplit=1)
        key = caption_key(name)
        if key is None or not caption:
            ledger.skip("captions", "the line is not 'KEY.jpg#N caption'", f"{path.name} row {number}", line)
        elif key in captions:
            ledger.skip("captions", "they are listed twice", key, f"{path.name} row {number}")
        else:
            captions[key] = unicodedata.normalize("NFC", caption[0])
    return captions


def english_captions(source: Source, ledger: ImportLog) -> dict[str, str]:
    """Captions by :func:`caption_key`, from whichever of the three files in circulation there is; {} without any."""
    path = source.find_or_note("no utterance has a written caption", ledger, TOKENS, TABLE, KARPATHY)
    if path is None:
        return {}
    if path.name == TOKENS:
        return token_captions(path, ledger)
    return _numbered(_whole_fives(path, ledger) if path.name == TABLE else _sentences(path, ledger))


def split_lists(source: Source, ledger: ImportLog) -> dict[str, str]:
    """Split by :func:`image_key`, from the three lists of pictures or else from Karpathy's ``dataset.json``.

    Raises
    ------
    EarmarkError
        If there is neither.
    """
    lists = {split: f"Flickr_8k.{split}Images.txt" for split in SPLITS}
    if (path := source.find(KARPATHY)) and not any(source.find(name) for name in lists.values()):
        return {image_key(name): split for name, split in karpathy_splits(path).items()}
    splits: dict[str, str] = {}
    for split, name in lists.items():
        path = source.require(f"the lists of train, dev and test pictures (or {KARPATHY}) make the splits", name)
        for _, line in numbered_lines(path, "pictures in split lists", ledger):
            ledger.read("pictures in split lists")
            key = image_key(line)
            if splits.setdefault(key, split) != split:
                ledger.skip("pictures in split lists", "they are in two lists, and stay in the first", key, name)
    return splits


def _whole_fives(path: Path, ledger: ImportLog) -> list[tuple[str, str]]:
    """Pictures and captions from a table whose rows bear no number: those of a picture stand in their order.

    Where a row has been lost, nobody can say which: that picture's captions are left out.
    """
    problems = Problems()
    rows = read_table(path, ("image", "caption"), (), problems).rows
    ledger.read("captions", len(rows) + len(problems))
    ledger.skip_problems("captions", "the row is not in order", problems)
    counts = Counter(image_key(row.get("image")) for row in rows)
    for row in rows:
        if counts[image_key(row.get("image"))] != CAPTIONS:
            why = f"their picture has not {CAPTIONS} rows, so their order does not tell which is which"
            ledger.skip("captions", why, row.get("image"), f"{path.name} row {row.number}")
    pairs = [(row.get("image"), row.get("caption")) for row in rows]
    return [(image, caption) for image, caption in pairs if counts[image_key(image)] == CAPTIONS]


def _sentences(path: Path, ledger: ImportLog) -> list[tuple[str, str]]:
    """Pictures and captions from Karpathy's JSON, where a damaged caption still has its place in the order."""
    pairs = []
    for image in read_listed(path, "images")[1]:
        sentences = image.get("sentences") if isinstance(image, dict) else None
        for sentence in sentences if isinstance(sentences, list) else ():
            pairs.append((text_in(image, "filename"), caption_in(sentence, "raw")))
    ledger.read("captions", len(pairs))
    return pairs


def _numbered(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Captions by key, the captions of each picture numbered from 0."""
    counts: dict[str, int] = {}
    captions = {}
    for name, caption in pairs:
        key = image_key(name)
        number = counts.setdefault(key, 0)
        counts[key] += 1
        if caption:
            captions[f"{key}_{number}"] = unicodedata.normalize("NFC", caption)
    return captions
