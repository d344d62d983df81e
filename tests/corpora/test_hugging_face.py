"""Corpora to data sets and back, offline."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earmark
from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.media.audio import read_audio, read_span

datasets = pytest.importorskip("datasets", reason="needs earmark[hub]")
pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A corpus with every kind of knowledge and of ignorance, in a folder with a space and a letter beyond ASCII."""
    made = earmark.prepare_corpus("tones", tmp_path / "a tönes", size=4)
    splits = {split: made.utterances(split)[:4] for split in made.splits()}
    first = splits["train"][0]
    long = splits["train"][1]
    splits["train"][0] = replace(first, text=None, words=None, image=None, speaker="ọ̀kan", translation="the dog")
    splits["train"][1] = replace(long, words=())
    splits["train"][2] = Utterance("part", long.audio, long.sample_rate, long.samples, stretch_s=(0.25, 0.75), text="x")
    return earmark.write_corpus(made, splits)


def knowledge(utterance: Utterance) -> tuple[object, ...]:
    return (utterance.id, utterance.text, utterance.translation, utterance.speaker, utterance.words)


@pytest.mark.parametrize("media", [False, True])
def test_a_round_trip(corpus: Corpus, tmp_path: Path, media: bool) -> None:
    data = earmark.to_datasets(corpus, media)
    assert list(data) == ["train", "validation", "test"]
    assert data["train"].features["audio"] == datasets.Audio(decode=False)
    if media:
        data.save_to_disk(tmp_path / "saved")
        shutil.move(corpus.folder, tmp_path / "elsewhere")
        data = datasets.load_from_disk(tmp_path / "saved")
    again = earmark.from_datasets(data, tmp_path / "again", "tönes", "xx", "CC0", corpus.keywords)
    source = replace(corpus, folder=tmp_path / "elsewhere") if media else corpus
    assert (again.name, again.language, again.keywords) == ("tönes", "xx", corpus.keywords)
    for split in source.splits():
        for one, other in zip(source.utterances(split), again.utterances(split), strict=True):
            assert knowledge(one) == knowledge(other)
            assert one.duration_s == pytest.approx(other.duration_s)
            if one.stretch_s is None:
                np.testing.assert_array_equal(read_audio(one.audio), read_audio(other.audio))
                assert media == (other.audio.parent == tmp_path / "again" / "audio")
            else:
                np.testing.assert_array_equal(read_span(one.audio, *one.stretch_s)[0], read_audio(other.audio))
            assert (one.image and one.image.read_bytes()) == (other.image and other.image.read_bytes())


def test_columns_of_another_name_and_arrays(tmp_path: Path) -> None:
    samples = np.sin(np.arange(8000) / 10).astype(np.float32)
    rows = [{"recording": {"array": samples.tolist(), "sampling_rate": 8000}, "sentence": "a dog"}]
    data = {"train": datasets.Dataset.from_list(rows)}
    names = {"audio": "recording", "text": "sentence"}
    corpus = earmark.from_datasets(data, tmp_path / "corpus", columns=names)
    [utterance] = corpus.utterances("train")
    assert knowledge(utterance) == ("train-0", "a dog", None, None, None)
    written, rate = soundfile.read(utterance.audio, dtype="float32")
    assert rate == 8000
    np.testing.assert_array_equal(written, samples)


def test_a_model_learns_from_what_came_from_a_data_set(corpus: Corpus, tmp_path: Path) -> None:
    data = earmark.to_datasets(corpus, media=True)
    again = earmark.from_datasets(data, tmp_path / "again", keywords=corpus.keywords)
    path = earmark.tag(again, "bow")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 12  # of 12 utterances, one has no text


@pytest.mark.parametrize(
    ("split", "rows", "columns", "sentence"),
    [
        ("training", [{"audio": None}], None, "no place for the split 'training'"),
        ("train", [{"sound": "a"}], None, r"no column 'audio' with sound \(it has sound\)"),
        ("train", [{"audio": "a.wav"}], None, "neither a file nor an array"),
        ("train", [{"audio": {"path": "no/such.wav", "bytes": None}}], None, "no/such.wav of train-0 is not on this"),
        ("train", [{"audio": "a"}], {"sound": "audio"}, "no column 'sound' to name"),
    ],
)
def test_what_can_not_be_a_corpus_is_refused(
    split: str, rows: list[dict[str, object]], columns: dict[str, str] | None, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        earmark.from_datasets({split: datasets.Dataset.from_list(rows)}, tmp_path / "out", columns=columns)


def test_ids_must_differ(tmp_path: Path) -> None:
    sound = {"array": [0.0, 0.5], "sampling_rate": 8000}
    data = {"train": datasets.Dataset.from_list([{"id": "a", "audio": sound}] * 2)}
    with pytest.raises(EarmarkError, match="Two utterances have the id 'a'"):
        earmark.from_datasets(data, tmp_path / "out")
