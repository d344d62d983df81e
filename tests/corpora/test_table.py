from __future__ import annotations

import codecs
import csv
import io
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from earmark.core.corpus import Utterance, Word, read_corpus
from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.corpora.table import prepare
from support.media import write_picture, write_tone

pytestmark = pytest.mark.usefixtures("command_line")

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings of a second and two pictures."""
    for name in "abc":
        write_tone(tmp_path / "data" / "audio" / f"{name}.wav")
    for name in "xy":
        write_picture(tmp_path / "data" / "images" / f"{name}.jpg")
    return tmp_path / "data"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def utterances(table: Path, **options: Path) -> dict[str, Utterance]:
    """What `prepare` makes of a table, as it can be read again."""
    out = table.parent / "corpus"
    prepare(table, out, **options)
    corpus = read_corpus(out)
    return {utterance.id: utterance for split in corpus.splits() for utterance in corpus.utterances(split)}


def problems_of(table: Path, **options: Path) -> list[str]:
    """The lines of what is wrong with a table; nothing may have been written."""
    out = table.parent / "corpus"
    with pytest.raises(EarmarkError) as error:
        prepare(table, out, **options)
    assert not out.exists()
    return str(error.value).splitlines()


# What is in order


def test_a_table_becomes_a_corpus(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    table = write(
        folder / "utterances.csv",
        "utterance_id,image,audio,speaker,text,split",
        'one,images/x.jpg,audio/a.wav,Adé,"a dog, a tree",train',
        "two,images/x.jpg,audio/b.wav,Bọ́lá,A dog!,Train",
        "three,images/y.jpg,audio/c.wav,,,valid",
    )
    keywords = write(folder / "keywords.txt", "dog", "tree")
    corpus = prepare(table, folder / "out", keywords=keywords, name="mine", language="en", licence="CC0")
    assert corpus == read_corpus(folder / "out")
    assert (corpus.name, corpus.language, corpus.licence) == ("mine", "en", "CC0")
    assert corpus.keywords == ("dog", "tree")
    assert corpus.splits() == ("train", "dev")
    one, two = corpus.utterances("train")
    assert one == Utterance(
        id="one",
        audio=folder / "audio" / "a.wav",
        sample_rate=16_000,
        samples=16_000,
        image=folder / "images" / "x.jpg",
        speaker="Adé",
        text="a dog, a tree",
    )
    assert (two.speaker, two.text) == (unicodedata.normalize("NFC", "Bọ́lá"), "A dog!")
    (three,) = corpus.utterances("dev")
    assert (three.speaker, three.text, three.words) == (None, None, None)
    assert capfd.readouterr().out == ""


def test_audio_alone_is_enough(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", "audio/a.wav", str(folder / "audio" / "b.wav"))
    found = utterances(table)
    assert set(found) == {"a", "b"}
    assert found["b"].audio == folder / "audio" / "b.wav"
    assert found["a"].image is None
    corpus = read_corpus(folder / "corpus")
    assert (corpus.name, corpus.keywords) == ("data", ())


def test_ids_come_from_file_names(folder: Path) -> None:
    write_tone(folder / "more" / "a.flac")
    table = write(folder / "utterances.csv", "audio", "audio/a.wav", "more/a.flac", "audio/b.wav")
    assert set(utterances(table)) == {"audio/a", "more/a", "b"}


def test_pictures_may_be_missing_in_some_rows(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio,image", "audio/a.wav,images/x.jpg", "audio/b.wav,", "audio/c.wav")
    found = utterances(table)
    assert [found[name].image for name in "abc"] == [folder / "images" / "x.jpg", None, None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(folder: Path, delimiter: str, mark: bytes, line_end: str) -> None:
    rows = [
        ["Audio", "Text", " SPLIT ", "notes", ""],
        ["audio/a.wav", f'one{delimiter} two; three, "four"', "train", "", ""],
        ["", "", "", "", ""],
        ["audio/b.wav", "two\nlines", "test", "a note", ""],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    table = folder / "utterances.csv"
    table.write_bytes(mark + text.getvalue().encode())
    found = utterances(table)
    assert found["a"].text == f'one{delimiter} two; three, "four"'
    assert found["b"].text == "two\nlines"


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_file_names_in_either_unicode_form(tmp_path: Path, on_disk: str, in_table: str) -> None:
    place, audio, image = "ilé ìwé", "ọmọ́ dúdú.wav", "Ñandú 犬.png"
    names = [unicodedata.normalize(on_disk, name) for name in (place, audio, image)]
    write_tone(tmp_path / names[0] / names[1])
    write_picture(tmp_path / names[0] / names[2])
    cells = unicodedata.normalize(in_table, f"{place}/{audio},{place}/{image},ọmọ́")
    (utterance,) = utterances(write(tmp_path / "utterances.csv", "audio,image,text", cells)).values()
    assert utterance.audio == tmp_path / names[0] / names[1]
    assert utterance.image == tmp_path / names[0] / names[2]
    assert utterance.audio.is_file()
    assert utterance.id == unicodedata.normalize("NFC", "ọmọ́ dúdú")
    assert utterance.text == unicodedata.normalize("NFC", "ọmọ́")


def test_of_two_similar_names_the_one_as_written_is_taken(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "ọ.wav") for form in ("NFC", "NFD")]
    for seconds, name in enumerate(forms, start=1):
        write_tone(tmp_path / name, float(seconds))
    table = write(tmp_path / "utterances.csv", "audio,utterance_id", *(f"{name},{i}" for i, name in enumerate(forms)))
    if len(os.listdir(tmp_path)) < 3:
        pytest.skip("this file system takes both names for one")
    assert [utterance.duration_s for _, utterance in sorted(utterances(table).items())] == [1.0, 2.0]


def test_backslashes_of_another_system(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio,image", "audio\\a.wav,images\\x.jpg")
    assert utterances(table)["a"].image == folder / "images" / "x.jpg"


def test_any_audio(tmp_path: Path) -> None:
    rows = []
    for sample_rate, channels, ending in [
        (8_000, 1, "wav"),
        (44_100, 2, "mp3"),
        (48_000, 2, "flac"),
        (16_000, 1, "ogg"),
    ]:
        write_tone(tmp_path / f"{sample_rate}.{ending}", 0.5, sample_rate, channels)
        rows.append(f"{sample_rate}.{ending}")
    found = utterances(write(tmp_path / "utterances.csv", "audio", *rows))
    assert {(u.sample_rate, u.channels, u.duration_s) for u in found.values()} == {
        (8_000, 1, 0.5),
        (44_100, 2, 0.5),
        (48_000, 2, 0.5),
        (16_000, 1, 0.5),
    }


def test_the_same_bytes_twice(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio,image", *(f"audio/{name}.wav,images/x.jpg" for name in "abc"))
    first, second = prepare(table, folder / "1"), prepare(table, folder / "2")
    for split in first.splits():
        assert first.manifest(split).read_bytes() == second.manifest(split).read_bytes()
    assert (first.folder / "corpus.yaml").read_bytes() == (second.folder / "corpus.yaml").read_bytes()


# Splits


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 pictures with two recordings each, in one small table a picture and recording."""
    folder = tmp_path_factory.mktemp("many")
    audio, image = write_tone(folder / "a.wav", 0.01), write_picture(folder / "a.png", (2, 2))
    for i in range(300):
        os.link(image, folder / f"{i}.png")
        for j in range(2):
            os.link(audio, folder / f"{i}_{j}.wav")
    return folder


