"""Corpora to and from data sets of the library ``datasets``, without a network.

Sound stays encoded: the column ``audio`` has the feature ``Audio(decode=False)``, a path and, on demand, the bytes of
the file. Whoever has torchcodec may cast it to ``Audio()``; Earmark reads the bytes by itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from earmark.core.corpus import SPLITS, Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import audio_info, read_span

if TYPE_CHECKING:
    import datasets

OF_HUB = {"train": "train", "dev": "validation", "test": "test"}  # names of splits on the hub
OTHER_NAMES = {"validation": "dev", "valid": "dev", "val": "dev"}


def to_datasets(corpus: Corpus, media: bool = False) -> datasets.DatasetDict:
    """A corpus as data sets, one a split.

    Parameters
    ----------
    corpus : Corpus
    media : bool
        Put the bytes of sound and pictures into the columns, so that the data sets hold all wherever they go; without
        it, the columns hold paths on this machine. What is a part of a longer file is always cut out, as a 16 kHz WAV.

    Returns
    -------
    datasets.DatasetDict
        With the splits train, validation and test, as far as the corpus has them, and the columns id, audio, image,
        text, translation, speaker and words (word, start_s, end_s); None where something is unknown.

    Raises
    ------
    EarmarkError
        If the library is not installed, or a file can't be read.
    """
    library = _datasets()
    word = {"word": library.Value("string"), "start_s": library.Value("float64"), "end_s": library.Value("float64")}
    texts = {name: library.Value("string") for name in ("id", "text", "translation", "speaker")}
    features = library.Features(
        {
            **texts,
            "audio": library.Audio(decode=False),
            "image": library.Image(decode=False),
            "words": library.List(word),
        }
    )
    tables = {
        OF_HUB[split]: [_row(utterance, media) for utterance in corpus.utterances(split)] for split in corpus.splits()
    }
    return library.DatasetDict({split: _table(rows, features) for split, rows in tables.items()})


def _table(rows: list[dict[str, Any]], features: Any) -> Any:
    """Rows as a data set, by way of Arrow: the library's own way would want torchcodec for sound that is encoded."""
    import pyarrow

    library = _datasets()
    table = pyarrow.Table.from_pylist(rows, schema=features.arrow_schema)
    return library.Dataset(library.table.InMemoryTable(table))


