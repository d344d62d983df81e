"""What is there counts, whatever a header says of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from earmark.core.errors import EarmarkError
from earmark.media._track import _samples
from earmark.media.audio import audio_info, check_audio, read_audio, read_span
from support.media import repack, write_container, write_tracks

Samples = npt.NDArray[np.float32]
RATE = 16_000
SECONDS = 6.0


def bursts(seconds: float = SECONDS, sample_rate: int = RATE, seed: int = 0) -> Samples:
    """0.3 s of noise in each second, silence between."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.1, round(seconds * sample_rate)).clip(-0.9, 0.9).astype(np.float32)
    times_s = np.arange(len(sound)) / sample_rate % 1
    sound[(times_s < 0.35) | (times_s > 0.65)] = 0
    return sound


def pcm(sound: Samples) -> bytes:
    return (sound * 32767).astype("<i2").tobytes()


def chunk(name: bytes, content: bytes, declared: int | None = None, pad: bool = True) -> bytes:
    length = len(content) if declared is None else declared
    return name + struct.pack("<I", length) + content + b"\0" * (pad and len(content) % 2)


def form(channels: int = 1, bits: int = 16, tag: int = 1, sample_rate: int = RATE) -> bytes:
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * block, block, bits))


def riff(*chunks: bytes, declared: int | None = None, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", len(body) if declared is None else declared) + body


DATA = pcm(bursts())
LIST = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 6) + b"Zoom\0\0")
DS64 = struct.pack("<QQQI", 0, 0, 0, 0)
WAVS = {
    "right": riff(form(), chunk(b"data", DATA)),
    "0": riff(form(), chunk(b"data", DATA, 0), declared=4088),
    "0 and nothing else": riff(form(), chunk(b"data", DATA, 0), declared=0),
    "a half": riff(form(), chunk(b"data", DATA, len(DATA) // 2)),
    "a half, odd": riff(form(), chunk(b"data", DATA, len(DATA) // 2 + 1)),
    "a little": riff(form(), chunk(b"data", DATA, 2)),
    "unknown": riff(form(), chunk(b"data", DATA, 0xFFFFFFFF), declared=0xFFFFFFFF),
    "of a pipe": riff(form(), chunk(b"data", DATA, 0x7FFFF000), declared=0x7FFFF024),
    "signed": riff(form(), chunk(b"data", DATA, 0x80000000)),
    "too long": riff(form(), chunk(b"data", DATA, 2 * len(DATA))),
    "a list behind": riff(form(), chunk(b"data", DATA), LIST),
    "a list before": riff(LIST, form(), LIST, chunk(b"data", DATA)),
    "0 and a list behind": riff(form(), chunk(b"data", DATA, 0), LIST),
    "a half and a list behind": riff(form(), chunk(b"data", DATA, len(DATA) // 2), LIST),
    "an odd list without padding": riff(form(), chunk(b"LIST", b"INFOabc", pad=False), chunk(b"data", DATA)),
    "an odd list with padding": riff(form(), chunk(b"LIST", b"INFOabc"), chunk(b"data", DATA)),
    "a tag behind": riff(form(), chunk(b"data", DATA)) + b"TAG" + bytes(125),
    "zeros behind": riff(form(), chunk(b"data", DATA)) + bytes(300),
    "bext and junk before": riff(chunk(b"bext", bytes(602)), chunk(b"JUNK", bytes(28)), form(), chunk(b"data", DATA)),
    "rf64": riff(chunk(b"ds64", struct.pack("<QQQI", 0, len(DATA), len(DATA) // 2, 0)), form(),
                 chunk(b"data", DATA, 0xFFFFFFFF), declared=0xFFFFFFFF, kind=b"RF64"),
    "rf64 with a list": riff(chunk(b"ds64", struct.pack("<QQQI", 0, len(DATA), len(DATA) // 2, 0)), form(),
                             chunk(b"data", DATA, 0xFFFFFFFF), LIST, declared=0xFFFFFFFF, kind=b"RF64"),
    "rf64 that was not closed": riff(chunk(b"ds64", DS64), form(), chunk(b"data", DATA, 0xFFFFFFFF), kind=b"RF64"),
    "rf64 with half of its length": riff(chunk(b"ds64", struct.pack("<QQQI", 0, len(DATA) // 2, 0, 0)), form(),
                                         chunk(b"data", DATA, 0xFFFFFFFF), kind=b"RF64"),
    "bw64": riff(form(), chunk(b"data", DATA), kind=b"BW64"),
    "two chunks of samples": riff(form(), chunk(b"data", DATA[:64_000]), LIST, chunk(b"data", DATA[64_000:])),
    "too long a chunk before": riff(chunk(b"JUNK", bytes(100), 0x7FFFFFFF), form(), chunk(b"data", DATA)),
    "too long a chunk between": riff(form(), chunk(b"LIST", b"INFOabcd", 4_000_000_000), chunk(b"data", DATA)),
    "two files, one after the other": riff(form(), chunk(b"data", DATA[:64_000]), LIST)
                                      + riff(form(), chunk(b"data", DATA[64_000:])),
    "a tag before": b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + riff(form(), chunk(b"data", DATA)),
}  # fmt: skip


@pytest.mark.parametrize("declared", WAVS)
def test_the_length_of_a_wav(tmp_path: Path, declared: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAVS[declared])
    info = check_audio(path)
    assert (info.samples, info.sample_rate, info.channels) == (SECONDS * RATE, RATE, 1)
    np.testing.assert_allclose(read_audio(path), np.frombuffer(DATA, "<i2") / 32768, atol=1e-6)
    wrong = declared.startswith(("0", "a half", "a little", "too long", "rf64 with half"))
    assert [note.split(" (")[0] for note in info.notes] == ["a.wav: the length in its header is wrong"] * wrong


@pytest.mark.parametrize("trailing", [b"", LIST])
def test_a_wav_beyond_4_gib(tmp_path: Path, trailing: bytes) -> None:
    there = (1 << 32) + len(DATA)
    path = tmp_path / "day.wav"
    with path.open("wb") as file:
        file.write(riff(form(), b"data" + struct.pack("<I", len(DATA)), declared=0))
        start = file.tell()
        file.seek(start + (1 << 32))  # a hole: no disk is filled
        file.write(DATA + trailing)
    info = audio_info(path)
    assert info.samples == there // 2
    assert "wrong" in info.notes[0]
    end_s = there / 2 / RATE
    np.testing.assert_allclose(
        read_span(path, end_s - SECONDS, end_s)[0], np.frombuffer(DATA, "<i2") / 32768, atol=1e-6
    )


CODECS = ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"]


@pytest.mark.parametrize("declared", [None, 0])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "W64", "RF64"])
@pytest.mark.parametrize("codec", CODECS)
def test_codecs_inside_wav(tmp_path: Path, kind: str, codec: str, declared: int | None) -> None:
    if not soundfile.check_format(kind, codec):
        pytest.skip("libsndfile writes no such file")
    path = tmp_path / "a.wav"
    soundfile.write(str(path), bursts(), RATE, format=kind, subtype=codec)
    expected, _ = soundfile.read(str(path), dtype="float32")
    if declared is not None:
        content = bytearray(path.read_bytes())
        at = content.index(b"data") + (16 if kind == "W64" else 4)
        content[at : at + 4] = struct.pack("<I", declared)
        if kind == "RF64":
            content[content.index(b"ds64") + 16 :][:8] = bytes(8)
        path.write_bytes(content)
    waveform_read = read_audio(path)
    assert 0 <= len(waveform_read) - len(expected) < 1_100  # blocks are not cut
    # FFmpeg and libsndfile round the predictors of MS ADPCM differently.
    np.testing.assert_allclose(waveform_read[: len(expected)], expected, atol=1e-2 if codec == "MS_ADPCM" else 2e-4)


@pytest.mark.parametrize("codec", ["IMA_ADPCM", "MS_ADPCM", "GSM610"])
def test_parts_of_a_long_recording_in_blocks(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(str(path), np.random.default_rng(0).normal(0, 0.1, 8_000 * 1_200), 8_000, subtype=codec)
    expected = soundfile.read(str(path), dtype="float32")[0][8_000 * 999 : 8_000 * 1_002]
    there = read_span(path, 1_000.0, 1_001.0)[0]
    np.testing.assert_allclose(
        there, soxr.resample(expected, 8_000, RATE)[RATE : 2 * RATE], atol=1e-2 if codec == "MS_ADPCM" else 2e-4
    )


def test_mp3_inside_wav(tmp_path: Path) -> None:
    mp3 = write_container(tmp_path / "a.mp3", bursts(12.0)[:, None], RATE, "libmp3lame", options={"write_xing": "0"})
    header = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 8_000, 1, 0, 12, 1, 2, 576, 1, 1393)
    for declared in (None, 0, 1_000):
        content = mp3.read_bytes()
        path = tmp_path / "b.wav"
        path.write_bytes(riff(chunk(b"fmt ", header), chunk(b"data", content[content.index(b"\xff") :], declared)))
        assert audio_info(path).duration_s == pytest.approx(12.0, abs=0.15)
        assert len(read_audio(path)) == pytest.approx(12.0 * RATE, abs=2_400)


OTHERS: dict[str, tuple[str, Callable[[bytearray], None]]] = {}


def patch(name: str, kind: str) -> Callable[[Callable[[bytearray], None]], None]:
    def add(change: Callable[[bytearray], None]) -> None:
        OTHERS[name] = kind, change

    return add


def put(content: bytearray, after: bytes, offset: int, number: bytes) -> None:
    at = content.index(after) + offset
    content[at : at + len(number)] = number


for words, number in {"0": 0, "a half": len(DATA) // 2, "too much": 2 * len(DATA), "all ones": 0xFFFFFFFF}.items():
    patch(f"aiff, {words}", "AIFF")(lambda c, n=number: put(c, b"SSND", 4, struct.pack(">I", n)))
    patch(f"au, {words}", "AU")(lambda c, n=number: put(c, b".snd", 8, struct.pack(">I", n)))
    patch(f"caf, {words}", "CAF")(lambda c, n=number: put(c, b"data", 4, struct.pack(">Q", n)))
    patch(f"w64, {words}", "W64")(lambda c, n=number: put(c, b"data", 16, struct.pack("<Q", n)))
patch("aiff, no frames", "AIFF")(lambda c: put(c, b"COMM", 10, bytes(4)))
patch("caf, -1", "CAF")(lambda c: put(c, b"data", 4, b"\xff" * 8))
patch("flac, unknown length", "FLAC")(lambda c: put(c, b"fLaC", 21, bytes([c[21] & 0xF0]) + bytes(20)))
patch("flac, too many", "FLAC")(lambda c: put(c, b"fLaC", 22, struct.pack(">I", 9_000_000)))
patch("flac, too few", "FLAC")(lambda c: put(c, b"fLaC", 22, struct.pack(">I", 16_000)))
patch("flac, wrong checksum", "FLAC")(lambda c: put(c, b"fLaC", 26, bytes(range(16))))
patch("flac, ID3 before", "FLAC")(lambda c: c.__setitem__(slice(0, 0), b"ID3\4\0\0\0\0\2\0" + bytes(256)))


@pytest.mark.parametrize("name", OTHERS)
def test_other_headers(tmp_path: Path, name: str) -> None:
    kind, change = OTHERS[name]
    path = tmp_path / "a"
    soundfile.write(str(path), bursts(), RATE, format=kind, subtype="PCM_16")
    expected, _ = soundfile.read(str(path), dtype="float32")
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    info = check_audio(path)
    assert info.samples == SECONDS * RATE
    np.testing.assert_allclose(read_audio(path), expected, atol=1e-6)
    np.testing.assert_allclose(read_span(path, 3.1, 4.1)[0], expected[49_600:65_600], atol=1e-6)


@pytest.mark.parametrize("other_rate", [RATE, 22_050])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_streams(tmp_path: Path, subtype: str, other_rate: int) -> None:
    parts = []
    for number, rate in enumerate((RATE, other_rate if subtype == "VORBIS" else RATE, RATE)):
        part = tmp_path / f"{number}.ogg"
        soundfile.write(str(part), bursts(5.0, rate, number), rate, format="OGG", subtype=subtype)
        parts.append(part)
    chain = tmp_path / "chain.ogg"
    chain.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert audio_info(chain).duration_s == pytest.approx(15.0, abs=1e-3)
    expected = np.concatenate([read_audio(part) for part in parts])
    waveform_read = read_audio(chain)
    assert (
        abs(len(waveform_read) - len(expected)) <= 2
    )  # a link of another rate is as long to a sample of the first one's
    if other_rate != RATE and subtype == "VORBIS":  # resampled twice, by another program
        loud = np.flatnonzero(np.abs(waveform_read) > 0.05)
        starts_s = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 2)] / RATE
        np.testing.assert_allclose(starts_s, np.arange(15) + 0.35, atol=0.02)
        return
    inner = np.ones(len(waveform_read), bool)
    for border in (80_000, 160_000):
        inner[border - 800 : border + 800] = False  # resampled over the border
    np.testing.assert_allclose(waveform_read[inner], expected[inner], atol=2e-3)
    np.testing.assert_allclose(read_span(chain, 7.3, 9.9)[0], waveform_read[116_800:158_400], atol=2e-3)


@pytest.mark.parametrize("quality", [None, "9"])
def test_mp3_without_a_count(tmp_path: Path, quality: str | None) -> None:
    sound = np.concatenate([bursts(15), np.random.default_rng(1).normal(0, 0.3, 15 * RATE), np.zeros(15 * RATE)])
    options = {"write_xing": "0"} | ({"q": quality} if quality else {})
    path = write_container(tmp_path / "a.mp3", sound.astype(np.float32)[:, None], RATE, "libmp3lame", options=options)
    info = check_audio(path)
    assert info.duration_s == pytest.approx(45.0, abs=0.15)
    assert info.notes == ()


@pytest.mark.parametrize("frames", [0, 10, 1_000_000])
def test_mp3_with_a_wrong_count(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(str(path), bursts(), RATE, subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.5)
    expected = read_audio(path)
    assert len(expected) == SECONDS * RATE
    content = bytearray(path.read_bytes())
    tag = content.index(b"Xing") if b"Xing" in content else content.index(b"Info")
    content[tag + 8 : tag + 12] = struct.pack(">I", frames)
    path.write_bytes(content)
    np.testing.assert_allclose(read_audio(path), expected, atol=1e-5)


def test_an_id3_tag_that_is_longer_than_its_file(tmp_path: Path) -> None:
    one = write_container(tmp_path / "a.mp3", bursts()[:, None], RATE, "libmp3lame", options={"write_xing": "0"})
    path = tmp_path / "b.mp3"
    path.write_bytes(b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(20) + one.read_bytes())
    info = audio_info(path)
    assert info.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert "an ID3 tag" in info.notes[0]


def test_mp3_after_other_bytes_and_one_after_the_other(tmp_path: Path) -> None:
    one = write_container(tmp_path / "a.mp3", bursts()[:, None], RATE, "libmp3lame")
    path = tmp_path / "b.mp3"
    path.write_bytes(np.random.default_rng(0).bytes(3_000).replace(b"\xff", b"") + one.read_bytes())
    assert audio_info(path).duration_s == pytest.approx(SECONDS, abs=0.2)
    path.write_bytes(one.read_bytes() * 2)
    assert audio_info(path).duration_s == pytest.approx(2 * SECONDS, abs=0.3)


@pytest.mark.parametrize("codec", ["flac", "aac", "pcm_s16le"])
@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov", "ts"])
def test_a_track_that_begins_after_the_film(tmp_path: Path, ending: str, codec: str) -> None:
    if (ending, codec) in (("mp4", "pcm_s16le"), ("ts", "pcm_s16le"), ("ts", "flac"), ("mov", "flac")):
        pytest.skip("there are no such files")
    path = write_tracks(tmp_path / f"late.{ending}", [(bursts(), 1.5, RATE)], codec, film=True)
    info = audio_info(path)
    assert info.start_s == pytest.approx(1.5, abs=0.08)
    assert info.duration_s == pytest.approx(1.5 + SECONDS, abs=0.2)
    waveform_read = read_span(path, 0.0, 10.0)[0]
    assert len(waveform_read) == round(info.duration_s * RATE)
    loud = np.flatnonzero(np.abs(waveform_read) > 0.05)
    assert loud[0] / RATE == pytest.approx(1.5 + 0.35, abs=0.08)
    np.testing.assert_array_equal(read_span(path, 1.2, 3.0)[0], waveform_read[19_200:48_000])


def test_every_track_is_read(tmp_path: Path) -> None:
    low, high = bursts(5.0), bursts(4.0, 44_100, seed=1)
    path = write_tracks(tmp_path / "two.mkv", [(0 * low, 0.0, RATE), (low, 0.5, RATE), (high, 0.0, 44_100)], "flac")
    info = audio_info(path)
    assert (info.channels, info.sample_rate) == (3, 44_100)
    assert info.duration_s == pytest.approx(5.5, abs=0.1)
    assert "two.mkv has 3 sound tracks" in info.notes[0]
    waveform_read = read_span(path, 0.0, 9.0)
    assert np.abs(waveform_read[0]).max() == 0
    np.testing.assert_allclose(waveform_read[1, 8_000 : 8_000 + len(low)], low, atol=2e-4)
    assert np.abs(waveform_read[2, 64_100:]).max() == 0  # it ends before the others
    loud = np.flatnonzero(np.abs(waveform_read[2]) > 0.05)
    assert loud[0] / RATE == pytest.approx(0.35, abs=0.01)


def test_a_broken_clock_makes_no_hours_of_silence(tmp_path: Path) -> None:
    content = write_tracks(tmp_path / "a.ts", [(bursts(), 0.0, RATE)], "aac").read_bytes()
    later = write_tracks(tmp_path / "b.ts", [(bursts(), 20_000.0, RATE)], "aac")
    path = tmp_path / "both.ts"
    path.write_bytes(content + later.read_bytes() + content)
    info = audio_info(path)
    assert info.duration_s == pytest.approx(3 * SECONDS, abs=0.6)
    whole = read_span(path, 0.0, 30.0)
    np.testing.assert_array_equal(read_span(path, 7.0, 13.0), whole[:, 7 * RATE : 13 * RATE])


def test_vorbis_in_another_container_has_the_same_end(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.ogg"), bursts(), RATE, format="OGG", subtype="VORBIS")
    assert audio_info(repack(tmp_path / "a.ogg", tmp_path / "a.mkv")).duration_s == pytest.approx(SECONDS, abs=0.04)


def test_a_number_of_channels_that_nobody_records(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(channels=200), chunk(b"data", DATA)))
    with pytest.raises(EarmarkError, match=r"a\.wav"):
        audio_info(path)


def test_an_mp3_whose_sampling_rate_changes_on_the_way(tmp_path: Path) -> None:
    parts = [
        write_container(tmp_path / f"{n}.mp3", bursts(5.0, rate)[:, None], rate, "libmp3lame")
        for n, rate in enumerate((RATE, 44_100, RATE))
    ]
    path = tmp_path / "a.mp3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert audio_info(path).sample_rate == RATE
    whole = read_audio(path)
    assert len(whole) / RATE == pytest.approx(15.0, abs=0.5)
    loud = np.flatnonzero(np.abs(whole) > 0.05)
    starts_s = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 2)] / RATE
    np.testing.assert_allclose(starts_s, np.arange(15) + 0.35, atol=0.25)
    np.testing.assert_allclose(read_span(path, 6.0, 9.0)[0], whole[6 * RATE : 9 * RATE], atol=1e-2)


@pytest.mark.parametrize(("layout", "channels"), [("6.1", 7), ("7.1", 8), ("hexadecagonal", 16), ("40 channels", 40)])
def test_planes_of_many_channels(layout: str, channels: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (1_024, channels)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = RATE
    (planar,) = av.AudioResampler(format="fltp", layout=layout, rate=RATE).resample(frame)
    assert planar.format.is_planar
    np.testing.assert_array_equal(_samples(planar), sound)


def test_eight_channels_of_a_film(tmp_path: Path) -> None:
    sound = np.stack([bursts(seed=seed) for seed in range(8)], axis=1)
    sound[:, 3] = 0  # AAC keeps no more than the lowest tones of this channel
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="ipod") as out:
        track = out.add_stream("aac", rate=RATE, layout="7.1")
        track.bit_rate = 512_000
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="7.1")
        frame.sample_rate, frame.pts = RATE, 0
        frames = av.AudioResampler(format="fltp", layout="7.1", rate=RATE, frame_size=1_024)
        for part in [*frames.resample(frame), *frames.resample(None)]:
            out.mux(track.encode(part))
        out.mux(track.encode(None))
    assert audio_info(path).channels == 8
    there = read_span(path, 0.0, SECONDS)
    for channel in (0, 1, 2, 4, 5, 6, 7):
        assert np.corrcoef(there[channel], sound[: there.shape[1], channel])[0, 1] > 0.8


@pytest.mark.parametrize("form", ["WAV", "AIFF", "W64", "AU", "FLAC", "m4a", "mkv", "aac"])
def test_files_that_were_written_one_after_the_other(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form.lower()}"
    if form.isupper():
        soundfile.write(path, bursts(), RATE, format=form)
    else:
        codec = {"mkv": "flac"}.get(form, "aac")
        write_container(path, bursts()[:, None], RATE, codec)
    alone = read_audio(path)
    path.write_bytes(2 * path.read_bytes())
    both = read_audio(path)
    assert len(both) == pytest.approx(2 * len(alone), abs=3_200)  # what encoders put around the sound is heard
    at = len(both) - len(alone)
    later = both[at : at + len(alone)]
    assert np.corrcoef(np.abs(later), np.abs(alone))[0, 1] > 0.9
