"""A lexicon in one file, to be shared: a ZIP archive with ``lexicon.json`` and all clips and pictures.

Accepted hits are in it as clips that are cut from their recordings, with the place that each comes from: in an archive
that holds the recording, an imported one is an accepted hit again. Importing adds to what is there and replaces
nothing.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import Judgement, judge, judgements
from earmark.archive.lexicon import LONGEST_NOTES, LONGEST_WORD, LexiconWord, WordFile, add_word, find_word, lexicon
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import recordings
from earmark.archive.tier_queries import queries_of_tier
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import Hit
from earmark.media.audio import read_span

CONTENT = "lexicon.json"
FORM = 1
LARGEST_FILE = 50_000_000  # bytes, of a clip or picture
LARGEST_TEXT = 50_000_000
CLIP_NAME = re.compile(r"([0-9a-f]{16})-([1-9]\d{0,3})-(\d{1,11})-(\d{1,11})\.flac")  # see _clip_name
MS = 1000

logger = logging.getLogger(__name__)


class _Stored(BaseModel):
    """A clip or picture of a word, in the file."""

    model_config = ConfigDict(extra="ignore")
    file: str = Field(pattern=r"^[0-9A-Za-z._-]{1,100}$")
    origin: str = Field(max_length=1000)


class _Place(BaseModel):
    """Where an accepted hit is, and its clip; without one where the recording was not at hand."""

    model_config = ConfigDict(extra="ignore")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    channel: int = Field(ge=1, le=1000)
    time_s: float = Field(ge=0, le=1e7)
    start_s: float = Field(ge=0, le=1e7)
    end_s: float = Field(ge=0, le=1e7)
    score: float = Field(ge=0, le=1)
    clip: _Stored | None = None


class _Word(BaseModel):
    """A word, in the file."""

    model_config = ConfigDict(extra="ignore")
    word: str = Field(min_length=1, max_length=LONGEST_WORD)
    spellings: list[str] = []
    notes: str = Field("", max_length=LONGEST_NOTES)
    clips: list[_Stored] = []
    not_clips: list[_Stored] = []
    pictures: list[_Stored] = []
    accepted: list[_Place] = []


class _Content(BaseModel):
    """``lexicon.json``."""

    model_config = ConfigDict(extra="ignore")
    form: int
    words: list[_Word]


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes
    ----------
    words, new : int
        Words in the file, and those of them that the lexicon had not.
    """

    words: int
    new: int


def export_lexicon(archive: Archive, out: Path) -> int:
    """Write the whole lexicon into one file; the number of its words.

    Raises
    ------
    EarmarkError
        If the lexicon is empty.
    """
    words = lexicon(archive)
    if not words:
        raise EarmarkError(f"The lexicon of {archive.folder} holds no word: add one with 'earmark lexicon add'.")
    with (
        tempfile.TemporaryDirectory() as temporary,
        replacing(out) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as zipped,
    ):
        written: set[str] = set()
        content = _Content(form=FORM, words=[])
        for word in words:
            places = [_place(archive, one, word.word, Path(temporary)) for one in word.accepted]
            own = (*word.clips, *word.not_clips, *word.pictures)
            cut = [Path(temporary) / place.clip.file for place in places if place.clip]
            for path in (*(one.path for one in own), *cut):
                if path.name not in written:
                    zipped.write(path, path.name)
                    written.add(path.name)
            content.words.append(
                _Word(
                    word=word.word,
                    spellings=list(word.spellings),
                    notes=word.notes,
                    clips=_stored(word.clips),
                    not_clips=_stored(word.not_clips),
                    pictures=_stored(word.pictures),
                    accepted=places,
                )
            )
        text = json.dumps(content.model_dump(exclude_none=True), ensure_ascii=False, indent=1)
        zipped.writestr(zipfile.ZipInfo(CONTENT), text.encode())
    return len(words)


def import_lexicon(archive: Archive, path: Path) -> Imported:
    """Add the words of a file that :func:`export_lexicon` wrote to the lexicon.

    Spellings, clips and pictures that are not there yet are added. Notes that differ stand below those that are there.

    Raises
    ------
    EarmarkError
        If the file is no lexicon, is damaged, or lacks a clip or picture.
    """
    if not path.is_file():
        raise EarmarkError(f"There is no lexicon {path}: check its name.")
    try:
        with zipfile.ZipFile(path) as zipped, tempfile.TemporaryDirectory() as temporary:
            content = _content(zipped, path)
            new = 0
            for word in content.words:
                new += _import_word(archive, word, _Files(zipped, Path(temporary), path))
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise EarmarkError(f"{path} can't be read as a lexicon ({error}): export it again.") from error
    return Imported(len(content.words), new)


def import_tier(archive: Archive, document: Path, tiers: Sequence[str]) -> Imported:
    """Add the words that are written in some tiers of a document, with their annotations as clips.

    Raises
    ------
    EarmarkError
        As :func:`earmark.archive.tier_queries.queries_of_tier`.
    """
    with tempfile.TemporaryDirectory() as folder:
        queries = queries_of_tier(document, tiers, Path(folder))
        new = 0
        for query in queries:
            new += find_word(archive, query.name) is None
            clips = [WordFile(path, f"{document.name}, {number}") for number, path in enumerate(query.clips, start=1)]
            add_word(archive, query.name, clips)
    return Imported(len(queries), new)


def _stored(files: tuple[WordFile, ...]) -> list[_Stored]:
    return [_Stored(file=one.path.name, origin=one.origin) for one in files]


