from __future__ import annotations

import functools
import itertools
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import audio_info, read_span
from support.media import repack, write_container, write_tone

Samples = npt.NDArray[np.float32]
SECONDS = 13.3  # more than any format needs to settle, so that seeking is truly tried
RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 96_000]
PLAIN = {"wav": {}, "float.wav": {"subtype": "FLOAT"}, "flac": {}, "ogg": {}, "opus.ogg": {"subtype": "OPUS"}}
MP3 = {
    "mp3": {},
    "variable.mp3": {"bitrate_mode": "VARIABLE", "compression_level": 0.95},
}
# The noise that AAC may put in the place of noise is another one at each decoding: off, to compare samples.
AAC = ("aac", {"aac_pns": "0"})
CONTAINERS = {
    "m4a": AAC,
    "index-first.m4a": ("aac", {"aac_pns": "0", "movflags": "+faststart"}),
    "fragments.mp4": ("aac", {"aac_pns": "0", "movflags": "+frag_keyframe+empty_moov", "frag_duration": "1000000"}),
    "lossless.m4a": ("alac", {}),
    "aac": AAC,
    "mov": AAC,
    "3gp": AAC,
    "aac.mkv": AAC,
    "mp3.mkv": ("libmp3lame", {}),
    "flac.mkv": ("flac", {}),
    "pcm.mov": ("pcm_s16le", {}),
    "bytes.mov": ("pcm_u8", {}),
    "webm": ("libopus", {}),
    "wma": ("wmav2", {}),
    "no-length.mp3": ("libmp3lame", {"write_xing": "0", "q": "9"}),
}
EDGES_S = [
    [0.0, 1.23456, 2.5, 9.99, 12.9, 13.1, 13.25, 30.0],  # the last pages of a file are seldom like the others
    [0.0, 40.0],
]


@functools.cache
def noise_and_sweep(sample_rate: int, channels: int = 1, seconds: float = SECONDS) -> Samples:
    """Another sound in each channel: chance noise over a sine that climbs, and a second of silence."""
    times_s = np.arange(round(seconds * sample_rate)) / sample_rate
    sweep = 0.3 * np.sin(2 * np.pi * (100 + 0.2 * sample_rate * times_s / seconds) * times_s)
    noise = np.random.default_rng(7).normal(0, 0.1, (len(times_s), channels))
    sound = noise + sweep[:, None] * np.linspace(1, 0.5, channels)
    sound[(times_s > seconds / 2) & (times_s < seconds / 2 + 1)] = 0
    return sound.clip(-0.9, 0.9).astype(np.float32)


