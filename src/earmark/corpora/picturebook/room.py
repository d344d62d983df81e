"""The room that a voice is recorded in: a little silence around it, echo, noise and level."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from earmark.audio import Waveform
from earmark.timing import SAMPLE_RATE, s_to_samples, samples_to_s

LOWEST_HZ = 40.0  # noise does not grow further below


@dataclass(frozen=True)
class Room:
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
        heard = np.fft.irfft(np.fft.rfft(still) * np.fft.rfft(echo, padded), padded)[:samples]
        noise = self._noise(padded, rng)[:samples]
        noise *= _rms(voice) / _rms(noise) * _amplitude(-self.snr_db)
        recording = heard + noise
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


def sample_room(rng: Random) -> Room:
    """A room of ordinary furniture, and a recorder that somebody set up with some care."""
    return Room(
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
