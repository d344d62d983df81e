"""Corpora from documents of ELAN, Praat and FLEx: stretches of recordings, which are read and learned from."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from conftest import PITCHES, SAMPLE_RATE, WORD_S, spoken
from earmark.core.corpus import Corpus, Utterance, Word, read_corpus
from earmark.core.errors import EarmarkError
from earmark.corpora import elan, flextext, textgrid
from earmark.features import extractor
from earmark.features.cache import load_features
from earmark.media.audio import read_audio
from earmark.media.utterances import read_utterance
from earmark.recipe import Recipe
from earmark.supervision.targets import targets_path, write_targets
from earmark.supervision.translations import commonest_in_translations, tags_from_translations
from earmark.training.loop import train
from support.annotated import eaf, tier, write
from support.annotated import textgrid as praat
from support.imports import assert_account_is_right, assert_same_bytes, noted
from support.imports import spoken as words_of
from support.media import write_tone

pytestmark = pytest.mark.usefixtures("command_line")

SLOTS = {"s1": 500, "s2": 1250, "s3": 1000, "s4": 1900, "s5": 2950, "s6": 3400, "s7": 1300, "s8": 1340, "s9": 5000}
TIERS = [
    (tier("tx@A", "text", participant="Asha"), [
        ("a1", ("s1", "s2"), "mbwa anakimbia"),
        ("a2", ("s5", "s6"), "paka"),
        ("a3", ("s7", "s8"), "eh"),
        ("a4", ("s8", "s4"), ""),
        ("a5", ("s6", "s9"), "baadaye"),
    ]),
    (tier("tx@B", "text"), [("b1", ("s3", "s4"), "hapana")]),
    (tier("ft@A", "free", "tx@A"), [("f1", ("a1", ""), "the dog runs")]),
    (tier("note", "note"), [("n1", ("s1", "s2"), "nice")]),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A document and its recording of 3 seconds."""
    write_tone(tmp_path / "in" / "sub" / "ọmọ 1.wav", 3.0)
    media = [{"MEDIA_URL": "file:///D:/gone/ọmọ%201.wav", "RELATIVE_MEDIA_URL": "./ọmọ 1.wav"}]
    write(tmp_path / "in" / "sub" / "d.eaf", eaf(SLOTS, TIERS, media))
    return tmp_path / "in"


def all_of(corpus: Corpus) -> dict[str, Utterance]:
    read = read_corpus(corpus.folder)
    assert read == corpus
    return {u.id: u for split in read.splits() for u in read.utterances(split)}


# ELAN


