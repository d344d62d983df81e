from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from earmark.core.errors import EarmarkError
from earmark.corpora.spoken_coco import prepare
from support.imports import (
    DAMAGED,
    assert_account_is_right,
    assert_same_bytes,
    noted,
    spoken,
    totals,
    utterances,
    write,
)
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")

MANY = 40


def photo(number: int, part: str = "train") -> str:
    return f"{part}2014/COCO_{part}2014_{number:012d}.jpg"


def caption(stem: str, **fields: Any) -> dict[str, Any]:
    return {"text": f"A dog, {stem} .", "wav": f"wavs/{stem[0]}/{stem}.wav", "speaker": "m3t1", "uttid": stem, **fields}


def write_list(path: Path, items: list[Any]) -> None:
    write(path, json.dumps({"data": items}))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The corpus as it is distributed, beside COCO's photos, with damage of every kind."""
    source = tmp_path / "coco" / "SpokenCOCO"
    train = [
        {
            "image": photo(1),
            "captions": [
                caption("t1"),
                caption("t2", speaker=7, text=5),
                caption("t3"),
                caption("t4"),
                caption("t1"),
            ],
        },
        {"image": photo(2), "captions": [caption("t5"), {"text": "No recording"}, "damaged", {"wav": 5.5}]},
        {"image": photo(3), "captions": [caption("t6")]},
        {"image": photo(4), "captions": [caption("t7")]},
        {"captions": [caption("t8")]},
        {"image": photo(5), "captions": "none"},
        {"image": photo(1)},
        "damaged",
        {"image": photo(6), "captions": []},
    ]
    val = [{"image": photo(n, "val"), "captions": [caption(f"v{n}a"), caption(f"v{n}b")]} for n in range(MANY)]
    write_list(source / "SpokenCOCO_train.json", train)
    write_list(source / "SpokenCOCO_val.json", val)
    for stem in ("t1", "t2", "t4", "t5", "t6", "t7", "t8"):
        write_tone(source / "wavs" / "t" / f"{stem}.wav")
    (source / "wavs" / "t" / "t4.wav").write_bytes(DAMAGED)
    recording = write_tone(source / "wavs" / "v" / "v.wav", 0.1)
    for n in range(MANY):
        for letter in "ab":
            (source / "wavs" / "v" / f"v{n}{letter}.wav").hardlink_to(recording)
        write_picture(source.parent / photo(n, "val"), (2, 2))
    for n in (1, 2, 5):
        write_picture(source.parent / photo(n))
    (source.parent / photo(4)).write_bytes(DAMAGED)
    write(
        source / "words.txt",
        "t1 0.5 0.75 dog",
        "t1 0.25 0.5 a",
        "t1 0.9 1.5 late",
        "t3 0 0.5 gone",
        "t1 0.5 dog",
        "t1 soon 0.5 dog",
        "t1 0.5 0.25 dog",
        b"\xff 0 1 dog",
    )
    return source


