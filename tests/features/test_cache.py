from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus, Utterance, write_corpus
from earmark.core.errors import EarmarkError
from earmark.features import cache, extractor
from earmark.features.cache import FeatureSet, load_features
from earmark.features.kinds import log_mel, mfcc, pretrained
from earmark.media.audio import Waveform, read_audio
from earmark.recipe import FeatureSettings
from support import networks
from support.media import write_tone

MFCC = mfcc.Settings()
DURATIONS_S = (0.5, 1.23, 0.02)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Three recordings, the last shorter than an analysis window."""
    folder = tmp_path / "a corpus ọmọ"
    names = ("one.wav", "two 犬.flac", "short.wav")
    made = []
    for name, seconds in zip(names, DURATIONS_S, strict=True):
        audio = write_tone(folder / "audio" / name, seconds)
        made.append(Utterance(f"utterance {name}", audio, 16_000, round(seconds * 16_000)))
    return write_corpus(Corpus(folder, "tones"), {"train": made, "test": made[:1], "dev": []})


@pytest.fixture
def paths_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the audio files that have been read."""
    names: list[str] = []

    def listening(path: Path) -> Waveform:
        names.append(path.name)
        return read_audio(path)

    monkeypatch.setattr("earmark.media.utterances.read_audio", listening)
    return names


def check(features: FeatureSet, corpus: Corpus, settings: FeatureSettings = MFCC) -> None:
    """The features are those of the corpus's audio as it is now."""
    extract = extractor(settings)
    utterances = corpus.utterances("train")
    assert len(features) == len(utterances)
    assert features.lengths.tolist() == [len(features[u]) for u in range(len(features))]
    for number, utterance in enumerate(utterances):
        fresh = extract(read_audio(utterance.audio)).numpy()
        assert features[number].dtype == np.float32
        np.testing.assert_array_equal(features[number], fresh.astype(np.float16))


def files(corpus: Corpus) -> list[Path]:
    return sorted(path for path in (corpus.folder / "features").rglob("*") if path.is_file())


def test_features_are_those_of_the_audio_first_and_later(corpus: Corpus) -> None:
    check(load_features(corpus, "train", MFCC), corpus)
    check(load_features(corpus, "train", MFCC), corpus)


def test_the_second_time_no_audio_is_read(corpus: Corpus, paths_read: list[str]) -> None:
    first = load_features(corpus, "train", MFCC)
    assert sorted(paths_read) == ["one.wav", "short.wav", "two 犬.flac"]
    paths_read.clear()
    second = load_features(corpus, "train", MFCC)
    assert paths_read == []
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.starts, second.starts)


def test_a_corpus_that_was_moved_keeps_its_features(corpus: Corpus, paths_read: list[str], tmp_path: Path) -> None:
    load_features(corpus, "train", MFCC)
    paths_read.clear()
    shutil.move(corpus.folder, tmp_path / "moved")
    moved = Corpus(tmp_path / "moved", "tones")
    check(load_features(moved, "train", MFCC), moved)
    assert paths_read == []


def change_length(audio: Path) -> None:
    write_tone(audio, 0.8)


def change_time(audio: Path) -> None:
    """Same size, other sound, a moment later."""
    before = audio.stat()
    samples = np.random.default_rng(0).normal(size=8_000) / 10
    write_tone(audio, 0.5)
    content = bytearray(audio.read_bytes())
    content[44:] = (samples * 32767).astype("<i2").tobytes()
    audio.write_bytes(content)
    os.utime(audio, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert audio.stat().st_size == before.st_size


@pytest.mark.parametrize("change", [change_length, change_time])
def test_a_changed_recording_is_read_again(corpus: Corpus, change: Callable[[Path], None]) -> None:
    load_features(corpus, "train", MFCC)
    change(corpus.folder / "audio" / "one.wav")
    check(load_features(corpus, "train", MFCC), corpus)


def test_another_order_of_utterances_is_noticed(corpus: Corpus) -> None:
    load_features(corpus, "train", MFCC)
    write_corpus(corpus, {"train": corpus.utterances("train")[::-1]})
    check(load_features(corpus, "train", MFCC), corpus)


def test_a_missing_recording_is_named(corpus: Corpus) -> None:
    load_features(corpus, "train", MFCC)
    audio = corpus.folder / "audio" / "two 犬.flac"
    audio.unlink()
    with pytest.raises(EarmarkError) as error:
        load_features(corpus, "train", MFCC)
    assert "utterance two 犬.flac" in str(error.value)
    assert str(audio) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_folder_of_recordings_is_named(corpus: Corpus) -> None:
    shutil.rmtree(corpus.folder / "audio")
    (corpus.folder / "audio").write_text("a file where the folder was")
    with pytest.raises(EarmarkError, match=r"utterance one\.wav is gone"):
        load_features(corpus, "train", MFCC)


def test_a_damaged_recording_is_named(corpus: Corpus) -> None:
    (corpus.folder / "audio" / "one.wav").write_bytes(b"no sound")
    with pytest.raises(EarmarkError, match=r"one\.wav can't be read as audio"):
        load_features(corpus, "train", MFCC)
    assert files(corpus) == []


def break_down(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]) -> None:
    """Compute features until the last recording is to be read."""

    def breaks_down(path: Path) -> Waveform:
        if path.name == "short.wav":
            raise interruption
        return read_audio(path)

    with monkeypatch.context() as patch:
        patch.setattr("earmark.media.utterances.read_audio", breaks_down)
        with pytest.raises(interruption):
            load_features(corpus, "train", MFCC)