def _place(archive: Archive, accepted: Judgement, word: str, folder: Path) -> _Place:
    """An accepted hit with its clip, which is written into a folder."""
    import soundfile

    recording, channel, time_s = accepted.position
    with archive.reading() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == recording)).one()
    clip = None
    try:
        sound = read_span(row.path, accepted.start_s, accepted.end_s)[channel - 1]
        name = _clip_name(row.sha256, channel, accepted.start_s, accepted.end_s)
        soundfile.write(folder / name, sound, SAMPLE_RATE, subtype="PCM_16")
        clip = _Stored(file=name, origin=name)
    except (EarmarkError, IndexError):
        logger.warning("The hit of %r at %s is shared without its sound: %s is missing.", word, time_s, row.path)
    return _Place(
        sha256=row.sha256,
        channel=channel,
        time_s=time_s,
        start_s=accepted.start_s,
        end_s=accepted.end_s,
        score=accepted.score,
        clip=clip,
    )


class _Files:
    """Takes files out of the ZIP archive, each under a plain name and no larger than is sensible."""

    def __init__(self, zipped: zipfile.ZipFile, folder: Path, path: Path) -> None:
        self._zipped, self._folder, self._path = zipped, folder, path

    def take(self, stored: _Stored) -> WordFile:
        """A file, outside of the ZIP archive."""
        try:
            size = self._zipped.getinfo(stored.file).file_size
        except KeyError:
            raise EarmarkError(f"{self._path} lacks its file {stored.file}: export it again.") from None
        if size > LARGEST_FILE:
            raise EarmarkError(f"{self._path} holds a file of {size / 1e6:.0f} MB, too large for a clip or a picture.")
        taken = self._folder / stored.file
        taken.write_bytes(self._zipped.read(stored.file))
        return WordFile(taken, stored.origin)


def _content(zipped: zipfile.ZipFile, path: Path) -> _Content:
    try:
        if zipped.getinfo(CONTENT).file_size > LARGEST_TEXT:
            raise EarmarkError(f"{path} is too large for a lexicon: share it in parts.")
        content = _Content.model_validate_json(zipped.read(CONTENT))
    except KeyError:
        raise EarmarkError(f"{path} is no lexicon (it has no {CONTENT}): name a file of 'lexicon export'.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EarmarkError(f"{path} is damaged ({CONTENT}, {where}: {first['msg']}): export it again.") from error
    if content.form != FORM:
        raise EarmarkError(f"{path} has form {content.form}, and this version of Earmark reads form {FORM}: update.")
    return content


def _import_word(archive: Archive, word: _Word, files: _Files) -> bool:
    """Add a word; whether it is new."""
    known = find_word(archive, word.word)
    spellings = (*word.spellings, word.word)
    ids = _recording_ids(archive, word.accepted)
    missing = [place.clip for place in word.accepted if place.clip and place.sha256 not in ids]
    clips = [*(one for one in word.clips if not _is_judged_here(archive, known, one, word.accepted)), *missing]
    added = add_word(
        archive,
        known.word if known else word.word,
        [files.take(one) for one in clips],
        [files.take(one) for one in word.not_clips],
        spellings,
        [files.take(one) for one in word.pictures],
        _joined(known.notes if known else "", word.notes),
    )
    for place in word.accepted:
        if place.sha256 in ids:
            _accept(archive, added, place, ids[place.sha256])
    return known is None


def _joined(ours: str, theirs: str) -> str | None:
    """Both notes; None where ours say all."""
    if theirs.strip() in ours:
        return None
    return f"{ours}\n{theirs}"[:LONGEST_NOTES] if ours.strip() else theirs


def _recording_ids(archive: Archive, places: list[_Place]) -> Mapping[str, int]:
    wanted = {place.sha256 for place in places}
    with archive.reading() as connection:
        rows = connection.execute(select(recordings.c.id, recordings.c.sha256).where(recordings.c.sha256.in_(wanted)))
        return {row.sha256: row.id for row in rows}


def _clip_name(sha256: str, channel: int, start_s: float, end_s: float) -> str:
    """The name of the clip of an accepted hit, by which it is recognised on its way back."""
    return f"{sha256[:16]}-{channel}-{round(MS * start_s)}-{round(MS * end_s)}.flac"


def _is_judged_here(archive: Archive, known: LexiconWord | None, clip: _Stored, accepted: Sequence[_Place]) -> bool:
    """Whether a clip was cut from a recording of this archive where the word is judged, or is in the file itself.

    An archive without the recording has such a clip in place of the hit, and passes it on.
    """
    named = CLIP_NAME.fullmatch(clip.origin)
    if not named:
        return False
    sha256, channel, start_s, end_s = named[1], int(named[2]), int(named[3]) / MS, int(named[4]) / MS
    with archive.reading() as connection:
        starts = recordings.c.sha256.startswith(sha256, autoescape=True)
        numbers = set(connection.execute(select(recordings.c.id).where(starts)).scalars())
    here = [
        (one.start_s, one.end_s)
        for one in (judgements(archive, known.key) if known else ())
        if one.position.recording in numbers and one.position.channel == channel
    ]
    if numbers:
        here += [(one.start_s, one.end_s) for one in accepted if (one.sha256[:16], one.channel) == (sha256, channel)]
    return any(first_s < end_s and start_s < last_s for first_s, last_s in here)


def _accept(archive: Archive, word: LexiconWord, place: _Place, recording: int) -> None:
    """Accept a hit, unless somebody has judged it here."""
    position = Position(recording, place.channel, place.time_s)
    if not any(
        one.position[:2] == position[:2] and one.start_s < place.end_s and place.start_s < one.end_s
        for one in judgements(archive, word.key)
    ):
        hit = Hit("", word.word, place.score, place.time_s, place.start_s, place.end_s)
        judge(archive, word.key, ArchiveHit(position, hit), "yes")
