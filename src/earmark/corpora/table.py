"""Your own pictures and recordings, listed in a table.

Origin: whatever you have. Size: whatever you have. Licence: what you say with ``--licence``. Citation: yours.

The table is UTF-8 text, as spreadsheets export it (commas, semicolons, tabs or |), one utterance a row:

=============  =========================================================================================
column         what it holds
=============  =========================================================================================
audio          the utterance's audio file: wav, flac, ogg or mp3, any sampling rate, mono or stereo
image          its picture; may be empty, or the column absent, where only bags of words teach
utterance_id   a name of its own; without it, the audio file's name
speaker        optional
text           the transcript; optional; without it, the words of ``--words``
translation    what the utterance means, in another language; optional
split          train, dev (or valid, validation, val) or test; without the column, a split is made
=============  =========================================================================================

Paths are relative to the table's folder. The media stay where they are.

Where the column `split` is absent, a hash of each picture's path (of the audio's, where there is no picture)
decides: about 80 % of the pictures go to train, 10 % to dev, 10 % to test. Utterances of one picture stay
together, and rows that are added later move no row that was there before.
"""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Annotated

from earmark.core.corpus import SPLITS, Corpus, Utterance, Word, write_corpus
from earmark.core.csv_tables import Problems, Row, Table, read_table
from earmark.core.errors import EarmarkError
from earmark.core.lookalikes import warn_of_lookalikes
from earmark.core.vocabulary import Vocabulary, read_keywords
from earmark.corpora._alignments import SpokenWord, align, read_words
from earmark.corpora._assemble import Entry, refuse_file
from earmark.corpora._listings import SHARES_END, hashed_split
from earmark.corpora._shared_media import warn_of_shared_media
from earmark.media.audio import AudioInfo
from earmark.media.lookup import MediaFolder, check_all_audio, check_all_images

logger = logging.getLogger(__name__)

REQUIRED = ("audio",)
OPTIONAL = ("image", "utterance_id", "speaker", "text", "translation", "split")
SPLIT_NAMES = {**{split: split for split in SPLITS}, "valid": "dev", "validation": "dev", "val": "dev"}


def prepare(
    source: Annotated[Path, "The table, a CSV file."],
    out: Annotated[Path, "Folder for the corpus."],
    *,
    words: Annotated[Path | None, "Word times: CSV (utterance_id, word, start_s, end_s) or CTM."] = None,
    keywords: Annotated[Path | None, "The corpus's own keywords, one a line."] = None,
    name: Annotated[str | None, "Name of the corpus; else its folder's."] = None,
    language: Annotated[str, "Language that is spoken."] = "",
    licence: Annotated[str, "Licence and consent of the collection."] = "",
) -> Corpus:
    """Prepare a corpus from a table of utterances.

    Raises
    ------
    EarmarkError
        If anything is wrong with the table, the word times or the media: all of it at once, each with its row
        number. Then nothing is written.
    """
    refuse_file(out)
    listed = read_keywords(keywords).words if keywords else ()
    problems = Problems()
    table = read_table(source, REQUIRED, OPTIONAL, problems)
    spoken = read_words(words, problems) if words else []

    entries = _entries(table, problems)
    infos = _checked_media(table, entries, problems)
    aligned = _aligned(table, entries, infos, words, spoken, problems) if words else {}
    problems.stop()

    folder = source.absolute().parent
    _warn_of_unused_columns(table)
    if "split" not in table.columns:
        entries = _with_splits(entries, folder)
    _warn_of_shared_media(entries)
    corpus = Corpus(out, name or folder.name or source.stem, language, licence, listed)
    splits: dict[str, list[Utterance]] = defaultdict(list)
    for entry in entries:
        splits[entry.split].append(entry.utterance(infos[entry.audio], aligned.get(entry.id)))
    if listed:
        texts = (entry.text or " ".join(word.word for word in aligned.get(entry.id, ())) for entry in entries)
        warn_of_lookalikes(Vocabulary(listed), texts)
    return write_corpus(corpus, splits)


def usable_rows(source: Path, problems: Problems) -> list[Utterance]:
    """The rows of a table whose audio can be read, as utterances; nothing is written.

    Parameters
    ----------
    source : Path
        The table.
    problems : Problems
        Takes what is wrong with it. A row whose picture can't be read is used without one.

    Raises
    ------
    EarmarkError
        If the table can't be read at all.
    """
    table = read_table(source, REQUIRED, OPTIONAL, problems)
    entries = _entries(table, problems)
    infos = _checked_media(table, entries, problems)
    damaged = {path for path, problem in check_all_images(e.image for e in entries if e.image).items() if problem}
    return [
        replace(entry, image=None if entry.image in damaged else entry.image).utterance(infos[entry.audio], None)
        for entry in entries
        if entry.audio in infos
    ]


