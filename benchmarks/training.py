"""How fast our training loop is beside the released one: utterances a second, same model, same batches, in one run.

    python benchmarks/training.py [CORPUS] [--utterances 256] [--rounds 5] [--threads 2] [--precision no]

For the recipe ``olaleye2022/cnn-attend`` (batches of 32), rounds alternate between two programs:

- *ours*: ``earmark.training``: features from the corpus's cache, batches of about one length, padding masked;
- *released*: what the authors' released loop does, written anew from its description: each epoch reads every waveform
  and computes its features on the fly, one after the other (load, pre-emphasis, MFCC with their differences,
  normalisation, SpecAugment), pads or cuts each utterance to 800 frames, and lets padding take part in attention.

A round is one pass over the training split by each; of ours the second of two, as steps alone, since the released loop
here has no pass over dev either. Both compute in 32 bits (ours in what ``--precision`` says), read audio with our
reader and compute our MFCC, which take about as long as the librosa's that were released. The pace of the released loop
is given with and without its features, so that it can be seen what padding alone costs.
Without a corpus, utterances of noise of 2 to 5 s stand for speech.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

# As the command line does, before torch is imported: threads that wait for one another spin for a moment only.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from earmark.core.corpus import Corpus, Utterance, read_corpus, write_corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.media.audio import read_audio
from earmark.recipe import Recipe, read_recipe
from earmark.supervision.targets import read_targets, targets_path, write_targets
from earmark.supervision.transcripts import bag_of_words

RECIPE = "olaleye2022/cnn-attend"
FRAMES = 800  # to which the released loop pads every utterance, 8 s
SAMPLE_RATE = 16_000
KEYWORDS = tuple(f"word{number}" for number in range(67))


# --- ours ------------------------------------------------------------------------------------------------------------


class Ours:
    """Our loop, as the command line starts it."""

    def __init__(self, corpus: Path, folder: Path, precision: str) -> None:
        self.corpus, self.folder, self.precision = corpus, folder, precision

    def epoch(self, utterances: int, batch: int) -> float:
        """Train for two epochs; seconds of the second, by the times at which its first and last steps ended."""
        from earmark.cli import app

        steps = -(-utterances // batch)
        ends: list[float] = []
        hook = register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
        out = self.folder / "ours"
        changes = ("--set", "supervision=bow", "--set", "training.epochs=2", "--precision", self.precision)
        try:
            arguments = ("train", RECIPE, "--corpus", str(self.corpus), "--out", str(out), *changes)
            app(arguments, standalone_mode=False)
        finally:
            hook.remove()
        shutil.rmtree(out)
        assert len(ends) == 2 * steps
        return (ends[-1] - ends[steps]) * steps / (steps - 1)


# --- the released loop -----------------------------------------------------------------------------------------------


class ReleasedNetwork(nn.Module):
    """CNN-Attend as released: attention over all 800 frames, padding too, with queries that are never trained."""

    def __init__(self, dimension: int, keywords: int) -> None:
        super().__init__()
        widths = [dimension, 96, 96, 96, 96, 96, 1000]
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            kernel = 11 if number else 9
            layers += [nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU()]
        self.encoder = nn.Sequential(*layers[:-1])
        self.queries = torch.randn(keywords, 1000)
        self.classifier = nn.Sequential(nn.Linear(1000, 4096), nn.ReLU(), nn.Linear(4096, 1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, 39, 800) to logits (B, W)."""
        frames = self.encoder(features)
        weights = (self.queries.to(frames) @ frames).softmax(dim=2)
        logits: Tensor = self.classifier(weights @ frames.transpose(1, 2)).squeeze(2)
        return logits


