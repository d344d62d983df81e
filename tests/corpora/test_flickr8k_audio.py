from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, read_keywords
from earmark.corpora import flickr8k_audio, table
from earmark.corpora.flickr8k_audio import prepare
from earmark.evaluation.data import ground_truth, measurable
from earmark.supervision.transcripts import bag_of_words
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

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
A, B, C, D, E, F = "1000_aa", "2000_bb", "3000_cc", "4000_dd", "5000_ee", "6000_ff"
RECORDINGS = [(A, 0), (A, 1), (A, 3), (A, 4), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0)]
CTM = [
    f"{A}.jpg_#0 1 0.10 0.20 DOGS",
    f"{A}.jpg_#0 1 0.00 0.10 A",
    f"{A}.jpg_#0 1 0.30 0.10 <SPOKEN_NOISE>",
    f"{A}.jpg_#0 1 0.40 0.10 DOG'S",
    f"{A}.jpg_#0 1 0.50 0.30 Dog-House",
    f"{A}.jpg_#0 1 0.80 0.22 snow",  # 20 ms past the end: cut off there
    f"{A}.jpg_#0 1 0.95 0.20 tree",  # too far past the end
    f"{A}.jpg_#2 1 0.00 0.20 car",
    f"{A}.jpg_#3 1 0.00 0.20 car",
    f"{A}.jpg_#4 1 0.00 0.20 <SPOKEN_NOISE>",
    f"{B}.jpg_#0 1 0.20 0.20 SNOW",
    f"{C}.jpg_#0 1 0.20 0.20 SNOW",
    f"{D}.jpg_#0 1 0.20 0.20 SNOW",
    f"{E}.jpg_#0 1 0.20 0.20 SNOW",
    f"{F}.jpg.1_#0 1 0.20 0.20 SNOW",
    "9999_zz.jpg_#0 1 0.20 0.20 SNOW",
    f"{A}.jpg_#0 1 0.20 SNOW",
    f"{A}.jpg_#0 1 soon 0.20 SNOW",
    f"{A}.jpg_#0 1 -0.20 0.20 SNOW",
    f"{A} 1 0.20 0.20 SNOW",
    b"\xff\xfe 1 0.20 0.20 SNOW",
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The corpus as it is distributed, with damage of every kind."""
    source = tmp_path / "flickr8k"
    audio, text, photos = (source / name for name in ("flickr_audio", "Flickr8k_text", "Flicker8k_Dataset"))
    for image, number in RECORDINGS:
        write_tone(audio / "wavs" / f"{image}_{number}.wav")
    (audio / "wavs" / f"{A}_3.wav").write_bytes(DAMAGED)
    lines = [f"{image}_{number}.wav {image}.jpg #{number}" for image, number in RECORDINGS[:-1]]
    write(
        audio / "wav2capt.txt",
        b"\xef\xbb\xbf" + lines[0].encode(),
        *lines[1:],
        f"{F}_0.wav {F}.jpg.1 #0",
        f"{A}_2.wav {A}.jpg #2",
        lines[0],
        "alone.wav",
        f"{A}_9.wav {A}.jpg nine",
        b"\xff\xfe.wav x.jpg #0",
        "",
        end=b"\r\n",
    )
    speakers = [f"{image}_{number}.wav {7 + number}" for image, number in RECORDINGS if image != B]
    write(audio / "wav2spk.txt", *speakers, "who knows whose")
    write(audio / "flickr_8k.ctm", *CTM)
    write(
        text / "Flickr8k.token.txt",
        *(f"{image}.jpg#{number}\tA dog {number} ." for image, number in RECORDINGS if image != F),
        f"{A}.jpg#0\tAnother dog .",
        f"{F}.jpg.1#0\tSnow",
        f"{A}.jpg A caption without its number",
        f"{A}.jpg#5",
    )
    write(text / "Flickr_8k.trainImages.txt", f"{A}.jpg")
    write(text / "Flickr_8k.devImages.txt", f"{B}.jpg", f"{A}.jpg")
    write(text / "Flickr_8k.testImages.txt", *(f"{image}.jpg" for image in (C, D, F)))
    for image in (A, B, E, F):
        write_picture(photos / f"{image}.jpg")
    (photos / f"{D}.jpg").write_bytes(DAMAGED)
    return source


def test_what_is_whole_is_read(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert {id_: split for id_, (split, _) in found.items()} == {
        f"{A}_0": "train",
        f"{A}_4": "train",
        f"{B}_0": "dev",
        f"{F}_0": "test",
    }
    _, first = found[f"{A}_0"]
    assert first.audio == source / "flickr_audio" / "wavs" / f"{A}_0.wav"
    assert first.image == source / "Flicker8k_Dataset" / f"{A}.jpg"
    assert (first.speaker, first.text, first.sample_rate, first.samples) == ("7", "A dog 0 .", 16_000, 16_000)
    assert spoken(first) == [("a", 0.0, 0.1), ("dogs", 0.1, 0.3), ("dog-house", 0.5, 0.8), ("snow", 0.8, 1.0)]
    assert found[f"{A}_4"][1].words == ()  # nothing but noise is spoken
    assert found[f"{B}_0"][1].speaker is None
    assert spoken(found[f"{F}_0"][1]) == [("snow", 0.2, 0.4)]
    assert found[f"{F}_0"][1].text == "Snow"
    assert corpus.name == f"Flickr8k Audio Captions (laid out like it, {len(RECORDINGS)} of 40,000 utterances)"
    assert corpus.language == "en"
    assert not flickr8k_audio.is_whole(corpus)


def test_what_is_not_is_counted_and_named(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = prepare(source, tmp_path / "out")
    notes = noted(corpus.folder)
    printed = capsys.readouterr().out
    row = "wav2capt.txt row"
    assert {outcome: which for (what, outcome), which in notes.items() if what == "utterances"} == {
        "left out: the line is not 'KEY_N.wav KEY.jpg #N'": [f"{row} 12", f"{row} 13"],
        "left out: the line is not UTF-8 text": [f"{row} 14"],
        "left out: their photo is in no split list": [f"{E}_0"],
        "left out: they are missing from flickr_8k.ctm": [f"{A}_1"],
        "left out: they are listed twice": [f"{A}_0"],
        "left out: there is no such picture": [f"{C}_0"],
        "left out: the picture can't be read": [f"{D}_0"],
        "left out: the audio can't be read": [f"{A}_3"],
        "left out: there is no such audio file": [f"{A}_2"],
        "kept without a speaker": [f"{B}_0"],
    }
    ctm = "flickr_8k.ctm row"
    assert {outcome: which for (what, outcome), which in notes.items() if what == "words"} == {
        "left out: the line of the CTM is not in order": [f"{ctm} 17", f"{ctm} 18", f"{ctm} 19", f"{ctm} 20"],
        "left out: the line is not UTF-8 text": [f"{ctm} 21"],
        "left out: they have a < or ' in them, so are none to search for": [f"{A}_0", f"{A}_0", f"{A}_4"],
        "left out: they run past the end of their utterance": [f"{A}_0"],
        "left out: their utterance is not in the corpus": [
            *(f"{A}_2", f"{A}_3", f"{C}_0", f"{D}_0", f"{E}_0", "9999_zz_0")
        ],
    }
    assert {key: len(which) for key, which in notes.items() if key[0] not in ("utterances", "words")} == {
        ("pictures in split lists", "left out: they are in two lists, and stay in the first"): 1,
        ("captions", "left out: they are listed twice"): 1,
        ("captions", "left out: the line is not 'KEY.jpg#N caption'"): 2,
        ("speakers", "left out: the line is not 'KEY_N.wav speaker'"): 1,
    }
    assert totals(printed)["utterances"] == (14, 10, 4)
    assert totals(printed)["words"] == (21, 15, 6)
    assert_account_is_right(corpus, printed)
    assert f"{A}_0, {A}_4\n" in printed  # each once, though two words of the first are left out
    assert all(which[0].split()[0] in printed for which in notes.values())  # the first examples, at least


def test_bags_of_words_are_those_of_the_ctm(source: Path, tmp_path: Path) -> None:
    """Singular and plural differ; the caption, which says "dog", does not count."""
    found = [utterance for _, utterance in utterances(prepare(source, tmp_path / "out")).values()]
    keywords = Vocabulary(["dog", "dogs", "house", "snow", "tree"])
    bags = bag_of_words(found, keywords).matrix([utterance.id for utterance in found], keywords)
    by_id = {u.id: list(map(int, bag)) for u, bag in zip(found, bags, strict=True)}
    assert by_id == {
        f"{A}_0": [0, 1, 0, 1, 0],
        f"{A}_4": [0, 0, 0, 0, 0],
        f"{B}_0": [0, 0, 0, 1, 0],
        f"{F}_0": [0, 0, 0, 1, 0],
    }
    assert (ground_truth(measurable(found), keywords).present == bags).all()


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)


# What may be missing


def test_without_a_ctm_the_captions_say_what_is_spoken(source: Path, tmp_path: Path) -> None:
    (source / "flickr_audio" / "flickr_8k.ctm").unlink()
    corpus = prepare(source, tmp_path / "out")
    lost = "not there: word times can't be told, nor localisation measured"
    assert noted(corpus.folder)["files", lost] == ["flickr_8k.ctm"]
    found = utterances(corpus)
    assert set(found) == {f"{A}_0", f"{A}_1", f"{A}_4", f"{B}_0", f"{F}_0"}
    assert {utterance.words for _, utterance in found.values()} == {None}
    assert found[f"{A}_1"][1].text == "A dog 1 ."


def test_without_any_photo_a_tag_file_can_still_teach(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "Flicker8k_Dataset")
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert set(found) == {f"{A}_0", f"{A}_4", f"{B}_0", f"{C}_0", f"{D}_0", f"{F}_0"}
    image = found[f"{C}_0"][1].image
    assert image is not None
    assert image.stem == C
    assert set(found) == set(noted(corpus.folder)["utterances", "kept without a picture"])


def test_neither_speakers_nor_captions_are_essential(source: Path, tmp_path: Path) -> None:
    (source / "flickr_audio" / "wav2spk.txt").unlink()
    (source / "Flickr8k_text" / "Flickr8k.token.txt").unlink()
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert {utterance.speaker for _, utterance in found.values()} == {None}
    assert found[f"{A}_0"][1].text == "a dogs dog-house snow"  # its words, for want of a caption
    notes = noted(corpus.folder)
    assert len(notes["utterances", "kept without a written caption"]) == len(found)
    assert notes["files", "not there: speakers are not known"] == ["wav2spk.txt"]
    assert notes["files", "not there: no utterance has a written caption"] == ["Flickr8k.token.txt"]


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("flickr_audio/wav2capt.txt", "There is no wav2capt.txt in .*flickr8k .*flickr_audio/"),
        ("Flickr8k_text/Flickr_8k.devImages.txt", "There is no Flickr_8k.devImages.txt in .*dataset.json"),
    ],
)
def test_what_is_essential_is_required(source: Path, tmp_path: Path, name: str, caption: str) -> None:
    (source / name).unlink()
    with pytest.raises(EarmarkError, match=caption):
        prepare(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_any_recording_there_is_no_corpus(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(source / "flickr_audio" / "wavs")
    first = source / "flickr_audio" / "wavs" / f"{A}_0.wav"
    caption = rf"No utterance of Flickr8k .*is left.*{A}_0 was left out: .*no audio file {re.escape(str(first))}"
    with pytest.raises(EarmarkError, match=caption):
        prepare(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert totals(capsys.readouterr().out)["utterances"][2] == 0


def test_folders_that_are_not_there(source: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no folder .*nowhere"):
        prepare(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(EarmarkError, match=r"There is no folder .*nowhere: name the folder that holds the pictures"):
        prepare(source, tmp_path / "out", images=tmp_path / "nowhere")
    with pytest.raises(EarmarkError, match="is a file: name a folder"):
        prepare(source, source / "flickr_audio" / "wav2capt.txt")


def test_all_in_one_folder_and_the_photos_elsewhere(source: Path, tmp_path: Path) -> None:
    expected = utterances(prepare(source, tmp_path / "out"))
    for folder in ("flickr_audio", "Flickr8k_text"):
        for path in (source / folder).iterdir():
            path.rename(source / path.name)
    (source / "Flicker8k_Dataset").rename(tmp_path / "photos")
    found = utterances(prepare(source, tmp_path / "again", images=tmp_path / "photos"))
    assert found.keys() == expected.keys()
    assert all(utterance.image and utterance.image.parent == tmp_path / "photos" for _, utterance in found.values())


# Captions and splits from other files in circulation


def test_captions_as_a_table(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "Flickr8k_text" / "Flickr8k.token.txt").unlink()
    captions = ['"One, or two"', "Three", "Four", "Five", "Six"]
    rows = [f"{A}.jpg,{caption}" for caption in captions]
    write(source / "captions.txt", "image,caption", *rows, f"{B}.jpg,Dev,too,many", *(f"{F}.jpg,{n}" for n in range(4)))
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert found[f"{F}_0"][1].text == "snow"  # one of its five rows is lost: 0 may be the caption of another recording
    notes = {outcome: which for (what, outcome), which in noted(corpus.folder).items() if what == "captions"}
    assert notes == {
        "left out: the row is not in order": ["captions.txt row 7"],
        "left out: their picture has not 5 rows, so their order does not tell which is which": [f"{F}.jpg"] * 4,
    }
    assert_account_is_right(corpus, capsys.readouterr().out)
    assert (found[f"{A}_0"][1].text, found[f"{A}_4"][1].text) == ("One, or two", "Six")
    assert found[f"{B}_0"][1].text == "snow"


def test_captions_and_splits_of_karpathy(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "Flickr8k_text")
    images = [
        {"filename": f"{A}.jpg", "split": "val", "sentences": [{"raw": "One ."}, {}, {}, {}, {"raw": "Five ."}]},
        {"filename": f"{B}.jpg", "split": "restval", "sentences": "none"},
        {"filename": f"{F}.jpg", "split": "test"},
        {"filename": f"{D}.jpg", "split": "unheard of"},
        "damaged",
    ]
    write(source / "dataset.json", json.dumps({"images": images}))
    found = utterances(prepare(source, tmp_path / "out"))
    assert {id_: split for id_, (split, _) in found.items()} == {
        f"{A}_0": "dev",
        f"{A}_4": "dev",
        f"{B}_0": "train",
        f"{F}_0": "test",
    }
    assert (found[f"{A}_0"][1].text, found[f"{A}_4"][1].text) == ("One .", "Five .")
    write(source / "dataset.json", json.dumps({"images": images})[:-5])
    with pytest.raises(EarmarkError, match=r"dataset.json can't be read \(it is no JSON"):
        prepare(source, tmp_path / "out")


# Keywords


def test_keyword_lists(source: Path, tmp_path: Path) -> None:
    assert len(prepare(source, tmp_path / "out").keywords) == 67
    thirty_four = prepare(source, tmp_path / "out", keywords="34").keywords
    assert (len(thirty_four), thirty_four[0], thirty_four[-1]) == (34, "air", "women")
    own = write(tmp_path / "own.txt", "snow", "dogs")
    assert prepare(source, tmp_path / "out", keywords=str(own)).keywords == ("snow", "dogs")
    with pytest.raises(EarmarkError, match="There is no file 68"):
        prepare(source, tmp_path / "out", keywords="68")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("count", [34, 67])
def test_the_papers_lists_are_theirs(source: Path, tmp_path: Path, count: int) -> None:
    listed = read_keywords(SHARED / "photos" / f"keywords-{count}.txt").words
    assert prepare(source, tmp_path / "out", keywords=str(count)).keywords == listed


# The layout in which ../shared/data has it


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_the_distributed_layout_says_the_same_as_a_table(tmp_path: Path) -> None:
    photos = some_photos(tmp_path / "photos", every=80)
    script = [sys.executable, str(SHARED / "as_flickr8k.py"), str(photos), str(tmp_path / "flickr8k")]
    subprocess.run(script, check=True, capture_output=True)
    ours = prepare(tmp_path / "flickr8k", tmp_path / "out")
    theirs = table.prepare(photos / "utterances.csv", tmp_path / "table", words=photos / "words.csv")
    keywords = Vocabulary(ours.keywords)
    for split in ("train", "dev", "test"):
        one, two = (sorted(corpus.utterances(split), key=lambda u: u.id) for corpus in (ours, theirs))
        assert [u.id for u in one] == [u.id for u in two]
        assert [u.image and u.image.name for u in one] == [u.image and u.image.name for u in two]
        first, second = ground_truth(one, keywords), ground_truth(two, keywords)
        assert (first.present == second.present).all()
        np.testing.assert_allclose(first.start_s, second.start_s, atol=0.0051)  # the CTM counts in hundredths
        np.testing.assert_allclose(first.end_s, second.end_s, atol=0.0101)


def some_photos(folder: Path, every: int) -> Path:
    """A part of the photos corpus, with its media linked."""
    folder.mkdir()
    for name in ("audio", "images"):
        (folder / name).symlink_to(SHARED / "photos" / name)
    names: set[str] = set()
    for name in ("utterances.csv", "words.csv"):
        with open(SHARED / "photos" / name, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        names = names or {row[0] for row in rows[::every]}
        with open(folder / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if row[0] in names)])
    return folder
