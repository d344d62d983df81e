"""Speech synthesis with word times (eSpeak NG through ctypes), and simulated room acoustics.

eSpeak NG is GPL-3: an optional extra, loaded at run time by this file alone. The room adds silence, reverberation,
noise and level.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Word
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, s_to_samples, samples_to_s
from earmark.media.audio import Waveform

# An accent and a variant of eSpeak NG. Klatt voices are another synthesiser altogether.
VOICES = (
    "en+m1",
    "en+f2",
    "en+Annie",
    "en-US+m2",
    "en-US+f3",
    "en-US+Michael",
    "en-US+klatt4",
    "en-GB-scotland+m3",
    "en-GB-scotland+f4",
    "en-029+m4",
    "en-029+f1",
    "en-GB-x-rp+m5",
    "en-GB-x-rp+f5",
    "en-GB-x-rp+Gene",
    "en-GB-x-gbclan+m7",
    "en-GB-x-gbclan+linda",
    "en-GB-x-gbcwmd+adam",
    "en-GB-x-gbcwmd+belinda",
    "en-US-nyc+f1",
    "en-US-nyc+m6",
)
WORDS_PER_MINUTE = (130, 220)
PITCH = (30, 70)  # eSpeak's scale, 0 to 99

# In these words, which run on from the word before ("in the" is one word to eSpeak), the first sound.
_RUN_ON = {"the": "Dd", "a": "@a3", "an": "@a3", "are": "A", "one": "w"}
_TAIL_S = 0.05  # kept after the last word, for its sound to die away

# From speak_lib.h
_RETRIEVE_AUDIO = 2
_WITH_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_CHARACTERS, _UTF8 = 1, 1
_RATE, _VOLUME, _PITCH, _RANGE, _PUNCTUATION, _CAPITALS, _WORD_GAP = 1, 2, 3, 4, 5, 6, 7
_LIST_ENDS, _WORD, _PHONEME = 0, 1, 7


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Speech:
    """A spoken sentence.

    Attributes
    ----------
    waveform : numpy.ndarray, shape = (samples,)
        At 16 kHz.
    words : tuple of Word
        When each word is spoken.
    """

    waveform: Waveform
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Mark:
    """Where a word or a sound begins: the character of the text (from 0) and the sample."""

    character: int
    sample: int
    sound: str = ""  # eSpeak's mnemonic; "" for the beginning of a word

    @property
    def is_pause(self) -> bool:
        return self.sound.startswith("_")


def require_espeak() -> None:
    """Make sure that eSpeak NG can be loaded.

    Raises
    ------
    EarmarkError
        If it is not installed, or does not start.
    """
    with _espeak():
        pass


def say(text: str, voice: str, *, words_per_minute: int = 175, pitch: int = 50) -> Speech:
    """Speak a sentence of plain ASCII words and commas.

    The same arguments give the same samples, whatever was spoken before.

    Raises
    ------
    EarmarkError
        If eSpeak NG is not installed, does not start, or has no such voice.
    """
    samples = bytearray()
    marks: list[_Mark] = []

    def collect(wave: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if wave and count:
            samples.extend(ctypes.string_at(wave, 2 * count))
        marks.extend(_marks(events))
        return 0

    callback = _Callback(collect)  # kept by name until eSpeak is done with it
    with _espeak() as (espeak, sample_rate):
        if espeak.espeak_SetVoiceByName(f"gmw/{voice}".encode()) != 0:
            raise EarmarkError(f"eSpeak NG has no voice {voice!r}: reinstall it with pip install 'earmark[demo]'.")
        for parameter, value in (
            (_RATE, words_per_minute),
            (_VOLUME, 100),
            (_PITCH, pitch),
            (_RANGE, 50),
            (_PUNCTUATION, 0),
            (_CAPITALS, 0),
            (_WORD_GAP, 0),
        ):
            espeak.espeak_SetParameter(parameter, value, 0)
        espeak.espeak_SetSynthCallback(callback)
        spoken = text.encode("ascii")
        espeak.espeak_Synth(spoken, len(spoken) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        espeak.espeak_Synchronize()

    words = _words(text, marks, sample_rate)
    end = round((words[-1].end_s + _TAIL_S) * sample_rate)
    waveform = np.frombuffer(bytes(samples), dtype=np.int16)[:end].astype(np.float32)
    waveform /= 32768
    return Speech(_resample(waveform, sample_rate), words)


@contextmanager
def _espeak() -> Iterator[tuple[ctypes.CDLL, int]]:
    """A newly loaded eSpeak NG and its sampling rate; unloaded again at the end.

    Its noise and its vibrato run on from one sentence to the next, and setting the voice or initialising it
    again does not rewind them. Loading it anew does, and takes a third of a millisecond.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise EarmarkError(
            "The picturebook speaks with eSpeak NG, which is not installed: pip install 'earmark[demo]'."
        ) from None
    data = espeakng_loader.get_data_path()
    try:
        espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise EarmarkError(
            f"eSpeak NG can't be loaded ({error}): pip install --force-reinstall 'earmark[demo]'."
        ) from error
    try:
        sample_rate = espeak.espeak_Initialize(_RETRIEVE_AUDIO, 0, os.fsencode(data), _WITH_PHONEME_EVENTS | _DONT_EXIT)
        if sample_rate <= 0:
            raise EarmarkError(
                f"eSpeak NG can't read its data in {data}: install Earmark in a folder with a shorter path."
            )
        espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
        yield espeak, sample_rate
        espeak.espeak_Terminate()
    finally:
        _unload(espeak)


