from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora.places_audio import prepare
from support.imports import DAMAGED, assert_account_is_right, assert_same_bytes, noted, totals, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")

MANY = 40


def item(name: str, **fields: Any) -> dict[str, Any]:
    spoken = {"uttid": f"S1-{name}", "speaker": "S1", "asr_text": f"a beach {name}"}
    return {**spoken, "wav": f"wavs/1/{name}.wav", "image": f"b/beach/{name}.jpg", **fields}


def write_list(path: Path, items: list[Any], audio: str = "/nowhere/audio", images: str = "/nowhere/images") -> None:
    write(path, json.dumps({"audio_base_path": audio, "image_base_path": images, "data": items}))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The corpus as it is distributed, with damage of every kind."""
    source = tmp_path / "PlacesAudio_400k_distro"
    train = [
        item("one"),
        {"wav": "wavs/1/two.wav", "image": "b/beach/two.jpg"},  # nothing else is sure to be there
        item("three"),
        item("four"),
        item("five"),
        item("six"),
        item("one"),
        item("seven", wav=None),
        item("eight", image=["b"]),
        "damaged",
        item("nine", wav="wavs/\0.wav"),
        item("ten", wav=f"wavs/{'long' * 100}.wav", image="b/beach/one.jpg"),
        item("half", asr_text="half a \ud83d letter", image="b/beach/one.jpg"),
    ]
    write_list(source / "metadata" / "train.json", train)
    write_list(source / "metadata" / "val.json", [item(f"v{n}") for n in range(MANY)])
    for name in ("one", "two", "four", "five", "six", "half"):
        write_tone(source / "wavs" / "1" / f"{name}.wav")
    (source / "wavs" / "1" / "four.wav").write_bytes(DAMAGED)
    for name in ("one", "two", "three", "four", "six", *(f"v{n}" for n in range(MANY))):
        write_picture(source / "images" / "b" / "beach" / f"{name}.jpg", (2, 2))
    (source / "images" / "b" / "beach" / "six.jpg").write_bytes(DAMAGED)
    for n in range(MANY):
        write_tone(source / "wavs" / "1" / f"v{n}.wav", 0.1)
    return source


def test_what_is_whole_is_read(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out", keywords="34")
    found = utterances(corpus)
    assert {id_ for id_, (split, _) in found.items() if split == "train"} == {"S1-one", "two", "S1-half"}
    first, second = found["S1-one"][1], found["two"][1]
    assert first.audio == source / "wavs" / "1" / "one.wav"
    assert first.image == source / "images" / "b" / "beach" / "one.jpg"
    assert (first.speaker, first.text, first.words) == ("S1", "a beach one", None)
    assert (second.speaker, second.text) == (None, None)
    assert found["S1-half"][1].text == "half a ? letter"
    splits = [split for id_, (split, _) in found.items() if id_.startswith("S1-v")]
    assert len(splits) == MANY
    assert min(splits.count("dev"), splits.count("test")) > MANY / 4
    assert (corpus.name, len(corpus.keywords)) == ("Places Audio Captions", 34)


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out")
    nothing_named = [f"train.json item {number}" for number in (8, 9, 10)]
    assert noted(corpus.folder) == {
        ("utterances", "left out: no recording or no picture is named"): nothing_named,
        ("utterances", "left out: they are listed twice"): ["S1-one"],
        ("utterances", "left out: there is no such picture"): ["S1-five", "S1-nine"],
        ("utterances", "left out: the picture can't be read"): ["S1-six"],
        ("utterances", "left out: there is no such audio file"): ["S1-three", "S1-ten"],
        ("utterances", "left out: the audio can't be read"): ["S1-four"],
        ("utterances", "kept without a speaker"): ["two"],
        ("utterances", "kept without a written caption"): ["two"],
    }
    printed = capsys.readouterr().out
    assert totals(printed)["utterances"] == (13 + MANY, 10, 3 + MANY)
    assert_account_is_right(corpus, printed)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)


def test_media_where_the_lists_say(source: Path, tmp_path: Path) -> None:
    audio, photos = tmp_path / "audio", tmp_path / "photos"
    audio.mkdir()
    (source / "wavs").rename(audio / "wavs")
    (source / "images").rename(photos)
    for part in ("train", "val"):
        path = source / "metadata" / f"{part}.json"
        write_list(path, json.loads(path.read_text())["data"], str(audio), str(photos))
    found = utterances(prepare(source, tmp_path / "out"))
    assert (found["two"][1].audio, found["two"][1].image) == (audio / "wavs/1/two.wav", photos / "b/beach/two.jpg")
    photos.rename(tmp_path / "more photos")
    found = utterances(prepare(source, tmp_path / "out", images=tmp_path / "more photos"))
    assert found["two"][1].image == tmp_path / "more photos" / "b" / "beach" / "two.jpg"


def test_what_is_essential_is_required(source: Path, tmp_path: Path) -> None:
    (source / "metadata" / "val.json").rename(source / "val.json")
    assert len(utterances(prepare(source, tmp_path / "found"))) == 3 + MANY
    (source / "val.json").unlink()
    with pytest.raises(EarmarkError, match=r"There is no val.json in .*distro .*metadata/.*: it lists the recordings"):
        prepare(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
