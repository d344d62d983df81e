"""What is known about a take: as a recorder states it, and as it is on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["describe", "name", "answer", "translation"]


@dataclass(frozen=True)
class NewTake:
    """What a recorder states about a take.

    Attributes
    ----------
    id : str
        32 hexadecimal digits, chosen at random by the recorder: whoever sends a take twice sends one take.
    speaker : str
        Id of the speaker.
    item : str
        Id of the prompt: a picture's path in the project, or a question's id; "" for a take about nothing.
    kind : {"describe", "name", "answer", "translation"}
    sha256 : str
        Of the file, in hexadecimal.
    samples, sample_rate : int or None
        As the recorder counted them; None for a file that was recorded elsewhere.
    clock_s : float
        Duration by the recorder's clock; 0 if unknown.
    recorded_at : str
        Time of day, ISO 8601.
    question : str
        That was answered.
    of : str
        Id of the take that a translation is of.
    settings : mapping
        What the browser really applied (``getSettings``), and which browser it was.
    text, translation : str
        What is said, and what it means, as far as somebody wrote it down before.
    source : str
        Of a take that was recorded before: its file, and where in it; "" for one that was recorded here.
    """

    id: str
    speaker: str
    item: str
    sha256: str
    kind: Kind = "describe"
    samples: int | None = None
    sample_rate: int | None = None
    clock_s: float = 0.0
    recorded_at: str = ""
    question: str = ""
    of: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    translation: str = ""
    source: str = ""


@dataclass(frozen=True)
class Take:
    """A take that is on the disk.

    Attributes
    ----------
    id, speaker, item, kind, sha256, samples, sample_rate, clock_s, recorded_at, question, of, settings, text, source
        As :class:`NewTake`; samples and rate as decoded.
    file : str
        Path in the project folder.
    channels : int
    is_lossless : bool
        False for a file that was recorded elsewhere and compressed there.
    warnings : tuple of str
        Of :func:`earmark.studio.take_checks.warnings_of`.
    received_at : str
        Time of day, ISO 8601.
    translation : str
        Typed afterwards, or before; may be empty.
    version : int
        From 1 on: of this speaker's takes about one item. Each take that was recorded before is a first version.
    is_latest : bool
        Whether there is no higher version.
    """

    id: str
    speaker: str
    item: str
    kind: Kind
    sha256: str
    file: str
    samples: int
    sample_rate: int
    channels: int
    is_lossless: bool = True
    warnings: tuple[str, ...] = ()
    clock_s: float = 0.0
    recorded_at: str = ""
    received_at: str = ""
    question: str = ""
    of: str = ""
    translation: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    source: str = ""
    version: int = 1
    is_latest: bool = True

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate

    @property
    def name(self) -> str:
        """Of its files, without the ending: the utterance id of the corpus."""
        return take_name(self.speaker, self.id)

    @property
    def is_usable(self) -> bool:
        """Whether there is something to learn from: neither silent nor with gaps."""
        return not {"silence", "clock"} & set(self.warnings)


def take_name(speaker: str, id_: str) -> str:
    """Name of a take's files, without the ending."""
    return f"{speaker}-{id_}"
