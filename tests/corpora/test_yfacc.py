from __future__ import annotations

import codecs
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pympi.Praat import TextGrid

from earmark.core.corpus import Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.corpora._alignments import textgrid_words
from earmark.corpora.yfacc import Language, in_english, prepare
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


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


MAP = [
    "ball, bọ́ọ̀lù",
    "beach, òkun",
    "dogs, àwọn ajá",
    "football, bọ́ọ̀lù àfẹsẹ̀gbá",
    "ocean, òkun",
    "snow, yìnyín",
    "soccer, bọ́ọ̀lù àfẹsẹ̀gbá",
]
ENGLISH = ("ball", "beach", "dogs", "football", "ocean", "snow", "soccer")
YORUBA = tuple(map(nfc, ("bọ́ọ̀lù", "òkun", "àwọn ajá", "bọ́ọ̀lù àfẹsẹ̀gbá", "yìnyín")))
CAPTIONS = {
    "train": {"10_aa": "A ti ṣeto agọ kan lori yìnyín.", "11_ab": "Yìnyínn", "12_ac": "ajá", "13_ad": "ajá"},
    "dev": {"20_ba": "Ọmọkùnrin kan gbá Bọ́ọ̀lù  àfẹsẹ̀gbá, ní etí òkun"},
    "test": {"30_ca": "àwọn ajá méjì", "31_cb": "òkun", "32_cc": "yìnyín", "33_cd": "yìnyín"},
}


def textgrid(path: Path, *labelled: tuple[float, float, str], first: str = "words", form: str = "long") -> None:
    """Write a TextGrid of a second, with a second tier that is none of ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = TextGrid(xmax=1.0)
    tier, other = grid.add_tier(first), grid.add_tier("notes")
    other.add_interval(0.0, 0.5, "yìnyín")
    for start_s, end_s, label in labelled:
        tier.add_interval(start_s, end_s, label)
    grid.to_file(str(path), mode="short" if form == "short" else "normal")


@pytest.fixture(params=["NFC", "NFD"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The corpus as it is distributed, the Yoruba in either form of Unicode, with damage of every kind."""
    form = request.param
    source = tmp_path / "yfacc_v6"
    text = source / "Flickr8k_text"
    other = "NFD" if form == "NFC" else "NFC"
    map_lines = [unicodedata.normalize(other, line) for line in MAP]
    write(text / "eng_yoruba_keywords.txt", *map_lines, "no comma", ", nothing", b"\xff, \xff")
    for split, captions in CAPTIONS.items():
        lines = [f"{key}.jpg#0\t{caption}" for key, caption in captions.items()]
        write(text / f"Flickr8k.token.{split}_yoruba.txt", *(unicodedata.normalize(form, line) for line in lines))
        for key in captions:
            write_tone(source / f"flickr_audio_yoruba_{split}" / f"S001_{key}_0.wav", 1.0, 48_000)
            write_picture(source / "Flicker8k_Dataset" / f"{key}.jpg")
    train = source / "flickr_audio_yoruba_train"
    (train / "S001_12_ac_0.wav").unlink()
    (train / "S001_13_ad_0.wav").write_bytes(DAMAGED)
    write_tone(train / "S001_14_ae_0.wav", 1.0, 48_000)
    write_picture(source / "Flicker8k_Dataset" / "14_ae.jpg")
    write_tone(train / "test recording.wav", 1.0)
    grids = source / "Flickr8k_alignment"
    labels = [(0.2, 0.4, "àwọn ajá "), (0.4, 0.5, "méjì"), (0.5, 1.0, "")]
    textgrid(grids / "30_ca_0.TextGrid", *((a, b, unicodedata.normalize(form, label)) for a, b, label in labels))
    textgrid(grids / "more" / "31_cb_0.TextGrid", (0.1, 0.3, nfd("Òkun")), (0.9, 1.0, "yìnyín"), form="short")
    (grids / "32_cc_0.TextGrid").write_bytes(DAMAGED)
    textgrid(grids / "99_zz_0.TextGrid", (0.1, 0.3, "òkun"))
    return source


