"""Searching an archive with clips of a word; no model was trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from earmark.archive import spoken_frames
from earmark.archive.archive import Archive, open_archive
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.rescoring import matching_recordings
from earmark.archive.search import SearchOptions, search
from earmark.archive.search_by_clip import encode_clip, loud_part_s, search_frames, stored_chunks
from earmark.archive.spoken_alignment import _highest_near
from earmark.archive.spoken_frames import SpokenFrames
from earmark.archive.spoken_lists import spoken_queries
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, FrameGrid
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.localisation.spoken_queries import SpokenSpace, learn_space
from earmark.recipe import feature_settings
from support.command_line import command_line
from support.media import write_tone

WORDS = {"mbwa": (300, 2400, 700, 1500), "ọmọ": (1800, 500, 3000, 400), "maji": (900, 3300, 250, 2000)}
PLACES = {"mbwa": (2.0, 31.0, 298.9), "ọmọ": (7.0, 52.0), "maji": (12.0, 61.0, 120.0)}  # 298.9: across two chunks
LENGTH_S = 320.0


def word(name: str, pitch: float = 1.0, speed: float = 1.0) -> np.ndarray:
    return word_of(WORDS[name], pitch, speed)


def word_of(tones: Sequence[float], pitch: float, speed: float) -> np.ndarray:
    """Sounds of 0.2 s after one another, by some voice."""
    parts = []
    for hertz in tones:
        t = np.arange(round(0.2 * SAMPLE_RATE / speed)) / SAMPLE_RATE
        parts.append(sum(np.sin(2 * np.pi * hertz * pitch * k * t) / k for k in (1, 2, 3)) * np.hanning(len(t)))
    return 0.2 * np.concatenate(parts)


def clip(path: Path, sound: np.ndarray, quiet_s: float = 0.3) -> Path:
    quiet = np.zeros(round(quiet_s * SAMPLE_RATE))
    noise = 0.001 * np.random.default_rng(1).standard_normal(len(sound) + 2 * len(quiet))
    soundfile.write(path, np.concatenate([quiet, sound, quiet]) + noise, SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spoken") / "media"
    folder.mkdir()
    rng = np.random.default_rng(0)
    sound = 0.004 * rng.standard_normal(round(LENGTH_S * SAMPLE_RATE))
    for start_s in np.arange(0.0, LENGTH_S - 1, 1.1):  # other words, but where ours are
        if all(abs(start_s - place) > 1.1 for places in PLACES.values() for place in places):
            spoken = word_of(rng.integers(2, 35, 4) * 100.0, rng.uniform(0.95, 1.05), rng.uniform(0.9, 1.1))
            first = round(start_s * SAMPLE_RATE)
            sound[first : first + len(spoken)] += spoken
    for name, places in PLACES.items():
        for number, start_s in enumerate(places):
            spoken = word(name, 1 + 0.02 * number, 1 + 0.08 * number)
            first = round(start_s * SAMPLE_RATE)
            sound[first : first + len(spoken)] += spoken
    soundfile.write(folder / "long.flac", sound, SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def archive(media: Path) -> Archive:
    archive = make_features_archive(media.parent / "archive", feature_settings("mfcc"))
    assert index(archive, [media], ThreadExecutor(1)).problems == []
    return archive


def middles(archive: Archive, query: SpokenQuery, top: int) -> list[float]:
    return sorted(found.hit.time_s for found in search(archive, query, SearchOptions(top=top)))


def middles_of(name: str) -> list[float]:
    return [place + 0.4 for place in PLACES[name]]


@pytest.mark.parametrize("name", WORDS)
def test_a_clip_finds_every_place_of_its_word(archive: Archive, tmp_path: Path, name: str) -> None:
    path = clip(tmp_path / f"{name}.wav", word(name, 1.03, 0.95))
    query = SpokenQuery(name, (path,))
    places = PLACES[name]
    assert middles(archive, query, len(places)) == pytest.approx(middles_of(name), abs=0.3)
    scores = [found.hit.score for found in search(archive, query, SearchOptions(top=len(places) + 1))]
    assert min(scores[: len(places)]) > scores[len(places)]


def test_hits_have_the_extent_of_the_word(archive: Archive, tmp_path: Path) -> None:
    found = search(archive, SpokenQuery("mbwa", (clip(tmp_path / "a.wav", word("mbwa")),)), SearchOptions(top=1))[0]
    assert found.hit.end_s - found.hit.start_s == pytest.approx(0.8, abs=0.6)
    assert found.hit.start_s <= found.hit.time_s <= found.hit.end_s


def test_as_many_hits_are_found_as_are_wanted(archive: Archive, tmp_path: Path) -> None:
    query = SpokenQuery("mbwa", (clip(tmp_path / "mbwa.wav", word("mbwa")),))
    assert len(middles(archive, query, 150)) == 150  # in two chunks, the second of 20 s


def test_examples_of_one_word_are_fused(archive: Archive, tmp_path: Path) -> None:
    clips = tuple(clip(tmp_path / f"{i}.wav", word("ọmọ", pitch)) for i, pitch in enumerate((0.97, 1.02)))
    assert middles(archive, SpokenQuery("ọmọ", clips), 2) == pytest.approx(middles_of("ọmọ"), abs=0.3)


def test_what_is_not_meant_comes_later(archive: Archive, tmp_path: Path) -> None:
    good, other = (clip(tmp_path / f"{name}.wav", word(name)) for name in ("mbwa", "maji"))
    plain = search(archive, SpokenQuery("x", (good, other)), SearchOptions(top=50))
    against = search(archive, SpokenQuery("x", (good,), (other,)), SearchOptions(top=50))

    def best_near(found: Sequence, place: float) -> float:
        return max((one.hit.score for one in found if abs(one.hit.time_s - place - 0.4) < 0.5), default=0.0)

    assert best_near(plain, 12.0) > 0.2
    assert best_near(against, 12.0) < 0.1
    assert best_near(against, 2.0) > 0.5


def test_a_place_of_the_archive_is_an_example_too(archive: Archive, tmp_path: Path) -> None:
    query = SpokenQuery("maji", (clip(tmp_path / "m.wav", word("maji")),))
    first = search(archive, query, SearchOptions(top=3))[0]
    like = search(archive, first.position, SearchOptions(top=2))
    others = [place for place in PLACES["maji"] if abs(place - first.hit.time_s) > 1]
    assert sorted(round(found.hit.time_s) for found in like) == pytest.approx([round(p + 0.4) for p in others], abs=1)


def frames_of(archive: Archive, *clips: Path) -> list[np.ndarray]:
    return [encode_clip(archive.spotter, path) for path in clips]


def test_places_that_small_vectors_choose_are_scored_as_all_places_are(archive: Archive, tmp_path: Path) -> None:
    two = [clip(tmp_path / f"{i}.wav", word("mbwa", pitch)) for i, pitch in enumerate((0.98, 1.03))]
    examples, against = frames_of(archive, *two), frames_of(archive, clip(tmp_path / "no.wav", word("maji")))
    every = search_frames(archive, "mbwa", examples, against, 20, exhaustive=True)
    likely = search_frames(archive, "mbwa", examples, against, 20, exhaustive=False)
    assert [one.hit for one in likely[:5]] == [one.hit for one in every[:5]]
    assert len({one.position for one in likely} & {one.position for one in every}) >= 18


def test_frames_are_read_across_chunks(archive: Archive) -> None:
    rows = matching_recordings(archive, [])
    frames = SpokenFrames(archive, stored_chunks(archive, rows), rows)
    first, second = frames.chunks
    whole = np.concatenate([frames.read(first), frames.read(second)])
    silence = np.zeros((4, whole.shape[1]), np.float32)
    length = len(frames.read(first))
    assert np.array_equal(frames.span(first, length - 3, length + 5), whole[length - 3 : length + 5])
    assert np.array_equal(frames.span(second, -6, 2), whole[length - 6 : length + 2])
    assert np.array_equal(frames.span(second, -6, -2), whole[length - 6 : length - 2])
    assert np.array_equal(frames.span(first, -4, 3), np.concatenate([silence, whole[:3]]))
    end = len(whole) - length
    assert np.array_equal(frames.span(second, end - 2, end + 4), np.concatenate([whole[-2:], silence]))


def test_noise_music_and_silence_match_nothing(media: Path, tmp_path: Path) -> None:
    """Where much is noise, music and silence, the words are still found before anything else."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "speech.flac").write_bytes((media / "long.flac").read_bytes())
    t = np.arange(90 * SAMPLE_RATE) / SAMPLE_RATE
    chords = sum(np.sin(2 * np.pi * (220 * 2 ** (np.floor(t / 0.5) % 7 / 12)) * k * t) / k for k in range(1, 6))
    sounds = {
        "noise": rng.standard_normal(len(t)) * (0.02 + 0.1 * np.abs(np.sin(t / 3))),
        "music": 0.1 * chords + 0.01 * rng.standard_normal(len(t)),
        "silence": np.zeros(len(t)),
    }
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.flac", sound, SAMPLE_RATE)
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(archive, [folder], ThreadExecutor(1))
    for name, places in PLACES.items():
        query = SpokenQuery(name, (clip(tmp_path / f"{name}.wav", word(name, 1.03, 0.95)),))
        found = search(archive, query, SearchOptions(top=20))
        assert middles(archive, query, len(places)) == pytest.approx(middles_of(name), abs=0.3)
        names = [Path(one.hit.recording).stem for one in found]
        assert "silence" not in names
        assert names.count("speech") >= 15


