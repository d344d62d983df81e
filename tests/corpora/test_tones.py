"""The corpus of tones: its words sound where it says, and a program can tag it and learn it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import earmark
from earmark.core.errors import EarmarkError
from earmark.corpora.tones import COLOURS
from earmark.supervision.targets import read_targets


def test_words_sound_at_their_times_and_nowhere_else(tmp_path: Path) -> None:
    corpus = earmark.prepare_corpus("tones", str(tmp_path / "a tönes"), size=6)
    assert corpus.keywords == tuple(COLOURS)
    assert [len(corpus.utterances(split)) for split in corpus.splits()] == [6, 8, 8]
    for utterance in corpus.utterances("test"):
        samples, rate = soundfile.read(utterance.audio)
        inside = np.zeros(len(samples), dtype=bool)
        assert utterance.words
        for word in utterance.words:
            # The ends of a tone are faded out, so its middle is compared.
            inside[round((word.start_s + 0.08) * rate) : round((word.end_s - 0.08) * rate)] = True
        outside = np.ones(len(samples), dtype=bool)
        for word in utterance.words:
            outside[round(word.start_s * rate) : round(word.end_s * rate)] = False
        assert np.std(samples[inside]) > 2 * np.std(samples[outside])
        assert utterance.image is not None
        colours = {pixel for _, pixel in Image.open(utterance.image).convert("RGB").getcolors() or []}
        assert len(colours) == 1 + len(utterance.words)
        assert utterance.text == " ".join(word.word for word in utterance.words)


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        earmark.prepare_corpus("tones", folder, size=4, seed=seed)
    one, two, other = ([p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()] for folder in folders)
    assert one == two
    assert one != other


def test_tags_of_a_program(tmp_path: Path) -> None:
    corpus = earmark.prepare_corpus("tones", tmp_path / "tones", size=4)
    first = corpus.utterances("train")[0]
    path = earmark.tag(corpus, {first.id: {"ọmọ": 0.25, "dog": 1}}, name="mine")
    targets = read_targets(path)
    assert path.name == "mine.csv"
    assert targets.rows[first.id].tolist() == [0, 1, 0.25, 0]
    assert np.isnan(targets.rows[corpus.utterances("dev")[0].id]).all()
    bags = read_targets(earmark.tag(str(corpus.folder), "bow"))
    for utterance in corpus.utterances("dev"):
        spoken = [float(word in (utterance.text or "").split()) for word in corpus.keywords]
        assert bags.rows[utterance.id].tolist() == spoken


@pytest.mark.parametrize(
    ("source", "keywords", "sentence"),
    [
        ({"nobody": {"dog": 1.0}}, None, "'nobody', which is no utterance"),
        ({"train-0": {"dog": 1.5}}, None, "'dog' of 'train-0' is 1.5"),
        ({"train-0": {"cat": 1.0}}, None, "cat"),
        ("no/such/file", None, "no/such/file"),
        ("no/such/file", ["dog"], "leave keywords out"),
    ],
)
def test_tags_that_are_wrong_are_refused(
    source: object, keywords: list[str] | None, sentence: str, tmp_path: Path
) -> None:
    corpus = earmark.prepare_corpus("tones", tmp_path / "tones", size=4)
    with pytest.raises(EarmarkError, match=sentence):
        earmark.tag(corpus, source, keywords)  # type: ignore[arg-type]