def released_augment(features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Zero one or two blocks of frames and of dimensions."""
    frames, dimensions = features.shape
    for _ in range(rng.integers(1, 3)):
        width = int(rng.uniform(0, 0.15) * frames)
        start = rng.integers(0, frames - width + 1)
        features[start : start + width] = 0
        width = int(rng.uniform(0, 0.20) * dimensions)
        start = rng.integers(0, dimensions - width + 1)
        features[:, start : start + width] = 0
    return features


class Released:
    """The released loop, an epoch at a time."""

    def __init__(self, recipe: Recipe, utterances: Sequence[Utterance], targets: np.ndarray) -> None:
        self.features = extractor(recipe.features)
        self.utterances, self.targets = utterances, torch.from_numpy(targets)
        self.batch, self.rng = recipe.training.batch_size, np.random.default_rng(42)
        self.model = ReleasedNetwork(self.features.dimension, targets.shape[1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), recipe.training.learning_rate)
        self.features_s = 0.0

    def epoch(self) -> float:
        """Train for an epoch; its mean loss. `features_s` has the seconds that went into features."""
        self.features_s, losses = 0.0, []
        for features, targets in self._batches():
            loss = nn.functional.binary_cross_entropy_with_logits(self.model(features), targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return statistics.mean(losses)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = self.rng.permutation(len(self.utterances))
        for start in range(0, len(order), self.batch):
            some = order[start : start + self.batch]
            began = time.perf_counter()
            batch = torch.zeros(len(some), self.features.dimension, FRAMES)
            for row, utterance in zip(batch, some, strict=True):
                frames = self._features_of(self.utterances[utterance])[:FRAMES]
                row[:, : len(frames)] = torch.from_numpy(frames.T)
            self.features_s += time.perf_counter() - began
            yield batch, self.targets[some]

    def _features_of(self, utterance: Utterance) -> np.ndarray:
        waveform = read_audio(utterance.audio)
        low, high = waveform.min(), waveform.max()
        waveform = (waveform - low) / max(high - low, 1e-9) - 0.5
        waveform = np.append(waveform[:1], waveform[1:] - 0.97 * waveform[:-1]).astype(np.float32)
        frames = self.features(waveform).numpy()
        frames = (frames - frames.mean()) / (frames.std() + 1e-16)
        return released_augment(frames, self.rng)


# --- data ------------------------------------------------------------------------------------------------------------


def part_of(corpus: Corpus, folder: Path, size: int) -> Corpus:
    """A corpus of some utterances of another, drawn at random, with bags of words for tags."""
    train, dev = corpus.utterances("train"), corpus.utterances("dev")[:32]
    chosen = np.random.default_rng(0).permutation(len(train))[:size]
    splits = {"train": [train[number] for number in sorted(chosen)], "dev": dev}
    folder.mkdir(parents=True)
    part = write_corpus(replace(corpus, folder=folder), splits)
    every = [utterance for some in splits.values() for utterance in some]
    write_targets(targets_path(part, "bow"), bag_of_words(every, Vocabulary(part.keywords)))
    return part


def corpus_of_noise(folder: Path, size: int) -> Corpus:
    """Utterances of noise, each with a few keywords in its transcript."""
    rng = np.random.default_rng(0)
    splits: dict[str, list[Utterance]] = {"train": [], "dev": []}
    for split, count in (("train", size), ("dev", 32)):
        for number in range(count):
            audio = folder / "noise" / f"{split}{number}.wav"
            audio.parent.mkdir(parents=True, exist_ok=True)
            samples = rng.normal(0, 0.1, round(rng.uniform(2, 5) * SAMPLE_RATE)).astype(np.float32)
            soundfile.write(str(audio), samples, SAMPLE_RATE)
            text = " ".join(rng.choice(KEYWORDS, 4))
            splits[split].append(Utterance(f"{split}{number}", audio, SAMPLE_RATE, len(samples), text=text))
    return write_corpus(Corpus(folder / "noise", "noise", keywords=KEYWORDS), splits)


# --- the measurement -------------------------------------------------------------------------------------------------


def compare(corpus: Corpus, rounds: int, precision: str) -> None:
    """Train by both loops in turn, and print medians and their ratio."""
    recipe, keywords = read_recipe(RECIPE, ["supervision=bow"]), Vocabulary(corpus.keywords)
    utterances = corpus.utterances("train")
    targets = read_targets(targets_path(corpus, "bow")).matrix([one.id for one in utterances], keywords)
    torch.manual_seed(0)
    ours, released = Ours(corpus.folder, corpus.folder.parent, precision), Released(recipe, utterances, targets)
    mean_s = statistics.mean(one.duration_s for one in utterances)
    print(
        f"{RECIPE}, {len(utterances)} utterances of {mean_s:.1f} s on average, {len(keywords)} keywords; "
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, ours in "
        f"{'fp32' if precision == 'no' else precision}",
        flush=True,
    )
    times: dict[str, list[float]] = {"ours": [], "released": [], "released without features": []}
    released.epoch()  # it warms everything up
    for number in range(rounds):
        times["ours"].append(ours.epoch(len(utterances), recipe.training.batch_size))
        began = time.perf_counter()
        released.epoch()
        times["released"].append(time.perf_counter() - began)
        times["released without features"].append(times["released"][-1] - released.features_s)
        paces = ", ".join(f"{name} {len(utterances) / seconds[-1]:.1f}" for name, seconds in times.items())
        print(f"  round {number + 1}: {paces} utterances/s", flush=True)
    for name, seconds in times.items():
        pace = [len(utterances) / one for one in seconds]
        print(f"  {name}: {statistics.median(pace):.1f} utterances/s ({min(pace):.1f} to {max(pace):.1f})")
    for name in ("released", "released without features"):
        ratios = [slow / fast for fast, slow in zip(times["ours"], times[name], strict=True)]
        print(
            f"ours is {statistics.median(ratios):.2f} times as fast as {name} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    print(f"load at the end {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure, in a folder that is deleted at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--utterances", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("no", "bf16"), default="no")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        whole = read_corpus(asked.corpus) if asked.corpus else corpus_of_noise(Path(folder), asked.utterances)
        compare(part_of(whole, Path(folder) / "part", asked.utterances), asked.rounds, asked.precision)


if __name__ == "__main__":
    main()
