"""YFACC: Yoruba spoken captions of 6,000 Flickr8k photos, to be searched with English or Yoruba keywords.

Origin: Olaleye, Oneata and Kamper; captions of Flickr8k translated into Yoruba and read out. Nothing is downloaded;
``docs/corpora.md`` says how the files must lie.
Size: about 6,000 utterances, one a photo, by one speaker; 48 kHz.
Licence: as its distribution states; that of the photos, too.
Citation: K. Olaleye, D. Oneata and H. Kamper, "YFACC: A Yoruba speech-image dataset for cross-lingual keyword
localisation through visual grounding", SLT 2022.

Keywords are searched in English (the cross-lingual task) or in Yoruba. ``eng_yoruba_keywords.txt`` says which English
keyword is which Yoruba one, of one word or several; spellings are compared in Unicode's composed form (NFC). For
English queries the corpus speaks of Yoruba keywords by their English names: in the word times, where one interval may
bear two names (beach and ocean are one Yoruba word), and in the text, which is the Yoruba caption with each keyword
put into English, the longest first, so that a football is no ball.

The truth of detection and of localisation is what is spoken in the Yoruba recording: the labelled intervals of the test
set's TextGrids, of which only the utterances that have one are measured on, and elsewhere the text. The released code
takes the *English* caption of the photo for the truth of detection, so that a word which the translation lost counts as
missed, and rounds intervals down to frames of 10 ms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from earmark.core.corpus import SPLITS, Corpus, Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, plain_words, read_keywords
from earmark.corpora._alignments import textgrid_words
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._flickr8k import TEXT, photos, token_captions
from earmark.corpora._import_log import ImportLog
from earmark.corpora._source import MediaFolders, Out, Photos, Source, numbered_lines

NAME = "YFACC"
FOLDER = "flickr_audio_yoruba_{}"
RESAMPLED = "16k"  # a folder that recipes make in each of the above
ALIGNMENT = "Flickr8k_alignment"
MAPS = {"eng_yoruba_keywords.txt": ",", "keywords.8_yoruba.txt": " "}  # and what parts English from Yoruba
RECORDING = re.compile(r"(?:(?P<speaker>S\d+)_)?(?P<key>.+_\d+)")


class Language(StrEnum):
    """Language of the keywords."""

    english = "english"
    yoruba = "yoruba"


def prepare(
    source: Annotated[Path, "The folder that holds flickr_audio_yoruba_train and the others."],
    out: Out,
    *,
    queries: Annotated[Language, "Language of the keywords."] = Language.english,
    keywords: Annotated[Path | None, "Keyword list, one a line, if not all that the corpus has."] = None,
    images: Photos = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there are no recordings or no map of keywords, the map has none of `keywords`, or no utterance is left.
    """
    refuse_file(out)
    folder = Source(source, TEXT)
    ledger = ImportLog()
    folder.require("it holds the recordings", *(FOLDER.format(split) for split in SPLITS))
    what = "it says which English keyword is which Yoruba one"
    mapped = folder.require(what, *MAPS)
    pairs = _keyword_pairs(mapped, ledger)
    english = _by_yoruba(pairs) if queries is Language.english else None
    own = Vocabulary(dict.fromkeys(yoruba if english is None else name for name, yoruba in pairs))
    listed = _listed(keywords, own, mapped, queries, ledger) if keywords else own.words
    entries = _entries(folder, photos(folder, images), english, ledger)
    aligned = folder.find_or_note("word times can't be told, nor localisation measured", ledger, ALIGNMENT)
    words = _words(aligned, english, ledger)
    return assemble(Corpus(out, NAME, "yo", "", listed), entries, words, ledger)


def _entries(
    folder: Source, pictures: MediaFolders, english: Mapping[str, list[str]] | None, ledger: ImportLog
) -> list[Entry]:
    """All that have a caption or a recording; the captions in Yoruba, or with keywords put into `english`."""
    entries = []
    for split in SPLITS:
        consequence = f"no {split} utterance has a written caption"
        path = folder.find_or_note(consequence, ledger, f"Flickr8k.token.{split}_yoruba.txt")
        captions = token_captions(path, ledger) if path else {}
        place = folder.folder / FOLDER.format(split)
        recordings = _recordings(place)
        for row, key in enumerate(dict.fromkeys([*captions, *recordings]), start=1):
            ledger.read("utterances")
            speaker, audio = recordings.get(key, (None, place / f"S001_{key}.wav"))
            photo = pictures.find(f"{key.rpartition('_')[0]}.jpg")
            text = captions.get(key)
            if text is not None and english is not None:
                text = in_english(text, english)
            entries.append(Entry(row, key, audio, photo, speaker, text, split))
    return entries