def test_english_words_in_yoruba_speech(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    found = utterances(corpus)
    assert (corpus.name, corpus.language, corpus.keywords) == ("YFACC", "yo", ENGLISH)
    assert {id_: split for id_, (split, _) in found.items()} == {
        **dict.fromkeys(["10_aa_0", "11_ab_0", "14_ae_0"], "train"),
        "20_ba_0": "dev",
        **dict.fromkeys(["30_ca_0", "31_cb_0", "32_cc_0", "33_cd_0"], "test"),
    }
    _, first = found["10_aa_0"]
    assert first.audio == source / "flickr_audio_yoruba_train" / "S001_10_aa_0.wav"
    assert first.image == source / "Flicker8k_Dataset" / "10_aa.jpg"
    assert (first.speaker, first.sample_rate) == ("S001", 48_000)
    assert first.text == nfc("A ti ṣeto agọ kan lori snow")
    assert found["20_ba_0"][1].text == nfc("Ọmọkùnrin kan gbá football soccer ní etí beach ocean")
    assert {id_: spoken(utterance) for id_, (split, utterance) in found.items() if split == "test"} == {
        "30_ca_0": [("dogs", 0.2, 0.4)],
        "31_cb_0": [("beach", 0.1, 0.3), ("ocean", 0.1, 0.3), ("snow", 0.9, 1.0)],
        "32_cc_0": None,
        "33_cd_0": None,
    }


def test_the_truth_is_what_is_spoken_in_yoruba(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out")
    keywords = Vocabulary(corpus.keywords)
    tested = measurable(corpus.utterances("test"))
    assert [utterance.id for utterance in tested] == ["30_ca_0", "31_cb_0"]  # those that have a TextGrid
    truth = ground_truth(tested, keywords)
    places = zip(truth.utterance, truth.keyword, truth.start_s, truth.end_s, strict=True)
    assert [(int(u), ENGLISH[w], float(a), float(b)) for u, w, a, b in places] == [
        (0, "dogs", 0.2, 0.4),
        (1, "beach", 0.1, 0.3),
        (1, "ocean", 0.1, 0.3),
        (1, "snow", 0.9, 1.0),
    ]
    captioned = [u for split in ("train", "dev") for u in corpus.utterances(split) if u.text]
    bags = bag_of_words(captioned, keywords)
    named = {id_: [w for w, is_in in zip(ENGLISH, row, strict=True) if is_in] for id_, row in bags.rows.items()}
    assert named.pop("20_ba_0") == ["beach", "football", "ocean", "soccer"]  # a football is no ball
    assert named == {"10_aa_0": ["snow"], "11_ab_0": []}


def test_yoruba_words_in_yoruba_speech(source: Path, tmp_path: Path) -> None:
    corpus = prepare(source, tmp_path / "out", queries=Language.yoruba)
    found = utterances(corpus)
    assert corpus.keywords == YORUBA
    assert found["10_aa_0"][1].text == nfc("A ti ṣeto agọ kan lori yìnyín.")
    assert spoken(found["30_ca_0"][1]) == [(nfc("àwọn ajá"), 0.2, 0.4), (nfc("méjì"), 0.4, 0.5)]
    keywords = Vocabulary(corpus.keywords)
    assert ground_truth(measurable(corpus.utterances("test")), keywords).present.sum() == 3


def test_what_is_not_read_is_counted_and_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare(source, tmp_path / "out")
    rows = "eng_yoruba_keywords.txt row"
    assert noted(corpus.folder) == {
        ("keywords", "left out: the line is not 'english, yoruba'"): [f"{rows} 8", f"{rows} 9"],
        ("keywords", "left out: the line is not UTF-8 text"): [f"{rows} 10"],
        ("TextGrids", "left out: they can't be read"): ["32_cc_0"],
        ("words", "left out: their label is no keyword of the map"): ["30_ca_0"],
        ("words", "left out: their utterance is not in the corpus"): ["99_zz_0", "99_zz_0"],
        ("utterances", "left out: there is no such audio file"): ["12_ac_0"],
        ("utterances", "left out: the audio can't be read"): ["13_ad_0"],
        ("utterances", "kept without a written caption"): ["14_ae_0"],
        ("utterances", "kept without word times"): [
            *("10_aa_0", "11_ab_0", "14_ae_0", "20_ba_0", "32_cc_0", "33_cd_0")
        ],
    }
    printed = capsys.readouterr().out
    assert totals(printed)["utterances"] == (10, 2, 8)
    assert totals(printed)["words"] == (7, 3, 4)
    assert_account_is_right(corpus, printed)


def test_the_same_bytes_twice(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_bytes(lambda out: prepare(source, out), tmp_path, capsys)


@pytest.mark.parametrize("source", ["NFC"], indirect=True)
def test_resampled_recordings_do_where_there_are_no_others(source: Path, tmp_path: Path) -> None:
    test, dev = (source / f"flickr_audio_yoruba_{split}" for split in ("test", "dev"))
    (test / "16k").mkdir()
    for path in test.glob("*.wav"):
        path.unlink()
        write_tone(test / "16k" / path.name)
    write_tone(dev / "16k" / "S001_20_ba_0.wav")
    found = utterances(prepare(source, tmp_path / "out"))
    assert found["30_ca_0"][1].audio == test / "16k" / "S001_30_ca_0.wav"
    assert (found["30_ca_0"][1].sample_rate, found["20_ba_0"][1].sample_rate) == (16_000, 48_000)


@pytest.mark.parametrize("source", ["NFC"], indirect=True)
def test_the_other_map_of_keywords(source: Path, tmp_path: Path) -> None:
    text = source / "Flickr8k_text"
    (text / "eng_yoruba_keywords.txt").unlink()
    write(text / "keywords.8_yoruba.txt", "dogs àwọn ajá", "beach òkun")
    corpus = prepare(source, tmp_path / "out")
    assert corpus.keywords == ("dogs", "beach")
    assert spoken(utterances(corpus)["30_ca_0"][1]) == [("dogs", 0.2, 0.4)]
    own = write(tmp_path / "own.txt", "beach")
    assert prepare(source, tmp_path / "out", keywords=own).keywords == ("beach",)
    write(text / "keywords.8_yoruba.txt", "")
    with pytest.raises(EarmarkError, match=r"keywords.8_yoruba.txt has no keyword"):
        prepare(source, tmp_path / "out")


@pytest.mark.parametrize("source", ["NFC"], indirect=True)
def test_keywords_that_the_map_lacks(source: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own.txt", "Beach", "tree", "dogs", "red")
    corpus = prepare(source, tmp_path / "out", keywords=own)
    assert corpus.keywords == ("Beach", "dogs")
    left_out = "left out: they are not in eng_yoruba_keywords.txt"
    assert noted(corpus.folder)["listed keywords", left_out] == ["tree", "red"]
    with pytest.raises(
        EarmarkError, match=r"none of the keywords in .*own.txt \(such as 'Beach'\) as Yoruba: .*--queries"
    ):
        prepare(source, tmp_path / "none", queries=Language.yoruba, keywords=own)
    # What is labelled in Yoruba can be heard, though the map does not translate it.
    write(own, nfd("òkun"), "méjì")
    corpus = prepare(source, tmp_path / "out", queries=Language.yoruba, keywords=own)
    assert corpus.keywords == (nfc("òkun"), nfc("méjì"))
    note = "kept without an entry in eng_yoruba_keywords.txt"
    assert noted(corpus.folder)["listed keywords", note] == [nfc("méjì")]
    with pytest.raises(EarmarkError, match="as English"):
        prepare(source, tmp_path / "none", keywords=own)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("source", ["NFC"], indirect=True)
def test_what_is_essential_is_required(source: Path, tmp_path: Path) -> None:
    (source / "Flickr8k_text" / "eng_yoruba_keywords.txt").unlink()
    with pytest.raises(EarmarkError, match=r"no eng_yoruba_keywords.txt or keywords.8_yoruba.txt in .*yfacc_v6"):
        prepare(source, tmp_path / "out")
    for split in CAPTIONS:
        shutil.rmtree(source / f"flickr_audio_yoruba_{split}")
    with pytest.raises(EarmarkError, match="There is no flickr_audio_yoruba_train or flickr_audio_yoruba_dev or"):
        prepare(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source", ["NFC"], indirect=True)
def test_what_one_can_do_without_is_named_when_it_is_not_there(source: Path, tmp_path: Path) -> None:
    (source / "Flickr8k_text" / "Flickr8k.token.dev_yoruba.txt").unlink()
    shutil.rmtree(source / "Flickr8k_alignment")
    notes = noted(prepare(source, tmp_path / "out").folder)
    assert {outcome: which for (what, outcome), which in notes.items() if what == "files"} == {
        "not there: no dev utterance has a written caption": ["Flickr8k.token.dev_yoruba.txt"],
        "not there: word times can't be told, nor localisation measured": ["Flickr8k_alignment"],
    }


# Keywords put into English

TOKENS = st.lists(st.sampled_from(["bọ́ọ̀lù", "Bọ́ọ̀lù,", "àfẹsẹ̀gbá", "òkun", "kan"]), max_size=8)


@given(TOKENS, st.sampled_from(["NFC", "NFD"]))
def test_keywords_are_put_into_english_the_longest_first(tokens: list[str], form: str) -> None:
    names = {nfc("bọ́ọ̀lù"): ["ball"], nfc("bọ́ọ̀lù àfẹsẹ̀gbá"): ["football", "soccer"], nfc("òkun"): ["beach", "ocean"]}
    # A slow and obvious version: replace the long one everywhere, then the short ones.
    text = f" {'  '.join(nfc(token).lower().strip(',') for token in tokens)} "
    for yoruba in sorted(names, key=len, reverse=True):
        text = text.replace(f" {yoruba.replace(' ', '  ')} ", f" {' '.join(names[yoruba])} ")
    english = in_english(unicodedata.normalize(form, " ".join(tokens)), names)
    assert nfc(english).lower().split() == text.split()


# TextGrids


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", ["long", "short"])
def test_textgrids_as_praat_writes_them(tmp_path: Path, encoding: str, line_end: str, form: str) -> None:
    path = tmp_path / "a.TextGrid"
    textgrid(path, (0.0, 0.25, ""), (0.25, 0.5, 'ọmọ ""kékeré'), (0.5, 1.0, " "), first=" Words ", form=form)
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\n", line_end)
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    path.write_bytes(marks.get(encoding, b"") + text.encode(encoding))
    (word,) = textgrid_words(path)
    assert (word.start_s, word.end_s) == (0.25, 0.5)
    assert word.word.startswith("ọmọ")


BY_HAND = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "TextTier"
        name = "words"
        xmin = 0
        xmax = 1
        points: size = 1
        points [1]:
            number = 0.5
            mark = "no interval"
    item [2]:
        class = "IntervalTier"
        name = "NAME_2"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0.2
            xmax = 0.4
            text = "two"
    item [3]:
        class = "IntervalTier"
        name = "NAME_3"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0.6
            xmax = 0.8
            text = "three"
"""


def test_the_tier_of_words_goes_before_the_first_one(tmp_path: Path) -> None:
    named = write(tmp_path / "a.TextGrid", BY_HAND.replace("NAME_3", "words"))
    assert textgrid_words(named) == [Word("three", 0.6, 0.8)]
    unnamed = write(tmp_path / "b.TextGrid", BY_HAND)
    assert textgrid_words(unnamed) == [Word("two", 0.2, 0.4)]


@pytest.mark.parametrize("content", ["", "hello", BY_HAND[:500], BY_HAND.replace("IntervalTier", "TextTier")])
def test_a_damaged_textgrid_is_named(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "a.TextGrid", content)
    with pytest.raises(EarmarkError, match=r"a.TextGrid can't be read as a TextGrid \([^)].*\): copy it again"):
        textgrid_words(path)