def _unload(library: ctypes.CDLL) -> None:
    import _ctypes

    getattr(_ctypes, "FreeLibrary" if os.name == "nt" else "dlclose")(library._handle)


def _marks(events: ctypes._Pointer[_Event]) -> Iterator[_Mark]:
    index = 0
    while events[index].type != _LIST_ENDS:
        event = events[index]
        if event.type == _WORD:
            yield _Mark(event.text_position - 1, event.sample)
        elif event.type == _PHONEME:
            yield _Mark(event.text_position - 1, event.sample, event.id.string.decode() or "_")
        index += 1


def _words(text: str, marks: list[_Mark], sample_rate: int) -> tuple[Word, ...]:
    """When each word of `text` begins and ends, from what eSpeak says of its words and sounds."""
    written = [(match.start(), match.end(), match.group().lower()) for match in re.finditer(r"[A-Za-z]+", text)]
    begins: list[int] = []  # indices into marks
    for first, last, word in written:
        own = [i for i, mark in enumerate(marks) if not mark.sound and first <= mark.character < last]
        begins.append(own[0] if own else _runs_on(word, begins[-1], marks))
    ends = [*begins[1:], len(marks)]
    return tuple(
        Word(word, round(marks[begin].sample / sample_rate, 6), round(_end(marks, begin, end) / sample_rate, 6))
        for (_, _, word), begin, end in zip(written, begins, ends, strict=True)
    )


def _runs_on(word: str, previous: int, marks: list[_Mark]) -> int:
    """Where a word begins that eSpeak takes for one with the word before: at the last sound it can begin with."""
    following = [i for i, mark in enumerate(marks) if not mark.sound and i > previous]
    until = following[0] if following else len(marks)
    return max(i for i in range(previous + 1, until) if marks[i].sound.strip("',")[:1] in _RUN_ON[word])


def _end(marks: list[_Mark], begin: int, end: int) -> int:
    """Sample at which a word ends: where the next begins, or before that at a pause after its sounds."""
    has_sound = False
    for mark in marks[begin:end]:
        if has_sound and mark.is_pause:
            return mark.sample
        has_sound = has_sound or (bool(mark.sound) and not mark.is_pause)
    return marks[end].sample if end < len(marks) else marks[-1].sample