@pytest.mark.parametrize("before", [False, True], ids=["first time", "after a change"])
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_nothing_half(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException], before: bool
) -> None:
    if before:
        load_features(corpus, "train", MFCC)
        change_length(corpus.folder / "audio" / "one.wav")

    break_down(corpus, monkeypatch, interruption)
    assert not [path for path in files(corpus) if "partial" in path.name or path.suffix == ".json"]
    check(load_features(corpus, "train", MFCC), corpus)


@pytest.mark.parametrize("damage", [None, b"", b"half"], ids=["whole", "empty", "half"])
def test_what_was_computed_before_a_stop_is_not_computed_again(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, paths_read: list[str], damage: bytes | None
) -> None:
    monkeypatch.setattr(cache, "A_PART", 1)
    break_down(corpus, monkeypatch, KeyboardInterrupt)
    left = [path for path in files(corpus) if path.suffix == ".safetensors"]
    assert len(left) == 2
    if damage is not None:
        left[0].write_bytes(damage)
    paths_read.clear()
    features = load_features(corpus, "train", MFCC)
    assert len(paths_read) == (1 if damage is None else 2)
    assert "short.wav" in paths_read
    check(features, corpus)
    assert {path.suffix for path in files(corpus)} == {".f16", ".json"}


def test_a_recording_that_changed_after_a_stop_is_read_again(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "A_PART", 1)

    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            load_features(corpus, "train", MFCC)
    change_length(corpus.folder / "audio" / "one.wav")
    check(load_features(corpus, "train", MFCC), corpus)


def test_a_stop_between_the_array_and_its_index_is_noticed(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The recordings are changed, heard, and put back as they were: the old index would fit, the array does not."""
    load_features(corpus, "train", MFCC)
    audio, copy = corpus.folder / "audio" / "one.wav", tmp_path / "kept.wav"
    shutil.copy2(audio, copy)
    change_time(audio)

    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            load_features(corpus, "train", MFCC)
    shutil.copy2(copy, audio)
    check(load_features(corpus, "train", MFCC), corpus)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b'{"audio": []}', b"\xff", b'{"starts": []}'])
def test_a_damaged_index_is_made_anew(corpus: Corpus, content: bytes) -> None:
    load_features(corpus, "train", MFCC)
    (index,) = (path for path in files(corpus) if path.suffix == ".json")
    index.write_bytes(content)
    check(load_features(corpus, "train", MFCC), corpus)


@pytest.mark.parametrize("size", [None, 0, 100], ids=["gone", "empty", "cut short"])
def test_a_damaged_array_is_made_anew(corpus: Corpus, size: int | None) -> None:
    load_features(corpus, "train", MFCC)
    (array,) = (path for path in files(corpus) if path.suffix == ".f16")
    if size is None:
        array.unlink()
    else:
        os.truncate(array, size)
    check(load_features(corpus, "train", MFCC), corpus)


def test_other_settings_and_other_splits_have_places_of_their_own(corpus: Corpus, paths_read: list[str]) -> None:
    kinds = (MFCC, mfcc.Settings(mel_filters=23), log_mel.Settings())
    for settings in kinds:
        load_features(corpus, "train", settings)
    load_features(corpus, "test", MFCC)
    assert len({path.parent for path in files(corpus)}) == 3
    paths_read.clear()
    for settings in kinds:
        check(load_features(corpus, "train", settings), corpus, settings)
    assert paths_read == []


def test_a_split_without_utterances(corpus: Corpus) -> None:
    features = load_features(corpus, "dev", MFCC)
    assert len(features) == 0
    assert features.frames.shape == (0, 39)


def test_lengths_are_those_of_the_grid(corpus: Corpus) -> None:
    """Worked by hand: a frame every 10 ms; 20 ms are less than a window, which is three frames."""
    assert load_features(corpus, "train", MFCC).lengths.tolist() == [50, 123, 3]


def test_a_pretrained_network_has_a_place_by_what_it_computes(
    corpus: Corpus, paths_read: list[str], tmp_path: Path
) -> None:
    folder = networks.speech(tmp_path / "net")
    settings = pretrained.Settings(network=str(folder), layer=1)
    first = load_features(corpus, "train", settings)
    check(first, corpus, settings)
    assert first.lengths.tolist() == [24, 61, 1]  # worked by hand: every 20 ms, as long as 25 ms are left
    paths_read.clear()
    folder.rename(tmp_path / "moved")
    moved = settings.model_copy(update={"network": str(tmp_path / "moved")})
    check(load_features(corpus, "train", moved), corpus, moved)
    assert paths_read == []
    networks.speech(tmp_path / "moved", seed=1)  # another network in the same folder
    other = load_features(corpus, "train", moved)
    check(other, corpus, moved)
    assert not np.array_equal(other.frames, first.frames)
    assert len({path.parent for path in files(corpus)}) == 2
