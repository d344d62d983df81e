"""Takes from recordings that exist already: the utterances of a folder become takes of the project's speakers.

Python and the studio's page import alike::

    project = open_project("my-language")
    contents = read_folder(Path("field/2019"))
    done = import_utterances(project, TakeStore(project.folder), contents.utterances, {"Ana": "s01"})

What is there already is left as it is: a take's id is made of its sound, its place in it and its picture.
"""

from __future__ import annotations

import hashlib
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.files import sha256_of
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import read_span
from earmark.studio.folder_contents import LeftOut
from earmark.studio.pictures import add_picture
from earmark.studio.project import Project
from earmark.studio.speakers import speakers
from earmark.studio.take import NewTake
from earmark.studio.takes import TAKE_ID, TakeStore

ID_LENGTH = 32


@dataclass(frozen=True)
class NamedSpeaker:
    """A speaker as documents and tables call them.

    Attributes
    ----------
    label : str
        "" where none is named.
    count : int
        Of utterances.
    speaker : str
        Id of the project's speaker who is called so; "" if there is none.
    """

    label: str
    count: int
    speaker: str


@dataclass
class ImportCounts:
    """What became of utterances.

    Attributes
    ----------
    added, present : int
        New takes, and utterances that were takes already.
    left_out : list of LeftOut
    """

    added: int = 0
    present: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def named_speakers(project: Project, utterances: Iterable[Utterance]) -> list[NamedSpeaker]:
    """The speakers that are named, with the project's speakers of the same name or number."""
    known: dict[str, str] = {}
    for speaker in reversed(speakers(project.folder)):
        known |= {_folded(name): speaker.id for name in (speaker.name, speaker.id) if name}
    counts = Counter(one.speaker or "" for one in utterances)
    return [NamedSpeaker(label, count, known.get(_folded(label), "")) for label, count in sorted(counts.items())]


def import_utterances(
    project: Project, store: TakeStore, utterances: Iterable[Utterance], speaker_of: Mapping[str, str]
) -> ImportCounts:
    """Make takes of utterances, see :func:`imported_one_by_one`; all of them."""
    counts = ImportCounts()
    for outcome in imported_one_by_one(project, store, utterances, speaker_of):
        if isinstance(outcome, LeftOut):
            counts.left_out.append(outcome)
        elif outcome:
            counts.added += 1
        else:
            counts.present += 1
    return counts


def imported_one_by_one(
    project: Project, store: TakeStore, utterances: Iterable[Utterance], speaker_of: Mapping[str, str]
) -> Iterator[bool | LeftOut]:
    """Make takes of utterances, one after the other.

    Parameters
    ----------
    project : Project
    store : TakeStore
    utterances : iterable of Utterance
    speaker_of : mapping
        Id of the project's speaker, by the name that the utterances have; "" is the name where they have none.

    Yields
    ------
    bool or LeftOut
        Whether the utterance is a new take, and not one already; or why it is none.
    """
    known = {take.id for take in store.takes()}
    hashes: dict[Path, str] = {}
    for one in utterances:
        try:
            id_ = _take_id(one, hashes)
            if id_ in known:
                yield False
                continue
            _add(project, store, one, id_, speaker_of.get(one.speaker or "", ""))
        except (EarmarkError, OSError) as problem:
            yield LeftOut(one.id, "noSound", str(problem))
            continue
        known.add(id_)
        yield True


def _add(project: Project, store: TakeStore, one: Utterance, id_: str, speaker: str) -> None:
    item = ""
    if one.image is not None:
        picture = add_picture(project, one.image.read_bytes(), one.image.name)
        item = f"{project.pictures.name}/{picture.image}"
    with store.receive() as path:
        _write_sound(one, path)
        new = NewTake(
            id=id_,
            speaker=speaker,
            item=item,
            sha256=sha256_of(path),
            text=_line(one.text),
            translation=_line(one.translation),
            source=_source(one),
        )
        store.add(new, path)


def _write_sound(one: Utterance, path: Path) -> None:
    """The whole file as it is; a stretch of one as 16 bits at 16 kHz."""
    if one.stretch_s is None:
        shutil.copyfile(one.audio, path)
        return
    samples = read_span(one.audio, *one.stretch_s)
    with path.open("wb") as file:
        soundfile.write(file, np.clip(samples.T, -1, 1), SAMPLE_RATE, subtype="PCM_16", format="WAV")


def _take_id(one: Utterance, hashes: dict[Path, str]) -> str:
    """The same whenever the same sound is imported with the same picture."""
    for path in (one.audio, one.image):
        if path is not None and path not in hashes:
            hashes[path] = sha256_of(path)
    parts = (hashes[one.audio], repr(one.stretch_s), hashes[one.image] if one.image else "")
    id_ = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:ID_LENGTH]
    assert TAKE_ID.fullmatch(id_)
    return id_


def _source(one: Utterance) -> str:
    if one.stretch_s is None:
        return one.audio.name
    return f"{one.audio.name} {one.stretch_s[0]:.2f}-{one.stretch_s[1]:.2f}"


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
