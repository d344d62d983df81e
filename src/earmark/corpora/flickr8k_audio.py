"""The Flickr8k Audio Caption Corpus: 40,000 spoken captions of 8,000 photos.

Origin: Harwath and Glass; the photos and written captions are those of Hodosh, Young and Hockenmaier, the word times
(``flickr_8k.ctm``) those that are distributed with Kamper's recipes. Nothing is downloaded; ``docs/corpora.md`` says
how the files must lie.
Size: 30,000 train, 5,000 dev and 5,000 test utterances; 16 kHz.
Licence: the speech CC BY-SA; the photos and captions have terms of their own.
Citation: D. Harwath and J. Glass, "Deep multimodal semantic embeddings for speech and images", ASRU 2015; M. Hodosh,
P. Young and J. Hockenmaier, "Framing image description as a ranking task", JAIR 47, 2013.

As in Olaleye, Oneata and Kamper (2022), an utterance that is missing from the CTM is left out, and words are those of
the CTM in lower case, without tokens that contain ``<`` (noises) or ``'``. The written caption is kept as the text.
Without a CTM all utterances are kept, and their words are known from the captions alone.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from earmark.core.corpus import Corpus, Word
from earmark.core.csv_tables import Problems
from earmark.corpora._alignments import ctm_words
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._flickr8k import TEXT, caption_key, english_captions, image_key, photos, split_lists
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import keyword_list
from earmark.corpora._source import Keywords, MediaFolders, Out, Photos, Source, numbered_lines

AUDIO = "flickr_audio"
CUSTOMARY = (AUDIO, TEXT, "Flickr8k_Dataset", f"{AUDIO}/{AUDIO}")
NAME = "Flickr8k Audio Captions"
SIZES = {"train": 30_000, "dev": 5_000, "test": 5_000}
WHOLE = 0.95  # of that many utterances: some have no line in the CTM
LICENCE = "speech CC BY-SA; photos and written captions have terms of their own"
NOT_IN_ORDER = "the line of the CTM is not in order"
NO_WORD = "<'"  # a token with one of these is no word


def prepare(
    source: Annotated[Path, "The folder that holds flickr_audio, Flickr8k_text and the photos."],
    out: Out,
    *,
    keywords: Keywords = "67",
    images: Photos = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If the list of recordings or the split lists are missing, or no utterance is left.
    """
    refuse_file(out)
    listed = keyword_list(keywords)
    folder = Source(source, *CUSTOMARY)
    ledger = ImportLog()
    wav2capt = folder.require("it lists the recordings and their photos", "wav2capt.txt")
    splits = split_lists(folder, ledger)
    captions = english_captions(folder, ledger)
    ctm = folder.find_or_note("word times can't be told, nor localisation measured", ledger, "flickr_8k.ctm")
    words = _words(ctm, ledger) if ctm else {}
    speakers = _speakers(folder.find_or_note("speakers are not known", ledger, "wav2spk.txt"), ledger)
    wavs = MediaFolders(folder.find("wavs") or wav2capt.parent / "wavs")
    pictures = photos(folder, images)

    entries: list[Entry] = []
    captioned: dict[str, str] = {}  # utterance ids by the key of their caption
    for recording in _recordings(wav2capt, ledger):
        if recording.image not in splits:
            ledger.skip("utterances", "their photo is in no split list", recording.id)
        elif ctm and recording.caption not in words:
            ledger.skip("utterances", f"they are missing from {ctm.name}", recording.id)
        else:
            captioned[recording.caption] = recording.id
            entries.append(
                Entry(
                    row=recording.row,
                    id=recording.id,
                    audio=wavs.find(recording.wav),
                    image=pictures.find(f"{recording.image}.jpg"),
                    speaker=speakers.get(recording.wav),
                    text=captions.get(recording.caption),
                    split=splits[recording.image],
                )
            )
    aligned = {captioned.get(key, key): found for key, found in words.items()}
    return assemble(Corpus(out, _name(entries), "en", LICENCE, listed), entries, aligned, ledger)


def _name(entries: Sequence[Entry]) -> str:
    """The corpus's name, with the number of utterances where that is not about all there are."""
    if _are_whole(Counter(entry.split for entry in entries)):
        return NAME
    return f"{NAME} (laid out like it, {len(entries):,} of {sum(SIZES.values()):,} utterances)"


def is_whole(corpus: Corpus) -> bool:
    """Whether a prepared corpus is this one with about all of its utterances, and no other that is laid out like it."""
    return corpus.name == NAME and _are_whole({split: len(corpus.utterances(split)) for split in corpus.splits()})


def _are_whole(sizes: Mapping[str, int]) -> bool:
    return all(WHOLE * size <= sizes.get(split, 0) <= size for split, size in SIZES.items())


@dataclass(frozen=True)
class Recording:
    """A line of ``wav2capt.txt``: a recording, the key of its photo, and that of its caption."""

    row: int
    wav: str
    image: str
    caption: str

    @property
    def id(self) -> str:
        """The name of the recording without its ending."""
        return unicodedata.normalize("NFC", Path(self.wav).stem)


def _recordings(path: Path, ledger: ImportLog) -> Iterator[Recording]:
    for number, line in numbered_lines(path, "utterances", ledger):
        ledger.read("utterances")
        fields = line.split()
        caption = caption_key(fields[1] + fields[2]) if len(fields) == 3 else None
        if caption is None:
            ledger.skip("utterances", "the line is not 'KEY_N.wav KEY.jpg #N'", f"{path.name} row {number}", line)
        else:
            yield Recording(number, fields[0], image_key(fields[1]), caption)


def _words(path: Path, ledger: ImportLog) -> dict[str, list[Word]]:
    """Words by the key of their caption; a caption whose tokens are all no words has none."""
    problems = Problems()
    spoken = ctm_words(numbered_lines(path, "words", ledger), path, problems)
    ledger.read("words", len(spoken) + len(problems))
    ledger.skip_problems("words", NOT_IN_ORDER, problems)
    words: dict[str, list[Word]] = {}
    for item in spoken:
        key = caption_key(item.utterance_id)
        if key is None:
            ledger.skip("words", NOT_IN_ORDER, f"{path.name} row {item.row}", item.utterance_id)
            continue
        known = words.setdefault(key, [])
        if any(sign in item.word.word for sign in NO_WORD):
            ledger.skip("words", "they have a < or ' in them, so are none to search for", key, item.word.word)
        else:
            known.append(Word(item.word.word.lower(), item.word.start_s, item.word.end_s))
    return words


def _speakers(path: Path | None, ledger: ImportLog) -> dict[str, str]:
    """Speaker by the name of the recording; {} where there is no list of them."""
    speakers: dict[str, str] = {}
    if path is None:
        return speakers
    for number, line in numbered_lines(path, "speakers", ledger):
        ledger.read("speakers")
        fields = line.split()
        if len(fields) == 2:
            speakers[fields[0]] = fields[1]
        else:
            ledger.skip("speakers", "the line is not 'KEY_N.wav speaker'", f"{path.name} row {number}", line)
    return speakers