def _resample(waveform: Waveform, sample_rate: int) -> Waveform:
    import soxr

    resampled: Waveform = soxr.resample(waveform, sample_rate, SAMPLE_RATE)
    return resampled


LOWEST_HZ = 40.0  # noise does not grow further below


@dataclass(frozen=True)
class Acoustics:
    """What is the same for all of a recording.

    Attributes
    ----------
    before_s, after_s : float
        Silence around the voice; a whole number of samples.
    reverberation_s : float
        Time until the echo has fallen by 60 dB.
    echo_db : float
        Energy of all echoes, relative to that of the voice itself.
    snr_db : float
        Signal-to-noise ratio: level of the voice over that of the noise.
    noise_slope : float
        The noise's amplitude falls as frequency to this power: 0 is white, 1 is brown.
    peak_db : float
        Level of the loudest sample, relative to full scale.
    seed : int
        Of the noise and of the echo.
    """

    before_s: float
    after_s: float
    reverberation_s: float
    echo_db: float
    snr_db: float
    noise_slope: float
    peak_db: float
    seed: int

    def samples(self, voice: Waveform) -> int:
        """Length of a recording of this voice."""
        return s_to_samples(self.before_s) + len(voice) + s_to_samples(self.after_s)

    def record(self, voice: Waveform) -> Waveform:
        """Record a voice in this room.

        Parameters
        ----------
        voice : numpy.ndarray, shape = (samples,)
            Clean speech at 16 kHz. It starts `before_s` into the recording.

        Returns
        -------
        numpy.ndarray, shape = (more samples,), float32 in [-1, 1]
        """
        rng = np.random.default_rng(self.seed)
        echo, samples, before = self._echo(rng), self.samples(voice), s_to_samples(self.before_s)
        padded = _fast_length(samples + len(echo))
        still = np.zeros(padded)
        still[before : before + len(voice)] = voice
        reverberant = np.fft.irfft(np.fft.rfft(still) * np.fft.rfft(echo, padded), padded)[:samples]
        noise = self._noise(padded, rng)[:samples]
        noise *= _rms(voice) / _rms(noise) * _amplitude(-self.snr_db)
        recording = reverberant + noise
        recording *= _amplitude(self.peak_db) / np.abs(recording).max()
        return recording.astype(np.float32)

    def _echo(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Impulse response: the voice itself, then noise that dies away exponentially."""
        time_s = np.arange(1, s_to_samples(self.reverberation_s)) / SAMPLE_RATE
        tail = rng.standard_normal(len(time_s)) * 10.0 ** (-3.0 * time_s / self.reverberation_s)
        tail *= _amplitude(self.echo_db) / np.sqrt(np.sum(tail**2))
        return np.concatenate(([1.0], tail))

    def _noise(self, samples: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        spectrum = np.fft.rfft(rng.standard_normal(samples))
        frequency_hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
        return np.fft.irfft(spectrum * np.maximum(frequency_hz, LOWEST_HZ) ** -self.noise_slope, samples)


def sample_room(rng: Random) -> Acoustics:
    """A room of ordinary furniture, and a recorder that somebody set up with some care."""
    return Acoustics(
        before_s=_whole_samples(rng.uniform(0.05, 0.35)),
        after_s=_whole_samples(rng.uniform(0.05, 0.35)),
        reverberation_s=rng.uniform(0.08, 0.3),
        echo_db=rng.uniform(-22, -10),
        snr_db=rng.uniform(15, 35),
        noise_slope=rng.uniform(0, 0.8),
        peak_db=rng.uniform(-18, -2),
        seed=rng.getrandbits(32),
    )


def _whole_samples(seconds: float) -> float:
    return samples_to_s(s_to_samples(seconds))


def _rms(waveform: npt.NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def _amplitude(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _fast_length(samples: int) -> int:
    """The next multiple of 4,096, for which the Fourier transform is quick."""
    return -(-samples // 4096) * 4096
