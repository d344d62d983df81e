"""SpokenCOCO: 600,000 spoken captions of the 123,000 photos of COCO.

Origin: Hsu, Harwath, Song and Glass; captions of MSCOCO (Lin et al.) read out. Nothing is downloaded;
``docs/corpora.md`` says how the files must lie.
Size: five captions a photo, hundreds of hours by thousands of speakers; 16 kHz.
Licence: as its distribution states; that of the photos, too.
Citation: W.-N. Hsu, D. Harwath, C. Song and J. Glass, "Text-free image-to-speech synthesis using learned segmental
units", ACL 2021; T.-Y. Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.

Splits are Karpathy's where his list (``dataset_coco.json``) lies beside the corpus, or where the corpus lies as the
three files ``SpokenCOCO_{train,val,test}_karpathy.json`` or ``..._unrolled_karpathy.json``. Otherwise
``SpokenCOCO_train.json`` is train, and a hash of each picture's name parts ``SpokenCOCO_val.json`` into dev and test,
half and half. Word times may lie beside it, in ``words.txt``: ``recording start end word``, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from earmark.core.corpus import Corpus, Word
from earmark.core.csv_tables import Problems
from earmark.corpora._alignments import seconds, spoken_word
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import hashed_split, karpathy_splits, keyword_list, listed_caption, read_listed, text_in
from earmark.corpora._source import Keywords, MediaFolders, Out, Source, numbered_lines, picture_folders

NAME = "SpokenCOCO"
KARPATHY = "dataset_coco.json"
FILES = ("SpokenCOCO_{}_karpathy.json", "SpokenCOCO_{}_unrolled_karpathy.json", "SpokenCOCO_{}.json")
PARTS = {"train": "train", "val": "dev", "test": "test"}
HALVES_END = {"dev": 0.5, "test": 1.0}


def prepare(
    source: Annotated[Path, "The folder that holds SpokenCOCO_train.json and wavs."],
    out: Out,
    *,
    keywords: Keywords = "67",
    images: Annotated[Path | None, "Folder of train2014 and val2014, if not in the source or beside it."] = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If a list of captions is missing or is no JSON, or no utterance is left.
    """
    refuse_file(out)
    listed = keyword_list(keywords)
    folder = Source(source, "SpokenCOCO")
    ledger = ImportLog()
    lists = _lists(folder)
    base = lists["train"].parent
    split_of = _splitter(folder.find(KARPATHY), halve="test" not in lists)
    wavs = MediaFolders(base)
    pictures = picture_folders(images, base, base.parent, base / "images")

    entries: list[Entry] = []
    for part, path in lists.items():
        for row, (image, caption) in enumerate(_captions(path), start=1):
            ledger.read("utterances")
            wav = text_in(caption, "wav")
            if not wav or not image:
                ledger.skip(
                    "utterances", "no recording or no picture is named", f"{path.name} item {row}", f"{caption}"
                )
            elif (split := split_of(part, image)) is None:
                ledger.skip("utterances", "their picture is in no Karpathy split", wav, image)
            else:
                name = PurePosixPath(wav).stem
                entries.append(listed_caption(row, name, wavs.find(wav), pictures.find(image), caption, split))
    times = folder.find("words.txt")
    words = _words(times, ledger) if times else {}
    return assemble(Corpus(out, NAME, "en", "", listed), entries, words, ledger)


def _lists(folder: Source) -> dict[str, Path]:
    """The lists of captions by part: those with Karpathy's three parts if they are there, else train and val."""
    for name in FILES[:-1]:
        if all(folder.find(name.format(part)) for part in PARTS):
            return {part: folder.require("", name.format(part)) for part in PARTS}
    what = "it lists the recordings and their pictures"
    return {part: folder.require(what, FILES[-1].format(part)) for part in ("train", "val")}


def _splitter(karpathy: Path | None, halve: bool) -> Callable[[str, str], str | None]:
    """What says the split of a picture from the part that it is in and its name."""
    if karpathy is not None:
        known = karpathy_splits(karpathy)
        return lambda part, image: known.get(PurePosixPath(image).name)
    if halve:
        return lambda part, image: hashed_split(image, HALVES_END) if part == "val" else PARTS[part]
    return lambda part, image: PARTS[part]


def _captions(path: Path) -> Iterator[tuple[str, Any]]:
    """Pictures with one of their captions each; a picture that is out of order has a caption of None."""
    for item in read_listed(path, "data")[1]:
        captions = item.get("captions", [item.get("caption")]) if isinstance(item, dict) else None
        for caption in captions if isinstance(captions, list) else [None]:
            yield text_in(item, "image"), caption


def _words(path: Path, ledger: ImportLog) -> dict[str, list[Word]]:
    """Words by the name of their recording."""
    problems = Problems()
    words: dict[str, list[Word]] = {}
    for number, line in numbered_lines(path, "words", ledger):
        ledger.read("words")
        fields = line.split()
        if len(fields) != 4:
            problems.add(path, number, f"there are {len(fields)} fields where 4 belong (recording start end word)")
            continue
        times = seconds(path, number, fields[1], fields[2], problems)
        if times and (item := spoken_word(path, number, fields[0], fields[3], times, problems)):
            words.setdefault(item.utterance_id, []).append(item.word)
    ledger.skip_problems("words", "the line of words.txt is not in order", problems)
    return words
