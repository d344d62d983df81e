"""Checks of a take's sound: whether it is whole, and what a person should know about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import open_audio
from earmark.media.truncation import is_truncated

Warning_ = Literal["silence", "quiet", "clipping", "short", "clock"]

FRAME_S = 0.02
SILENCE_DB = -60.0  # of full scale, in the loudest twentieth of the frames: a microphone that is turned off
SILENT_DB = -180.0  # of nothing but zeros
QUIET_DB = -42.0  # speech that will be hard to hear above the noise
LOUDEST_SHARE = 0.05
SATURATED = 0.99  # of full scale
SATURATED_RUN = 3  # samples in a row: a single one is a peak, more are a flat top
SHORTEST_S = 0.25
CLOCK_SHARE = 0.05  # of the duration by which samples and wall clock may differ
CLOCK_S = 0.25  # and this much for starting and stopping
TRUNCATED = "The recording was cut off on its way: send it again."
# By what a file begins with; only these become names of files.
MAGIC = ((b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\x1a\x45\xdf\xa3", ".webm"))


@dataclass(frozen=True)
class Sound:
    """A sound file that was decoded to its end.

    Attributes
    ----------
    suffix : str
        Of a file name, by the file's content.
    sample_rate, samples, channels : int
    is_lossless : bool
    warnings : tuple of str
    """

    suffix: str
    sample_rate: int
    samples: int
    channels: int
    is_lossless: bool
    warnings: tuple[Warning_, ...]


def check_take(path: Path, samples: int | None = None, sample_rate: int | None = None, clock_s: float = 0.0) -> Sound:
    """Decode a take's whole file, and compare it with what the recorder counted.

    Parameters
    ----------
    path : Path
    samples, sample_rate : int, optional
        As the recorder counted them; None for a file that was recorded elsewhere.
    clock_s : float
        Duration by the recorder's clock; 0 where there was none.

    Raises
    ------
    EarmarkError
        If the file can't be read as sound to its end, is empty, or has other samples than the recorder counted.
    """
    suffix = suffix_of(path)
    if suffix in (".wav", ".flac"):
        sound, rate, channels = _decode(path)
        counted, lossless = len(sound), True
    else:
        sound, rate, channels, counted = _decode_lossy(path)
        lossless = False
    if counted == 0:
        raise EarmarkError("The recording is empty: record it again.", code="emptyRecording")
    if samples is not None and (counted != samples or rate != sample_rate):
        raise EarmarkError(
            f"The recording has {counted} samples at {rate} Hz, and {samples} at {sample_rate} Hz were recorded: "
            "send it again.",
            code="cutOff",
        )
    level_rate = rate if lossless else SAMPLE_RATE
    return Sound(suffix, rate, counted, channels, lossless, warnings_of(sound, level_rate, clock_s))


def warnings_of(sound: npt.NDArray[np.float32], sample_rate: int, clock_s: float = 0.0) -> tuple[Warning_, ...]:
    """What a person should know about a take before going on.

    Parameters
    ----------
    sound : numpy.ndarray, shape = (samples,), float32 in [-1, 1]
    sample_rate : int
    clock_s : float
        Duration by the recorder's clock; 0 where there was none.

    >>> warnings_of(np.zeros(16_000, np.float32), 16_000)
    ('silence',)
    """
    found: list[Warning_] = []
    duration_s = len(sound) / sample_rate
    level_db = speech_level_db(sound, sample_rate)
    if level_db < SILENCE_DB:
        found.append("silence")
    elif level_db < QUIET_DB:
        found.append("quiet")
    if longest_run(np.abs(sound) >= SATURATED) >= SATURATED_RUN:
        found.append("clipping")
    if duration_s < SHORTEST_S:
        found.append("short")
    if clock_s and abs(duration_s - clock_s) > CLOCK_S + CLOCK_SHARE * clock_s:
        found.append("clock")
    return tuple(found)


def speech_level_db(sound: npt.NDArray[np.float32], sample_rate: int) -> float:
    """Level of the loudest twentieth of the frames, in decibels of full scale; -180 for no sound at all."""
    if not len(sound):
        return SILENT_DB
    frame = max(1, round(FRAME_S * sample_rate))
    padded = np.pad(sound, (0, -len(sound) % frame)).reshape(-1, frame).astype(np.float64)
    # A microphone's constant offset is no sound.
    rms = np.sqrt(np.mean((padded - np.mean(sound, dtype=np.float64)) ** 2, axis=1))
    loudest = np.sort(rms)[-max(1, round(LOUDEST_SHARE * len(rms))) :]
    return float(20 * np.log10(max(float(np.mean(loudest)), 1e-9)))


def longest_run(true: npt.NDArray[np.bool_]) -> int:
    """The longest run of true values.

    >>> longest_run(np.array([True, False, True, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], true, [False])).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def suffix_of(path: Path) -> str:
    """The ending of a sound file's name, by the file's first bytes.

    Raises
    ------
    EarmarkError
        If it is of no kind that can be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
    for magic, suffix in MAGIC:
        if head.startswith(magic):
            return suffix
    if head[4:8] == b"ftyp":
        return ".m4a"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return ".aac" if head[1] & 0xF6 == 0xF0 else ".mp3"
    sentence = "That is no recording: choose a wav, flac, ogg, mp3, m4a, mp4 or webm file."
    raise EarmarkError(sentence, code="noSound")


def _decode(path: Path) -> tuple[npt.NDArray[np.float32], int, int]:
    """The samples of all channels' loudest, the rate and the channels of a lossless file."""
    try:
        sound, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
        stated = soundfile.info(str(path)).frames
    except (soundfile.LibsndfileError, RuntimeError) as error:
        sentence = f"The recording can't be read ({error}): record it again."
        raise EarmarkError(sentence, code="noSound") from error
    if stated != len(sound) or _lacks_bytes(path):
        raise EarmarkError(TRUNCATED, code="cutOff")
    if not np.isfinite(sound).all():
        raise EarmarkError("The recording holds samples that are not numbers: record it again.", code="noSound")
    loudest = int(np.argmax(np.abs(sound).max(axis=0))) if len(sound) else 0
    return np.ascontiguousarray(sound[:, loudest]), int(rate), int(sound.shape[1])


def _lacks_bytes(path: Path) -> bool:
    """Whether a wav file's header states more bytes than there are: its reader does not mind."""
    with path.open("rb") as file:
        head = file.read(8)
    return head[:4] == b"RIFF" and int.from_bytes(head[4:8], "little") + 8 > path.stat().st_size


def _decode_lossy(path: Path) -> tuple[npt.NDArray[np.float32], int, int, int]:
    """The loudest channel at 16 kHz, which is enough for its level; the file's own rate, channels and samples."""
    with open_audio(path) as reader:
        about = reader.check()
        if is_truncated(path):
            raise EarmarkError(TRUNCATED, code="cutOff")
        channels = reader.read(0.0, about.duration_s) if about.samples else np.zeros((1, 0), np.float32)
    loudest = int(np.argmax(np.abs(channels).max(axis=1, initial=0.0)))
    return channels[loudest], about.sample_rate, about.channels, about.samples
