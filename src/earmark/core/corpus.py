"""A corpus on disk: a folder with ``corpus.yaml``, one Lhotse manifest a split, and its media.

The media may lie inside the folder (then the manifest names them relative to it, and the folder can be
moved) or anywhere else (then the manifest names them in full).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.keyword_map import SPOKEN_AS_WRITTEN, KeywordMap
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.core.yaml_text import to_yaml

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Word:
    """A word of a transcript and where it is spoken, in seconds from the start of the utterance."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """One spoken caption, or a stretch of a recording.

    Attributes
    ----------
    id : str
        Unique in its corpus.
    audio : Path
        Audio file; the utterance is the whole of it, or a stretch.
    sample_rate, samples, channels : int
        What the audio file's header says.
    image : Path or None
        The picture that is described.
    speaker, text : str or None
        Known or not.
    words : tuple of Word, or None
        Word alignment; None where none is known. An empty tuple says that no word is spoken.
    translation : str or None
        What the utterance means, in another language.
    stretch_s : (float, float), or None
        Start and end of the utterance in its audio file; None for the whole file.
    channel : int or None
        The one of several channels, from 1 on, that holds the utterance; None for the mean of all.
    """

    id: str
    audio: Path
    sample_rate: int
    samples: int
    channels: int = 1
    image: Path | None = None
    speaker: str | None = None
    text: str | None = None
    words: tuple[Word, ...] | None = None
    translation: str | None = None
    stretch_s: tuple[float, float] | None = None
    channel: int | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        if self.stretch_s is None:
            return self.samples / self.sample_rate
        return round(self.stretch_s[1] - self.stretch_s[0], 6)


@dataclass(frozen=True)
class Corpus:
    """What ``corpus.yaml`` says; the utterances are read on demand.

    Attributes
    ----------
    folder : Path
        Where the corpus lies.
    name, language, licence : str
        Who and what it is; "" where unknown.
    keywords : tuple of str
        The corpus's own keyword list; may be empty.
    keyword_map : KeywordMap
        Which words are spoken for a keyword, where keywords are of another language than speech.
    """

    folder: Path
    name: str
    language: str = ""
    licence: str = ""
    keywords: tuple[str, ...] = ()
    keyword_map: KeywordMap = SPOKEN_AS_WRITTEN

    def splits(self) -> tuple[str, ...]:
        """Those of train, dev and test that the corpus has."""
        return tuple(split for split in SPLITS if self.manifest(split).is_file())

    def manifest(self, split: str) -> Path:
        """Path of a split's manifest, a Lhotse cut set."""
        return self.folder / f"{split}.jsonl.gz"

    def utterances(self, split: str) -> list[Utterance]:
        """All utterances of a split, in the manifest's order.

        Raises
        ------
        EarmarkError
            If the corpus has no such split, or its manifest is damaged.
        """
        path = self.manifest(split)
        if not path.is_file():
            has = ", ".join(self.splits()) or "none"
            raise EarmarkError(f"The corpus {self.folder} has no split {split!r} (it has: {has}).")
        try:
            if not path.stat().st_size:
                raise EOFError("it is empty")  # even a split without utterances has gzip's header
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                return [_from_cut(json.loads(line), self.folder) for line in lines]
        except (OSError, EOFError, zlib.error, ValueError, LookupError, AttributeError, TypeError) as error:
            raise EarmarkError(f"{path} is damaged ({error}): prepare the corpus again.") from error


def read_corpus(folder: Path | str) -> Corpus:
    """Open a corpus that was prepared before.

    Raises
    ------
    EarmarkError
        If the folder is not a corpus or its ``corpus.yaml`` is damaged.
    """
    folder = Path(folder)
    path = folder / "corpus.yaml"
    if not path.is_file():
        raise EarmarkError(f"{folder} is not a corpus (it has no corpus.yaml): make one with 'earmark corpus'.")
    text = read_text(path)
    try:
        about = yaml.safe_load(text)
        keywords = tuple(str(word) for word in about.get("keywords") or ())
        return Corpus(
            folder=folder,
            name=str(about["name"]),
            language=str(about.get("language") or ""),
            licence=str(about.get("licence") or ""),
            keywords=Vocabulary(keywords).words if keywords else (),
            keyword_map=KeywordMap.of((about.get("keyword_map") or {}).items()),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, EarmarkError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): prepare the corpus again.") from error


def write_corpus(corpus: Corpus, splits: Mapping[str, Iterable[Utterance]]) -> Corpus:
    """Write a corpus's manifests and then its ``corpus.yaml``, so that a folder with the latter is whole.

    An earlier corpus in the same folder is replaced. The same utterances give the same bytes.
    """
    (corpus.folder / "corpus.yaml").unlink(missing_ok=True)
    for split in SPLITS:
        if split not in splits:
            corpus.manifest(split).unlink(missing_ok=True)
    for split, utterances in splits.items():
        _write_manifest(corpus.manifest(split), utterances, corpus)
    _describe(corpus)
    return corpus