def splits_of(folder: Path, rows: list[str], header: str = "audio,image") -> dict[str, str]:
    corpus = prepare(write(folder / "utterances.csv", header, *rows), folder / "corpus")
    return {u.id: split for split in corpus.splits() for u in corpus.utterances(split)}


def test_without_a_split_column_pictures_are_divided(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i}_{j}.wav,{i}.png" for i in range(300) for j in range(2)]
    splits = splits_of(many, rows)
    sizes = {split: sum(found == split for found in splits.values()) for split in ("train", "dev", "test")}
    assert sum(sizes.values()) == 600
    assert sizes["train"] / 600 == pytest.approx(0.8, abs=0.08)  # over 3 standard deviations of 300 pictures
    assert sizes["dev"] / 600 == pytest.approx(0.1, abs=0.06)
    assert all(splits[f"{i}_0"] == splits[f"{i}_1"] for i in range(300))
    assert f"{sizes['train']} utterances in train, {sizes['dev']} utterances in dev" in capsys.readouterr().err
    # Fewer rows, another order, another way to write the same path: the same splits.
    fewer = splits_of(many, [f"{i}_1.wav,./{i}.png" for i in reversed(range(0, 300, 7))])
    assert fewer.items() <= splits.items()


def test_without_pictures_recordings_are_divided(many: Path) -> None:
    splits = splits_of(many, [f"{i}_0.wav" for i in range(300)], "audio")
    assert set(splits.values()) == {"train", "dev", "test"}
    named = splits_of(many, [f"{i}_0.wav,{i}_0" for i in range(0, 300, 3)], "audio,utterance_id")
    assert named.items() <= splits.items()


