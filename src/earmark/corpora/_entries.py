"""Utterances as a corpus lists them, before anything is known of their media."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from earmark.audio import AudioInfo
from earmark.corpus import Utterance, Word
from earmark.errors import EarmarkError


@dataclass(frozen=True)
class Entry:
    """A line of a corpus's list.

    Attributes
    ----------
    row : int
        Number of the line.
    id : str
        Name of the utterance.
    audio : Path
    image : Path or None
        As on disk (if they are).
    speaker, text : str or None
        Known or not.
    split : str
    """

    row: int
    id: str
    audio: Path
    image: Path | None
    speaker: str | None
    text: str | None
    split: str

    def utterance(self, info: AudioInfo, words: tuple[Word, ...] | None) -> Utterance:
        """The utterance, now that its sound is known; without a text, its words stand for it."""
        return Utterance(
            id=self.id,
            audio=self.audio,
            sample_rate=info.sample_rate,
            samples=info.samples,
            channels=info.channels,
            image=self.image,
            speaker=self.speaker,
            text=self.text or (" ".join(word.word for word in words) if words else None),
            words=words,
        )


def refuse_file(out: Path) -> None:
    """Refuse a place for a corpus where a file stands.

    Raises
    ------
    EarmarkError
    """
    if out.exists() and not out.is_dir():
        raise EarmarkError(f"{out} is a file: name a folder for the corpus.")
