from __future__ import annotations

import json
import shutil
import unicodedata
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from jsonschema import Draft202012Validator

import earmark
from conftest import PITCHES, SAMPLE_RATE, WORD_S, spoken
from earmark.core.corpus import Corpus, Word
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.core.vocabulary import Vocabulary
from earmark.localisation import windows
from earmark.localisation.find import best_hits
from earmark.localisation.spotter import (
    KeywordSpotter,
    ScoredHit,
    load_model,
)
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import Recipe
from earmark.training.loop import train
from support.media import write_tone


@pytest.fixture(scope="module")
def model(tiny_run: Path) -> KeywordSpotter:
    return load_model(tiny_run)


def record(path: Path, seconds: float, **starts_s: float) -> Path:
    """Write a recording in which each word is spoken at its start."""
    words = tuple(Word(word, start_s, start_s + WORD_S) for word, start_s in starts_s.items())
    soundfile.write(str(path), spoken(words, seconds, np.random.default_rng(0)), SAMPLE_RATE)
    return path


def inside(hit: Hit, start_s: float) -> bool:
    return start_s <= hit.time_s <= start_s + WORD_S


# What is found


def test_hits_are_ranked_and_in_their_places(model: KeywordSpotter, tmp_path: Path) -> None:
    one, two = record(tmp_path / "one.wav", 2.0, dog=1.2), record(tmp_path / "two.wav", 2.0, ball=0.4, ọmọ=1.3)
    hits = model.find(["ball", "dog"], [one, str(two)])
    assert len(hits) == 4
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {(hit.query, hit.recording) for hit in hits[:2]} == {("dog", str(one)), ("ball", str(two))}
    assert all(inside(hit, 1.2 if hit.query == "dog" else 0.4) for hit in hits[:2])
    assert hits[1].score > 0.5 > hits[2].score


@pytest.mark.parametrize("method", ["masked-in", "masked-out", "grad-cam"])
def test_every_method_finds_the_word_in_its_place(tiny_run: Path, tmp_path: Path, method: str) -> None:
    spotter = KeywordSpotter(read_checkpoint(tiny_run), method)
    path = record(tmp_path / "a.wav", 2.0, dog=1.2)
    (candidate,) = spotter.candidates("dog", path)
    assert inside(candidate.hit, 1.2)
    assert candidate.hit.start_s <= candidate.hit.time_s <= candidate.hit.end_s
    assert (np.diff(candidate.times_s) > 0).all()  # a curve goes forward in time, whatever the pieces
    assert len(candidate.curve) == len(candidate.times_s)
    if method.startswith("masked"):  # a hit reaches as far as its segment
        assert candidate.hit.end_s - candidate.hit.start_s == pytest.approx(0.4, abs=0.2)