def test_what_is_whole_is_read(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert {id_ for id_, (split, _) in found.items() if split == "train"} == {"t1", "t2", "t5"}
    first, second = found["t1"][1], found["t2"][1]
    assert first.audio == source / "wavs" / "t" / "t1.wav"
    assert first.image == source.parent / photo(1)
    assert (first.speaker, first.text) == ("m3t1", "A dog, t1 .")
    assert spoken(first) == [("a", 0.25, 0.5), ("dog", 0.5, 0.75)]
    assert (second.speaker, second.text, second.words) == ("7", None, None)
    assert (corpus.name, corpus.language, len(corpus.keywords)) == ("SpokenCOCO", "en", 67)


def test_a_hash_of_the_picture_parts_val_into_dev_and_test(source: Path, tmp_path: Path) -> None:
    found = utterances(prepare(source, tmp_path / "out"))
    splits = {id_: split for id_, (split, _) in found.items() if id_.startswith("v")}
    assert len(splits) == 2 * MANY
    sizes = {split: list(splits.values()).count(split) for split in ("dev", "test")}
    assert sum(sizes.values()) == 2 * MANY
    assert min(sizes.values()) > 2 * MANY / 4
    assert all(splits[f"v{n}a"] == splits[f"v{n}b"] for n in range(MANY))
    # The others stay where they are when some go.
    val = json.loads((source / "SpokenCOCO_val.json").read_text())["data"]
    write_list(source / "SpokenCOCO_val.json", val[::-3])
    fewer = utterances(prepare(source, tmp_path / "fewer"))
    assert {id_: split for id_, (split, _) in fewer.items() if id_.startswith("v")}.items() < splits.items()


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out")
    notes = noted(corpus.folder)
    assert len(notes.pop(("utterances", "kept without word times"))) == 2 + 2 * MANY
    item, words = "SpokenCOCO_train.json item", "words.txt row"
    assert notes == {
        ("utterances", "left out: no recording or no picture is named"): [
            *(f"{item} {number}" for number in (7, 8, 9, 12, 13, 14, 15))
        ],
        ("utterances", "left out: they are listed twice"): ["t1"],
        ("utterances", "left out: there is no such picture"): ["t6"],
        ("utterances", "left out: the picture can't be read"): ["t7"],
        ("utterances", "left out: there is no such audio file"): ["t3"],
        ("utterances", "left out: the audio can't be read"): ["t4"],
        ("utterances", "kept without a written caption"): ["t2"],
        ("words", "left out: the line is not UTF-8 text"): [f"{words} 8"],
        ("words", "left out: the line of words.txt is not in order"): [f"{words} {row}" for row in (5, 6, 7)],
        ("words", "left out: they run past the end of their utterance"): ["t1"],
        ("words", "left out: their utterance is not in the corpus"): ["t3"],
    }
    printed = capsys.readouterr().out
    assert totals(printed)["utterances"] == (15 + 2 * MANY, 12, 3 + 2 * MANY)
    assert_account_is_right(corpus, printed)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)


def test_karpathys_splits(source: Path, tmp_path: Path) -> None:
    splits = {photo(1): "restval", photo(0, "val"): "val", photo(1, "val"): "test", photo(2, "val"): "train"}
    images = [{"filename": Path(name).name, "split": split} for name, split in splits.items()]
    write(source / "dataset_coco.json", json.dumps({"images": images}))
    corpus = prepare(source, tmp_path / "out")
    assert {id_: split for id_, (split, _) in utterances(corpus).items()} == {
        **dict.fromkeys(["t1", "t2", "v2a", "v2b"], "train"),
        **dict.fromkeys(["v0a", "v0b"], "dev"),
        **dict.fromkeys(["v1a", "v1b"], "test"),
    }
    left_out = noted(corpus.folder)["utterances", "left out: their picture is in no Karpathy split"]
    assert len(left_out) == 3 + 2 * (MANY - 3)


def test_three_lists_that_follow_karpathy(source: Path, tmp_path: Path) -> None:
    for part, stem in (("train", "t1"), ("val", "v1a"), ("test", "v2a")):
        image = photo(int(stem[1]), "train" if part == "train" else "val")
        write_list(source / f"SpokenCOCO_{part}_unrolled_karpathy.json", [{"image": image, "caption": caption(stem)}])
    found = utterances(prepare(source, tmp_path / "out"))
    assert {id_: split for id_, (split, _) in found.items()} == {"t1": "train", "v1a": "dev", "v2a": "test"}


def test_photos_elsewhere(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "photos"
    place.mkdir()
    for part in ("train2014", "val2014"):
        (source.parent / part).rename(place / part)
    found = utterances(prepare(source.parent, tmp_path / "out", images=place))  # the folder above is found, too
    assert found["t1"][1].image == place / photo(1)


@pytest.mark.parametrize("content", ["", "[]", '{"data": 5}', '{"data": [', "[" * 100_000])
def test_a_damaged_list_is_named(source: Path, tmp_path: Path, content: str) -> None:
    write(source / "SpokenCOCO_val.json", content)
    with pytest.raises(EarmarkError, match=r"SpokenCOCO_val.json can't be read .*: download it again"):
        prepare(source, tmp_path / "out")
    (source / "SpokenCOCO_val.json").unlink()
    with pytest.raises(EarmarkError, match=r"There is no SpokenCOCO_val.json in .*SpokenCOCO"):
        prepare(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