def write_keyword_map(corpus: Corpus, keyword_map: KeywordMap) -> Corpus:
    """Put a keyword map into a corpus that is written; without a keyword list, its keywords become the corpus's own."""
    mapped = replace(corpus, keywords=corpus.keywords or keyword_map.keywords, keyword_map=keyword_map)
    _describe(mapped)
    return mapped


def _describe(corpus: Corpus) -> None:
    about: dict[str, Any] = {
        "name": corpus.name,
        "language": corpus.language,
        "licence": corpus.licence,
        "keywords": list(corpus.keywords),
    }
    if corpus.keyword_map:
        about["keyword_map"] = corpus.keyword_map.to_json()
    write_text(corpus.folder / "corpus.yaml", to_yaml(about))


def _write_manifest(path: Path, utterances: Iterable[Utterance], corpus: Corpus) -> None:
    with (
        replacing(path) as partial,
        open(partial, "wb") as raw,
        # Neither time nor name in the header: the same corpus is the same bytes.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
    ):
        for utterance in utterances:
            cut = _to_cut(utterance, corpus)
            packed.write((json.dumps(cut, ensure_ascii=False) + "\n").encode())


def _to_cut(utterance: Utterance, corpus: Corpus) -> dict[str, Any]:
    """The utterance as a Lhotse cut (its JSON form), with the picture as a custom field."""
    channels = list(range(utterance.channels))
    own = channels if utterance.channel is None else [utterance.channel - 1]
    audio = _named(utterance.audio, corpus.folder)
    recording_id = utterance.id if utterance.stretch_s is None else audio
    spoken: dict[str, Any] = {
        "id": utterance.id,
        "recording_id": recording_id,
        "start": 0.0,
        "duration": utterance.duration_s,
        "channel": own if len(own) > 1 else own[0],
    }
    for field, value in (
        ("text", utterance.text),
        ("language", corpus.language or None),
        ("speaker", utterance.speaker),
    ):
        if value is not None:
            spoken[field] = value
    if utterance.translation is not None:
        spoken["custom"] = {"translation": utterance.translation}
    if utterance.words is not None:
        spoken["alignment"] = {"word": [[w.word, w.start_s, round(w.end_s - w.start_s, 6)] for w in utterance.words]}
    cut: dict[str, Any] = {
        "id": utterance.id,
        "start": 0.0 if utterance.stretch_s is None else utterance.stretch_s[0],
        "duration": utterance.duration_s,
        "channel": spoken["channel"],
        "supervisions": [spoken],
        "recording": {
            "id": recording_id,
            "sources": [{"type": "file", "channels": channels, "source": audio}],
            "sampling_rate": utterance.sample_rate,
            "num_samples": utterance.samples,
            "duration": utterance.samples / utterance.sample_rate,
            "channel_ids": channels,
        },
        "type": "MonoCut" if len(own) == 1 else "MultiCut",
    }
    if utterance.image is not None:
        cut["custom"] = {"image": _named(utterance.image, corpus.folder)}
    return cut


def _from_cut(cut: dict[str, Any], folder: Path) -> Utterance:
    recording, spoken = cut["recording"], cut["supervisions"][0]
    source = recording["sources"][0]
    image = (cut.get("custom") or {}).get("image")
    aligned = (spoken.get("alignment") or {}).get("word")
    stretch_s = (cut["start"], round(cut["start"] + cut["duration"], 6))
    is_whole = recording["id"] == cut["id"]
    is_one_of_several = len(source["channels"]) > 1 and isinstance(cut["channel"], int)
    return Utterance(
        id=cut["id"],
        audio=folder / source["source"],
        sample_rate=recording["sampling_rate"],
        samples=recording["num_samples"],
        channels=len(source["channels"]),
        image=None if image is None else folder / image,
        speaker=spoken.get("speaker"),
        text=spoken.get("text"),
        words=None if aligned is None else tuple(Word(w[0], w[1], round(w[1] + w[2], 6)) for w in aligned),
        translation=(spoken.get("custom") or {}).get("translation"),
        stretch_s=None if is_whole else stretch_s,
        channel=cut["channel"] + 1 if is_one_of_several else None,
    )


def _named(media: Path, folder: Path) -> str:
    """A medium's path as the manifest names it: relative when it lies inside the corpus's folder."""
    media, folder = media.resolve(), folder.resolve()
    return media.relative_to(folder).as_posix() if media.is_relative_to(folder) else media.as_posix()
