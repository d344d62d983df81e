"""Which pictures and captions a tagger learned from, so that a corpus with the same ones is noticed.

A tagger that has memorised the captions of a corpus's own pictures passes its transcripts on: a model that learns from
such tags is no longer without text, and figures of it say too much. The folder of a tagger keeps 64 bits of a SHA-256
of each picture's name and of each caption's words, in ``learned-from.npz``: enough to recognise them, not to read them.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.vocabulary import plain_words
from earmark.supervision.captions import Picture, names_of_picture

FILE = "learned-from.npz"
FEWEST_WORDS = 4  # of a caption that is recognised: two people may well write the same two words

Hashes = npt.NDArray[np.uint64]


def write_learned_pictures(folder: Path, pictures: Sequence[Picture]) -> None:
    """Write what a tagger learns from."""
    names = _hashes(name for picture in pictures for name in names_of_picture(picture.image.name))
    captions = _hashes(text for picture in pictures for text in map(_words, picture.captions) if text)
    with replacing(folder / FILE) as partial:
        np.savez_compressed(partial, names=names, captions=captions)


@dataclass(frozen=True)
class Overlap:
    """What of a corpus a tagger may have learned from.

    Attributes
    ----------
    pictures, of_pictures : int
        How many different pictures have a name that it knows, and how many there are.
    texts, of_texts : int
        How many different texts of utterances it knows as captions, and how many there are.
    """

    pictures: int
    of_pictures: int
    texts: int
    of_texts: int

    @property
    def warning(self) -> str:
        """A sentence for whoever tags a corpus; "" where nothing overlaps."""
        found = []
        if self.pictures:
            found.append(f"{self.pictures:,} of its {self.of_pictures:,} pictures are called like some")
        if self.texts:
            found.append(f"{self.texts:,} of its {self.of_texts:,} texts are captions of some")
        if not found:
            return ""
        return (
            f"The tagger may have learned from this very corpus: {', and '.join(found)} that it learned from. Then a "
            "model learns transcripts through its tags, and no longer without text: train the tagger with --exclude "
            "and a list of the corpus's pictures."
        )


def overlap(folder: Path, utterances: Sequence[Utterance]) -> Overlap | None:
    """What of some utterances a tagger may have learned from; None for one that does not keep what it learned from.

    Raises
    ------
    EarmarkError
        If its record is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names, captions = arrays["names"], arrays["captions"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise EarmarkError(f"{path} is damaged ({type(error).__name__}): train the tagger again.") from error
    images = {utterance.image.name for utterance in utterances if utterance.image is not None}
    texts = {text for utterance in utterances if (text := _words(utterance.text or ""))}
    same_name = sum(bool(np.isin(_hashes(names_of_picture(image)), names).any()) for image in images)
    same_text = int(np.isin(_hashes(texts), captions).sum())
    return Overlap(same_name, len(images), same_text, len(texts))


def _words(text: str) -> str:
    """The words of a text, as they are compared; "" where they are too few to recognise a caption by."""
    words = plain_words(text)
    return " ".join(words) if len(words) >= FEWEST_WORDS else ""


def _hashes(texts: Iterable[str]) -> Hashes:
    """64 bits of each different text's hash, sorted."""
    digests = {hashlib.sha256(text.encode()).digest()[:8] for text in texts}
    return np.sort(np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64))