@pytest.mark.parametrize("near", [1, 2, 5, 6, 10, 17])
def test_the_highest_nearby(near: int) -> None:
    values = np.random.default_rng(near).standard_normal((3, 50))
    expected = [[row[max(0, i - near) : i + near + 1].max() for i in range(50)] for row in values]
    assert np.array_equal(_highest_near(values, near), expected)


def test_words_and_pictures_are_refused(archive: Archive, tmp_path: Path) -> None:
    for query in ("dog", ImageQuery.of(tmp_path / "dog.png")):
        with pytest.raises(EarmarkError, match=r"indexed with features alone.*--clip"):
            search(archive, query, SearchOptions())


def test_a_clip_without_a_word_is_refused(archive: Archive, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), SAMPLE_RATE)
    with pytest.raises(EarmarkError, match=r"silent\.wav holds no word"):
        search(archive, SpokenQuery("x", (tmp_path / "silent.wav",)), SearchOptions())
    clip(tmp_path / "long.wav", np.tile(word("mbwa"), 12))
    with pytest.raises(EarmarkError, match=r"long\.wav has .* s of speech, too much for a word"):
        search(archive, SpokenQuery("x", (tmp_path / "long.wav",)), SearchOptions())


def test_an_archive_of_other_features_is_refused(archive: Archive) -> None:
    with pytest.raises(EarmarkError, match="was indexed with other features"):
        make_features_archive(archive.folder, feature_settings("log-mel"))


