from __future__ import annotations

import gzip
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from lhotse import CutSet, validate

from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from support.media import write_picture, write_tone

TEXT = st.text(min_size=1, max_size=12)


@st.composite
def aligned_words(draw: st.DrawFn, samples: int) -> tuple[Word, ...]:
    ends = draw(st.lists(st.integers(0, samples), max_size=8).map(sorted))
    times_s = [math.floor(end / 16_000 * 10_000) / 10_000 for end in ends]
    return tuple(Word(draw(TEXT), *pair) for pair in zip(times_s[::2], times_s[1::2], strict=False))


@st.composite
def utterances(draw: st.DrawFn, folder: Path) -> list[Utterance]:
    made = []
    for id_ in draw(st.lists(TEXT, unique=True, min_size=1, max_size=5)):
        samples = draw(st.integers(1, 10**6))
        milliseconds = st.integers(0, samples // 16)
        pairs = st.lists(milliseconds, min_size=2, max_size=2, unique=True).map(sorted)
        part = draw(pairs) if samples >= 16 else []
        stretch_s = (part[0] / 1000, part[1] / 1000) if part and draw(st.booleans()) else None
        own_samples = samples if stretch_s is None else 16 * (part[1] - part[0])
        channels = draw(st.integers(1, 2))
        made.append(
            Utterance(
                id=id_,
                audio=folder / draw(st.sampled_from(["audio/a.wav", "ọmọ 犬.ogg"])),
                sample_rate=16_000,
                samples=samples,
                channels=channels,
                channel=draw(st.none() | st.integers(1, channels)) if channels > 1 else None,
                image=draw(st.sampled_from([None, folder / "images" / "a.jpg"])),
                speaker=draw(st.none() | TEXT),
                text=draw(st.none() | TEXT),
                words=draw(st.none() | aligned_words(own_samples)),
                translation=draw(st.none() | TEXT),
                stretch_s=stretch_s,
            )
        )
    return made


@settings(deadline=None, max_examples=50)
@given(st.data(), st.booleans())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, media_inside: bool
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    media = folder if media_inside else tmp_path_factory.mktemp("media")
    splits = {split: data.draw(utterances(media)) for split in ("train", "test")}
    written = write_corpus(Corpus(folder, "näme: 犬", "Yorùbá", "CC BY 4.0", ("ajá", "ọmọ")), splits)
    read = read_corpus(str(folder))
    assert read == written
    assert read.splits() == ("train", "test")
    for split, expected in splits.items():
        assert read.utterances(split) == expected
        validate(CutSet.from_file(read.manifest(split)).to_eager())


def small_corpus(folder: Path, media: Path) -> Corpus:
    """Four real recordings: mono and stereo, three formats, three sampling rates."""
    image = write_picture(media / "a picture.png")
    made = []
    for name, sample_rate, channels in (
        ("mono.wav", 16_000, 1),
        ("stereo.flac", 44_100, 2),
        ("speech.ogg", 48_000, 1),
        ("ọmọ 犬.mp3", 44_100, 1),
    ):
        audio = write_tone(media / name, 0.5, sample_rate, channels)
        info = soundfile.info(str(audio))
        words = (Word("ajá", 0.1, 0.25), Word("dúdú", 0.25, 0.5))
        made.append(Utterance(name, audio, sample_rate, info.frames, channels, image, "Adé", "Ajá dúdú.", words))
    return write_corpus(Corpus(folder, "small"), {"train": made[:2], "test": made[2:]})


@pytest.mark.parametrize("inside", [True, False], ids=["media inside", "media elsewhere"])
def test_lhotse_loads_the_manifest_and_its_audio(tmp_path: Path, inside: bool) -> None:
    folder = tmp_path / "corpus"
    corpus = small_corpus(folder, folder if inside else tmp_path / "media")
    for split in ("train", "test"):
        cut_set = CutSet.from_file(corpus.manifest(split))
        cut_set = cut_set.with_recording_path_prefix(folder) if inside else cut_set
        for cut, utterance in zip(cut_set, corpus.utterances(split), strict=True):
            validate(cut, read_data=True)
            samples, sample_rate = soundfile.read(str(utterance.audio), dtype="float32", always_2d=True)
            np.testing.assert_allclose(cut.load_audio(), samples.T, atol=1e-4)
            assert cut.sampling_rate == sample_rate
            assert cut.duration == utterance.duration_s == 0.5
            assert folder / cut.custom["image"] == utterance.image
            (spoken,) = cut.supervisions
            assert (spoken.text, spoken.speaker) == ("Ajá dúdú.", "Adé")
            assert [(w.symbol, w.start, w.end) for w in spoken.alignment["word"]] == [
                ("ajá", 0.1, 0.25),
                ("dúdú", 0.25, 0.5),
            ]


def test_lhotse_loads_a_stretch_of_a_recording(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "long.wav", 3.0, 16_000, 2)
    samples = soundfile.read(str(audio), dtype="float32")[0]
    words = (Word("ajá", 0.1, 0.25),)
    about = (audio, 16_000, 48_000, 2)
    made = [
        Utterance("a", *about, words=words, translation="dog", stretch_s=(0.5, 1.25)),
        Utterance("b", *about, stretch_s=(1.0, 3.0)),
    ]
    corpus = write_corpus(Corpus(tmp_path / "corpus", "stretches"), {"train": made})
    assert corpus.utterances("train") == made
    cut_set = list(CutSet.from_file(corpus.manifest("train")))
    assert len({cut.recording.id for cut in cut_set}) == 1
    for cut, utterance in zip(cut_set, made, strict=True):
        validate(cut, read_data=True)
        assert utterance.stretch_s is not None
        first, last = (round(edge_s * 16_000) for edge_s in utterance.stretch_s)
        np.testing.assert_allclose(cut.load_audio(), samples[first:last].T, atol=1e-6)
        assert cut.duration == utterance.duration_s
    (supervision,) = cut_set[0].supervisions
    assert supervision.custom["translation"] == "dog"
    assert [(w.symbol, w.start, w.end) for w in supervision.alignment["word"]] == [("ajá", 0.1, 0.25)]


def test_a_corpus_with_its_media_can_be_moved(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "here", tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = read_corpus(tmp_path / "there")
    assert [utterance.audio.is_file() for utterance in moved.utterances("train")] == [True, True]
    assert moved.utterances("train")[0].image == tmp_path / "there" / "a picture.png"
    assert corpus.splits() == ()


def test_media_elsewhere_are_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small_corpus(Path("corpus"), Path("media"))
    monkeypatch.chdir("/")
    read = read_corpus(tmp_path / "corpus").utterances("train")
    assert all(utterance.audio.is_file() and utterance.image.is_file() for utterance in read)


def test_the_same_corpus_is_the_same_bytes(tmp_path: Path) -> None:
    first = small_corpus(tmp_path / "first", tmp_path / "media")
    second = write_corpus(
        replace(first, folder=tmp_path / "second"), {split: first.utterances(split) for split in first.splits()}
    )
    for name in ("corpus.yaml", "train.jsonl.gz", "test.jsonl.gz"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_writing_again_leaves_nothing_of_the_corpus_before(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "corpus", tmp_path / "media")
    after = corpus.utterances("test")
    write_corpus(replace(corpus, name="other"), {"test": after})
    assert read_corpus(corpus.folder).name == "other"
    assert corpus.splits() == ("test",)
    assert corpus.utterances("test") == after


def test_a_folder_that_was_not_finished_is_no_corpus(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "corpus", tmp_path / "media")

    def breaks_down():
        yield corpus.utterances("train")[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_corpus(corpus, {"train": breaks_down()})
    with pytest.raises(EarmarkError, match="is not a corpus"):
        read_corpus(corpus.folder)


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "corpus", tmp_path / "media")
    with pytest.raises(EarmarkError, match=r"has no split 'dev' \(it has: train, test\)"):
        corpus.utterances("dev")


def test_the_picture_the_words_and_the_rest_may_be_unknown(tmp_path: Path) -> None:
    bare = Utterance("a", tmp_path / "a.wav", 8_000, 4_000)
    silent = replace(bare, id="b", words=())
    read = write_corpus(Corpus(tmp_path, "bare"), {"dev": [bare, silent]}).utterances("dev")
    assert read == [bare, silent]
    assert read[0].words is None
    assert read[1].words == ()


def damaged_manifests() -> dict[str, bytes]:
    cut = {
        "id": "a",
        "supervisions": [{}],
        "recording": {"sampling_rate": 8_000, "num_samples": 9, "sources": [{"source": "a.wav", "channels": [0]}]},
    }
    text = (json.dumps(cut) + "\n").encode() * 50
    packed = gzip.compress(text)
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    lines = {
        "no JSON": b"{",
        "an empty line": b"\n",
        "a list": b"[]",
        "a word": b'"cut"',
        "a number": b"7",
        "no fields": b"{}",
        "no supervision": json.dumps(cut | {"supervisions": []}).encode(),
        "custom is a list": json.dumps(cut | {"custom": [1]}).encode(),
        "the recording is a word": json.dumps(cut | {"recording": "a"}).encode(),
        "no source": json.dumps(cut | {"recording": cut["recording"] | {"sources": []}}).encode(),
        "half a word": json.dumps(cut | {"supervisions": [{"alignment": {"word": [["dog", 0.1]]}}]}).encode(),
        "no UTF-8": b'{"id": "\xff"}',
    }
    assert len(text) > len(packed)
    return {
        "empty": b"",
        "not packed": text,
        "cut short": packed[: len(packed) // 2],
        "without its checksum": packed[:-8],
        "a flipped byte": bytes(flipped),
        **{name: gzip.compress(line) for name, line in lines.items()},
    }


@pytest.mark.parametrize("content", damaged_manifests().values(), ids=damaged_manifests())
def test_damaged_manifests(tmp_path: Path, content: bytes) -> None:
    corpus = write_corpus(Corpus(tmp_path, "damaged"), {"train": []})
    assert corpus.utterances("train") == []
    corpus.manifest("train").write_bytes(content)
    with pytest.raises(EarmarkError, match=r"train\.jsonl\.gz is damaged .*: prepare the corpus again"):
        corpus.utterances("train")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name",
        b"- a",
        b"language: en",
        b"name: [",
        b"name: a\nkeywords: 3",
        b"name: a\nkeywords: [dog, Dog]",
        b"name: a\xff",
    ],
)
def test_damaged_corpus_yaml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "corpus.yaml").write_bytes(content)
    with pytest.raises(EarmarkError, match=r"corpus\.yaml"):
        read_corpus(tmp_path)


def test_a_folder_without_corpus_yaml(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="is not a corpus"):
        read_corpus(tmp_path / "nowhere")