def test_splits_that_stay_empty_are_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(write(folder / "utterances.csv", "audio", "audio/a.wav"), folder / "out")
    assert "add a column 'split' to choose yourself" in capsys.readouterr().err


def test_a_picture_in_train_and_test_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(
        folder / "utterances.csv",
        "audio,image,split",
        "audio/a.wav,images/x.jpg,train",
        "audio/b.wav,images/x.jpg,test",
        "audio/c.wav,images/y.jpg,test",
        "audio/d.wav,images/y.jpg,dev",
    )
    write_tone(folder / "audio" / "d.wav")
    prepare(table, folder / "out")
    printed = capsys.readouterr().err
    assert "1 image file is in dev and in test (the first in rows 5 and 4), so test will look better" in printed
    assert "1 image file is in train and in test (the first in rows 2 and 3)" in printed
    assert "audio file" not in printed


def test_columns_that_are_not_read_are_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(write(folder / "utterances.csv", "audio,speeker,split", "audio/a.wav,Adé,train"), folder / "out")
    assert "nothing is read from the columns 'speeker'" in capsys.readouterr().err


# Words


WORD_ROWS = ["b,dog,0.5,0.75", "a,the,0.1,0.25", "b,a,0.25,0.5", "b,,0.75,0.9"]
WORD_FILES = {
    "words.csv": ["utterance_id,word,start_s,end_s", *WORD_ROWS],
    "words.tsv": [row.replace(",", "\t") for row in ["utterance_id,word,start_s,end_s", *WORD_ROWS]],
    "semicolons.csv": ["word;utterance_id;end_s;start_s", "dog;b;0,75;0,5", "the;a;0,25;0,1", "a;b;0,5;0,25"],
    "quoted.csv": ["utterance_id,word,start_s,end_s", 'b,dog,"0,5","0,75"', "a,the,0.1,0.25", "b,a,0.25,5e-1"],
    "words.ctm": [";; made by an aligner", "b 1 0.5 0.25 dog 0.93", "a A 0.1 0.15 the", "", "b 1 0.25 0.25 a 1.0"],
}


@pytest.mark.parametrize("name", WORD_FILES)
def test_word_times(folder: Path, name: str) -> None:
    table = write(folder / "utterances.csv", "audio,text", "audio/a.wav,The.", "audio/b.wav,", "audio/c.wav,")
    found = utterances(table, words=write(folder / name, *WORD_FILES[name]))
    assert found["a"].words == (Word("the", 0.1, 0.25),)
    assert found["b"].words == (Word("a", 0.25, 0.5), Word("dog", 0.5, 0.75))  # in the order of their starts
    assert found["c"].words is None
    assert [found[key].text for key in "abc"] == ["The.", "a dog", None]


def test_words_are_joined_where_there_is_no_text(folder: Path) -> None:
    words = write(folder / "words.ctm", "a 1 0 0.2 O\u0323mo\u0323", "a 1 0.2 0.2 kan")
    found = utterances(write(folder / "utterances.csv", "audio", "audio/a.wav"), words=words)
    assert found["a"].text == "Ọmọ kan"
    assert found["a"].words == (Word("Ọmọ", 0.0, 0.2), Word("kan", 0.2, 0.4))