def in_english(caption: str, english: Mapping[str, list[str]]) -> str:
    """A Yoruba caption with each keyword put into English, the longest first; other words stay.

    >>> in_english("Ajá kan lórí yìnyín.", {"yìnyín": ["snow"]})
    'Ajá kan lórí snow'
    """
    longest = max(len(yoruba.split()) for yoruba in english)
    tokens = caption.split()
    plain = [" ".join(plain_words(token)) for token in tokens]
    translated: list[str] = []
    while tokens:
        for count in range(min(longest, len(tokens)), 0, -1):
            if names := english.get(" ".join(plain[:count])):
                break
        else:
            names, count = tokens[:1], 1
        translated += names
        tokens, plain = tokens[count:], plain[count:]
    return " ".join(translated)


def _keyword_pairs(path: Path, ledger: ImportLog) -> list[tuple[str, str]]:
    """English and Yoruba keywords, from lines ``english, yoruba`` (in the other file without the comma).

    Raises
    ------
    EarmarkError
        If there are none.
    """
    pairs: list[tuple[str, str]] = []
    for number, line in numbered_lines(path, "keywords", ledger):
        ledger.read("keywords")
        english, _, yoruba = (" ".join(plain_words(part)) for part in line.partition(MAPS[path.name]))
        if english and yoruba:
            pairs.append((english, yoruba))
        else:
            ledger.skip("keywords", "the line is not 'english, yoruba'", f"{path.name} row {number}", line)
    if not pairs:
        raise EarmarkError(f"{path} has no keyword: it needs lines such as 'air, afẹ́fẹ́'.")
    return pairs


def _listed(path: Path, own: Vocabulary, mapped: Path, queries: Language, ledger: ImportLog) -> tuple[str, ...]:
    """The keywords in the file at `path` that can be spoken: in English, those that the map has (`own`).

    In Yoruba, a word that the map lacks may be spoken all the same: it is kept, and noted.

    Raises
    ------
    EarmarkError
        If the map has none of them.
    """
    words = read_keywords(path).words
    strange = [word for word in words if word not in own]
    if len(strange) == len(words):
        raise EarmarkError(
            f"{mapped} has none of the keywords in {path} (such as {words[0]!r}) as {queries.capitalize()}: "
            "choose the language that the list is in with --queries, or name them in the map."
        )
    ledger.read("listed keywords", len(words))
    for word in strange:
        if queries is Language.english:
            ledger.skip("listed keywords", f"they are not in {mapped.name}", word)
        else:
            ledger.lack("listed keywords", f"an entry in {mapped.name}", word)
    return words if queries is Language.yoruba else tuple(word for word in words if word in own)


def _by_yoruba(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The English names of each Yoruba keyword."""
    names: dict[str, list[str]] = {}
    for english, yoruba in dict.fromkeys(pairs):
        names.setdefault(yoruba, []).append(english)
    return names


def _recordings(folder: Path) -> dict[str, tuple[str | None, Path]]:
    """Speaker and file by ``KEY_N``; a file in the folder itself goes before a resampled one."""
    recordings: dict[str, tuple[str | None, Path]] = {}
    for place in (folder, folder / RESAMPLED):
        for path in sorted(place.glob("*.wav")):
            stem = unicodedata.normalize("NFC", path.stem)
            if found := RECORDING.fullmatch(stem):
                recordings.setdefault(found["key"], (found["speaker"], path))
    return recordings


def _words(folder: Path | None, english: Mapping[str, list[str]] | None, ledger: ImportLog) -> dict[str, list[Word]]:
    """Labelled words by ``KEY_N``: by their English names, or (where `english` is None) as labelled."""
    words: dict[str, list[Word]] = {}
    for path in sorted(folder.rglob("*.TextGrid")) if folder else ():
        ledger.read("TextGrids")
        key = unicodedata.normalize("NFC", path.stem)
        try:
            labelled = textgrid_words(path)
        except EarmarkError as error:
            ledger.skip("TextGrids", "they can't be read", key, str(error))
            continue
        words[key] = []
        for word in labelled:
            names = [unicodedata.normalize("NFC", word.word)]
            if english is not None:
                names = english.get(" ".join(plain_words(word.word)), [])
            ledger.read("words", max(len(names), 1))
            if not names:
                ledger.skip("words", "their label is no keyword of the map", key, word.word)
            words[key] += [Word(name, word.start_s, word.end_s) for name in names]
    return words
