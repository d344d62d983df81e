"""One sound track of a container, decoded by PyAV: any segment of it, on the time line that players show."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.timing import s_to_samples
from earmark.media._bytes import ByteView
from earmark.media._packets import BELIEVED_GAP_S, DECLARE_LENGTH, JITTER_S, LONGEST_GAP_S, Scan, open_container

SETTLE_S = 1.0  # a decoder that starts in the middle needs some frames before its output is right
# Frames of an mp3 borrow bits from earlier ones: up to 255 bytes, of which the smallest frames (24 kHz, 8 kbit/s,
# stereo, with a checksum) hold one each, and last 24 ms.
MP3_SETTLES_S = 7.0
RUN_SAMPLES = 1 << 14  # frames of a thousand samples are slow to handle one by one
LOWEST_RATE, HIGHEST_RATE = 1_000, 800_000
MOST_CHANNELS = 64
OPUS_STEPS_PER_S = 400  # the lengths of Opus frames are multiples of 2.5 ms (RFC 6716, section 2.1.4)
UNEQUAL = 2.5  # a tick of an AVI's clock is a frame, or two; where it is so much longer or shorter, the clock is wrong
VORBIS_STEP = 64  # samples: a quarter of the usual shorter block and its neighbour
MANY_PLANES = 8  # as PyAV counts the planes of so many, it reads beyond them, and the process ends
FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
BLOCK_CODECS = ("adpcm_", "gsm", "g72", "truespeech")  # whose blocks are all of one length
COUNTED = ("wav", "aiff", "au", "caf")  # containers whose size gives the number of PCM samples

log = logging.getLogger(__name__)
Samples = npt.NDArray[np.float32]
Kind = tuple[int, str, str]  # sampling rate, layout of the channels, format of the samples


class Track:
    """A sound track; its sample 0 is the first that it holds.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    open_view : callable
        Opens the bytes that hold the track.
    index : int
        Of the stream in its container.
    scan : Scan or None
        None where the size gives the number of samples.
    like : Track, optional
        A track whose sampling rate and channels this one gets.
    end : int, optional
        How many samples there are, where the decoder's own cutting of the end must not be trusted.

    Attributes
    ----------
    sample_rate, channels : int
    first_s : float
        Time of the first sample on the container's clock.
    samples : int
        To the end of the last frame that can be decoded; set by `count`.
    lead_s : float
        Where its sample 0 is on the time line that players show; set by `count`.
    declared_s : float or None
        Its length by its header, or by an estimate of FFmpeg's from the size of the file.
    declares_length : bool
        Whether the header itself declares it.
    damaged : int
        Packets that could not be decoded since it was set to 0.

    Raises
    ------
    EarmarkError
        If nothing of it can be decoded.
    """

    def __init__(
        self,
        name: str,
        open_view: Callable[[], ByteView],
        index: int,
        scan: Scan | None,
        like: Track | None = None,
        end: int | None = None,
    ) -> None:
        self._cut_at = end
        self._described = False
        self.name = name
        self._as = like.kind if like else None
        self._as_channels = like.channels if like else 0
        self.damaged = 0
        self._open_view = open_view
        self._index = index
        self._scan = scan
        self.samples = 0
        self.lead_s = 0.0
        self._first_block: tuple[int, int, int] | None = None  # its position, its bytes, its samples
        self._container: Any = None
        self._open()
        try:
            self._describe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._view.close()
            self._container = None

    def count(self, zero_s: float) -> None:
        """Set the track on the time line that begins at `zero_s` of its clock, and count its samples."""
        lead_s = self.first_s - zero_s
        longest_s = max(BELIEVED_GAP_S, min(self.declared_s or 0.0, LONGEST_GAP_S) if self.declares_length else 0.0)
        self.lead_s = lead_s if 0 < lead_s <= longest_s else 0.0
        last = None
        if self._seekable:
            last = self._end(max(0, self._last_sample() - self.sample_rate))
        self.samples = last if last is not None else (self._end(0) or 0)
        if self._cut_at is not None:
            self.samples = min(self.samples, self._cut_at)

    def blocks(self, start: int, stop: int) -> Iterator[Samples]:
        """Samples `start` to `stop`, in blocks of shape (samples, channels); gaps between frames are silence.

        As many as there are of `samples` come out; what can't be decoded is silence, too.
        """
        stop = min(stop, self.samples)
        done = start
        if done >= stop:
            return
        for position, samples in self._runs(done):
            if position > done:
                gap = min(position, stop) - done
                yield from self._silence(gap)
                done += gap
            block = samples[max(0, done - position) : max(0, stop - position)]
            if len(block):
                yield block
                done += len(block)
            if done >= stop:
                return
        self.damaged += 1
        yield from self._silence(stop - done)

    def _silence(self, count: int) -> Iterator[Samples]:
        while count > 0:
            yield np.zeros((min(count, RUN_SAMPLES), self.channels), dtype=np.float32)
            count -= RUN_SAMPLES

    def _open(self) -> None:
        self._view = self._open_view()
        try:
            self._container = open_container(self._view)
            self._track: Any = self._container.streams[self._index]
            if self._cut_at is not None and self._described:
                self._track.codec_context.options = {"flags2": "+skip_manual"}
            self._track.codec_context.thread_count = 1  # no threads that a forked process would wait for
        except BaseException:
            self._view.close()
            raise

    def _describe(self) -> None:
        first = next((frame for frame in self._decode() if frame.samples), None)
        if first is None and not self.damaged:
            raise EarmarkError(f"{self.name} holds no sound (0 seconds): record it again or leave it out.")
        if first is None:
            raise EarmarkError(f"{self.name} holds no sound that can be decoded: copy or export it again.")
        own = first.sample_rate, first.layout.name, first.format.name
        self.kind: Kind = self._as or own
        self.sample_rate: int = self.kind[0]
        self.channels: int = first.layout.nb_channels if self._as is None else self._as_channels
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE or not 1 <= self.channels <= MOST_CHANNELS:
            raise EarmarkError(
                f"{self.name} declares {self.channels} channels of {self.sample_rate} samples a second, which "
                "no recorder makes: copy or export it again."
            )
        self._first_pts: int = first.pts or 0
        self._first_samples: int = first.samples * self.sample_rate // first.sample_rate
        self.first_s = float(self._first_pts * self._track.time_base)
        self._tick = float(self._track.time_base * self.sample_rate)
        self._is_mp3 = self._container.format.name == "mp3"
        self._step = self._multiple()
        self.declared_s = self._declared_s()
        self.declares_length = self.declared_s is not None and self._container.format.name.startswith(DECLARE_LENGTH)
        self._described = True
        self._clock_fits = self._does_clock_fit()
        regular = self._scan is None or (self._scan.regular and self._scan.last_pts is not None)
        self._seekable = regular and self._clock_fits

    def _does_clock_fit(self) -> bool:
        """Whether what an AVI file declares of its clock fits its frames: its packets have no times of their own."""
        counts_frames = self._container.format.name == "avi" and self._tick > 2
        return not counts_frames or 1 / UNEQUAL < self._tick / self._step < UNEQUAL

    def _declared_s(self) -> float | None:
        if self._track.duration is not None:
            return float(self._track.duration * self._track.time_base)
        duration = self._container.duration
        return None if duration is None else float(duration / 1e6)

    def _last_sample(self) -> int:
        if self._scan is not None and self._scan.last_pts is not None:
            return round((self._scan.last_pts - self._first_pts) * self._tick)
        return s_to_samples(self.declared_s or 0.0, self.sample_rate)

    def _end(self, start: int) -> int | None:
        last = None
        for position, samples in self._runs(start):
            last = max(last or 0, position + len(samples))
        return last

    def _from_the_start(self) -> Iterator[Any]:
        if self._scan is None and self._container is not None:  # PCM: nothing warms up, and opening takes long
            return self._decode(0.0)
        # Seeking to the start would leave out what the encoder put before it for the decoder to warm up on.
        self.close()
        self._open()
        return self._decode()

    def _runs(self, start: int) -> Iterator[tuple[int, Samples]]:
        """Some frames at a time with their position, from `start` or some time before it to the end."""
        if self._container is None:
            self._open()
        settle_s = MP3_SETTLES_S if self._track.codec_context.name.startswith("mp3") else SETTLE_S
        latest_start = start - s_to_samples(settle_s, self.sample_rate)
        for back_s in (settle_s + 1, 8 * settle_s) if self._seekable else ():
            from_s = start / self.sample_rate - back_s
            if from_s > 0:
                runs = self._joined(self._placed(self._decode(from_s), None))
                first = next(runs, None)
                # An index is often coarse, and sometimes leads to a later place than it should.
                if first is not None and first[0] <= latest_start:
                    yield first
                    yield from runs
                    return
        # Where nothing is cut by the decoder, its first samples are before the sound begins, by their time.
        yield from self._joined(self._placed(self._from_the_start(), 0 if self._cut_at is None else None))

    def _decode(self, from_s: float | None = None) -> Iterator[Any]:
        """Frames from a time on, or from where the container stands; what can't be decoded is left out."""
        for packet in self._packets(from_s):
            try:
                frames = packet.decode()
            except Exception as error:  # decoders of damaged files raise whatever comes up
                self.damaged += 1
                log.debug("%s: %s at packet %s", self.name, error, packet.pts)
                continue
            if self._codec_has_blocks and packet.pos is not None:
                self._stamp_by_block(packet, frames)
            yield from frames

    @property
    def _codec_has_blocks(self) -> bool:
        return self._container.format.name in COUNTED and self._track.codec_context.name.startswith(BLOCK_CODECS)

    def _stamp_by_block(self, packet: Any, frames: Sequence[Any]) -> None:
        """Time frames by where their block is: FFmpeg times them by a rate of bytes that is rounded."""
        if self._first_block is None and frames:
            self._first_block = packet.pos, packet.size, frames[0].samples
        if self._first_block is not None and len(frames) == 1:
            at, size, samples = self._first_block
            number, rest = divmod(packet.pos - at, size)
            if not rest:
                frames[0].pts = number * samples

    def _packets(self, from_s: float | None) -> Iterator[Any]:
        try:
            if from_s is not None:
                ticks = round(from_s / self._track.time_base)
                self._container.seek(self._first_pts + ticks, stream=self._track)
            yield from self._container.demux(self._track)
        except Exception as error:  # as above; what comes after the damage is out of reach
            log.debug("%s: %s", self.name, error)

    def _placed(self, frames: Iterator[Any], expected: int | None) -> Iterator[tuple[int, Any]]:
        """Frames with the positions of their first samples; all of one sampling rate and layout."""
        offset = 0
        convert: Any = None
        for frame in itertools.chain(frames, [None]):
            if frame is None:
                if convert is not None and expected is not None:
                    yield from ((expected, part) for part in convert.resample(None)[:1])
                return
            if not frame.samples or (expected is None and frame.pts is None):
                continue  # its time is unknown
            pts = frame.pts
            if (frame.sample_rate, frame.layout.name, frame.format.name) != self.kind:
                convert = convert or self._converter()
                try:
                    frame.pts = None
                    parts = convert.resample(frame)
                except Exception as error:
                    log.debug("%s: %s", self.name, error)
                    convert = None
                    continue
            else:
                convert, parts = None, [frame]
            for part in parts:
                position = self._position(pts, expected, convert is not None) + offset
                if expected is not None and not self._seekable and not self._believed(position, expected):
                    offset += expected - position
                    position = expected
                yield position, part
                expected = position + part.samples
                pts = None

    def _converter(self) -> Any:
        import av

        sample_rate, layout, form = self.kind
        return av.AudioResampler(format=form, layout=layout, rate=sample_rate)

    def _believed(self, position: int, expected: int) -> bool:
        """Whether a jump in time is a pause in the recording, not a clock that went wrong."""
        jump_s = (position - expected) / self.sample_rate
        return self._clock_fits and -JITTER_S <= jump_s <= BELIEVED_GAP_S

    def _position(self, pts: int | None, expected: int | None, converted: bool) -> int:
        """Where a frame starts, in samples: by its time stamp, which many containers round to milliseconds."""
        if expected is not None and pts is None:
            return expected
        ticks = (pts or 0) - self._first_pts
        stamped = round(ticks * self._tick)
        # In an mp3, time stamps are counted from the frames themselves.
        jitter_s = 0.0 if self._is_mp3 and not converted else JITTER_S
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

    def _joined(self, frames: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Samples]]:
        """Frames that follow each other, as arrays of bearable length."""
        import av

        run = av.AudioFifo()
        clock = self._track.time_base
        start = 0
        for position, frame in frames:
            if run.samples and (position != start + run.samples or run.samples >= RUN_SAMPLES):
                yield start, _samples(run.read())
            if not run.samples:
                start = position
            frame.pts, frame.time_base = None, clock  # a converted frame has another clock, which AudioFifo refuses
            run.write(frame)
        if run.samples:
            yield start, _samples(run.read())


def _samples(frame: Any) -> Samples:
    """The samples of a frame as floats, shape (samples, channels)."""
    if frame.format.is_planar and frame.layout.nb_channels >= MANY_PLANES:
        return np.concatenate([_samples(part) for part in _packed(frame)])
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(frame.samples, -1)
    scale = FULL_SCALE.get(frame.format.packed.name)
    if scale is None:
        return np.ascontiguousarray(values, dtype=np.float32)
    if frame.format.packed.name == "u8":
        values = values - scale
    return np.ascontiguousarray(values / scale, dtype=np.float32)


def _packed(frame: Any) -> list[Any]:
    """A frame of many planes, with its channels interleaved."""
    import av

    convert = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
    return [*convert.resample(frame), *convert.resample(None)]