def decoded(path: Path) -> tuple[Samples, int]:
    """All samples of a file, decoded from its start by PyAV."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    parts = []
    for frame in frames:
        values = frame.to_ndarray()
        values = values.T if frame.format.is_planar else values.reshape(frame.samples, -1)
        if values.dtype == np.uint8:
            values = (values - 128.0) / 128
        elif values.dtype != np.float32:
            values = values / -float(np.iinfo(values.dtype).min)
        parts.append(values.astype(np.float32))
    return np.concatenate(parts), frames[0].sample_rate


def resampled(samples: Samples, sample_rate: int) -> Samples:
    """The whole of a recording at 16 kHz, channels first."""
    return samples.T if sample_rate == SAMPLE_RATE else soxr.resample(samples, sample_rate, SAMPLE_RATE).T


def tiled(path: Path, edges_of_segments_s: Sequence[float]) -> Samples:
    return np.concatenate([read_span(path, a, b) for a, b in itertools.pairwise(edges_of_segments_s)], axis=1)


def written(path: Path, ending: str, sample_rate: int, channels: int = 2) -> Path:
    sound = noise_and_sweep(sample_rate, channels)
    if ending in CONTAINERS:
        codec, options = CONTAINERS[ending]
        return write_container(path / f"a.{ending}", sound, sample_rate, codec, options=options)
    with soundfile.SoundFile(path / f"a.{ending}", "w", sample_rate, channels, **(PLAIN | MP3)[ending]) as file:
        for block in np.array_split(sound, 100):  # libsndfile's stack overflows where Vorbis gets much at once
            file.write(block)
    return path / f"a.{ending}"


def check_tiles(path: Path, whole: Samples, sample_rate: int, atol: float = 1e-6) -> None:
    expected = resampled(whole, sample_rate)
    info = audio_info(path)
    assert (info.samples, info.sample_rate, info.channels) == (len(whole), sample_rate, whole.shape[1])
    for edges_of_segments_s in EDGES_S:
        stretches = tiled(path, edges_of_segments_s)
        assert stretches.dtype == np.float32
        assert stretches.shape == expected.shape
        np.testing.assert_allclose(stretches, expected, atol=atol)


@pytest.mark.parametrize(
    ("ending", "sample_rate"),
    [(ending, rate) for ending in PLAIN for rate in RATES if "opus" not in ending or rate in (8_000, 48_000)],
)
def test_stretches_tile_the_whole(tmp_path: Path, ending: str, sample_rate: int) -> None:
    path = written(tmp_path, ending, sample_rate)
    if "opus" in ending:  # libsndfile decodes it by another program, and not always at 48 kHz
        check_tiles(path, *decoded(path))
    else:
        check_tiles(path, *soundfile.read(str(path), dtype="float32", always_2d=True))


@pytest.mark.parametrize("sample_rate", [rate for rate in RATES if rate <= 48_000])
@pytest.mark.parametrize("ending", MP3)
def test_stretches_tile_a_whole_mp3(tmp_path: Path, ending: str, sample_rate: int) -> None:
    path = written(tmp_path, ending, sample_rate)
    # Decoded by another program, of another precision.
    check_tiles(path, *soundfile.read(str(path), dtype="float32", always_2d=True), atol=1e-5)


@pytest.mark.parametrize("start_s", [12.0, 12.3, 13.0])
def test_the_first_sound_of_an_mp3_after_a_silence(tmp_path: Path, start_s: float) -> None:
    sound = np.random.default_rng(3).normal(0, 0.2, (14 * 24_000, 2)).clip(-1, 1)
    sound[2 * 24_000 : 12 * 24_000] = 0  # its frames hold few bytes, so that the next borrow from many
    soundfile.write(tmp_path / "a.mp3", sound, 24_000, bitrate_mode="VARIABLE", compression_level=0.9)
    whole = resampled(*soundfile.read(tmp_path / "a.mp3", dtype="float32", always_2d=True))
    stretch = read_span(tmp_path / "a.mp3", start_s, start_s + 0.5)
    first = round(start_s * SAMPLE_RATE)
    np.testing.assert_allclose(stretch, whole[:, first : first + 8_000], atol=1e-5)


@pytest.mark.parametrize("ending", CONTAINERS)
def test_stretches_tile_what_a_container_holds(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending, 48_000 if ending == "webm" else 44_100, 1)
    check_tiles(path, *decoded(path))


@pytest.mark.parametrize("sample_rate", [rate for rate in RATES if rate != 44_100])
def test_stretches_tile_an_m4a_of_any_rate(tmp_path: Path, sample_rate: int) -> None:
    path = written(tmp_path, "m4a", sample_rate)
    check_tiles(path, *decoded(path))


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
@pytest.mark.parametrize("live", [False, True])
def test_stretches_tile_vorbis_in_webm(tmp_path: Path, live: bool, sample_rate: int) -> None:
    path = repack(written(tmp_path, "ogg", sample_rate), tmp_path / "a.webm", live=live)
    check_tiles(path, *decoded(path))


@pytest.mark.parametrize("ending", ["m4a", "webm", "lossless.m4a", "mp3"])
def test_the_encoders_delay_is_cut(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending, 48_000)
    sound = resampled(noise_and_sweep(48_000, 2), 48_000)[:, 10 * SAMPLE_RATE : 12 * SAMPLE_RATE]
    waveform_read = read_span(path, 10.0, 12.0)

    def likeness(shift: int) -> float:
        return float(
            np.corrcoef(sound[0, 100:-100], waveform_read[0, 100 + shift : waveform_read.shape[1] - 100 + shift])[0, 1]
        )

    assert max(range(-5, 6), key=likeness) == 0
    assert likeness(0) > 0.9


@pytest.mark.parametrize("ending", ["flac", "opus.ogg", "mp3", "aac.mkv", "webm"])
def test_what_was_read_before_does_not_matter(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending, 48_000)
    first = read_span(path, 10.34, 12.6)
    for start_s in (0.0, 12.6, 10.0, 10.3):
        read_span(path, start_s, start_s + 2.5)
    np.testing.assert_array_equal(read_span(path, 10.34, 12.6), first)


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_channels_stay_separate(tmp_path: Path, channels: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (20_000, channels)).astype(np.float32)
    soundfile.write(str(tmp_path / "a.wav"), sound, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_span(tmp_path / "a.wav", 0.25, 1.0), sound[4_000:16_000].T)


def test_six_channels_of_a_film(tmp_path: Path) -> None:
    sound = noise_and_sweep(48_000, 6, 3.0)
    path = write_container(tmp_path / "a.mov", sound, 48_000, "pcm_s16le", video_s=2.0)
    assert audio_info(path).channels == 6
    np.testing.assert_allclose(read_span(path, 0, 9), resampled(sound, 48_000), atol=2e-4)


@pytest.mark.parametrize("video_s", [5.0, 17.0])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_of_a_film_that_ends_before_or_after_it(tmp_path: Path, ending: str, video_s: float) -> None:
    codec, options = AAC
    sound = noise_and_sweep(44_100)
    path = write_container(tmp_path / f"a.{ending}", sound, 44_100, codec, options=options, video_s=video_s)
    check_tiles(path, *decoded(path))


def test_a_browsers_recording_says_no_length(tmp_path: Path) -> None:
    path = write_container(tmp_path / "a.webm", noise_and_sweep(48_000), 48_000, "libopus", live=True)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].duration is container.duration is None
    check_tiles(path, *decoded(path))


def test_a_stretch_ends_where_the_recording_ends(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", 2.0, 44_100, 2)
    assert read_span(path, 1.5, 10.0).shape == (2, 8_000)
    assert read_span(path, 2.0, 10.0).shape == (2, 0)
    assert read_span(path, 1e6, 1e7).shape == (2, 0)


@pytest.mark.parametrize(("start_s", "end_s"), [(-1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (np.nan, 1.0), (0.0, np.inf)])
def test_no_such_stretch(tmp_path: Path, start_s: float, end_s: float) -> None:
    path = write_tone(tmp_path / "a.wav")
    with pytest.raises(EarmarkError, match=r"is no segment of .*a\.wav"):
        read_span(path, start_s, end_s)


@pytest.mark.parametrize("part", [0.3, 0.8])
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "opus.ogg", "mp3", "fragments.mp4", "aac.mkv", "webm", "wma"])
def test_what_is_there_of_a_file_that_was_cut_short(tmp_path: Path, ending: str, part: float) -> None:
    path = written(tmp_path, ending, 48_000 if "opus" in ending or ending == "webm" else 16_000)
    whole = read_span(path, 0.0, 20.0)
    whole_s = audio_info(path).duration_s
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    info = audio_info(path)
    assert any(f"a.{ending}" in note and not note.endswith(".") for note in info.notes)
    assert abs(info.duration_s / whole_s - part) < 0.15
    there = read_span(path, 0.0, 20.0)
    assert there.shape == (2, round(info.duration_s * SAMPLE_RATE))
    undisturbed = there.shape[1] - SAMPLE_RATE // 5
    np.testing.assert_allclose(there[:, :undisturbed], whole[:, :undisturbed], atol=2e-4)


@pytest.mark.parametrize("read", [audio_info, lambda path: read_span(path, 0.0, 1.0)])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.m4a", None, "There is no audio file"),
        ("nothing.m4a", b"", r"can't be read as audio \(it is empty\): copy it again"),
        ("nothing.wav", b"", r"can't be read as audio \(it is empty\): copy it again"),
        ("letter.mp3", b"This is a letter to my aunt. " * 500, "can't be read as audio"),
        ("letter.m4a", b"This is a letter to my aunt. " * 500, "can't be read as audio"),
        ("phone.m4a", b"\0\0\0\x20ftypM4A " + bytes(500), "can't be read as audio"),
        ("list.m4a", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.m4a\n", "can't be read as audio"),
        ("list.mp4", b"ffconcat version 1.0\nfile a.mp4\n", "can't be read as audio"),
    ],
)
def test_no_audio(tmp_path: Path, read: Callable[[Path], object], name: str, content: bytes | None, message: str):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EarmarkError, match=message) as raised:
        read(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    if content:
        assert str(raised.value).endswith("save it as wav, flac, ogg, mp3, m4a, mp4 or webm.")


def test_a_recorder_that_stopped_before_it_wrote_its_index(tmp_path: Path) -> None:
    path = written(tmp_path, "m4a", 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(EarmarkError, match=r"a\.m4a has no index, .*: copy it again, or let .* repair it\."):
        audio_info(path)


def test_a_silent_film(tmp_path: Path) -> None:
    path = write_container(tmp_path / "a.mp4", np.empty((0, 1), np.float32), 16_000, "aac", video_s=1.0)
    with pytest.raises(EarmarkError, match=r"a\.mp4 has no sound track: name a file with sound\."):
        audio_info(path)


def test_no_sound_at_all(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.zeros(0), SAMPLE_RATE)
    for read in (audio_info, lambda path: read_span(path, 0.0, 1.0)):
        with pytest.raises(EarmarkError, match="holds no sound"):
            read(tmp_path / "a.wav")


def test_samples_that_are_not_numbers_stop_the_stretch_that_has_them(tmp_path: Path) -> None:
    sound = noise_and_sweep(SAMPLE_RATE, 1, 4.0).copy()
    sound[3 * SAMPLE_RATE] = np.nan
    soundfile.write(str(tmp_path / "a.wav"), sound, SAMPLE_RATE, subtype="FLOAT")
    read_span(tmp_path / "a.wav", 0.0, 2.5)
    with pytest.raises(EarmarkError, match="not numbers"):
        read_span(tmp_path / "a.wav", 2.5, 4.0)


def test_the_ending_is_not_believed(tmp_path: Path) -> None:
    path = written(tmp_path, "m4a", 16_000)
    whole, sample_rate = decoded(path)
    check_tiles(path.rename(tmp_path / "ọmọ – 水.mp3"), whole, sample_rate)


def test_tags_around_and_between_the_frames_of_an_mp3(tmp_path: Path) -> None:
    path = written(tmp_path, "mp3", 44_100)
    whole, sample_rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    content = path.read_bytes()
    path.write_bytes(b"ID3\4\0\0\0\0\2\0" + bytes(256) + content + b"TAG" + b"To my aunt".ljust(125, b"\0"))
    check_tiles(path, whole, sample_rate, atol=1e-5)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_stretch_of_an_hour_takes_little_memory(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    silence = np.zeros((60 * 22_050, 1), dtype=np.int16)
    with soundfile.SoundFile(str(path), "w", 22_050, 1) as file:
        for _ in range(60):
            file.write(silence)
    tracemalloc.start()
    try:
        assert read_span(path, 3_000.0, 3_060.0).shape == (1, 960_000)
        assert tracemalloc.get_traced_memory()[1] < 16e6  # 60 s at 16 kHz are 4 MB, the hour at 22 kHz 318 MB
    finally:
        tracemalloc.stop()
