from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from earmark.core.corpus import Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.corpora._traces import Pointed, pointed_at
from earmark.corpora.localized_narratives import prepare
from earmark.evaluation.query_images import image_queries_of
from support.imports import assert_account_is_right, assert_same_bytes, noted, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")

MANY = 40
TIMED = [
    {"utterance": "In this", "start_time": 0.0, "end_time": 0.4},
    {"utterance": "beach,", "start_time": 0.4, "end_time": 0.9},
]
TRACE = [
    [{"x": 0.9, "y": 0.9, "t": 0.1}],
    [{"x": -0.05, "y": 0.25, "t": 0.4}, {"x": 0.5, "y": 0.5, "t": 0.6}, {"x": 0.25, "y": 0.75, "t": 0.9}, "damaged"],
]


def narrative(image: str, recording: str, **fields: Any) -> str:
    about = {"dataset_id": "x", "image_id": image, "annotator_id": 93, "caption": "In this beach, a dog."}
    return json.dumps({**about, "timed_caption": TIMED, "traces": TRACE, "voice_recording": recording, **fields})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The lists as they are published, with damage of every kind."""
    source = tmp_path / "narratives"
    lists = source / "annotations"
    damaged = [{"utterance": "a dog", "start_time": 2, "end_time": 1}, {"utterance": "?"}, "damaged"]
    write(
        lists / "coco_train_localized_narratives-00000-of-00004.jsonl",
        narrative("574769", "coco_train/coco_train_574769_93.ogg", timed_caption=damaged),
        "{",
        narrative("", "coco_train/coco_train_1_93.ogg"),
        narrative("2", "coco_train/coco_train_2_93.ogg"),
    )
    many = [narrative(f"{n}", f"coco_val/coco_val_{n}_93.ogg") for n in range(100, 100 + MANY)]
    write(lists / "coco_val_localized_narratives.jsonl", *many)
    for part, image in (("val", "1000092795"), ("test", "1007129816")):
        listed = f"flickr30k_{part}/flickr30k_{part}_{image}_0.jpg"
        write(lists / f"flickr30k_{part}_localized_narratives.jsonl", narrative(image, listed))
        padded = f"flickr30k_{part}/flickr30k_{part}_000000{image}_93.ogg"
        write_tone(source / "voice-recordings" / padded)
        write_picture(source / "images" / "flickr30k" / f"{image}.jpg", (40, 20))
    for n in (574769, *range(100, 100 + MANY)):
        part = "train" if n == 574769 else "val"
        write_tone(source / "voice-recordings" / f"coco_{part}" / f"coco_{part}_{n}_93.ogg")
        write_picture(source / "images" / f"{part}2017" / f"{n:012}.jpg", (40, 20))
    return source


def test_narratives_are_utterances_with_pictures_and_word_times(source: Path, tmp_path: Path) -> None:
    found = utterances(prepare(source, tmp_path / "out"))
    split, one = found["coco_val_100_93"]
    assert split in ("dev", "test")
    assert one.image == source / "images/val2017/000000000100.jpg"
    assert (one.speaker, one.text) == ("93", "In this beach, a dog.")
    assert one.words == (Word("in", 0.0, 0.4), Word("this", 0.0, 0.4), Word("beach", 0.4, 0.9))
    assert found["coco_train_574769_93"][1].words == ()
    assert found["coco_train_574769_93"][0] == "train"


def test_recordings_with_zeros_in_their_names_are_found(source: Path, tmp_path: Path) -> None:
    found = utterances(prepare(source, tmp_path / "out"))
    split, one = found["flickr30k_val_1000092795_0"]
    assert (split, one.audio.name) == ("dev", "flickr30k_val_0000001000092795_93.ogg")
    assert found["flickr30k_test_1007129816_0"][0] == "test"


def test_validation_is_halved_where_there_is_no_test(source: Path, tmp_path: Path) -> None:
    found = utterances(prepare(source, tmp_path / "out"))
    splits = [split for id_, (split, _) in found.items() if id_.startswith("coco_val")]
    assert min(splits.count("dev"), splits.count("test")) > MANY / 4
    assert len(splits) == MANY


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out")
    name = "coco_train_localized_narratives-00000-of-00004.jsonl"
    notes = {what: which for what, which in noted(corpus.folder).items() if "left out" in what[1]}
    assert notes == {
        ("utterances", "left out: the line is no JSON"): [f"{name} row 2"],
        ("utterances", "left out: no recording or no picture is named"): [f"{name} row 3"],
        ("utterances", "left out: there is no such picture"): ["coco_train_2_93"],
        ("words", "left out: their times make no sense"): ["coco_train_574769_93"] * 4,
        ("words", "left out: their utterance is not in the corpus"): ["coco_train_2_93"] * 3,
    }
    assert_account_is_right(corpus, capsys.readouterr().out)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)


def test_a_word_points_at_the_box_of_its_trace() -> None:
    assert pointed_at([Word("beach", 0.4, 0.9), Word("in", 0.0, 0.4), Word("far", 2, 3)], TRACE) == [
        Pointed("beach", 0.0, 0.25, 0.5, 0.75),  # beyond the picture's left edge is cut off
        Pointed("in", 0.0, 0.25, 0.9, 0.9),
    ]
    assert pointed_at([Word("beach", 0, 1)], [[{"x": 0.5, "y": 0.5, "t": 0.1}, {"x": 0.5, "y": 0.5, "t": 0.2}]]) == []
    assert pointed_at([Word("beach", 0, 1)], "damaged") == []
    assert Pointed("beach", 0.0, 0.26, 0.5, 0.74).in_pixels(40, 20) == (0, 5, 20, 15)


def test_traces_of_dev_and_test_are_image_queries(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    with open(corpus.folder / "queries.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == MANY + 2
    assert {row["keyword"] for row in rows} == {"beach"}
    (query,) = image_queries_of(corpus, "test", Vocabulary(["beach"])).queries
    assert {prompt.box for prompt in query.prompts} == {(0, 5, 20, 15)}


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no list such as coco_val_localized_narratives.jsonl in "):
        prepare(tmp_path, tmp_path / "out")
