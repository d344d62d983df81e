"""Speech for contrastive predictive coding: untranscribed recordings, and batches of windows of them.

Recordings are files, whole folders, or the training split of a corpus. An epoch has everything about once: a recording
is cut into windows from a random offset on. The windows of a speaker are put into groups; a group that is short of some
repeats the speaker's first ones. A batch is some groups, of different speakers as far as there are enough.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from earmark.core.corpus import Utterance, read_corpus
from earmark.core.csv_tables import first_lines
from earmark.core.errors import EarmarkError
from earmark.features.cache import FeatureSet
from earmark.media.audio import audio_info
from earmark.media.lookup import check_all_audio
from earmark.models.cpc_pretraining import CpcPretraining, PretrainingData
from earmark.training.data import EpochSampler

Stretch = tuple[float, float] | tuple[()]  # start and end in seconds; empty for the whole file
ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


def find_recordings(audio: Sequence[Path]) -> list[Utterance]:
    """All recordings with their speakers, each recording once, in an order that depends on their names alone.

    Parameters
    ----------
    audio : sequence of Path
        A corpus has its train split's recordings and, where it knows them, their speakers. A folder has the audio
        files in it, however deep. Where nothing else is known, the folder that a file lies in is its speaker.

    Raises
    ------
    EarmarkError
        If a folder holds no audio file; or with all files whose header can't be read.
    """
    speaker_of: dict[tuple[Path, Stretch], str] = {}
    for place in audio:
        for path, speaker, stretch_s in _speech_in(place):
            speaker_of.setdefault((path.resolve(), stretch_s), unicodedata.normalize("NFC", speaker))
    found: list[Utterance] = []
    problems = []
    for (path, stretch_s), speaker in sorted(speaker_of.items()):
        try:
            info = audio_info(path)
        except EarmarkError as problem:
            problems.append(problem)
        else:
            about = (str(len(found)), path, info.sample_rate, info.samples, info.channels)
            found.append(Utterance(*about, speaker=speaker, stretch_s=stretch_s or None))
    _refuse(problems)
    return found


def refuse_damaged(recordings: Sequence[Utterance]) -> None:
    """Decode every recording to its end.

    Raises
    ------
    EarmarkError
        With all recordings that are damaged.
    """
    outcomes = check_all_audio(recording.audio for recording in recordings)
    _refuse(outcome for outcome in outcomes.values() if isinstance(outcome, EarmarkError))


def summarise(recordings: Sequence[Utterance]) -> PretrainingData:
    """How much speech the recordings are, and a number that tells them from any others."""
    lines = [f"{one.audio}\t{one.samples}\t{one.speaker}{one.stretch_s or ''}\n" for one in recordings]
    return PretrainingData(
        recordings=len(recordings),
        speakers=len({recording.speaker for recording in recordings}),
        hours=round(sum(recording.duration_s for recording in recordings) / 3600, 3),
        sha256=hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest(),
    )


def _speech_in(place: Path) -> Iterator[tuple[Path, str, Stretch]]:
    """Audio files with their speakers, and the stretch of each that is an utterance of a corpus."""
    if (place / "corpus.yaml").is_file():
        for utterance in read_corpus(place).utterances("train"):
            yield utterance.audio, utterance.speaker or utterance.audio.parent.name, utterance.stretch_s or ()
    elif place.is_dir():
        files = sorted(path for path in place.rglob("*") if _is_audio(path.relative_to(place)) and path.is_file())
        if not files:
            raise EarmarkError(f"{place} holds no audio file ({', '.join(ENDINGS)}): name a folder that does.")
        yield from ((path, path.absolute().parent.name, ()) for path in files)
    else:
        yield place, place.absolute().parent.name, ()


def _is_audio(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def _refuse(problems: Iterable[EarmarkError]) -> None:
    """Raise one error of all problems, if there are any."""
    lines = [str(problem) for problem in problems]
    if lines:
        raise EarmarkError("\n".join(first_lines(lines)))


Window = tuple[int, int]  # which recording, its first frame


@dataclass(frozen=True)
class WindowDataset(Dataset[Tensor]):
    """Windows of recordings: item ``(recording, first)`` has the frames from `first` on, shape = (T, F)."""

    features: FeatureSet
    frames: int

    def __getitem__(self, window: Window) -> Tensor:
        recording, first = window
        start = int(self.features.starts[recording]) + first
        frames = self.features.frames[start : start + self.frames]
        item: Tensor = torch.from_numpy(frames.astype(np.float32))
        return item


class WindowSampler(EpochSampler):
    """Batches of groups of windows, one speaker a group, in an order that depends on the seed and the epoch alone.

    Parameters
    ----------
    lengths : numpy.ndarray, shape = (R,)
        Frames of each recording. One that is shorter than a window is left out.
    speakers : sequence of str, R of them
    settings : CpcPretraining
    """

    def __init__(self, lengths: npt.NDArray[np.int64], speakers: Sequence[str], settings: CpcPretraining) -> None:
        self.lengths, self.settings = lengths, settings
        self.recordings: dict[str, list[int]] = {}  # of each speaker
        for recording, speaker in enumerate(speakers):
            if lengths[recording] >= settings.sample_frames:
                self.recordings.setdefault(speaker, []).append(recording)

    def __len__(self) -> int:
        windows = self.lengths // self.settings.sample_frames
        groups = (
            math.ceil(int(windows[recordings].sum()) / self.settings.utterances)
            for recordings in self.recordings.values()
        )
        return math.ceil(sum(groups) / self.settings.speakers)

    def __iter__(self) -> Iterator[list[Window]]:
        rng = np.random.default_rng((self.settings.seed, self.epoch))
        keyed = []  # groups by how many their speaker had before; random among equals
        for recordings in self.recordings.values():
            for turn, group in enumerate(self._groups(recordings, rng)):
                keyed.append((turn, rng.random(), group))
        groups = [group for _, _, group in sorted(keyed)]
        batches = [groups[i : i + self.settings.speakers] for i in range(0, len(groups), self.settings.speakers)]
        for number in rng.permutation(len(batches)):
            yield [window for group in batches[number] for window in group]

    def _groups(self, recordings: list[int], rng: np.random.Generator) -> list[list[Window]]:
        """The windows of one speaker, shuffled, in groups."""
        windows = [window for recording in recordings for window in self._cut(recording, rng)]
        size = self.settings.utterances
        order = np.resize(rng.permutation(len(windows)), math.ceil(len(windows) / size) * size)
        return [[windows[i] for i in order[start : start + size]] for start in range(0, len(order), size)]

    def _cut(self, recording: int, rng: np.random.Generator) -> list[Window]:
        """Windows of one recording, end to end, with what is left over before and behind them."""
        length, frames = int(self.lengths[recording]), self.settings.sample_frames
        offset = int(rng.integers(length % frames + 1))
        return [(recording, offset + number * frames) for number in range(length // frames)]
