from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.core.errors import EarmarkError
from earmark.media.audio import audio_info, check_audio, read_audio
from support.media import tone, write_tone


def write_noise(path: Path, seconds: float, **how: str) -> Path:
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * 16_000)).clip(-0.9, 0.9)
    with soundfile.SoundFile(path, "w", 16_000, 1, **how) as file:
        for block in np.array_split(noise, 100):  # libsndfile's stack overflows where Vorbis gets much at once
            file.write(block)
    return path


FORMATS = {
    "wav": {},
    "float.wav": {"subtype": "FLOAT"},
    "24.wav": {"subtype": "PCM_24"},
    "flac": {},
    "ogg": {},
    "opus.ogg": {"subtype": "OPUS"},
    "mp3": {},
}


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_the_same_sound(tmp_path: Path, ending: str, sample_rate: int, channels: int) -> None:
    path = write_tone(tmp_path / f"a.{ending}", 1.5, sample_rate, channels, **FORMATS[ending])
    rate = 48_000 if "opus" in ending else sample_rate  # RFC 7845: Opus is decoded at 48 kHz, whatever went in
    samples = round(1.5 * rate)
    for info in (audio_info(path), check_audio(path)):
        assert (info.sample_rate, info.samples, info.channels) == (rate, samples, channels)
        assert info.duration_s == 1.5
    waveform = read_audio(path)
    assert waveform.dtype == np.float32
    assert waveform.shape == (24_000,)
    middle = slice(2_000, -2_000)  # codecs take a moment to settle
    error = waveform[middle] - tone(1.5)[middle]
    assert np.sqrt(np.mean(error**2)) < 0.02  # of 0.21; a delay of one sample would make 0.037


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("hertz", [200.0, 1_234.0, 3_000.0])
def test_resampling_keeps_length_frequency_and_loudness(tmp_path: Path, sample_rate: int, hertz: float) -> None:
    soundfile.write(str(tmp_path / "a.wav"), tone(2.0, sample_rate, hertz), sample_rate, subtype="FLOAT")
    waveform = read_audio(tmp_path / "a.wav")
    assert abs(len(waveform) - 32_000) <= 1
    middle = waveform[8_000:24_000]  # one second, so that bin k of the transform is k hertz
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) == hertz
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


def test_what_16_khz_cannot_carry_is_filtered_out(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), tone(1.0, 48_000, hertz=10_000), 48_000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")[1_000:-1_000]).max() < 1e-3  # an alias would be at 6 kHz, 0.3 high


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(1.0, hertz=300), tone(1.0, hertz=700)], axis=1)
    soundfile.write(str(tmp_path / "a.wav"), both, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), both.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["two words", "ọmọ́ dúdú", "Ñandú", "犬が走る", "собака", "كلب", "it's 100% [a] #1"])
def test_any_file_name(tmp_path: Path, name: str, form: str) -> None:
    path = write_tone(tmp_path / unicodedata.normalize(form, f"{name}.flac"), 0.1)
    assert len(read_audio(path)) == audio_info(path).samples == check_audio(str(path)).samples == 1_600


@pytest.mark.parametrize("read", [audio_info, check_audio, read_audio])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.wav", None, "There is no audio file"),
        ("nothing.wav", b"", "can't be read as audio"),
        ("garbage.wav", b"This is a letter to my aunt. " * 50, "can't be read as audio"),
        ("garbage.raw", b"\0\1\2" * 50, "can't be read as audio"),
        ("phone.m4a", b"\0\0\0\x20ftypM4A " + bytes(500), "can't be read as audio"),
    ],
)
def test_no_audio(tmp_path: Path, read, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EarmarkError, match=message) as error:
        read(tmp_path / name)
    assert name in str(error.value)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_unicode_is_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.wav")
    path.write_bytes(write_tone(tmp_path / "a.wav").read_bytes())
    assert audio_info(path).samples == len(read_audio(path)) == 16_000


@pytest.mark.parametrize("read", [audio_info, check_audio, read_audio])
def test_a_folder_is_no_audio(tmp_path: Path, read) -> None:
    with pytest.raises(EarmarkError, match=rf"{re.escape(str(tmp_path))} is a folder: name an audio file\."):
        read(tmp_path)


@pytest.mark.parametrize("read", [audio_info, check_audio, read_audio])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_no_sound_at_all(tmp_path: Path, read, ending: str) -> None:
    soundfile.write(str(tmp_path / f"a.{ending}"), np.zeros(0), 16_000)
    with pytest.raises(EarmarkError, match=r"holds no sound|can't be read"):
        read(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9, 0.99])
def test_what_is_there_of_a_file_that_was_cut_short(tmp_path: Path, ending: str, part: float) -> None:
    whole = write_noise(tmp_path / f"whole.{ending}", 20.0, **FORMATS[ending])
    path = tmp_path / f"a.{ending}"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    info = check_audio(path)
    assert abs(info.duration_s / 20.0 - part) < 0.1
    assert any(f"a.{ending}" in note for note in info.notes)
    expected, there = read_audio(whole), read_audio(path)
    assert len(there) == round(info.duration_s * 16_000)
    undisturbed = slice(0, len(there) - 2_000)
    np.testing.assert_allclose(there[undisturbed], expected[: len(there)][undisturbed], atol=2e-4)


def test_a_wav_of_unknown_length_is_whole(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", 1.0)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"  # as programs write that can't go back to the header
    path.write_bytes(content)
    assert check_audio(path).samples == 16_000


@pytest.mark.parametrize("read", [check_audio, read_audio])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_numbers(tmp_path: Path, read, bad: float) -> None:
    samples = tone(5.0)
    samples[-1] = bad
    soundfile.write(str(tmp_path / "a.wav"), samples, 16_000, subtype="FLOAT")
    with pytest.raises(EarmarkError, match="not numbers"):
        read(tmp_path / "a.wav")
