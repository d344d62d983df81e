"""Batches for contrastive predictive coding: short stretches of speech, in groups of one speaker each.

An epoch hears everything about once: a recording is cut into stretches from a place of chance on. The stretches of a
speaker are dealt into groups; a group that is short of some hears the speaker's first ones again. A batch is some
groups, of different speakers as far as there are enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from earmark.features.store import FeatureSet
from earmark.recipe import CpcPretraining

Window = tuple[int, int]  # which recording, its first frame


@dataclass(frozen=True)
class Windows(Dataset[Tensor]):
    """Stretches of recordings, a batch at a time."""

    features: FeatureSet
    settings: CpcPretraining

    def __getitem__(self, batch: list[Window]) -> Tensor:
        """Whole groups, (speakers, utterances, T, F)."""
        stretches = torch.stack([self._stretch(*window) for window in batch])
        whole: Tensor = stretches.unflatten(0, (-1, self.settings.utterances))
        return whole

    def _stretch(self, recording: int, first: int) -> Tensor:
        start = int(self.features.starts[recording]) + first
        frames = self.features.frames[start : start + self.settings.sample_frames]
        stretch: Tensor = torch.from_numpy(frames.astype(np.float32))
        return stretch


class WindowSampler(Sampler[list[list[Window]]]):
    """Batches in an order of chance that depends on the seed and the epoch alone, each one item for who deals them.

    Parameters
    ----------
    lengths : numpy.ndarray, shape = (R,)
        Frames of each recording. One that is shorter than a stretch is never heard.
    speakers : sequence of str, R of them
    settings : CpcPretraining
    """

    batch_size = 1  # Accelerate asks for both when it deals the batches to several devices
    drop_last = False

    def __init__(self, lengths: npt.NDArray[np.int64], speakers: Sequence[str], settings: CpcPretraining) -> None:
        self.lengths, self.settings = lengths, settings
        self.recordings: dict[str, list[int]] = {}  # of each speaker
        for recording, speaker in enumerate(speakers):
            if lengths[recording] >= settings.sample_frames:
                self.recordings.setdefault(speaker, []).append(recording)
        self.epoch = 0

    def __len__(self) -> int:
        windows = self.lengths // self.settings.sample_frames
        groups = (
            math.ceil(int(windows[theirs].sum()) / self.settings.utterances) for theirs in self.recordings.values()
        )
        return math.ceil(sum(groups) / self.settings.speakers)

    def __iter__(self) -> Iterator[list[list[Window]]]:
        chance = np.random.default_rng((self.settings.seed, self.epoch))
        dealt = []  # groups, with how many their speaker had before, and a number of chance
        for theirs in self.recordings.values():
            for turn, group in enumerate(self._groups(theirs, chance)):
                dealt.append((turn, chance.random(), group))
        groups = [group for _, _, group in sorted(dealt)]
        batches = [groups[i : i + self.settings.speakers] for i in range(0, len(groups), self.settings.speakers)]
        for number in chance.permutation(len(batches)):
            yield [[window for group in batches[number] for window in group]]

    def _groups(self, recordings: list[int], chance: np.random.Generator) -> list[list[Window]]:
        """The stretches of one speaker, shuffled and dealt."""
        windows = [window for recording in recordings for window in self._cut(recording, chance)]
        size = self.settings.utterances
        order = np.resize(chance.permutation(len(windows)), math.ceil(len(windows) / size) * size)
        return [[windows[i] for i in order[start : start + size]] for start in range(0, len(order), size)]

    def _cut(self, recording: int, chance: np.random.Generator) -> list[Window]:
        """Stretches of one recording, one after the other, with what is left over before and behind them."""
        length, frames = int(self.lengths[recording]), self.settings.sample_frames
        offset = int(chance.integers(length % frames + 1))
        return [(recording, offset + number * frames) for number in range(length // frames)]
