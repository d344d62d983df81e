"""Sound in memory gives what the same sound in a file gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

import earmark
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.media.arrays import Sound
from earmark.media.audio import read_audio


@pytest.fixture(scope="module")
def model(tiny_run: Path) -> earmark.KeywordSpotter:
    return earmark.load_model(tiny_run, device="cpu")


@pytest.fixture(scope="module")
def long(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All test utterances, one after the other, in two channels of which the second is delayed; 13 s at 44.1 kHz."""
    waveform = np.concatenate([read_audio(utterance.audio) for utterance in tiny_corpus.utterances("test")])
    upsampled = np.interp(np.arange(0, len(waveform), 16_000 / 44_100), np.arange(len(waveform)), waveform)
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, np.stack([upsampled, np.roll(upsampled, 30_000)], axis=1), 44_100, subtype="FLOAT")
    return path


def nearly(hits: list[Hit]) -> list[tuple[Any, ...]]:
    return [
        (hit.query, *(round(value, 2) for value in (hit.score, hit.time_s, hit.start_s, hit.end_s))) for hit in hits
    ]


def test_find_in_an_array_gives_the_hits_of_its_file(model: earmark.KeywordSpotter, long: Path) -> None:
    samples, rate = soundfile.read(long)
    of_file = model.find(["dog", "snow"], long)
    of_array = model.find(["dog", "snow"], samples.T, sample_rate=rate)
    assert len(of_file) > 5
    assert nearly(of_array) == nearly(of_file)
    assert {hit.recording for hit in of_array} == {"array"}
    assert nearly(model.find("dog", torch.from_numpy(samples.T), top=2, sample_rate=rate)) == nearly(
        [hit for hit in of_file if hit.query == "dog"][:2]
    )


def test_whole_numbers_are_of_full_scale(model: earmark.KeywordSpotter, tiny_corpus: Corpus) -> None:
    audio = tiny_corpus.utterances("test")[0].audio
    for kind in ("int16", "int32"):
        samples, rate = soundfile.read(audio, dtype=kind)
        np.testing.assert_allclose(Sound(samples, rate).mono(), read_audio(audio), atol=1e-4)


def test_localise_gives_the_arrays_of_a_file_or_an_array(model: earmark.KeywordSpotter, tiny_corpus: Corpus) -> None:
    utterance = tiny_corpus.utterances("test")[1]
    samples, rate = soundfile.read(utterance.audio)
    of_file, of_array = (
        model.localise(["dog", "ball"], utterance.audio),
        model.localise(["dog", "ball"], samples, sample_rate=rate),
    )
    for name in ("scores", "locations_s", "starts_s", "ends_s", "times_s", "curves"):
        np.testing.assert_allclose(getattr(of_array, name), getattr(of_file, name), atol=1e-5)
    assert of_file.queries == ("dog", "ball")
    assert of_file.curves.shape == (2, len(of_file.times_s))
    best_s = of_file.times_s[of_file.curves.argmax(axis=1)]
    np.testing.assert_allclose(best_s, of_file.locations_s, atol=1e-9)
    hits = model.score_utterance(read_audio(utterance.audio), ["dog", "ball"])
    np.testing.assert_allclose(of_file.scores, [one.hit.score for one in hits])


def test_embeddings_are_the_encoders_frames(model: earmark.KeywordSpotter, tiny_corpus: Corpus) -> None:
    utterance = tiny_corpus.utterances("test")[1]
    embedding = model.embed(utterance.audio)
    features = model.features(read_audio(utterance.audio))[None]
    with torch.no_grad():
        frames, _ = model.model.encode_speech(features, torch.tensor([features.shape[1]]))
    np.testing.assert_allclose(embedding.vectors, frames[0].numpy(), atol=1e-6)
    step_s = np.diff(embedding.times_s)
    np.testing.assert_allclose(step_s, model.model.grid.stride_s)
    assert embedding.times_s[-1] <= utterance.duration_s


Array = npt.NDArray[Any]


@pytest.mark.parametrize(
    ("samples", "rate", "sentence"),
    [
        (np.zeros(100), None, "give sample_rate"),
        (np.zeros(100), 0, "no sample rate"),
        (np.zeros(100), 16_000.5, "no sample rate"),
        (np.zeros((2, 3, 4)), 16_000, r"shape \(2, 3, 4\)"),
        (np.zeros(0), 16_000, r"shape \(0,\)"),
        (np.zeros((16_000, 2)), 16_000, "transpose"),
        (np.full(100, np.nan), 16_000, "no numbers"),
        (np.zeros(100, dtype=np.uint8), 16_000, "uint8"),
    ],
)
def test_what_is_no_sound_is_refused(model: earmark.KeywordSpotter, samples: Array, rate: Any, sentence: str) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        model.find("dog", samples, sample_rate=rate)


def test_a_file_states_its_own_rate(model: earmark.KeywordSpotter, long: Path) -> None:
    with pytest.raises(EarmarkError, match="leave sample_rate out"):
        model.find("dog", [long], sample_rate=16_000)


def test_a_device_or_method_that_is_not_there_is_refused(tiny_run: Path) -> None:
    with pytest.raises(EarmarkError, match="no device 'tpu0'"):
        earmark.load_model(tiny_run, device="tpu0")
    with pytest.raises(EarmarkError, match="no localisation method 'no'"):
        earmark.load_model(tiny_run, localisation="no")
    assert earmark.load_model(tiny_run, "cpu", "masked-in").localisation == "masked-in"
