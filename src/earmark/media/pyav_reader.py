"""Sound inside mp3, m4a, aac, mp4, webm, mkv, mov, 3gp and wma: a stretch of it, at its own sampling rate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.timing import s_to_samples
from earmark.media.audio import AudioInfo, Waveform, cut_short, empty, require_numbers
from earmark.media.truncation import is_truncated

# Playlists and the like would open other files, or the network: only what holds its sound itself is read.
CONTAINERS = "aac,asf,matroska,mov,mp3,mp4,m4a,3gp,3g2,mj2,webm"
SETTLE_S = 1.0  # a decoder that starts in the middle needs some frames before its output is right
# Frames of an mp3 borrow bits from earlier ones: up to 255 bytes, of which the smallest frames (24 kHz, 8 kbit/s,
# stereo, with a checksum) hold one each, and last 24 ms.
MP3_SETTLES_S = 7.0
RUN_SAMPLES = 1 << 14  # frames of a thousand samples are slow to handle one by one
JITTER_S = 0.05  # recorders' clocks tremble: a frame this near to the end of the one before follows it
OPUS_STEPS_PER_S = 400  # the lengths of Opus frames are multiples of 2.5 ms (RFC 6716, section 2.1.4)
VORBIS_STEP = 64  # samples: a quarter of the usual shorter block and its neighbour
FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


class ContainerSound:
    """The first good sound track of a file. Time 0 is its first sample, as decoders hand it out.

    Raises
    ------
    EarmarkError
        If the file has no sound track, or its sound can't be decoded.
    av.error.FFmpegError, ValueError
        If the file is none of the containers.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._open()
        try:
            first = self._first_frame()
        except BaseException:
            self._container.close()
            raise
        self.sample_rate: int = first.sample_rate
        self.channels: int = first.layout.nb_channels
        self._first_pts: int = first.pts or 0
        self._first_samples: int = first.samples
        self._tick = float(self._track.time_base * self.sample_rate)
        self._is_mp3 = self._container.format.name == "mp3"
        self._step = self._multiple()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._container.close()

    def info(self) -> AudioInfo:
        """Count the samples: from shortly before the end where the file says how long it is, else all of them."""
        said_s = self._said_s()
        start = 0 if said_s is None else max(0, s_to_samples(said_s - 1, self.sample_rate))
        end = max(position + len(samples) for position, samples in self._runs(start))
        return AudioInfo(self.sample_rate, end, self.channels)

    def blocks(self, start: int, stop: int) -> Iterator[Waveform]:
        """Samples `start` to `stop` at the file's own rate, in blocks of shape (samples, channels).

        There are fewer where the recording ends. A gap between frames is silence.

        Raises
        ------
        EarmarkError
            If the sound can't be decoded, is cut short before `stop`, or holds samples that are not numbers.
        """
        done = start
        end = 0
        for position, samples in self._runs(start):
            end = position + len(samples)
            if position > done:
                gap = min(position, stop) - done
                yield np.zeros((gap, self.channels), dtype=np.float32)
                done += gap
            block = samples[max(0, done - position) : max(0, stop - position)]
            if len(block):
                require_numbers(block, self.path)
                yield block
                done += len(block)
            if done >= stop:
                return
        if is_truncated(Path(self.path)):
            raise cut_short(self.path, end / self.sample_rate)

    def _open(self) -> None:
        import av

        self._container: Any = av.open(os.path.abspath(self.path), options={"format_whitelist": CONTAINERS})
        self._track: Any = self._container.streams.best("audio")
        if self._track is None:
            self._container.close()
            raise EarmarkError(f"{self.path} has no sound track: name a file with sound.")

    def _from_the_start(self) -> Iterator[Any]:
        # Seeking to the start would leave out what the encoder put before it for the decoder to warm up on.
        self._container.close()
        self._open()
        return self._decode()

    def _first_frame(self) -> Any:
        first = next(self._decode(), None)
        if first is None:
            raise cut_short(self.path, 0.0) if is_truncated(Path(self.path)) else empty(self.path)
        return first

    def _said_s(self) -> float | None:
        if self._track.duration is not None:
            return float(self._track.duration * self._track.time_base)
        duration = self._container.duration
        return None if duration is None else duration / 1e6

    def _runs(self, start: int) -> Iterator[tuple[int, Waveform]]:
        """Some frames at a time with their position, from `start` or some time before it to the end."""
        settle_s = MP3_SETTLES_S if self._track.codec_context.name.startswith("mp3") else SETTLE_S
        settled = start - s_to_samples(settle_s, self.sample_rate)
        for back_s in (settle_s + 1, 8 * settle_s):
            from_s = start / self.sample_rate - back_s
            if from_s > 0:
                runs = self._joined(self._placed(self._decode(from_s), None))
                first = next(runs, None)
                # An index is often coarse, and sometimes leads to a later place than it should.
                if first is not None and first[0] <= settled:
                    yield first
                    yield from runs
                    return
        yield from self._joined(self._placed(self._from_the_start(), 0))

    def _decode(self, from_s: float | None = None) -> Iterator[Any]:
        import av

        try:
            if from_s is not None:
                ticks = round(from_s / self._track.time_base)
                self._container.seek(self._first_pts + ticks, stream=self._track)
            for packet in self._container.demux(self._track):
                yield from self._decoded(packet)
        except av.error.FFmpegError as error:
            if is_truncated(Path(self.path)):
                return
            raise EarmarkError(f"{self.path} can't be decoded ({error.strerror}): copy or export it again.") from error

    def _decoded(self, packet: Any) -> Sequence[Any]:
        import av

        try:
            frames: Sequence[Any] = packet.decode()
            return frames
        except av.error.InvalidDataError:
            if not self._is_mp3:
                raise
            return ()  # tags and other things that programs have left between the frames

    def _placed(self, frames: Iterator[Any], expected: int | None) -> Iterator[tuple[int, Any]]:
        for frame in frames:
            if expected is None and frame.pts is None:
                continue  # nobody knows where this is
            position = self._position(frame.pts, expected)
            yield position, frame
            expected = position + frame.samples

    def _position(self, pts: int | None, expected: int | None) -> int:
        """Where a frame starts, in samples: by its time stamp, which many containers round to milliseconds."""
        if expected is not None and pts is None:
            return expected
        ticks = (pts or 0) - self._first_pts
        stamped = round(ticks * self._tick)
        jitter_s = 0.0 if self._is_mp3 else JITTER_S  # there, time stamps are counted from the frames themselves
        if expected is not None and abs(stamped - expected) <= jitter_s * self.sample_rate:
            return expected
        if ticks == 0 or self._tick <= 1:
            return stamped
        exact = self._first_samples + round((stamped - self._first_samples) / self._step) * self._step
        return exact if abs(exact - stamped) <= self._tick else stamped

    def _multiple(self) -> int:
        """What the lengths of all frames but the first, which may be trimmed, are multiples of."""
        context = self._track.codec_context
        if context.name in ("opus", "libopus"):
            return self.sample_rate // OPUS_STEPS_PER_S
        if context.name == "vorbis":
            return VORBIS_STEP
        step: int = context.frame_size or self._first_samples
        return step

    def _joined(self, frames: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Waveform]]:
        """Frames that follow each other, as arrays of bearable length."""
        import av

        run = av.AudioFifo()
        start = 0
        for position, frame in frames:
            if run.samples and (position != start + run.samples or run.samples >= RUN_SAMPLES):
                yield start, _samples(run.read())
            if not run.samples:
                start = position
            frame.pts = None
            try:
                run.write(frame)
            except ValueError as error:
                raise EarmarkError(
                    f"{self.path} changes its sampling rate or channels on the way: export it again."
                ) from error
        if run.samples:
            yield start, _samples(run.read())


def _samples(frame: Any) -> npt.NDArray[np.float32]:
    """The samples of a frame as floats, shape (samples, channels)."""
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(frame.samples, -1)
    scale = FULL_SCALE.get(frame.format.packed.name)
    if scale is None:
        return np.ascontiguousarray(values, dtype=np.float32)
    if frame.format.packed.name == "u8":
        values = values - scale
    return np.ascontiguousarray(values / scale, dtype=np.float32)
