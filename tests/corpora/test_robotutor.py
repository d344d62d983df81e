from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from earmark.core.corpus import Word
from earmark.core.errors import EarmarkError
from earmark.corpora.robotutor import prepare
from support.imports import DAMAGED, assert_account_is_right, assert_same_bytes, noted, totals, utterances, write
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")

MANY = 60
ASSETS = Path("Swahili_ReadingStoryAssets/assets")


def narration(audio: str, *words: tuple[str, Any, Any], says: str = "") -> dict[str, Any]:
    segmentation = [{"word": word, "start": start, "end": end} for word, start, end in words]
    says = says or " ".join(word for word, _, _ in words)
    return {"audio": audio, "from": 0, "until": 0, "utterances": says, "segmentation": segmentation}


def page(image: str | None, *sentences: tuple[str, list[Any] | None]) -> dict[str, Any]:
    return {"image": image, "text": [[{"sentence": text, "narration": parts} for text, parts in sentences]]}


def write_story(source: Path, language: str, name: str, pages: list[Any], **about: Any) -> tuple[Path, Path]:
    """A story; where its pictures and its recordings lie."""
    story = source / ASSETS / "story" / language / name
    known = {"title": name, "authors": "A. Wangari", "illustrators": "B. Otieno", "license": "CC-BY Version 3.0"}
    write(story / "storydata.json", json.dumps({**known, **about, "data": pages}))
    return story, source / ASSETS / "audio" / language / "cmu/xprize/story_reading/quality_low" / name


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout of the Swahili assets, with what the real one has of faults."""
    source = tmp_path / "assets of sw"
    times = (("Rangi", 20, 46), ("ya", 47, 55), ("kwanza", 56, 99))
    pages = [
        page("Page_1.JPG", ("Rangi ya kwanza.", [narration("Rangi ya kwanza.mp3", *times)])),
        page("page_1.jpg", (".", None), ('"Ndio", alisema.', [narration("A.wav", says="Ndio"), narration("B.wav")])),
        page(None, ("Hapana.", [narration("c.wav", ("Hapana", 1, 2))])),
        page("page_1.jpg", ("Kimya.", [narration("")]), ("Hakuna.", [narration("missing.wav")])),
        page("page_1.jpg", ("Mbaya", [narration("D.wav", ("a", "5", "9"), ("b", 30, 20), ("c", "x", 3))])),
        "damaged",
    ]
    story, audio = write_story(source, "sw", "story/story_1", pages)
    write_picture(story / "page_1.jpg")
    write_tone(audio / "rangi ya kwanza.mp3", 1.5)
    for name in "abcd":
        write_tone(audio / f"{name}.wav")
    write(source / ASSETS / "story/sw/story/story_2/storydata.json", DAMAGED)
    for n in range(MANY):
        one = [page("1.png", ("Moja.", [narration("1.wav", ("Moja", 5, 44))]))]
        story, audio = write_story(source, "sw", f"many/m{n}", one)
        write_picture(story / "1.png", (2 + n, 2))
        write_tone(audio / "1.wav", 0.5)
    return source


def test_narrations_are_utterances_with_pictures_and_word_times(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    found = {id_: utterance for id_, (_, utterance) in utterances(corpus).items() if "story_1" in id_}
    assert list(found) == [f"story/story_1-{n}" for n in ("01-01", "02-01", "02-02", "05-01")]
    first, part, silent, last = found.values()
    assert first.audio == source / ASSETS / (
        "audio/sw/cmu/xprize/story_reading/quality_low/story/story_1/rangi ya kwanza.mp3"
    )
    assert first.image == source / ASSETS / "story/sw/story/story_1/page_1.jpg"
    assert first.text == "Rangi ya kwanza."
    # Frames of 10 ms, the last one included: 20 to 46 is 0.20 to 0.47 s.
    assert first.words == (Word("Rangi", 0.2, 0.47), Word("ya", 0.47, 0.56), Word("kwanza", 0.56, 1.0))
    assert (part.text, silent.text) == ("Ndio", None)
    assert last.words == (Word("a", 0.05, 0.1),)
    assert (corpus.name, corpus.language, corpus.licence) == ("RoboTutor", "sw", "CC BY 4.0")


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out")
    notes = noted(corpus.folder)
    left_out = {what: which for what, which in notes.items() if "left out" in what[1]}
    assert left_out == {
        ("stories", "left out: they can't be read"): ["story/story_2"],
        ("words", "left out: their times make no sense"): ["story/story_1-05-01"] * 2,
        ("words", "left out: their utterance is not in the corpus"): ["story/story_1-03-01"],
        ("utterances", "left out: no recording is named"): ["story/story_1-04-01"],
        ("utterances", "left out: there is no such picture"): ["story/story_1-03-01"],
        ("utterances", "left out: there is no such audio file"): ["story/story_1-04-02"],
    }
    printed = capsys.readouterr().out
    assert totals(printed)["utterances"] == (7 + MANY, 3, 4 + MANY)
    assert_account_is_right(corpus, printed)


def test_splits_hold_whole_stories_and_do_not_change(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)
    before = {id_: split for id_, (split, _) in utterances(prepare(source, tmp_path / "out")).items()}
    assert set(before.values()) == {"train", "dev", "test"}
    assert len({split for id_, split in before.items() if "story_1" in id_}) == 1
    story, audio = write_story(source, "sw", "more/n", [page("1.png", ("Moja.", [narration("1.wav")]))])
    write_picture(story / "1.png")
    write_tone(audio / "1.wav")
    after = {id_: split for id_, (split, _) in utterances(prepare(source, tmp_path / "out")).items()}
    assert before.items() < after.items()


def test_stories_that_share_a_picture_share_a_split(source: Path, tmp_path: Path) -> None:
    before = {id_: split for id_, (split, _) in utterances(prepare(source, tmp_path / "out")).items()}
    many = {id_.removesuffix("-01-01"): split for id_, split in before.items() if id_.startswith("many/")}
    train, test = (next(name for name in many if many[name] == split) for split in ("train", "test"))
    for number, name in enumerate((train, test)):  # stories that come first, each with a picture of another's
        one = [page("1.png", ("Moja.", [narration("1.wav")])), page("2.png", ("Mbili.", [narration("1.wav")]))]
        story, audio = write_story(source, "sw", f"a{number}", one)
        (story / "1.png").write_bytes((source / ASSETS / "story/sw" / name / "1.png").read_bytes())
        write_picture(story / "2.png", (7, 7))
        write_tone(audio / "1.wav")
    after = {id_: split for id_, (split, _) in utterances(prepare(source, tmp_path / "out")).items()}
    assert len({after[f"{name}-01-01"] for name in ("a0", "a1", train, test)}) == 1


def test_authors_and_illustrators_are_credited(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    with open(corpus.folder / "credits.csv", encoding="utf-8", newline="") as file:
        credited = {row["story"]: row for row in csv.DictReader(file)}
    first = credited["story/story_1"]
    assert (first["authors"], first["illustrators"], first["license"]) == (
        "A. Wangari",
        "B. Otieno",
        "CC-BY Version 3.0",
    )
    assert len(credited) == 1 + MANY


def test_one_language_is_chosen(source: Path, tmp_path: Path) -> None:
    story, audio = write_story(source, "en", "1/1_1", [page("1.png", ("One.", [narration("1.wav")]))])
    write_picture(story / "1.png")
    write_tone(audio / "1.wav")
    with pytest.raises(EarmarkError, match="has stories in en and sw: choose one with --language"):
        prepare(source, tmp_path / "out")
    with pytest.raises(EarmarkError, match=r"has no story in 'yo' \(it has: en, sw\)"):
        prepare(source, tmp_path / "out", language="yo")
    corpus = prepare(source, tmp_path / "out", language="en")
    assert (list(utterances(corpus)), corpus.language) == (["1/1_1-01-01"], "en")


def test_a_story_may_hold_its_own_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "stories" / "moja"
    write(folder / "storydata.json", json.dumps({"data": [page("1.png", ("Moja.", [narration("1.wav")]))]}))
    write_picture(folder / "1.png")
    write_tone(folder / "1.wav")
    corpus = prepare(tmp_path / "stories", tmp_path / "out", language="sw")
    assert (list(utterances(corpus)), corpus.language) == (["moja-01-01"], "sw")


def test_a_folder_without_stories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"holds no storydata.json: name the folder that holds the stories"):
        prepare(tmp_path, tmp_path / "out")
