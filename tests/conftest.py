"""A corpus so small that a model learns it in seconds, and that model.

Its "words" are four sounds that differ by their pitch over time; its pictures show a square in one colour a word.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before torch is imported, here and in child processes: sums come out the same, and other work gets its core.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import settings
from PIL import Image, ImageDraw

from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe, write_recipe
from earmark.supervision.targets import tags_from_file, targets_path, write_targets
from earmark.supervision.transcripts import bag_of_words

settings.register_profile("no deadlines", deadline=None)  # a busy machine is no error
settings.load_profile("no deadlines")

if TYPE_CHECKING:
    from earmark.reproduce.grid import Row

# A shell starts its background jobs that ignore Ctrl-C, and their children inherit it; some tests send one.
signal.signal(signal.SIGINT, signal.default_int_handler)

CHROMIUM = Path("/usr/bin/chromium")
SAMPLE_RATE = 16_000
WORD_S = 0.32
# Pitch in hertz over the length of each word, and its colour. One keyword has tone marks.
PITCHES = {
    "ball": lambda t: 400 + 2000 * t / WORD_S,
    "dog": lambda t: 2400 - 2000 * t / WORD_S,
    "ọmọ": lambda t: np.where(t % 0.16 < 0.08, 800.0, 1900.0),
    "snow": lambda t: np.full_like(t, 1200.0),
}
COLOURS = {"ball": "red", "dog": "blue", "ọmọ": "green", "snow": "yellow"}
SIZES = {"train": 32, "dev": 8, "test": 8}


def spoken(words: tuple[Word, ...], seconds: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A waveform in which the words sound at their times, in noise."""
    # Noise and loudness vary, so that nothing but the words tells one utterance from another.
    waveform = rng.normal(0, rng.uniform(0.005, 0.05), round(seconds * SAMPLE_RATE))
    for word in words:
        times_s = np.arange(round((word.end_s - word.start_s) * SAMPLE_RATE)) / SAMPLE_RATE
        phase = 2 * np.pi * np.cumsum(PITCHES[word.word](times_s)) / SAMPLE_RATE
        start = round(word.start_s * SAMPLE_RATE)
        waveform[start : start + len(times_s)] += rng.uniform(0.2, 0.5) * np.sin(phase) * np.hanning(len(times_s))
    return waveform.astype(np.float32)


def picture(shown: list[str], rng: np.random.Generator) -> Image.Image:
    """A grey picture with a square for each word."""
    image = Image.new("RGB", (48, 48), "grey")
    for corner, word in zip(rng.permutation(4), shown, strict=False):
        left, top = int(corner % 2) * 24 + 4, int(corner // 2) * 24 + 4
        ImageDraw.Draw(image).rectangle((left, top, left + 14, top + 14), fill=COLOURS[word])
    return image


def write_tiny_corpus(folder: Path) -> Corpus:
    """Write the corpus, with tags ``vgs`` (soft, from a tag file) and ``bow``."""
    rng = np.random.default_rng(0)
    splits: dict[str, list[Utterance]] = {}
    for split, size in SIZES.items():
        splits[split] = [_utterance(folder, f"{split} {number}", number, rng) for number in range(size)]
    keywords = tuple(PITCHES)
    corpus = write_corpus(Corpus(folder, "tiny", "none", "CC0", keywords), splits)
    every = [utterance for utterances in splits.values() for utterance in utterances]
    write_targets(targets_path(corpus, "bow"), bag_of_words(every, Vocabulary(keywords)))
    write_targets(targets_path(corpus, "vgs"), tags_from_file(_tag_file(folder, every), every))
    return corpus


def _utterance(folder: Path, name: str, number: int, rng: np.random.Generator) -> Utterance:
    shown = [str(word) for word in rng.permutation(list(PITCHES))[: 1 + number % 2]]
    gaps = rng.uniform(0.15, 0.5, len(shown) + 1)
    words, time_s = [], 0.0
    for gap, word in zip(gaps, shown, strict=False):
        start_s = round(time_s + gap, 3)
        words.append(Word(word, start_s, round(start_s + WORD_S, 3)))
        time_s = words[-1].end_s
    waveform = spoken(tuple(words), time_s + gaps[-1], rng)
    audio, image = folder / "audio" / f"{name}.wav", folder / "images" / f"{name}.png"
    for path in (audio, image):
        path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(audio), waveform, SAMPLE_RATE)
    picture(shown, rng).save(image)
    return Utterance(
        name, audio, SAMPLE_RATE, len(waveform), image=image, text=" ".join(shown).capitalize(), words=tuple(words)
    )


def _tag_file(folder: Path, utterances: list[Utterance]) -> Path:
    lines = [f"Tags: {' '.join(PITCHES)}"]
    for utterance in utterances:
        words = {word.word for word in utterance.words or ()}
        assert utterance.image is not None
        lines.append(f"{utterance.image.stem}: {' '.join('0.9' if word in words else '0.02' for word in PITCHES)}")
    path = folder / "tags.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The corpus; not to be changed."""
    return write_tiny_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture
def own_corpus(tiny_corpus: Corpus, tmp_path: Path) -> Corpus:
    """A copy of the corpus that a test may change."""
    shutil.copytree(tiny_corpus.folder, tmp_path / "corpus")
    return read_corpus(tmp_path / "corpus")


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """A small encoder that learns the corpus in a few seconds on one core."""
    return Recipe.model_validate(
        {
            "name": "tiny",
            "supervision": "vgs",
            "localisation": "score-aggregation",
            "augment": {
                "speeds": [0.95, 1.0],
                "time_masks": 1,
                "time_width": 0.1,
                "feature_masks": 1,
                "feature_width": 0.1,
            },
            "model": {
                "encoder": [
                    {"channels": 24, "kernel": 9, "stride": 4, "norm": True},
                    {"channels": 24, "kernel": 5, "norm": True, "dropout": 0.1},
                    {"channels": "keywords", "kernel": 1, "relu": False},
                ],
                "pooling": {"kind": "log-mean-exp", "r": 1.0},
            },
            "training": {"epochs": 30, "batch_size": 4, "learning_rate": 0.01, "schedule": "cosine", "warmup": 0.1},
        }
    )