def test_a_last_word_may_end_a_little_late(folder: Path) -> None:
    words = write(folder / "words.csv", "utterance_id,word,start_s,end_s", "a,dog,0.5,1.05", "b,dog,0.5,1")
    found = utterances(write(folder / "utterances.csv", "audio", "audio/a.wav", "audio/b.wav"), words=words)
    assert found["a"].words == found["b"].words == (Word("dog", 0.5, 1.0),)


def test_everything_that_can_be_wrong_with_words(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", "audio/a.wav", "audio/b.wav")
    words = write(
        folder / "words.csv",
        "utterance_id,word,start_s,end_s",
        "a,fine,0,0.5",
        "nobody,dog,0,0.5",
        "a,late,0.9,1.06",
        "a,later,1.0,1.01",
        "nobody,cat,0.5,0.7",
        "a,early,-0.1,0.2",
        "a,back,0.5,0.4",
        "a,what,soon,0.4",
        "a,nan,nan,inf",
        "a,none,,0.4",
        ",whose,0.1,0.4",
        "a,a,dog,0.1,0.4",
        "b,1_0,0.1,0_1",
    )
    assert problems_of(table, words=words) == [
        "words.csv has 12 problems; nothing was written:",
        "row 3: there is no utterance 'nobody'",
        "row 4: the word 'late' (0.9 to 1.06 s) runs past the end of 'a' at 1.00 s",
        "row 5: the word 'later' (1 to 1.01 s) runs past the end of 'a' at 1.00 s",
        "row 7: the word 'early' starts before the utterance, at -0.1 s",
        "row 8: the word 'back' ends at 0.4 s, before it starts at 0.5 s",
        "row 9: 'soon' is no number of seconds",
        "row 10: 'nan' is no number of seconds",
        "row 10: 'inf' is no number of seconds",
        "row 11: a time is missing",
        "row 12: there is no utterance_id",
        "row 13: there are 5 cells below 4 column names: put quotes around a cell that contains ','",
        "row 14: '0_1' is no number of seconds",
    ]


def test_everything_that_can_be_wrong_with_a_ctm(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", "audio/a.wav")
    words = write(folder / "words.ctm", ";; a comment", "a 1 0 0.5", "a 1 0.5 -0.1 dog", "a 1 0,5 x dog", "z 1 0 1 cat")
    assert problems_of(table, words=words) == [
        "words.ctm has 4 problems; nothing was written:",
        "row 2: there are 4 fields where 5 or 6 belong (utterance channel start duration word [confidence])",
        "row 3: the word 'dog' ends at 0.4 s, before it starts at 0.5 s",
        "row 4: 'x' is no number of seconds",
        "row 5: there is no utterance 'z'",
    ]


def test_word_times_in_another_format(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", "audio/a.wav")
    with pytest.raises(EarmarkError, match=r"ends in '.textgrid': word times are read from .csv, .tsv and .ctm"):
        prepare(table, folder / "out", words=write(folder / "words.TextGrid", "x"))


# What is wrong with tables


def test_everything_that_can_be_wrong_with_a_table(folder: Path) -> None:
    whole = (folder / "audio" / "a.wav").read_bytes()
    (folder / "audio" / "half.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "audio" / "letter.wav").write_text("Dear aunt, " * 100)
    write_tone(folder / "audio" / "empty.wav", 0.0)
    picture = (folder / "images" / "x.jpg").read_bytes()
    (folder / "images" / "half.jpg").write_bytes(picture[: len(picture) // 2])
    (folder / "images" / "letter.png").write_text("Dear aunt, " * 100)
    table = write(
        folder / "utterances.csv",
        "utterance_id,audio,image,text,split",
        "u2,audio/a.wav,images/x.jpg,,train",
        "u3,audio/missing.wav,images/missing.jpg,,train",
        "u4,audio/half.wav,images/half.jpg,,train",
        "u5,audio/letter.wav,images/letter.png,,train",
        "u6,audio/empty.wav,images/half.jpg,,dev",
        "u2,audio/b.wav,images/y.jpg,,train",
        "u8,,images/y.jpg,,training",
        "u9,audio/c.wav,images/y.jpg,a dog, a tree,train",
        "",
        "u11,audio/c.wav,images/y.jpg,,",
        "u12,audio,images,,test",
    )
    words = write(folder / "words.csv", "utterance_id,word,start_s,end_s", "u8,dog,0,1", "u9,dog,0,1", "u2,dog,3,2")
    summary, *lines = problems_of(table, words=words)
    assert summary == "utterances.csv has 13 problems and words.csv has 1 problem; nothing was written:"
    for line, expected in zip(
        lines,
        [
            "utterances.csv row 3: There is no audio file {}/audio/missing.wav: check its name, or",
            "utterances.csv row 3: There is no picture {}/images/missing.jpg: check its name, or whether it was moved",
            "utterances.csv row 4: {}/images/half.jpg is a damaged picture (",
            "utterances.csv row 5: {}/audio/letter.wav can't be read as audio (it holds no sound",
            "utterances.csv row 5: {}/images/letter.png can't be read as a picture (it is a text): check",
            "utterances.csv row 6: {}/audio/empty.wav holds no sound (0 seconds): record it again or leave it out",
            "utterances.csv row 7: the utterance_id 'u2' is that of row 2 too",
            "utterances.csv row 8: there is no audio file in this row",
            "utterances.csv row 8: the split 'training' is none of train, dev and test",
            "utterances.csv row 9: there are 6 cells below 5 column names: put quotes around a cell that contains ','",
            "utterances.csv row 11: the split '' is none of train, dev and test",
            "utterances.csv row 12: {}/audio is a folder: name an audio file",
            "utterances.csv row 12: {}/images is a folder: name a picture",
            "words.csv row 4: the word 'dog' ends at 2 s, before it starts at 3 s",
        ],
        strict=True,
    ):
        assert line.startswith(expected.format(folder))


def test_a_medium_that_many_rows_name_is_one_problem(folder: Path) -> None:
    (folder / "images" / "x.jpg").write_bytes(b"no picture")
    table = write(folder / "utterances.csv", "audio,image", *(f"audio/{name}.wav,images/x.jpg" for name in "abc"))
    (summary, line) = problems_of(table)
    assert summary == "utterances.csv has 1 problem; nothing was written:"
    assert line.startswith("row 2: ")
    assert line.endswith("(named in 3 rows)")


@pytest.mark.parametrize("side", [10_000, 20_000])  # Pillow itself warns of the smaller, and refuses the larger
def test_a_decompression_bomb_is_refused(folder: Path, side: int, capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("1", (side, side)).save(folder / "bomb.png")
    table = write(folder / "utterances.csv", "audio,image", "audio/a.wav,bomb.png")
    assert problems_of(table)[1].endswith("bomb.png is too large a picture: scale it down to less than 80 megapixels")
    assert "Warning" not in capfd.readouterr().err


def test_no_other_program_is_started_for_a_picture(folder: Path) -> None:
    (folder / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    table = write(folder / "utterances.csv", "audio,image", "audio/a.wav,a.eps")
    assert "can't be read as a picture (it is PostScript)" in problems_of(table)[1]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["sound,image", "a,b"], "row 1: there is no column 'audio' (the columns are: sound, image)"),
        (["audio,text,Audio", "a,b,c"], "row 1: there are 2 columns 'audio': keep one"),
        ([""], "row 1: there is no column 'audio' (the columns are: none)"),
        (["audio,image"], "row 1: there is no row below the column names"),
        (["audio,text", 'audio/a.wav,"never closed', "audio/b.wav,"], "row 2: the quotes are not in order"),
        (["audio,text", 'audio/a.wav,"a" dog'], "row 2: the quotes are not in order"),
    ],
)
def test_tables_out_of_order(folder: Path, lines: list[str], problem: str) -> None:
    words = write(folder / "words.csv", "utterance_id,word,start_s,end_s", "a,dog,0,1")
    summary, line = problems_of(write(folder / "utterances.csv", *lines), words=words)
    assert summary == "utterances.csv has 1 problem; nothing was written:"
    assert line.startswith(problem)


def test_both_tables_out_of_order(folder: Path) -> None:
    words = write(folder / "words.csv", "word", "dog")
    assert problems_of(write(folder / "utterances.csv", "sound", "a"), words=words)[1:] == [
        "utterances.csv row 1: there is no column 'audio' (the columns are: sound)",
        "words.csv row 1: there is no column 'utterance_id' (the columns are: word)",
        "words.csv row 1: there is no column 'start_s' (the columns are: word)",
        "words.csv row 1: there is no column 'end_s' (the columns are: word)",
    ]


def test_two_rows_of_one_recording_need_ids(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio,image", "audio/a.wav,images/x.jpg", "audio/a.wav,images/y.jpg")
    assert problems_of(table)[1:] == ["row 3: the utterance_id 'audio/a' is that of row 2 too"]


def test_fifty_problems_are_enough_to_read(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", *(f"{i}.wav" for i in range(60)))
    summary, *lines = problems_of(table)
    assert summary == "utterances.csv has 60 problems; nothing was written:"
    assert len(lines) == 51
    assert lines[0].startswith("row 2: ")
    assert lines[-2].startswith("row 51: ")
    assert lines[-1] == "and 10 more"


def test_an_earlier_corpus_stays_when_something_is_wrong(folder: Path) -> None:
    utterances(write(folder / "utterances.csv", "audio,split", "audio/a.wav,test"))
    with pytest.raises(EarmarkError, match="1 problem"):
        prepare(write(folder / "utterances.csv", "audio,split", "audio/z.wav,test"), folder / "corpus")
    assert [utterance.id for utterance in read_corpus(folder / "corpus").utterances("test")] == ["a"]


def test_files_that_are_not_there(folder: Path) -> None:
    table = write(folder / "utterances.csv", "audio", "audio/a.wav")
    for options in ({}, {"words": folder / "no.csv"}, {"keywords": folder / "no.txt"}):
        source = table if options else folder / "no.csv"
        with pytest.raises(EarmarkError, match=r"There is no file .*no\.(csv|txt)"):
            prepare(source, folder / "out", **options)
    with pytest.raises(EarmarkError, match="is a file: name a folder"):
        prepare(table, table)
    assert not (folder / "out").exists()


def test_a_table_that_is_no_text(folder: Path) -> None:
    table = folder / "utterances.csv"
    table.write_bytes("audio\naudio/é.wav\n".encode("latin-1"))
    with pytest.raises(EarmarkError, match=r"utterances\.csv is not UTF-8 text"):
        prepare(table, folder / "out")


# Reading tables at all


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map(str.strip)


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;\t"), st.booleans())
def test_any_table_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str, all_quoted: bool
) -> None:
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows([("b", "a", "c"), *rows])
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_bytes(text.getvalue().encode())
    problems = Problems()
    table = read_table(path, ("a",), ("b",), problems)
    expected = [(number, row[1], row[0]) for number, row in enumerate(rows, start=2) if any(row)]
    assert [(row.number, row.get("a"), row.get("b")) for row in table.rows] == expected
    assert table.whole == bool(expected) == (not len(problems))
    assert (table.columns, table.unused) == ((("a", "b"), ("c",)) if expected else ((), ()))


# Real recordings


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the trial data in ../shared/data, which are not here")
def test_real_speech(tmp_path: Path) -> None:
    """Twenty captions of each trial corpus, as they are."""
    for name in ("digits", "photos"):
        with open(SHARED / name / "utterances.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[::200][:20]
        with open(SHARED / name / "words.csv", encoding="utf-8") as file:
            spoken = [
                row for row in csv.DictReader(file) if row["utterance_id"] in {row["utterance_id"] for row in rows}
            ]
        for path, found in ((tmp_path / "utterances.csv", rows), (tmp_path / "words.csv", spoken)):
            with open(path, "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, found[0].keys())
                writer.writeheader()
                writer.writerows(
                    row | {kind: SHARED / name / row[kind] for kind in ("audio", "image") if kind in row}
                    for row in found
                )
        made = utterances(tmp_path / "utterances.csv", words=tmp_path / "words.csv")
        assert len(made) == len(rows)
        for row in rows:
            utterance = made[row["utterance_id"]]
            assert utterance.text == row["text"]
            assert utterance.words
            times = np.array([(word.start_s, word.end_s) for word in utterance.words])
            assert (np.diff(times) >= 0).all()
            assert times.max() <= utterance.duration_s
