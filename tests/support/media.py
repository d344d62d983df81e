"""Small recordings and pictures for tests."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
from PIL import Image


def tone(seconds: float, sample_rate: int = 16_000, hertz: float = 440.0) -> npt.NDArray[np.float32]:
    """A sine of amplitude 0.3."""
    times_s = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * hertz * times_s)).astype(np.float32)


def write_tone(path: Path, seconds: float = 1.0, sample_rate: int = 16_000, channels: int = 1, **how: str) -> Path:
    """Write a sine as whatever the path's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.repeat(tone(seconds, sample_rate)[:, None], channels, axis=1)
    soundfile.write(str(path), samples, sample_rate, **how)
    return path


def write_picture(path: Path, size: tuple[int, int] = (32, 24)) -> Path:
    """Write a picture with some detail, so that a part of its file is not all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_container(
    path: Path,
    samples: npt.NDArray[np.float32],
    sample_rate: int,
    codec: str,
    *,
    options: Mapping[str, str] | None = None,
    video_s: float = 0.0,
    live: bool = False,
) -> Path:
    """Write sound, shape (samples, channels), through PyAV.

    Parameters
    ----------
    options : mapping, optional
        The encoder's or the container's.
    video_s : float
        Length of a black film beside the sound.
    live : bool
        Whether the writer can't go back to say how long it became, as in a browser.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as file,
        av.open(_Pipe(file) if live else file, "w", format=_form(path), options=dict(options or {})) as container,
    ):
        film = container.add_stream("mpeg4", rate=10) if video_s else None
        if film is not None:
            film.width = film.height = 32
            film.pix_fmt = "yuv420p"
        if len(samples):
            layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[samples.shape[1]]
            sound = container.add_stream(codec, rate=sample_rate, layout=layout, options=dict(options or {}))
            sound.bit_rate = 64_000 * samples.shape[1]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
            frame.sample_rate = sample_rate
            frame.pts = 0
            container.mux([*sound.encode(frame), *sound.encode(None)])
        if film is not None:
            for number in range(round(10 * video_s)):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")
                picture.pts = number
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
    return path


def write_tracks(
    path: Path, tracks: list[tuple[npt.NDArray[np.float32], float, int]], codec: str, film: bool = False
) -> Path:
    """Sound tracks with a delay in seconds and a sampling rate each, beside a film that starts at 0."""
    import av

    with av.open(str(path), "w", format={".mkv": "matroska", ".ts": "mpegts", ".m4a": "ipod"}.get(path.suffix)) as out:
        packets = []
        if film:
            video = out.add_stream("mpeg4", rate=10)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        streams = [out.add_stream(codec, rate=rate, layout="mono") for _, _, rate in tracks]
        if film:
            for number in range(round(10 * max(len(sound) / rate + delay_s for sound, delay_s, rate in tracks))):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                packets += video.encode(frame)
            packets += video.encode(None)
        for (sound, delay_s, rate), stream in zip(tracks, streams, strict=True):
            form = stream.codec_context.format
            fifo = av.AudioResampler(format=form, layout="mono", rate=rate, frame_size=stream.frame_size or 1024)
            whole = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            whole.sample_rate, whole.pts, whole.time_base = rate, round(delay_s * rate), Fraction(1, rate)
            for part in [*fifo.resample(whole), *fifo.resample(None)]:
                packets += stream.encode(part)
            packets += stream.encode(None)
        for packet in sorted((p for p in packets if p.dts is not None), key=lambda p: p.dts * p.time_base):
            out.mux(packet)
    return path


def repack(source: Path, path: Path, *, live: bool = False) -> Path:
    """Put the sound of a file into another container as it is; see `write_container`."""
    import av

    with (
        av.open(str(source)) as old,
        path.open("wb") as file,
        av.open(_Pipe(file) if live else file, "w", format=_form(path)) as new,
    ):
        track = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                new.mux(packet)
    return path


def _form(path: Path) -> str:
    """What FFmpeg calls the container that a path's ending names."""
    ending = path.suffix.lstrip(".")
    return {"m4a": "ipod", "wma": "asf", "mkv": "matroska", "aac": "adts"}.get(ending, ending)


class _Pipe:
    """A file that can be written from start to end alone."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)