def test_annotations_become_stretches(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    corpus = elan.prepare(folder, tmp_path / "out", tier=["tx@*"], translation=["free"], language="sw")
    found = all_of(corpus)
    audio = folder / "sub" / "ọmọ 1.wav"
    assert found["sub/d-a1"] == Utterance(
        "sub/d-a1", audio, 16_000, 48_000, speaker="Asha", text="mbwa anakimbia", translation="the dog runs",
        stretch_s=(0.5, 1.25),
    )  # fmt: skip
    assert {name: (one.speaker, one.text, one.stretch_s, one.duration_s) for name, one in found.items()} == {
        "sub/d-a1": ("Asha", "mbwa anakimbia", (0.5, 1.25), 0.75),
        "sub/d-b1": ("B", "hapana", (1.0, 1.9), 0.9),  # overlaps the one before
    }
    assert noted(corpus.folder)["utterances", "left out: nothing is written in them"] == ["sub/d-a4"]
    short = noted(corpus.folder)["utterances", "left out: less than 0.1 s of their recording is there"]
    assert sorted(short) == ["sub/d-a2", "sub/d-a3", "sub/d-a5"]
    printed = capfd.readouterr().out
    assert "The text is that of the tiers tx@A (1), tx@B (1)." in printed
    assert "Other tiers are ft@A (1), note (1)." in printed
    assert_account_is_right(corpus, printed)


def test_without_a_choice_the_tiers_that_depend_on_none_have_the_text(folder: Path, tmp_path: Path) -> None:
    corpus = elan.prepare(folder, tmp_path / "out", translation=["note"])
    assert {u.text: u.translation for u in all_of(corpus).values()} == {"mbwa anakimbia": "nice", "hapana": None}
    corpus = elan.prepare(folder, tmp_path / "out", participant="B")
    assert [u.text for u in all_of(corpus).values()] == ["hapana"]


@pytest.mark.parametrize("numbers", [("1", "2"), ("1.1", "2.10"), ("hadithi.001", "hadithi.002"), ("(1)", "(2)")])
def test_the_text_is_below_a_tier_of_numbers(tmp_path: Path, numbers: tuple[str, str]) -> None:
    write_tone(tmp_path / "in" / "d.wav", 3.0)
    times = {"a": 0, "b": 1000, "c": 2000}
    tiers = [
        (tier("A_phrase-segnum", "phrase"), [("p1", ("a", "b"), numbers[0]), ("p2", ("b", "c"), numbers[1])]),
        (tier("A_note", "note", "A_phrase-segnum"), []),
        (tier("A_phrase-gls", "free translation", "A_phrase-segnum"), [("g1", ("p1", ""), "the dog runs")]),
        (tier("A_phrase-txt", "text", "A_phrase-segnum"), [("t1", ("p1", ""), "mbwa"), ("t2", ("p2", ""), "ndiyo 2")]),
    ]  # fmt: skip
    write(tmp_path / "in" / "d.eaf", eaf(times, tiers))
    corpus = elan.prepare(tmp_path / "in", tmp_path / "out", translation=["free*"])
    found = {u.text: (u.translation, u.stretch_s) for u in all_of(corpus).values()}
    assert found == {"mbwa": ("the dog runs", (0.0, 1.0)), "ndiyo 2": (None, (1.0, 2.0))}


def test_numbers_that_nothing_depends_on_are_the_text(tmp_path: Path) -> None:
    write_tone(tmp_path / "in" / "d.wav", 3.0)
    write(tmp_path / "in" / "d.eaf", eaf({"a": 0, "b": 1000}, [(tier("digits"), [("x", ("a", "b"), "7")])]))
    assert [u.text for u in all_of(elan.prepare(tmp_path / "in", tmp_path / "out")).values()] == ["7"]


def test_a_stretch_ends_with_its_recording(tmp_path: Path) -> None:
    write_tone(tmp_path / "in" / "d.wav", 3.0)
    write(tmp_path / "in" / "d.eaf", eaf({"a": 2500, "b": 3600}, [(tier("t"), [("x", ("a", "b"), "ndiyo")])]))
    (only,) = all_of(elan.prepare(tmp_path / "in", tmp_path / "out")).values()
    assert only.stretch_s == (2.5, 3.0)


def test_an_offset_of_the_recording_counts(tmp_path: Path) -> None:
    write_tone(tmp_path / "in" / "x.wav", 3.0)
    media = [{"MEDIA_URL": "file:///gone/film.mp4"}, {"RELATIVE_MEDIA_URL": "./x.wav", "TIME_ORIGIN": "1480"}]
    document = eaf({"a": 20, "b": 520}, [(tier("t"), [("x", ("a", "b"), "ndiyo")])], media)
    write(tmp_path / "in" / "d.EAF", document)
    (only,) = all_of(elan.prepare(tmp_path / "in", tmp_path / "out")).values()
    assert only.stretch_s == (1.5, 2.0)


@pytest.mark.parametrize("place", ["in/d.WAV", "elsewhere/y.wav", "elsewhere/d.flac"])
def test_recordings_are_found_by_name_or_by_the_documents_name(tmp_path: Path, place: str) -> None:
    audio = write_tone(tmp_path / place, 3.0, format="FLAC" if place.endswith("flac") else "WAV")
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    media = [{"MEDIA_URL": r"file:///C:/Users/me/y.wav", "TIME_ORIGIN": "100"}]
    write(tmp_path / "in" / "d.eaf", eaf({"a": 0, "b": 900}, [(tier("t"), [("x", ("a", "b"), "ndiyo")])], media))
    (only,) = all_of(elan.prepare(tmp_path / "in", tmp_path / "out", media=tmp_path / "elsewhere")).values()
    assert only.audio == audio
    assert only.stretch_s == (0.1, 1.0)


def test_a_recording_is_found_in_another_unicode_form(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "in" / f"{unicodedata.normalize('NFD', 'ọmọ é')}.wav", 3.0)
    document = tmp_path / "in" / f"{unicodedata.normalize('NFC', 'ọmọ é')}.eaf"
    write(document, eaf({"a": 0, "b": 900}, [(tier("t"), [("x", ("a", "b"), "ndiyo")])]))
    (only,) = all_of(elan.prepare(tmp_path / "in", tmp_path / "out")).values()
    assert only.audio == audio


def test_what_is_damaged_or_missing_is_named_and_the_rest_is_imported(folder: Path, tmp_path: Path) -> None:
    write(folder / "broken.eaf", "<ANNOTATION_DOCUMENT>")
    write(folder / "lonely.eaf", eaf({"a": 0, "b": 900}, [(tier("tx@C"), [("x", ("a", "b"), "ndiyo")])]))
    write(folder / "empty.eaf", eaf({}, []))
    corpus = elan.prepare(folder, tmp_path / "out", tier=["tx@*"])
    notes = noted(corpus.folder)
    assert notes["documents", "left out: they can't be read"] == ["broken.eaf"]
    assert notes["documents", "kept without their recording"] == ["lonely.eaf"]
    assert notes["utterances", "left out: their recording is not found"] == ["lonely-x"]
    assert notes["documents", "kept without any annotation in the tiers that are read"] == ["empty.eaf"]
    assert len(all_of(corpus)) == 2


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="There is no folder"):
        elan.prepare(tmp_path / "none", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(EarmarkError, match=r"holds no \.eaf file"):
        elan.prepare(tmp_path / "in", tmp_path / "out")
    write(tmp_path / "in" / "broken.eaf", "")
    with pytest.raises(EarmarkError, match="No utterance of in is left"):
        elan.prepare(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_same_documents_give_the_same_bytes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_same_bytes(lambda out: elan.prepare(folder, out), tmp_path, capsys)


def test_documents_stay_together_in_a_split_if_they_shall(tmp_path: Path) -> None:
    for number in range(12):
        write_tone(tmp_path / "in" / f"{number}.wav", 3.0)
        rows = [("x", ("a", "b"), "ndiyo"), ("y", ("b", "c"), "hapana"), ("z", ("c", "d"), "labda")]
        write(tmp_path / "in" / f"{number}.eaf", eaf({"a": 0, "b": 900, "c": 1800, "d": 2700}, [(tier("t"), rows)]))
    corpus = elan.prepare(tmp_path / "in", tmp_path / "out", split_by="document")
    documents = [{u.audio for u in corpus.utterances(split)} for split in corpus.splits()]
    assert sum(map(len, documents)) == 12


# Praat


def test_intervals_become_stretches_with_words(tmp_path: Path) -> None:
    write_tone(tmp_path / "in" / "a b.wav", 3.0, sample_rate=44_100, channels=2)
    tiers = {
        "Asha - phrases": [(0.0, 0.4, ""), (0.4, 1.6, "mbwa na paka"), (1.6, 3.0, " ")],
        "Asha - words": [(0.0, 0.4, ""), (0.4, 0.8, "mbwa"), (0.8, 1.0, "na"), (1.0, 1.5, "paka"), (1.5, 3.0, "")],
        "english": [(0.0, 0.5, ""), (0.5, 1.6, "dog and cat"), (1.6, 3.0, "")],
    }
    write(tmp_path / "in" / "a b.TextGrid", praat(3.0, tiers), "utf-16")
    chosen = {"tier": ["*phrases"], "words": ["*words"], "translation": ["english"]}
    (only,) = all_of(textgrid.prepare(tmp_path / "in", tmp_path / "out", **chosen)).values()
    assert (only.text, only.translation, only.speaker) == ("mbwa na paka", "dog and cat", "Asha")
    assert only.stretch_s == (0.4, 1.6)
    assert words_of(only) == [("mbwa", 0.0, 0.4), ("na", 0.4, 0.6), ("paka", 0.6, 1.1)]
    assert only.channels == 2


# FLEx


def test_phrases_become_stretches(tmp_path: Path) -> None:
    write_tone(tmp_path / "in" / "dogs.wav", 3.0)
    phrases = (
        '<phrase begin-time-offset="500" end-time-offset="1700" speaker="Asha" media-file="m">'
        '<item type="txt" lang="swh">Mbwa</item><item type="gls" lang="en">dog</item><item type="gls" lang="fr">chien'
        '</item></phrase><phrase><item type="txt" lang="swh">Paka</item></phrase>'
    )
    write(
        tmp_path / "in" / "t.flextext",
        f"<document><interlinear-text><paragraphs><paragraph><phrases>{phrases}</phrases></paragraph></paragraphs>"
        '<media-files><media guid="m" location="file:///D:/x/dogs.wav"/></media-files></interlinear-text></document>',
    )
    corpus = flextext.prepare(tmp_path / "in", tmp_path / "out", translation_language="fr")
    (only,) = all_of(corpus).values()
    assert (only.text, only.translation, only.speaker, only.stretch_s) == ("Mbwa", "chien", "Asha", (0.5, 1.7))
    assert noted(corpus.folder)["utterances", "left out: they have no times"] == ["t-1.2"]


# Stretches are read, and learned from


def test_a_stretch_sounds_as_in_its_recording(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(str(tmp_path / "a.flac"), rng.uniform(-0.5, 0.5, (30_000, 2)), 10_000)
    whole = Utterance("u", tmp_path / "a.flac", 10_000, 30_000, 2)
    part = Utterance("u", tmp_path / "a.flac", 10_000, 30_000, 2, stretch_s=(0.5, 1.75))
    waveform = read_utterance(part)
    assert read_utterance(whole).tolist() == read_audio(tmp_path / "a.flac").tolist()
    assert len(waveform) == 20_000
    np.testing.assert_allclose(waveform, read_audio(tmp_path / "a.flac")[8_000:28_000], atol=1e-6)


def test_an_annotated_recording_teaches_by_its_translations(tiny_recipe: Recipe, tmp_path: Path) -> None:
    """From ELAN documents with translations, without pictures, to a trained model."""
    rng = np.random.default_rng(0)
    names = list(PITCHES)
    for number in range(3):
        sound, slots, texts, translations = [], {}, [], []
        for place in range(12):
            word = names[int(rng.integers(4))]
            slots |= {f"s{place}": 1000 * place, f"e{place}": 1000 * place + 900}
            texts.append((f"a{place}", (f"s{place}", f"e{place}"), f"text {place}"))
            translations.append((f"f{place}", (f"a{place}", ""), f"this is a {word}"))
            sound.append(spoken((Word(word, 0.3, 0.3 + WORD_S),), 1.0, rng))
        (tmp_path / "in").mkdir(exist_ok=True)
        soundfile.write(str(tmp_path / "in" / f"{number}.wav"), np.concatenate(sound), SAMPLE_RATE)
        tiers = [(tier("tx"), texts), (tier("ft", parent="tx"), translations)]
        write(tmp_path / "in" / f"{number}.eaf", eaf(slots, tiers))
    corpus = elan.prepare(tmp_path / "in", tmp_path / "corpus", translation=["ft"])
    every = [u for split in corpus.splits() for u in corpus.utterances(split)]
    assert len(every) == 36
    keywords = commonest_in_translations(every, 4)
    assert set(keywords) == set(names)
    write_targets(targets_path(corpus, "translation"), tags_from_translations(every, keywords))
    recipe = tiny_recipe.model_copy(
        update={"supervision": "translation", "training": tiny_recipe.training.model_copy(update={"epochs": 1})}
    )
    train(recipe, corpus, tmp_path / "run", keywords)
    assert (tmp_path / "run" / "model.safetensors").is_file()

    features = load_features(corpus, "train", recipe.features)
    extract = extractor(recipe.features)
    for place, utterance in enumerate(corpus.utterances("train")[:3]):
        assert utterance.stretch_s is not None
        first = round(utterance.stretch_s[0] * SAMPLE_RATE)
        expected = extract(read_audio(utterance.audio)[first : first + round(0.9 * SAMPLE_RATE)])
        np.testing.assert_allclose(features[place], expected.numpy(), atol=2e-2)