@pytest.fixture(scope="session")
def tiny_run(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model that learned the corpus from its soft tags in one go; not to be changed."""
    from earmark.training.loop import train

    out = tmp_path_factory.mktemp("runs") / "tiny"
    train(tiny_recipe, tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


@pytest.fixture(scope="session")
def tiny_pictured_recipe(tiny_recipe: Recipe) -> Recipe:
    """The tiny encoder beside a small image network, that meet in the keywords: for both kinds of query."""
    values = tiny_recipe.model_dump(exclude_none=True)
    values["name"] = "tiny-pictured"
    values["model"] = {
        "speech": {"kind": "conv", "layers": values["model"]["encoder"][:-1]},
        "image": {"kind": "small", "side": 32, "channels": [8, 16], "dropout": 0.0},
        "dimension": 16,
        "similarity": {"kind": "keywords"},
    }
    values["training"]["epochs"] = 30
    return Recipe.model_validate(values)


@pytest.fixture(scope="session")
def tiny_pair_recipe(tiny_pictured_recipe: Recipe) -> Recipe:
    """The same networks, compared pair by pair: for image queries alone."""
    values = tiny_pictured_recipe.model_dump(exclude_none=True)
    values |= {"name": "tiny-pair", "localisation": "matchmap"}
    values["model"]["similarity"] = {"kind": "localising-attention"}
    values["loss"] = {"kind": "contrastive"}
    values["training"]["epochs"] = 12
    return Recipe.model_validate(values)


@pytest.fixture(scope="session")
def tiny_pictured_run(
    tiny_corpus: Corpus, tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of a model that takes both kinds of query; not to be changed."""
    from earmark.training.loop import train

    out = tmp_path_factory.mktemp("runs") / "tiny-pictured"
    train(tiny_pictured_recipe, tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


@pytest.fixture(scope="session")
def tiny_pair_run(tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model that takes image queries alone; not to be changed."""
    from earmark.training.loop import train

    out = tmp_path_factory.mktemp("runs") / "tiny-pair"
    train(tiny_pair_recipe, tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


@pytest.fixture
def command_line() -> Iterator[None]:
    """Notes, warnings and progress are printed as the command line prints them; else the library is silent."""
    from earmark.cli.console import show_messages

    with show_messages():
        yield


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which anything asks for an address or opens a connection."""
    calls = []

    def refuse(*arguments: object, **_: object) -> None:
        calls.append(arguments)
        raise OSError("there is no network")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert calls == []


@pytest.fixture
def shorter(tiny_recipe: Recipe) -> Callable[..., Recipe]:
    """The tiny recipe with some of its training settings changed, by default to 3 epochs."""

    def change(**training: object) -> Recipe:
        values = tiny_recipe.model_dump(exclude_none=True)
        values["training"].update({"epochs": 3, **training})
        return Recipe.model_validate(values)

    return change


@pytest.fixture(scope="session")
def tiny_rows(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Two rows of the grid of Olaleye et al. (2022), and our own; not to be changed."""
    from earmark.reproduce.grid import Row

    folder = tmp_path_factory.mktemp("recipes")
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 4
    attend = json.loads(json.dumps(values))
    attend["model"] |= {"pooling": {"kind": "attention"}, "classifier": [8]}
    attend["model"]["encoder"][-1] = {"channels": 16, "kernel": 1}
    attend["localisation"] = "attention"
    for name, recipe in (("psc", values), ("cnn-attend", attend)):
        (folder / f"{name}.yaml").write_text(write_recipe(Recipe.model_validate(recipe)), encoding="utf-8")
    return [
        Row("psc", "score-aggregation", str(folder / "psc.yaml"), "PSC", 1),
        Row("cnn-attend", "attention", str(folder / "cnn-attend.yaml"), "CNN-Attend", 3),
        Row("earmark", "score-aggregation", str(folder / "psc.yaml"), "Earmark's default"),
    ]


@pytest.fixture
def go(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path) -> Callable[..., Path]:
    """Reproduce into a folder of the test's own."""
    from earmark.reproduce import olaleye2022
    from earmark.reproduce.budget import Budget

    def reproduced(
        corpus: Corpus = tiny_corpus,
        only: tuple[str, ...] = (),
        semantic: Path | None = None,
        keywords: tuple[str, ...] = (),
        **budget: float,
    ) -> Path:
        words = Vocabulary(keywords or corpus.keywords)
        olaleye2022.reproduce(corpus, tmp_path / "out", words, only, Budget(**budget), semantic, tiny_rows)
        return tmp_path / "out"

    return reproduced


@pytest.fixture(scope="session")
def done(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reproduction that lacks one cell; not to be changed."""
    from earmark.reproduce import olaleye2022
    from earmark.reproduce.budget import Budget

    out = tmp_path_factory.mktemp("done")
    only = ("psc", "cnn-attend", "earmark/*/vgs")
    olaleye2022.reproduce(tiny_corpus, out, Vocabulary(tiny_corpus.keywords), only, Budget(epochs=8), grid=tiny_rows)
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, with nothing but local files to open."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield opened
        opened.close()
