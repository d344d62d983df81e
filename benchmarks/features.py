"""How fast features are computed: against real time, and against librosa on the same waveforms in the same run.

    python benchmarks/features.py [FILE ...]

Without files, a minute of noise in pieces of four seconds stands for speech (without the reading of files). Medians of
five rounds; one round goes through all of the sound, on two threads, as the feature store does.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import torch

from earmark.core.timing import SAMPLE_RATE
from earmark.features.kinds.mfcc import Mfcc
from earmark.media.audio import Waveform, read_audio

ROUNDS = 5


def by_librosa(waveform: Waveform) -> np.ndarray:
    """13 cepstra from 40 bands with their first and second differences, every 10 ms."""
    cepstra = librosa.feature.mfcc(y=waveform, sr=SAMPLE_RATE, n_mfcc=13, n_mels=40, n_fft=512, hop_length=160)
    return np.concatenate([cepstra, librosa.feature.delta(cepstra), librosa.feature.delta(cepstra, order=2)])


def seconds_a_round(compute: Callable[[int], object], pieces: int) -> float:
    """Median time of going through all pieces."""
    rounds = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            list(pool.map(compute, range(pieces)))
            rounds.append(time.perf_counter() - begun)
    return statistics.median(rounds)


def main() -> None:
    """Time both and print the ratios."""
    torch.set_num_threads(1)
    files = sys.argv[1:]
    rng = np.random.default_rng(0)
    waveforms = [read_audio(file) for file in files] or [
        rng.normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32) for _ in range(15)
    ]
    duration_s = sum(len(waveform) for waveform in waveforms) / SAMPLE_RATE
    extract = Mfcc()

    def from_file(index: int) -> object:
        return extract(read_audio(files[index]) if files else waveforms[index])

    ours = seconds_a_round(from_file, len(waveforms))
    alone = seconds_a_round(lambda index: extract(waveforms[index]), len(waveforms))
    librosas = seconds_a_round(lambda index: by_librosa(waveforms[index]), len(waveforms))
    print(f"{duration_s:.0f} s of sound, {len(waveforms)} pieces")
    print(f"features, with the reading of files: {duration_s / ours:.0f} times real time")
    print(f"features alone: {duration_s / alone:.0f} times real time, {librosas / alone:.1f} times librosa's speed")


if __name__ == "__main__":
    main()
