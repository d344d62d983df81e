"""The embedded corpus: what it draws, what it says, when each word is spoken, and that it is always the same."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageChops, ImageColor

from earmark import corpora
from earmark.core.corpus import SPLITS, Corpus, Word, read_corpus
from earmark.core.errors import EarmarkError
from earmark.corpora import picturebook
from earmark.corpora.picturebook import FEWEST, UNSEEN_VOICES, make_picture, make_utterance, prepare
from earmark.corpora.picturebook.canvas import Canvas
from earmark.corpora.picturebook.captions import FEWEST_WORDS, MOST_WORDS, PATTERNS, sample_caption
from earmark.corpora.picturebook.figure import Appearance
from earmark.corpora.picturebook.render import COLOUR_RANGES, SIZE, crops, draw_scene, sample_colour
from earmark.corpora.picturebook.scenes import KEYWORDS, KINDS, NUMBERED, PLACES, SKIES, Group, Scene, sample_scene
from earmark.corpora.picturebook.shapes import FIGURES
from earmark.corpora.picturebook.synthesis import VOICES, Acoustics, sample_room, say
from earmark.media.audio import audio_info, read_audio
from earmark.media.images import read_image

pytest.importorskip("espeakng_loader", reason="the picturebook speaks through the extra earmark[demo]")

TRAIN = 20
RUN_ON = "in the snow there are two cats and on the street a picture of a dog with the ball"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return prepare(tmp_path_factory.mktemp("books") / "a picturebook", size=TRAIN, seed=3)


def digests(folder: Path) -> dict[str, str]:
    """A digest of each file of a folder, by its name there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def captions_of(folder: Path) -> list[dict[str, str]]:
    with open(folder / "pictures" / "pictures.csv", encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


# The corpus as a whole


def test_it_is_found_as_a_corpus() -> None:
    assert "picturebook" in corpora.names()
    assert corpora.importer("picturebook") is picturebook


def test_splits_keywords_and_media(book: Corpus) -> None:
    assert read_corpus(book.folder) == book
    assert book.splits() == SPLITS
    assert [len(book.utterances(split)) for split in SPLITS] == [TRAIN, FEWEST, FEWEST]
    assert len(book.keywords) == len(set(book.keywords)) >= 30
    for split in SPLITS:
        for utterance in book.utterances(split):
            info = audio_info(utterance.audio)
            assert (info.sample_rate, info.channels) == (16_000, 1)
            assert info.samples == utterance.samples
            assert utterance.image is not None
            with Image.open(utterance.image) as image:
                assert image.size == (SIZE, SIZE)
                assert image.mode == "RGB"


def test_the_manifest_is_read_by_lhotse(book: Corpus) -> None:
    from lhotse import CutSet

    cut_set = list(CutSet.from_file(book.manifest("test")))
    assert [cut.id for cut in cut_set] == [utterance.id for utterance in book.utterances("test")]
    assert [w.symbol for w in cut_set[0].supervisions[0].alignment["word"]] == cut_set[0].supervisions[0].text.split()


def test_there_are_many_voices_and_some_speak_in_the_test_split_alone(book: Corpus) -> None:
    assert len(set(VOICES)) >= 10
    assert set(UNSEEN_VOICES) < set(VOICES)
    speakers = {split: {utterance.speaker for utterance in book.utterances(split)} for split in SPLITS}
    assert not (speakers["train"] | speakers["dev"]) & set(UNSEEN_VOICES)
    assert speakers["test"] & set(UNSEEN_VOICES)
    assert speakers["test"] - set(UNSEEN_VOICES)


def test_the_taggers_pictures_are_other_pictures(book: Corpus) -> None:
    rows = captions_of(book.folder)
    files = {book.folder / "pictures" / row["image"] for row in rows}
    assert len(files) == TRAIN + TRAIN // 2
    assert len(rows) == 3 * len(files)
    tagger = {path.read_bytes() for path in files}
    corpus = {path.read_bytes() for path in (book.folder / "images").iterdir()}
    assert len(tagger) == len(files)
    assert len(corpus) == TRAIN + 2 * FEWEST
    assert not tagger & corpus


# The same size and seed, the same bytes


def test_the_same_bytes_again_in_any_order_and_process(book: Corpus, tmp_path: Path) -> None:
    """Made here, last first, beside what the worker processes made first first."""
    made = digests(book.folder)
    for split, count in (("test", FEWEST), ("train", TRAIN)):
        expected = book.utterances(split)
        for index in reversed(range(0, count, 3)):
            assert make_utterance(tmp_path, 3, (split, index)).words == expected[index].words
    for index in (9, 4):
        make_picture(tmp_path, 3, ("picture", index))
    again = digests(tmp_path)
    assert len(again) == 2 * (FEWEST // 3 + 7) + 2
    assert again == {name: made[name] for name in again}


def test_another_seed_makes_another_book(book: Corpus, tmp_path: Path) -> None:
    other, this = make_utterance(tmp_path, 4, ("train", 0)), book.utterances("train")[0]
    assert other.image is not None
    assert this.image is not None
    assert other.audio.read_bytes() != this.audio.read_bytes()
    assert other.image.read_bytes() != this.image.read_bytes()


def test_ctrl_c_leaves_what_the_next_run_takes_up(book: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "broken off"
    size = 100
    code = (
        "import sys; from pathlib import Path; from earmark.corpora.picturebook import prepare\n"
        f"prepare(Path(sys.argv[1]), size={size}, seed=3)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(list((out / "audio").glob("*.flac"))) < 20 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to the parent and all its workers
    _, printed = run.communicate(timeout=60)
    assert run.returncode != 0
    assert printed.count("KeyboardInterrupt") == 1  # nothing from the workers
    assert not (out / "corpus.yaml").exists()
    assert not list(out.rglob("*.partial*"))
    times_ns = {path: path.stat().st_mtime_ns for path in out.rglob("*.flac")}
    assert 20 <= len(times_ns) < size + 2 * FEWEST

    prepare(out, size=size, seed=3)
    assert {path: path.stat().st_mtime_ns for path in times_ns} == times_ns
    whole, part = digests(out), digests(book.folder)
    media = {name for name in part if name.endswith((".jpg", ".flac"))}
    assert {name: whole[name] for name in media} == {name: part[name] for name in media}
    for small, large in zip(book.utterances("train"), read_corpus(out).utterances("train"), strict=False):
        assert small.words == large.words
        assert small.text == large.text


def test_an_interrupted_book_ends_up_as_an_unbroken_one(book: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    (out / "audio").mkdir(parents=True)
    (out / "picturebook.json").write_bytes((book.folder / "picturebook.json").read_bytes())
    for name in ("train-00002.flac", "dev-00005.flac"):
        (out / "audio" / name).write_bytes((book.folder / "audio" / name).read_bytes())
    prepare(out, size=TRAIN, seed=3)
    assert digests(out) == digests(book.folder)


def test_a_finished_book_is_opened_as_it_is(book: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)  # it does not even need a voice
    before = {path: path.stat().st_mtime_ns for path in book.folder.rglob("*")}
    assert prepare(book.folder, size=TRAIN, seed=3) == book
    assert {path: path.stat().st_mtime_ns for path in book.folder.rglob("*")} == before


@pytest.mark.parametrize("other", [{"size": TRAIN, "seed": 4}, {"size": TRAIN + 1, "seed": 3}])
def test_a_book_of_other_settings_is_left_alone(book: Corpus, other: dict[str, int]) -> None:
    with pytest.raises(EarmarkError, match="another size, seed or edition: choose another folder"):
        prepare(book.folder, **other)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(EarmarkError, match="is not a picturebook: choose a new folder"):
        prepare(tmp_path, size=1)
    assert digests(tmp_path).keys() == {"thesis.txt"}


def test_a_book_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="ask for at least 1"):
        prepare(tmp_path / "new", size=0)


def test_without_espeak_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(EarmarkError, match=re.escape("pip install 'earmark[demo]'")):
        prepare(tmp_path / "new", size=1)
    assert not (tmp_path / "new").exists()


# Scenes and what is said of them


def test_captions_name_only_what_is_shown_and_not_all_of_it() -> None:
    rng = Random(5)
    named, lengths, mere = [], set(), 0
    for _ in range(3000):
        scene = sample_scene(rng)
        caption = sample_caption(scene, rng)
        keywords = set(caption.words) & set(KEYWORDS)
        assert keywords <= scene.keywords(), (caption, scene)
        named.append(len(keywords) / len(scene.keywords()))
        lengths.add(len(caption.words))
        mere += not keywords
        assert caption.text == " ".join(caption.words)
    assert np.mean(np.array(named) < 1) > 0.9
    assert 0.4 < np.mean(named) < 0.8
    assert 0.005 < mere / 3000 < 0.05  # sometimes they name nothing at all
    assert min(lengths) == FEWEST_WORDS == 4
    assert max(lengths) == MOST_WORDS == 12
    assert len(PATTERNS) >= 20


def test_every_keyword_is_shown_and_spoken_often_enough_to_be_learnt() -> None:
    rng = Random(6)
    shown, spoken = dict.fromkeys(KEYWORDS, 0), dict.fromkeys(KEYWORDS, 0)
    for _ in range(2000):
        scene = sample_scene(rng)
        caption = sample_caption(scene, rng)
        for word in scene.keywords():
            shown[word] += 1
        for word in set(caption.words) & set(KEYWORDS):
            spoken[word] += 1
    assert min(spoken.values()) > 30
    assert all(0.25 < spoken[word] / shown[word] < 0.95 for word in KEYWORDS)


def test_one_and_several_are_two_words_and_two_pictures() -> None:
    assert {"dog", "cat", "bird", "tree", "balloon"} <= {kind.name for kind in NUMBERED}
    for kind in NUMBERED:
        action = kind.actions[0] if kind.actions else ""
        place = next(place for place in ("grass", "water") if place in kind.places)
        one, three = (Scene(place, "clear", (Group(kind.name, n, kind.colours[0], action, 1.0),)) for n in (1, 3))
        assert kind.name in one.keywords() - three.keywords()
        assert kind.plural in three.keywords() - one.keywords()
        assert one.keywords() - {kind.name} == three.keywords() - {kind.plural}
        pixels = [np.asarray(draw_scene(scene, Random(7)).image, dtype=float) for scene in (one, three)]
        assert np.mean(np.abs(pixels[0] - pixels[1]).max(axis=2) > 40) > 0.03


def test_the_same_scene_is_drawn_in_many_ways() -> None:
    scene = Scene("beach", "sun", (Group("dog", 1, "brown", "running", 1.0),))
    pictures = [np.asarray(draw_scene(scene, Random(seed)).image, dtype=float) for seed in range(12)]
    assert np.array_equal(pictures[0], np.asarray(draw_scene(scene, Random(0)).image))
    differ = [np.mean(np.abs(a - b).max(axis=2) > 40) for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(differ) > 0.05


def test_colours_are_those_of_their_names() -> None:
    """Nearest of the named colours of the web, an independent opinion."""
    web = {name: ImageColor.getrgb({"brown": "saddlebrown"}.get(name, name)) for name in COLOUR_RANGES}
    rng = Random(8)
    for name in COLOUR_RANGES:
        for _ in range(50):
            colour = sample_colour(name, rng)
            assert name == min(
                web, key=lambda other: sum((a - b) ** 2 for a, b in zip(web[other], colour, strict=True))
            )


# What part of a picture shows a word


def queries_of(folder: Path) -> list[dict[str, str]]:
    with open(folder / "queries.csv", encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def box_in(row: dict[str, str]) -> tuple[int, ...] | None:
    sides = [row[name] for name in ("left", "top", "right", "bottom")]
    return tuple(map(int, sides)) if any(sides) else None


def test_every_keyword_spoken_of_a_dev_or_test_picture_has_a_query_with_it(book: Corpus) -> None:
    queries = {(row["image"], row["keyword"]): box_in(row) for row in queries_of(book.folder)}
    assert len(queries) == len(queries_of(book.folder))
    spoken = {
        (utterance.image.relative_to(book.folder).as_posix(), word)
        for split in ("dev", "test")
        for utterance in book.utterances(split)
        if utterance.image and utterance.text
        for word in set(utterance.text.split()) & set(KEYWORDS)
    }
    assert queries.keys() == spoken
    for (image, word), box in queries.items():
        assert (box is None) == (word in (*PLACES, *SKIES)), word
        if box is not None:
            left, top, right, bottom = box
            assert 0 <= left < right <= SIZE
            assert 0 <= top < bottom <= SIZE
            assert min(right - left, bottom - top) >= 10
            assert read_image(book.folder / image, box).size == (right - left, bottom - top)


def test_queries_of_a_book_that_was_made_before(book: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(book.folder, tmp_path / "old")
    (tmp_path / "old" / "queries.csv").unlink()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    prepare(tmp_path / "old", size=TRAIN, seed=3)
    assert digests(tmp_path / "old") == digests(book.folder)


def differing(one: Image.Image, other: Image.Image) -> tuple[int, ...] | None:
    return ImageChops.difference(one, other).getbbox()


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_a_box_is_around_all_that_its_group_adds_to_the_picture(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = "water" if "water" in KINDS[kind].places else "grass"
    actions = (KINDS[kind].afloat if place == "water" else KINDS[kind].actions) or ("",)
    for seed, action in enumerate(actions):
        group = Group(kind, KINDS[kind].most, KINDS[kind].colours[0], action, 1.0)
        drawing = draw_scene(scene := Scene(place, "clear", (group,)), Random(seed))
        with monkeypatch.context() as patch:
            patch.setitem(FIGURES, kind, lambda pen, shape, rng: None)
            without = draw_scene(scene, Random(seed))
        assert not without.boxes
        assert drawing.boxes.keys() == {group}
        assert drawing.boxes[group] == pytest.approx(differing(drawing.image, without.image), abs=1)


def test_each_group_has_a_box_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With plain discs for figures, whose colours are found again in the picture."""
    colours = {"dog": (255, 0, 255), "ball": (0, 255, 255)}

    def disc(pen: Canvas, appearance: Appearance, rng: Random) -> None:
        shade = colours["ball" if appearance.action == "" else "dog"]
        (x, y), r = pen.origin, pen.unit / 2
        pen.canvas.ellipse((x - r, y - 2 * r, x + r, y), fill=shade)

    for kind in colours:
        monkeypatch.setitem(FIGURES, kind, disc)
    groups = (Group("dog", 2, "brown", "running", 1.0), Group("ball", 1, "red", "", 1.0))
    for seed in range(8):
        drawing = draw_scene(Scene("beach", "rain" if seed % 2 else "clear", groups), Random(seed))
        for group, colour in zip(groups, colours.values(), strict=True):
            rows, columns = np.nonzero((np.asarray(drawing.image) == colour).all(axis=2))
            left, top, right, bottom = drawing.boxes[group]
            assert len(rows) > 20
            assert left <= columns.min() <= columns.max() < right
            assert top <= rows.min() <= rows.max() < bottom
    assert (right - left) < 0.6 * SIZE


def test_a_word_is_shown_by_the_first_group_that_it_is_true_of() -> None:
    dog, cat = Group("dog", 1, "black", "running", 1.0), Group("cat", 2, "black", "sitting", 1.0)
    scene = Scene("beach", "rain", (dog, cat))
    boxes = {dog: (10, 20, 50, 60), cat: (70, 1, 127, 40)}
    words = ["in", "the", "rain", "a", "black", "puppy", "is", "running", "near", "two", "cats", "sitting"]
    on_dog, on_cats = (7, 17, 53, 63), (67, 0, 128, 43)
    expected = {"black": on_dog, "running": on_dog, "cats": on_cats, "sitting": on_cats, "rain": None}
    assert crops(scene, words, boxes) == expected
    assert crops(scene, ["cats", "black"], {dog: boxes[dog]}) == {"black": on_dog}  # cats that nobody sees
    assert crops(scene, ["zebra", "snow", "dogs"], boxes) == {}


# Voices and when they say what


def test_a_voice_does_not_depend_on_earlier_utterances() -> None:
    text = "she sees six fish swimming"
    first = {voice: say(text, voice, words_per_minute=160, pitch=45) for voice in VOICES}
    for voice in Random(9).sample(VOICES, len(VOICES)):
        say("something else", VOICES[-1], words_per_minute=210, pitch=70)
        again = say(text, voice, words_per_minute=160, pitch=45)
        assert again.words == first[voice].words
        assert np.array_equal(again.waveform, first[voice].waveform), voice
    assert len({speech.waveform.tobytes() for speech in first.values()}) == len(VOICES)


def test_rate_and_pitch_change_the_sound() -> None:
    slow, fast = (say("two black dogs are running", "en+m1", words_per_minute=rate) for rate in (130, 220))
    assert len(slow.waveform) > 1.3 * len(fast.waveform)
    low, high = (fundamental_hz(say("a", "en+m1", pitch=pitch).waveform) for pitch in (30, 70))
    assert 60 < low < high < 300


def fundamental_hz(waveform: np.ndarray) -> float:
    """By the highest peak of the autocorrelation between 60 and 400 Hz."""
    correlation = np.correlate(waveform, waveform, "full")[len(waveform) - 1 :]
    shortest, longest = 16_000 // 400, 16_000 // 60
    return 16_000 / (shortest + int(np.argmax(correlation[shortest:longest])))


@pytest.mark.parametrize("voice", VOICES)
def test_words_that_run_on_have_times_of_their_own(voice: str) -> None:
    words = say(RUN_ON, voice).words
    assert [word.word for word in words] == RUN_ON.split()
    for one, following in pairwise(words):
        assert one.end_s <= following.start_s
    assert min(word.end_s - word.start_s for word in words) > 0.02


def test_a_word_that_runs_on_from_an_r_is_found_too() -> None:
    """In American voices "for a" is one word whose last sound eSpeak writes "3"."""
    words = say("what a lovely day for a red boat", "en-US+klatt4").words
    assert [word.word for word in words] == ["what", "a", "lovely", "day", "for", "a", "red", "boat"]
    assert all(one.end_s <= following.start_s for one, following in pairwise(words))


def test_word_times_of_the_corpus_lie_in_order_within_the_sound(book: Corpus) -> None:
    for split in SPLITS:
        for utterance in book.utterances(split):
            assert utterance.words is not None
            assert utterance.text == " ".join(word.word for word in utterance.words)
            times = [time_s for word in utterance.words for time_s in (word.start_s, word.end_s)]
            assert times == sorted(times)
            assert all(word.end_s - word.start_s > 0.02 for word in utterance.words)
            assert times[0] >= 0.05
            assert times[-1] < utterance.duration_s


def test_there_is_sound_in_words_and_silence_between_them(book: Corpus) -> None:
    speech = say("look, two dogs", "en+m1")
    pause = between(speech.waveform, speech.words[0].end_s + 0.02, speech.words[1].start_s)
    assert len(pause) > 1000
    assert power(pause) < 1e-4 * power(speech.waveform)
    for utterance in book.utterances("dev"):
        assert utterance.words is not None
        recording = read_audio(utterance.audio)
        noise = power(recording[: int(utterance.words[0].start_s * 16_000)])
        loud = [power(between(recording, word.start_s, word.end_s)) > 4 * noise for word in utterance.words]
        assert np.mean(loud) > 0.9, utterance


def between(waveform: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return waveform[round(start_s * 16_000) : round(end_s * 16_000)]


def power(waveform: np.ndarray) -> float:
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def test_the_sound_at_a_words_times_is_that_word() -> None:
    """Each piece cut from a sentence is nearest, by dynamic time warping, to its word spoken alone.

    With the same times moved by a quarter of a second it is not: the measure would notice.
    """
    sentence = "two black dogs running near yellow balloons and a horse in the snow"
    named = ("black", "dogs", "running", "yellow", "balloons", "horse", "snow")
    right, moved = [], []
    for voice in ("en+m1", "en-US+f3", "en-029+m4", "en-GB-scotland+f4"):
        speech = say(sentence, voice)
        alone = {word: spectra(spoken_alone(word, voice)) for word in named}
        words = [word for word in speech.words if word.word in named]
        right += [nearest(speech.waveform, word, alone, 0.0) == word.word for word in words]
        moved += [nearest(speech.waveform, word, alone, 0.25) == word.word for word in words]
    assert len(right) == 4 * len(named)
    assert np.mean(right) >= 0.9
    assert np.mean(moved) <= 0.5


def spoken_alone(word: str, voice: str) -> np.ndarray:
    speech = say(word, voice)
    return between(speech.waveform, speech.words[0].start_s, speech.words[0].end_s)


def nearest(waveform: np.ndarray, word: Word, alone: dict[str, np.ndarray], later_s: float) -> str:
    piece = spectra(between(waveform, word.start_s + later_s, word.end_s + later_s))
    return min(alone, key=lambda other: warped_distance(piece, alone[other]))


def spectra(waveform: np.ndarray) -> np.ndarray:
    """Cepstrally smoothed log spectra without their level, one every 10 ms."""
    padded = np.pad(waveform, 200)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160] * np.hanning(400)
    bands = np.abs(np.fft.rfft(frames, 512))[:, 4:204].reshape(len(frames), 25, 8).mean(axis=2)
    logs = np.log(bands + 1e-3)
    return logs - logs.mean()


def warped_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance along the cheapest path of dynamic time warping."""
    distance = np.linalg.norm(one[:, None] - other[None], axis=2)
    cost = np.full((len(one) + 1, len(other) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(one)):
        for j in range(len(other)):
            cost[i + 1, j + 1] = distance[i, j] + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(cost[-1, -1]) / (len(one) + len(other))


# Rooms


def test_a_room_adds_noise_echo_and_level_as_it_says() -> None:
    voice = say("a girl in blue is running on the beach", "en+f2").waveform
    room = Acoustics(
        before_s=0.3, after_s=0.2, reverberation_s=0.2, echo_db=-15, snr_db=20, noise_slope=0, peak_db=-6, seed=1
    )
    recording = room.record(voice)
    assert len(recording) == room.samples(voice) == len(voice) + 8000
    assert np.abs(recording).max() == pytest.approx(10 ** (-6 / 20), rel=1e-5)
    delay = int(np.argmax(np.correlate(recording.astype(float), voice.astype(float), "valid")))
    assert delay == 4800

    noise, loud = power(recording[:4800]), power(recording[4800 : 4800 + len(voice)])
    # What is measured as loud is voice, its echo (10^-1.5 of it) and noise.
    assert 10 * np.log10((loud - noise) / noise / (1 + 10**-1.5)) == pytest.approx(20, abs=1)
    after = recording[4800 + len(voice) :]
    assert power(after[2400:]) == pytest.approx(noise, rel=0.3)  # the echo is over

    dry = Acoustics(**{**vars(room), "echo_db": -90, "snr_db": 90}).record(voice)
    scale = float(dry[delay : delay + len(voice)] @ voice) / float(voice @ voice)
    assert np.allclose(dry[delay : delay + len(voice)], scale * voice, atol=1e-3)


def test_rooms_differ_and_keep_to_their_ranges() -> None:
    rng = Random(10)
    rooms = [sample_room(rng) for _ in range(200)]
    assert all(15 <= room.snr_db <= 35 for room in rooms)
    assert np.std([room.snr_db for room in rooms]) > 4
    assert np.std([room.peak_db for room in rooms]) > 3
    # The voice starts on a sample, so that word times stay exact.
    assert all(room.before_s * 16_000 == pytest.approx(round(room.before_s * 16_000), abs=1e-6) for room in rooms)


def test_recordings_are_neither_clipped_nor_silent(book: Corpus) -> None:
    for utterance in book.utterances("train"):
        samples, _ = soundfile.read(utterance.audio)
        assert 0.1 < np.abs(samples).max() < 0.9
