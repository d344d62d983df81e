"""Any bytes may be in a file: what comes of it is a result or one sentence."""

from __future__ import annotations

import functools
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from PIL import Image

from earmark.core.errors import EarmarkError
from earmark.media.audio import audio_info, check_audio, read_audio, read_span
from earmark.media.images import check_image, read_image
from earmark.media.kinds import begins_as_audio
from support.media import write_container

EACH = 20  # mutated files a format in every run of the tests
MANY = 2_500  # in the slow one: 43 formats, 107,500 files
SECONDS = 0.4
WAIT_S = 30.0  # a file that takes longer hangs; whole ones take some milliseconds


def sound(sample_rate: int, channels: int = 1) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(5)
    return rng.normal(0, 0.1, (round(SECONDS * sample_rate), channels)).clip(-0.9, 0.9).astype(np.float32)


def plain(form: str, subtype: str = "PCM_16", sample_rate: int = 16_000, channels: int = 1) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        soundfile.write(str(path), sound(sample_rate, channels), sample_rate, format=form, subtype=subtype)

    return write


def container(ending: str, codec: str, sample_rate: int = 16_000, **how: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        written = path.with_suffix(f".{ending}")
        write_container(written, sound(sample_rate), sample_rate, codec, **how)  # type: ignore[arg-type]
        written.rename(path)

    return write


def amr(path: Path) -> None:
    rng = np.random.default_rng(6)
    path.write_bytes(b"#!AMR\n" + b"".join(b"\x04" + rng.bytes(12) for _ in range(40)))


def chained(path: Path) -> None:
    plain("OGG", "VORBIS")(path)
    path.write_bytes(path.read_bytes() * 2)


def picture(form: str, mode: str = "RGB", **how: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pixels = np.random.default_rng(7).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(path, format=form, **how)

    return write


SOUNDS: dict[str, Callable[[Path], None]] = {
    "wav": plain("WAV"),
    "wav of 24 bits": plain("WAV", "PCM_24", channels=2),
    "wav of floats": plain("WAV", "FLOAT"),
    "wav of A-law": plain("WAV", "ALAW", 8_000),
    "wav of GSM": plain("WAV", "GSM610", 8_000),
    "wav of MS ADPCM": plain("WAV", "MS_ADPCM"),
    "wav of IMA ADPCM": plain("WAV", "IMA_ADPCM"),
    "extensible wav": plain("WAVEX", "PCM_16", channels=2),
    "rf64": plain("RF64"),
    "w64": plain("W64"),
    "aiff": plain("AIFF"),
    "au": plain("AU"),
    "caf": plain("CAF"),
    "nist": plain("NIST"),
    "voc": plain("VOC"),
    "flac": plain("FLAC"),
    "ogg": plain("OGG", "VORBIS"),
    "opus": plain("OGG", "OPUS"),
    "chained ogg": chained,
    "mp3": plain("MP3", "MPEG_LAYER_III"),
    "mp3 without tags": container("mp3", "libmp3lame", options={"write_xing": "0"}),
    "m4a": container("m4a", "aac"),
    "alac": container("m4a", "alac"),
    "fragments": container("mp4", "aac", options={"movflags": "+frag_keyframe+empty_moov"}),
    "film": container("mp4", "aac", video_s=0.5),
    "mov": container("mov", "pcm_s16le"),
    "aac": container("aac", "aac"),
    "mkv": container("mkv", "flac"),
    "webm": container("webm", "libopus", 48_000),
    "live webm": container("webm", "libopus", 48_000, live=True),
    "wma": container("wma", "wmav2"),
    "avi": container("avi", "libmp3lame"),
    "mpegts": container("mpegts", "aac"),
    "flv": container("flv", "aac", 44_100),
    "amr": amr,
}
PICTURES: dict[str, Callable[[Path], None]] = {
    "jpeg": picture("JPEG"),
    "progressive jpeg": picture("JPEG", progressive=True),
    "png": picture("PNG", "RGBA"),
    "webp": picture("WEBP"),
    "gif": picture("GIF", "P"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF", compression="tiff_lzw"),
    "ppm": picture("PPM"),
}
NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


@functools.cache
def whole(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole"
        (SOUNDS | PICTURES)[kind](path)
        return path.read_bytes()


def mutated(kind: str, rng: np.random.Generator) -> bytes:
    """A file with one to four damages, most of them in its headers."""
    data = bytearray(whole(kind))
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        at = int(rng.integers(len(data)) if rng.random() < 0.5 else rng.integers(min(len(data), 600)))
        match rng.integers(8):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at : at + 4] = rng.bytes(4)
            case 2:
                number = NUMBERS[rng.integers(len(NUMBERS))]
                size = int(rng.choice([1, 2, 4, 8]))
                data[at : at + size] = (number % (1 << 8 * size)).to_bytes(
                    size, "little" if rng.random() < 0.5 else "big"
                )
            case 3:
                del data[at:]
            case 4:
                del data[at : at + int(rng.integers(1, 200))]
            case 5:
                data[at:at] = rng.bytes(int(rng.integers(1, 200)))
            case 6:
                data[at : at + int(rng.integers(1, 400))] = bytes(int(rng.integers(1, 400)))
            case 7:
                data[at:at] = data[max(0, at - 300) : at]
    return bytes(data)


def use_sound(path: Path) -> None:
    begins_as_audio(path)
    info = audio_info(path)
    assert info.samples > 0
    assert info.channels > 0
    assert info.duration_s < 200 * 3600
    end_s = min(info.duration_s, 30.0)
    start = read_span(path, 0.0, max(end_s, 0.1))
    assert start.shape[0] == info.channels
    assert np.isfinite(start).all()
    read_span(path, info.duration_s / 2, info.duration_s / 2 + 0.2)
    if info.duration_s < 120:
        check_audio(path)
        assert np.isfinite(read_audio(path)).all()


def use_picture(path: Path) -> None:
    check_image(path)
    assert read_image(path).mode == "RGB"


def try_files(kind: str, count: int, folder: Path, seed: int) -> Iterator[str]:
    """Push mutated files through the functions that read them; what came of each."""
    use = use_sound if kind in SOUNDS else use_picture
    path = folder / f"damaged {kind}"
    for number in range(count):
        content = mutated(kind, np.random.default_rng([seed, number]))
        path.write_bytes(content)
        started = time.monotonic()
        outcome = "read"
        problem = None
        try:
            use(path)
        except EarmarkError as error:
            problem, outcome = str(error), "refused"
        except BaseException as error:
            raise AssertionError(f"file {number} of {kind}, seed {seed}: {type(error).__name__}: {error}") from error
        assert problem is None or (str(path) in problem and "\n" not in problem), (number, problem)
        assert time.monotonic() - started < WAIT_S, f"file {number} of {kind}, seed {seed}"
        yield outcome


@pytest.mark.parametrize("kind", [*SOUNDS, *PICTURES])
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    use = use_sound if kind in SOUNDS else use_picture
    (tmp_path / "whole").write_bytes(whole(kind))
    use(tmp_path / "whole")
    outcomes = list(try_files(kind, EACH, tmp_path, seed=1))
    assert len(outcomes) == EACH


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*SOUNDS, *PICTURES])
def test_many_damaged_files(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = peak_mib()
    assert len(list(try_files(kind, MANY, tmp_path, seed=2))) == MANY
    assert peak_mib() - before < 1_500
    if kind in SOUNDS:
        assert capfd.readouterr().err == ""  # decoders' own messages are for nobody


@pytest.mark.parametrize("size", [1, 4, 12, 64, 5_000])
@pytest.mark.parametrize("seed", range(20))
def test_chance_bytes(tmp_path: Path, size: int, seed: int) -> None:
    path = tmp_path / "chance.wav"
    path.write_bytes(np.random.default_rng([seed, size]).bytes(size))
    for use in (use_sound, use_picture):
        with pytest.raises(EarmarkError, match=r"chance\.wav"):
            use(path)


@pytest.mark.parametrize("content", [b"ID3", b"ID3\4\0\0\0\0\0", b"RIFF", b"OggS\0", b"fLaC", b"\x1a\x45\xdf\xa3"])
def test_a_file_that_ends_in_its_first_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "short.mp3").write_bytes(content)
    with pytest.raises(EarmarkError, match=r"short\.mp3"):
        use_sound(tmp_path / "short.mp3")


@pytest.mark.parametrize(("scale", "rate"), [(60_000, 1), (100, 1), (1, 1), (1, 2_000)])
def test_an_avi_with_a_wrong_clock(tmp_path: Path, scale: int, rate: int) -> None:
    """Its packets follow one another, whatever its header says of how long each lasts."""
    content = whole("avi")
    at = content.index(b"auds") + 20  # dwScale and dwRate of the stream's header: seconds a packet
    path = tmp_path / "wrong.avi"
    path.write_bytes(content[:at] + struct.pack("<II", scale, rate) + content[at + 8 :])
    assert audio_info(path).duration_s == pytest.approx(SECONDS, abs=0.15)


def peak_mib() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