def test_one_word_and_one_recording_need_no_list(model: KeywordSpotter, tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", 1.0, dog=0.3)
    assert model.find("dog", path) == model.find("dog", str(path)) == model.find(["dog"], [path])
    assert len(model.find("dog", str(path))) == 1


def test_five_lines_of_python(tiny_run: Path, tmp_path: Path) -> None:
    spotter = earmark.load_model(tiny_run)
    for hit in spotter.find("dog", [record(tmp_path / "a.wav", 1.0, dog=0.3)], top=10):
        assert isinstance(hit, earmark.Hit)
        assert 0.3 <= hit.time_s <= 0.62
    assert spotter.keywords == tuple(PITCHES)


def test_a_word_is_the_same_in_nfc_and_nfd(model: KeywordSpotter, tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", 1.5, ọmọ=0.5)
    composed, decomposed = (unicodedata.normalize(form, "ọmọ") for form in ("NFC", "NFD"))
    assert composed != decomposed
    (one,), (other,) = model.find(composed, [path]), model.find(decomposed, [path])
    assert one == replace(other, query=composed)
    assert other.query == decomposed
    assert model.find(" ỌMỌ", [path])[0].score == one.score


def test_a_query_that_is_given_twice_is_found_once(model: KeywordSpotter, tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", 1.5, dog=0.5)
    assert model.find(["dog", "dog"], [path]) == model.find("dog", [path])


def test_top_counts_for_each_keyword(model: KeywordSpotter, tmp_path: Path) -> None:
    paths = [record(tmp_path / f"{word}.wav", 1.0, **{word: 0.3}) for word in PITCHES]
    every = model.find(["dog", "ball"], paths)
    best = model.find(["dog", "ball"], paths, top=1)
    assert len(every) == 8
    assert sorted(hit.query for hit in best) == ["ball", "dog"]
    assert all(Path(hit.recording).stem == hit.query for hit in best)
    assert [hit.query for hit in model.find(["dog", "ball"], paths, top=3)].count("dog") == 3


def test_stereo_at_another_rate_is_the_same_sound(model: KeywordSpotter, tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", 2.0, dog=1.2)
    samples = soxr.resample(soundfile.read(str(path))[0], SAMPLE_RATE, 44_100)
    soundfile.write(str(tmp_path / "b.flac"), np.stack([samples, samples], axis=1), 44_100)
    (mono,), (stereo,) = model.find("dog", [path]), model.find("dog", [tmp_path / "b.flac"])
    assert inside(stereo, 1.2)
    assert stereo.score == pytest.approx(mono.score, abs=0.02)
    assert stereo.time_s == pytest.approx(mono.time_s, abs=0.05)


def test_an_attention_model_finds_too(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path) -> None:
    values = tiny_recipe.model_dump(exclude_none=True)
    values["localisation"] = "attention"
    values["model"] = {
        "encoder": values["model"]["encoder"][:2],
        "pooling": {"kind": "attention"},
        "classifier": [8],
    }
    values["training"]["epochs"] = 2
    train(Recipe.model_validate(values), tiny_corpus, tmp_path / "run", Vocabulary(tiny_corpus.keywords))
    path = record(tmp_path / "a.wav", 1.5, dog=0.5)
    (candidate,) = load_model(tmp_path / "run").candidates("dog", [path])
    assert candidate.curve.max() == 1.0  # weights as a person may see them
    assert candidate.times_s[candidate.curve.argmax()] == candidate.hit.time_s
    with pytest.raises(EarmarkError, match="score-aggregation can't be used here: this model's frames have no scores"):
        KeywordSpotter(read_checkpoint(tmp_path / "run"), "score-aggregation")


def test_the_curve_belongs_to_the_hit(model: KeywordSpotter, tmp_path: Path) -> None:
    (candidate,) = model.candidates("dog", [record(tmp_path / "a.wav", 1.5, dog=0.5)])
    assert candidate.window_s == (0.0, 1.5)
    assert candidate.curve.shape == candidate.times_s.shape
    assert candidate.curve.min() >= 0
    assert candidate.curve.max() <= 1
    assert candidate.times_s[candidate.curve.argmax()] == pytest.approx(candidate.hit.time_s)
    np.testing.assert_allclose(np.diff(candidate.times_s), 0.04, atol=1e-6)  # the encoder's stride


# The form of a hit


@pytest.mark.parametrize("seconds", [1 / 16_000, 0.005, 0.02, 0.3, 8.0, 8.01, 13.0])
def test_times_lie_inside_the_recording(model: KeywordSpotter, tmp_path: Path, seconds: float) -> None:
    path = write_tone(tmp_path / "a.wav", seconds)
    for candidate in model.candidates(model.keywords, [path]):
        hit = candidate.hit
        assert 0 <= hit.start_s <= hit.time_s <= hit.end_s <= seconds + 1e-9
        assert candidate.window_s[0] <= hit.start_s
        assert hit.end_s <= candidate.window_s[1] <= seconds + 1e-9
        assert 0 <= hit.score <= 1


def test_hits_meet_their_schema(model: KeywordSpotter, tmp_path: Path) -> None:
    schema = json.loads((files("earmark") / "schemas" / "hits.schema.json").read_text(encoding="utf-8"))
    hits = model.find(model.keywords, [record(tmp_path / "ọmọ mi.wav", 10.0, dog=0.5)])
    document = json.loads(json.dumps([hit.to_json() for hit in hits], allow_nan=False))
    Draft202012Validator(schema).validate(document)
    assert [Hit(**entry) for entry in document] == hits


# Windows


def test_a_word_in_a_later_window_has_its_time_in_the_recording(model: KeywordSpotter, tmp_path: Path) -> None:
    hits = model.find("dog", [record(tmp_path / "a.wav", 30.0, dog=21.5)])
    assert inside(hits[0], 21.5)
    assert hits[0].score > 2 * hits[1].score


@pytest.mark.parametrize("start_s", [6.2, 7.5])  # in two windows, the second time cut by none
def test_a_word_in_two_windows_is_one_hit(model: KeywordSpotter, tmp_path: Path, start_s: float) -> None:
    hits = model.find("dog", [record(tmp_path / "a.wav", 14.0, dog=start_s)])
    assert sum(hit.start_s < start_s + WORD_S and hit.end_s > start_s for hit in hits) == 1
    assert inside(hits[0], start_s)


def candidate(query: str, score: float, start_s: float, end_s: float) -> ScoredHit:
    hit = Hit("a.wav", query, score, (start_s + end_s) / 2, start_s, end_s)
    return ScoredHit(hit, (0.0, 60.0), np.zeros(1), np.zeros(1))


def test_of_hits_that_overlap_the_best_is_selected() -> None:
    found = [
        candidate("dog", 0.4, 7.0, 7.4),
        candidate("dog", 0.9, 7.3, 7.6),
        candidate("ball", 0.2, 7.0, 7.6),
        candidate("dog", 0.3, 6.0, 7.1),
        candidate("dog", 0.8, 7.6, 7.9),  # only touches
        candidate("dog", 0.1, 7.0, 8.5),  # around two of them
    ]
    selected = [(c.hit.query, c.hit.score) for c in best_hits(found, None)]
    assert selected == [("dog", 0.9), ("dog", 0.8), ("dog", 0.3), ("ball", 0.2)]
    assert [c.hit.score for c in best_hits(found, 1)] == [0.9, 0.2]
    assert [c.hit.score for c in best_hits(found, 1, until_s=7.5)] == [0.9, 0.8, 0.2]
    assert best_hits([], 3) == []


# What is refused


def test_an_unknown_word_names_the_nearest_before_any_sound_is_read(model: KeywordSpotter, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"'omo' is not among the 4 keywords .*: the nearest are ọmọ, "):
        model.find(["dog", "omo"], [tmp_path / "none.wav"])


@pytest.mark.parametrize("words", [[], ()])
def test_no_word_at_all(model: KeywordSpotter, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="There is no query"):
        model.find(words, [tmp_path / "none.wav"])


def test_a_recording_longer_than_a_chunk_is_searched_to_its_end(
    model: KeywordSpotter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "CHUNK_S", 12.0)
    hits = model.find("dog", [record(tmp_path / "a.wav", 62.0, dog=59.5)], top=2)
    assert inside(hits[0], 59.5)
    assert len(hits) == 2


def test_a_recording_that_is_no_sound(model: KeywordSpotter, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"nothing")
    with pytest.raises(EarmarkError, match=r"a\.wav can't be read as audio"):
        model.find("dog", [tmp_path / "a.wav"])


def test_folders_that_hold_no_whole_model(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="is not a trained model"):
        load_model(tmp_path)
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    with pytest.raises(EarmarkError, match="holds no trained model"):
        load_model(tmp_path / "run")
    with pytest.raises(EarmarkError, match="There is no localisation method 'nothing'"):
        KeywordSpotter(read_checkpoint(tiny_run), "nothing")