def test_what_was_prepared_is_used_again(archive: Archive, tmp_path: Path) -> None:
    query = SpokenQuery("mbwa", (clip(tmp_path / "a.wav", word("mbwa")),))
    first = search(archive, query, SearchOptions(top=5))
    files = sorted(path for path in (archive.folder / "spoken").rglob("*.npy") if "vectors" not in str(path))
    times = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:100])  # half a file, from a power cut
    again = search(open_archive(archive.folder), query, SearchOptions(top=5))
    assert [one.hit for one in again] == [one.hit for one in first]
    assert files[1].stat().st_mtime_ns == times[1]


def test_what_was_prepared_of_a_recording_is_forgotten_with_it(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    noise = np.random.default_rng(0).standard_normal(5 * SAMPLE_RATE) * 0.1
    for name in ("a", "b"):
        soundfile.write(media / f"{name}.wav", np.roll(noise, len(name) * 99) + 0.01 * ord(name), SAMPLE_RATE)
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(archive, [media], ThreadExecutor(1))
    assert len(list((archive.folder / "spoken").rglob("*.npy"))) == 4  # frames and vectors of each
    (media / "a.wav").unlink()
    index(archive, [media], ThreadExecutor(1), forget=True)
    assert len(list((archive.folder / "spoken").rglob("*.npy"))) == 2


def test_many_short_recordings_are_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "media").mkdir()
    for number in range(30):
        clip(tmp_path / "media" / f"{number}.wav", word_of([500 + 70 * number] * 4, 1, 1))
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(archive, [tmp_path / "media"], ThreadExecutor(1))
    learned: list[list[np.ndarray]] = []

    def learn(stretches: list[np.ndarray], step_s: float, seed: int) -> SpokenSpace:
        learned.append(stretches)
        return learn_space(stretches, step_s, seed)

    monkeypatch.setattr(spoken_frames, "learn_space", learn)
    query = SpokenQuery("x", (tmp_path / "media" / "3.wav",))
    for name, limit_s in (("all", 1440.0), ("a third", 14.0)):
        monkeypatch.setattr(spoken_frames, "LEARNED_S", limit_s)
        spoken_frames.space_file(archive).unlink(missing_ok=True)
        assert Path(search(archive, query, SearchOptions(top=1))[0].hit.recording).stem == "3", name
        search(archive, query, SearchOptions(top=1))  # with the same space
    assert [len(stretches) for stretches in learned] == [30, 10]


