"""Concatenation of utterances into long recordings with ground truth: which utterance is spoken when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.core.corpus import Utterance
from earmark.core.files import replacing
from earmark.core.progress import progress
from earmark.core.timing import SAMPLE_RATE, samples_to_s
from earmark.core.vocabulary import normalise
from earmark.media.utterances import read_utterance

GAPS_S = (0.3, 1.5)  # of quiet between two utterances
QUIET = 1e-4  # of full scale


@dataclass(frozen=True)
class Placement:
    """An utterance in a long recording.

    Attributes
    ----------
    utterance : Utterance
    start_s, end_s : float
        In the long recording.
    """

    utterance: Utterance
    start_s: float
    end_s: float

    def occurrences_s(self, word: str) -> list[tuple[float, float]]:
        """Starts and ends of a word in the long recording."""
        return [
            (self.start_s + spoken.start_s, self.start_s + spoken.end_s)
            for spoken in self.utterance.words or ()
            if normalise(spoken.word) == normalise(word)
        ]


ConcatenatedRecording = Mapping[Path, Sequence[Placement]]


def concatenate(utterances: Sequence[Utterance], folder: Path, long_s: float, seed: int = 0) -> ConcatenatedRecording:
    """Write utterances one after the other, with quiet gaps between them, into FLAC files.

    Parameters
    ----------
    utterances : sequence of Utterance
    folder : Path
        For the recordings; each is written in one step.
    long_s : float
        A recording ends with the utterance that makes it so long.
    seed : int
        Of the random gaps.

    Returns
    -------
    dict
        What is spoken in each recording, by its path.

    Raises
    ------
    EarmarkError
        If an utterance can't be read.
    """
    rng = np.random.default_rng(seed)
    rest = iter(utterances)
    recordings: dict[Path, list[Placement]] = {}
    with progress("Concatenating utterances", len(utterances)) as advance:
        while sum(map(len, recordings.values())) < len(utterances):
            path = folder / f"long {len(recordings) + 1}.flac"
            with replacing(path) as partial:
                recordings[path] = list(_one(rest, partial, rng, long_s))
            advance(len(recordings[path]))
    return recordings


def _one(rest: Iterator[Utterance], path: Path, rng: np.random.Generator, long_s: float) -> Iterator[Placement]:
    import soundfile

    with soundfile.SoundFile(str(path), "w", SAMPLE_RATE, 1, "PCM_16") as file:
        samples = 0
        while samples_to_s(samples) < long_s and (utterance := next(rest, None)) is not None:
            waveform = read_utterance(utterance)
            quiet = rng.normal(0, QUIET, round(rng.uniform(*GAPS_S) * SAMPLE_RATE))
            file.write(np.concatenate([quiet, waveform]))
            start_s = samples_to_s(samples + len(quiet))
            samples += len(quiet) + len(waveform)
            yield Placement(utterance, start_s, samples_to_s(samples))
