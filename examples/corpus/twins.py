"""Recordings that each have a text, and perhaps a picture, of the same name in one folder.

Origin: a folder of your own.
Size: as large as it is.
Licence: yours.
Citation: none.

A file ``a.wav`` (or flac, mp3, ...) is an utterance with the text ``a.txt`` and the picture ``a.jpg`` or ``a.png``. Of
ten names in order, the ninth goes to dev, the tenth to test, the rest to train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark import Corpus, EarmarkError, Utterance, write_corpus
from earmark.core.vocabulary import read_keywords
from earmark.media.audio import audio_info

SOUNDS = (".flac", ".m4a", ".mp3", ".ogg", ".wav")
PICTURES = (".jpg", ".png")


def prepare(
    source: Annotated[Path, typer.Argument(help="The folder with the recordings.")],
    out: Annotated[Path, typer.Argument(help="Folder for the corpus.")],
    *,
    language: Annotated[str, typer.Option(help="Code of the language that is spoken.")] = "",
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, one a line.")] = None,
) -> Corpus:
    """Prepare the corpus; its media stay where they are.

    Raises
    ------
    EarmarkError
        If there is no recording, or one can't be read.
    """
    recordings = sorted(path for path in source.iterdir() if path.suffix.lower() in SOUNDS) if source.is_dir() else []
    if not recordings:
        raise EarmarkError(f"{source} holds no recordings ({', '.join(SOUNDS)}): name a folder that does.")
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for number, path in enumerate(recordings):
        splits[{8: "dev", 9: "test"}.get(number % 10, "train")].append(_utterance(path))
    words = read_keywords(keywords).words if keywords else ()
    return write_corpus(Corpus(out, source.resolve().name, language, keywords=words), splits)


def _utterance(path: Path) -> Utterance:
    sound, text = audio_info(path), path.with_suffix(".txt")
    picture = next((twin for end in PICTURES if (twin := path.with_suffix(end)).is_file()), None)
    return Utterance(
        id=path.stem,
        audio=path,
        sample_rate=sound.sample_rate,
        samples=sound.samples,
        channels=sound.channels,
        image=picture,
        text=text.read_text(encoding="utf-8-sig").strip() if text.is_file() else None,
    )