def test_the_loud_part_of_a_clip() -> None:
    quiet, loud = np.zeros(SAMPLE_RATE), 0.3 * np.sin(np.arange(SAMPLE_RATE // 2) / 5)
    start_s, end_s = loud_part_s(np.concatenate([quiet, loud, quiet]).astype(np.float32))
    assert start_s == pytest.approx(1.0, abs=0.05)
    assert end_s == pytest.approx(1.5, abs=0.05)
    assert loud_part_s(quiet.astype(np.float32)) == (0.0, 0.0)


class Levels:
    """In place of a network: the mean level of each 10 ms of the sound, which is kept."""

    def features(self, waveform: np.ndarray) -> np.ndarray:
        self.given = waveform
        return np.abs(waveform[: len(waveform) // 160 * 160]).reshape(-1, 160).mean(axis=1, keepdims=True)

    def encode(self, features: np.ndarray, lengths: object) -> SimpleNamespace:
        return SimpleNamespace(frames=torch.from_numpy(features), grid=FrameGrid(160, 79.5, 160))


@pytest.mark.parametrize(("quiet_s", "added_s"), [(0.0, 2.0), (0.05, 2.0), (0.3, 0.0)])
def test_a_clip_that_is_cut_tightly_has_silence_around_it(tmp_path: Path, quiet_s: float, added_s: float) -> None:
    path, levels = tmp_path / "clip.wav", Levels()
    quiet, loud = np.zeros(round(quiet_s * SAMPLE_RATE)), 0.3 * np.sin(np.arange(SAMPLE_RATE // 2) / 5)
    soundfile.write(path, np.concatenate([quiet, loud, quiet]), SAMPLE_RATE)
    frames = encode_clip(levels, path)  # type: ignore[arg-type]
    assert len(levels.given) / SAMPLE_RATE == pytest.approx(0.5 + 2 * quiet_s + added_s)
    assert len(frames) == pytest.approx(50, abs=5)
    assert np.median(frames) == pytest.approx(0.3 * 2 / np.pi, abs=0.01)


def test_clips_of_a_folder_are_called_by_their_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("mbwa.wav", "mbwa-2.wav", "ọmọ (3).ogg", "2.wav"):
        write_tone(tmp_path / name)
    write_tone(tmp_path / "a whole tale.wav", 7.0)
    (tmp_path / "paka.wav").write_bytes(b"RIFF")
    (tmp_path / "._mbwa.wav").write_bytes(bytes(100))
    (tmp_path / "notes.txt").write_text("no sound")
    caplog.set_level("INFO")
    queries = {query.name: [path.name for path in query.clips] for query in spoken_queries([tmp_path])}
    assert queries == {"mbwa": ["mbwa-2.wav", "mbwa.wav"], "ọmọ": ["ọmọ (3).ogg"], "2": ["2.wav"]}
    assert [record.getMessage().split(": ")[0].rpartition("/")[2] for record in caplog.records] == [
        "a whole tale.wav has 7.0 s of speech, too much for a word",
        "notes.txt is no audio file and is left out.",
        "paka.wav can't be read as audio (it holds no sound of a known kind)",
    ]
    single = spoken_queries([tmp_path / "mbwa.wav", tmp_path / "2.wav"], [tmp_path / "mbwa-2.wav"])
    assert [(one.name, len(one.clips), len(one.not_clips)) for one in single] == [("mbwa", 2, 1)]
    with pytest.raises(EarmarkError, match="There is no clip"):
        spoken_queries([tmp_path / "none.wav"])
    if os.path.exists("/dev/zero"):
        with pytest.raises(EarmarkError, match="no regular file"):
            spoken_queries([Path("/dev/zero")])


def test_the_command_line_indexes_and_finds(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earmark = command_line(monkeypatch, capsys)

    os.chdir(tmp_path)
    earmark("index", "--features", "mfcc", media, "--archive", "archive")
    clip(tmp_path / "maji.wav", word("maji", 0.98))
    table = earmark("search", "archive", "--clip", "maji.wav", "--top", "3")
    assert table.count("maji") >= 3
    assert "listen" in table