def _entries(table: Table, problems: Problems) -> list[Entry]:
    rows = [row for row in table.rows if row.get("audio")]
    for row in table.rows:
        if not row.get("audio"):
            problems.add(table.path, row.number, "there is no audio file in this row")
        if "split" in table.columns and not _split(row):
            problems.add(table.path, row.number, f"the split {row.get('split')!r} is none of train, dev and test")
    folder = MediaFolder(table.path.parent)
    entries = [
        Entry(
            row=row.number,
            id=id_,
            audio=folder.find(row.get("audio")),
            image=folder.find(row.get("image")) if row.get("image") else None,
            speaker=_nfc(row.get("speaker")) or None,
            text=_nfc(row.get("text")) or None,
            split=_split(row),
            translation=_nfc(row.get("translation")) or None,
        )
        for row, id_ in zip(rows, _ids(rows), strict=True)
    ]
    first: dict[str, int] = {}
    for entry in entries:
        if first.setdefault(entry.id, entry.row) != entry.row:
            what = f"the utterance_id {entry.id!r} is that of row {first[entry.id]} too"
            problems.add(table.path, entry.row, what)
    return entries


def _ids(rows: Sequence[Row]) -> list[str]:
    """Utterance ids as written, else the audio files' stems, or (where stems repeat) paths without ending."""
    audio = [PurePath(_nfc(row.get("audio")).replace("\\", "/")) for row in rows]
    stems = Counter(path.stem for path in audio)
    return [
        _nfc(row.get("utterance_id"))
        or (path.stem if stems[path.stem] == 1 else path.as_posix().removesuffix(path.suffix))
        for row, path in zip(rows, audio, strict=True)
    ]


def _split(row: Row) -> str:
    return SPLIT_NAMES.get(row.get("split").casefold(), "")


def _checked_media(table: Table, entries: Sequence[Entry], problems: Problems) -> dict[Path, AudioInfo]:
    """What each readable audio file holds; each other file is a problem of the first row that names it."""
    audio: dict[Path, list[int]] = defaultdict(list)
    images: dict[Path, list[int]] = defaultdict(list)
    for entry in entries:
        audio[entry.audio].append(entry.row)
        if entry.image is not None:
            images[entry.image].append(entry.row)
    infos: dict[Path, AudioInfo] = {}
    for rows, outcomes in ((audio, check_all_audio(audio)), (images, check_all_images(images))):
        for path, outcome in outcomes.items():
            if isinstance(outcome, AudioInfo):
                infos[path] = outcome
            elif isinstance(outcome, EarmarkError):
                also = f" (named in {len(rows[path])} rows)" if len(rows[path]) > 1 else ""
                problems.add(table.path, rows[path][0], str(outcome).removesuffix(".") + also)
    return infos


def _aligned(
    table: Table,
    entries: Sequence[Entry],
    infos: Mapping[Path, AudioInfo],
    words: Path,
    spoken: Sequence[SpokenWord],
    problems: Problems,
) -> dict[str, tuple[Word, ...]]:
    """Words by utterance id, for the utterances that have any."""
    ends_s = {_nfc(row.get("utterance_id")): float("inf") for row in table.rows}
    for entry in entries:
        ends_s[entry.id] = infos[entry.audio].duration_s if entry.audio in infos else float("inf")
    if not table.whole:  # then some utterances could not be read, and no word can be called a stray
        spoken = [item for item in spoken if item.utterance_id in ends_s]
    return align(spoken, ends_s, words, problems)


def _with_splits(entries: Sequence[Entry], folder: Path) -> list[Entry]:
    """The entries with a split each, decided by a hash of the picture's path, or else of the audio's."""
    keys = [_key(entry.image or entry.audio, folder) for entry in entries]
    divided = [replace(entry, split=hashed_split(key, SHARES_END)) for entry, key in zip(entries, keys, strict=True)]
    sizes = Counter(entry.split for entry in divided)
    logger.warning(
        "There is no column 'split', so a hash of each picture (or audio) decided: %s; "
        "rows that are added later will not move them.",
        ", ".join(f"{sizes[split]} utterances in {split}" for split in SPLITS),
    )
    if empty := [split for split in SPLITS if not sizes[split]]:
        logger.warning("Nothing fell to %s: add a column 'split' to choose yourself.", " and ".join(empty))
    return divided


def _key(medium: Path, folder: Path) -> str:
    """A medium's name for hashing: the same on every machine that has the same folder."""
    try:
        return _nfc(Path(os.path.relpath(medium, folder)).as_posix())
    except ValueError:  # on another drive of Windows
        return _nfc(medium.as_posix())


def _warn_of_unused_columns(table: Table) -> None:
    if table.unused:
        columns = ", ".join(map(repr, table.unused))
        logger.warning("%s: nothing is read from the columns %s.", table.path.name, columns)


def _warn_of_shared_media(entries: Sequence[Entry]) -> None:
    for kind in ("image", "audio"):
        media = ((getattr(entry, kind), entry.split, entry.row) for entry in entries)
        warn_of_shared_media(kind, ((path, split, row) for path, split, row in media if path))


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