def from_datasets(
    data: datasets.DatasetDict | Mapping[str, Any],
    out: Path | str,
    name: str = "",
    language: str = "",
    licence: str = "",
    keywords: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Corpus:
    """A corpus from data sets, one a split.

    Parameters
    ----------
    data : datasets.DatasetDict, or mapping of str to datasets.Dataset
        The splits train, dev (or validation) and test. Sound is read from paths, bytes, or arrays with their
        sampling rate.
    out : path
        Folder for the corpus. Bytes and arrays become files in it; files on this machine stay where they are.
    name, language, licence : str
    keywords : iterable of str
    columns : mapping of str to str, optional
        What the columns are called, as in ``{"text": "sentence"}``, for any of id, audio, image, text, translation,
        speaker and words.

    Raises
    ------
    EarmarkError
        If there is no split of such a name, no column with sound, two ids are the same, or sound can't be read.
    """
    out, names = Path(out), {**{column: column for column in COLUMNS}, **(columns or {})}
    if unknown := sorted(set(names) - set(COLUMNS)):
        raise EarmarkError(f"There is no column {unknown[0]!r} to name: choose from {', '.join(COLUMNS)}.")
    splits: dict[str, list[Utterance]] = {}
    for called, table in data.items():
        split = OTHER_NAMES.get(called, called)
        if split not in SPLITS:
            raise EarmarkError(f"There is no place for the split {called!r}: give train, dev (or validation) and test.")
        splits[split] = _utterances(table, split, out, names)
    ids = [utterance.id for some in splits.values() for utterance in some]
    if repeated := next((one for one in ids if ids.count(one) > 1), None) if len(set(ids)) < len(ids) else None:
        raise EarmarkError(f"Two utterances have the id {repeated!r}: give each its own.")
    return write_corpus(Corpus(out, name or out.name, language, licence, tuple(keywords)), splits)


COLUMNS = ("id", "audio", "image", "text", "translation", "speaker", "words")


def _row(utterance: Utterance, media: bool) -> dict[str, Any]:
    image = utterance.image
    return {
        "id": utterance.id,
        "audio": _sound(utterance, media),
        "image": None if image is None else {"path": str(image), "bytes": image.read_bytes() if media else None},
        "text": utterance.text,
        "translation": utterance.translation,
        "speaker": utterance.speaker,
        "words": None if utterance.words is None else [vars(word) for word in utterance.words],
    }


def _sound(utterance: Utterance, media: bool) -> dict[str, Any]:
    if utterance.stretch_s is None:
        content = utterance.audio.read_bytes() if media else None
        return {"path": str(utterance.audio), "bytes": content}
    waveform = read_span(utterance.audio, *utterance.stretch_s)
    return {"path": f"{utterance.id}.wav", "bytes": _wav(waveform.T, SAMPLE_RATE)}


def _wav(samples: Any, sample_rate: int) -> bytes:
    packed = io.BytesIO()
    soundfile.write(packed, samples, sample_rate, format="WAV", subtype="FLOAT")
    return packed.getvalue()


def _utterances(table: Any, split: str, out: Path, names: Mapping[str, str]) -> list[Utterance]:
    if names["audio"] not in table.column_names:
        raise EarmarkError(
            f"The split {split} has no column {names['audio']!r} with sound (it has {', '.join(table.column_names)}): "
            "name it by columns={'audio': ...}."
        )
    undecoded = _undecoded(table)
    return [_utterance(row, split, number, out, names) for number, row in enumerate(undecoded)]


def _undecoded(table: Any) -> Any:
    """The same table, whose sound and pictures are not decoded."""
    library = _datasets()
    for column, feature in table.features.items():
        if isinstance(feature, library.Audio | library.Image):
            table = table.cast_column(column, type(feature)(decode=False))
    return table


def _utterance(row: Mapping[str, Any], split: str, number: int, out: Path, names: Mapping[str, str]) -> Utterance:
    value = {column: row.get(called) for column, called in names.items()}
    place = f"{split}-{number}"
    audio = _audio_file(value["audio"], out / "audio", place)
    info = audio_info(audio)
    words = value["words"]
    return Utterance(
        id=str(value["id"] if value["id"] is not None else place),
        audio=audio,
        sample_rate=info.sample_rate,
        samples=info.samples,
        channels=info.channels,
        image=_media_file(value["image"], out / "images", place, ".png") if value["image"] else None,
        speaker=value["speaker"],
        text=value["text"],
        translation=value["translation"],
        words=None if words is None else tuple(Word(one["word"], one["start_s"], one["end_s"]) for one in words),
    )


def _audio_file(sound: Any, folder: Path, name: str) -> Path:
    if isinstance(sound, Mapping) and sound.get("array") is not None:
        # The library has channels first, files have them last.
        samples = np.asarray(sound["array"], dtype=np.float32).T
        return _written(folder / f"{name}.wav", _wav(samples, int(sound["sampling_rate"])))
    if not isinstance(sound, Mapping):
        raise EarmarkError(f"The sound of {name} is neither a file nor an array: give a column of the feature Audio.")
    return _media_file(sound, folder, name, ".wav")


def _media_file(content: Mapping[str, Any], folder: Path, name: str, ending: str) -> Path:
    """The file of a column's cell: that of its path, or one that holds its bytes."""
    path = Path(content["path"]) if content.get("path") else None
    if content.get("bytes") is not None:
        return _written(folder / f"{name}{(path.suffix if path else '') or ending}", content["bytes"])
    if path is None or not path.is_file():
        raise EarmarkError(f"The file {path} of {name} is not on this machine: load the data set with its media.")
    return path.absolute()


def _written(path: Path, content: bytes) -> Path:
    with replacing(path) as partial:
        partial.write_bytes(content)
    return path


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise EarmarkError(
            f"Data sets need the library datasets ({error}): install it with 'pip install earmark[hub]'."
        ) from None
    return datasets
