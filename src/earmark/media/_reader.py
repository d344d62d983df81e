"""An open sound file: its tracks, links and containers on one time line, and any segment of it at 16 kHz.

What a file holds is counted from its packets; where its header declares something else, that is a note.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, exact_div, s_to_samples, samples_to_s
from earmark.media._bytes import ByteView, FileViews, Part, only_vorbis_page, views_of
from earmark.media._packets import Scan, open_container, scan_tracks
from earmark.media._track import COUNTED, Track
from earmark.media.truncation import is_truncated, lacks_index, xing_frames

FORMATS = "wav, flac, ogg, mp3, m4a, mp4 or webm"
MARGIN_S = 0.1  # more than the resampler's filter reaches at any rate
FAR_BEYOND_FULL_SCALE = 1e6  # of no microphone; squares of more soon overflow
MOST_LINKS = 512  # of a chained stream

Waveform = npt.NDArray[np.float32]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AudioInfo:
    """What an audio file holds, as counted.

    Attributes
    ----------
    sample_rate : int
        The highest of its tracks.
    samples : int
        At that rate, to the end of the longest track.
    channels : int
        Of all tracks.
    start_s : float
        Where the earliest track's sound begins, a whole number of samples at 16 kHz; before it, there is silence.
    notes : tuple of str
        What is wrong with the file but no hindrance, a sentence without a full stop each.
    """

    sample_rate: int
    samples: int
    channels: int
    start_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


class AudioReader:
    """An open audio file.

    Parameters
    ----------
    path : Path or str

    Attributes
    ----------
    info : AudioInfo

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, or holds no sound at all.
    """

    def __init__(self, path: Path | str) -> None:
        require_file(path)
        self.path = path
        self._warned = False
        self._name = os.path.basename(os.fspath(path))
        try:
            views = views_of(path)
            self._notes = list(views.notes)
            self._lines = self._open(views)
            self.info = self._describe()
        except OSError as error:
            raise EarmarkError(f"{path} can't be read ({error.strerror or error}): copy it again.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        for line in self._lines:
            for track in line.tracks:
                track.close()

    def read(self, start_s: float, end_s: float) -> Waveform:
        """Read a segment; see :func:`read_span`."""
        if not 0 <= start_s < end_s < math.inf:
            raise EarmarkError(
                f"{start_s} to {end_s} s is no segment of {self.path}: it starts at 0 s or later and ends later."
            )
        end_s = min(end_s, max(start_s, self.info.duration_s) + 1.0)
        waveform = np.zeros((self.info.channels, s_to_samples(end_s) - s_to_samples(start_s)), dtype=np.float32)
        longest, first = 0, 0
        for line in self._lines:
            channels = waveform[first : first + line.channels]
            longest = max(longest, self._read_line(line, start_s, end_s, channels))
            first += line.channels
        require_numbers(waveform, self.path)
        return np.ascontiguousarray(waveform[:, :longest])

    def check(self) -> AudioInfo:
        """Decode all of it; what can't be decoded, or is no number, is found then."""
        damaged = 0
        for line in self._lines:
            for block in line.blocks(0, line.samples):
                require_numbers(block, self.path)
            damaged += line.take_damage()
        if not damaged:
            return self.info
        notes = (*self.info.notes, _damage_note(self._name))
        return AudioInfo(self.info.sample_rate, self.info.samples, self.info.channels, self.info.start_s, notes)

    def _read_line(self, line: _Line, start_s: float, end_s: float, into: Waveform) -> int:
        """Read a segment into an array (channels, samples) of zeros; how many samples of it there are."""
        done: int = min(max(0, line.lead - s_to_samples(start_s)), into.shape[1])
        first, stop = (max(0, s_to_samples(edge_s) - line.lead) for edge_s in (start_s, end_s))
        begin, skipped = _aligned(samples_to_s(first), line.sample_rate)
        end = s_to_samples(samples_to_s(stop) + MARGIN_S, line.sample_rate) if stop else 0
        line.take_damage()
        position = skipped
        for block in _resampled(line.blocks(begin, end), line.sample_rate, line.channels):
            inside = block[max(0, first - position) : max(0, stop - position)]
            into[:, done : done + len(inside)] = inside.T
            done += len(inside)
            position += len(block)
        if line.take_damage() and not self._warned:
            log.warning("%s, as between %.1f and %.1f s.", _damage_note(str(self.path)), start_s, end_s)
            self._warned = True
        return done

    def _open(self, views: FileViews) -> list[_Line]:
        if len(views.links) == 1:
            return [_Line([track]) for track in self._tracks(views.links[0], None)]
        chained: list[Track] = []
        problems: list[EarmarkError] = []
        links = views.links[:MOST_LINKS]
        for link in links:
            try:
                chained += self._tracks(link, chained[0] if chained else None)[:1]
            except EarmarkError as problem:
                problems.append(problem)
            for track in chained[-1:]:
                track.close()  # of hundreds of links, only those that are read are open
        if not chained:
            raise problems[0]
        left_out = len(views.links) - len(chained)
        if left_out:
            self._notes.append(f"{self._name}: {left_out} of its {len(views.links)} chained streams can't be read")
        return [_Line(chained)]

    def _tracks(self, parts: list[Part], like: Track | None) -> list[Track]:
        """The sound tracks of one container, on one time line."""
        opened = _opened(self.path, parts)
        if opened.frames is not None:
            parts = opened.frames
        tracks: list[Track] = []
        problems: list[EarmarkError] = []
        for number, (index, scan) in enumerate(opened.scans.items(), 1):
            try:
                track = Track(str(self.path), lambda: ByteView(self.path, parts), index, scan, like, opened.end)
                tracks.append(track)
            except Exception as error:  # as decoders of damaged files raise
                problem = error if isinstance(error, EarmarkError) else unreadable(self.path, error)
                problems.append(problem)
                if len(opened.scans) > 1:
                    self._notes.append(f"{self._name}: its sound track {number} can't be decoded and is left out")
        if not tracks:
            raise _without_sound(self.path, problems)
        zero_s = min([*opened.starts_s, *(track.first_s for track in tracks)])
        for track in tracks:
            track.count(zero_s)
        tracks = [track for track in tracks if track.samples] or tracks[:1]
        if len(tracks) > 1:
            self._notes.append(f"{self._name} has {len(tracks)} sound tracks, which are read as channels")
        return tracks

    def _describe(self) -> AudioInfo:
        rate = max(line.sample_rate for line in self._lines)
        if not any(line.samples for line in self._lines):
            raise empty(self.path)
        samples = max(
            round(Fraction(line.samples * rate, line.sample_rate) + Fraction(line.lead * rate, SAMPLE_RATE))
            for line in self._lines
        )
        first = self._lines[0].tracks[0]
        info = AudioInfo(
            sample_rate=rate,
            samples=samples,
            channels=sum(line.channels for line in self._lines),
            start_s=samples_to_s(min(line.lead for line in self._lines)),
        )
        if is_truncated(Path(self.path)):
            self._notes.append(
                f"{self._name} ends before it should, after {info.duration_s:.2f} s: copy it again if there is more"
            )
        elif len(self._lines[0].tracks) == 1 and first.declares_length and not self._notes:
            declared_s = first.declared_s or 0.0
            there_s = first.samples / first.sample_rate
            if abs(declared_s - there_s) > 0.5 and abs(declared_s - info.duration_s) > 0.5:
                self._notes.append(f"{self._name} declares a length of {declared_s:.2f} s, but holds {there_s:.2f} s")
        return AudioInfo(info.sample_rate, info.samples, info.channels, info.start_s, tuple(self._notes))


class _Line:
    """Tracks that follow each other in time, as the links of a chained stream do, after `lead` samples at 16 kHz."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self.tracks = list(tracks)
        self.sample_rate = tracks[0].sample_rate
        self.channels = tracks[0].channels
        self.samples = sum(track.samples for track in tracks)
        # At 16 kHz, so that the same sound is resampled to the same samples wherever it begins.
        self.lead = s_to_samples(tracks[0].lead_s)

    def blocks(self, start: int, stop: int) -> Iterator[Waveform]:
        begin = 0
        for track in self.tracks:
            end = begin + track.samples
            if start < end and stop > begin:
                yield from track.blocks(max(0, start - begin), min(stop, end) - begin)
                if len(self.tracks) > 1:
                    track.close()
            begin = end

    def take_damage(self) -> int:
        damaged = sum(track.damaged for track in self.tracks)
        for track in self.tracks:
            track.damaged = 0
        return damaged


@dataclass(frozen=True)
class _Opened:
    """The container's own description, before anything is decoded."""

    scans: dict[int, Scan | None]
    starts_s: list[float]
    frames: list[Part] | None = None
    end: int | None = None


def _opened(path: Path | str, parts: list[Part]) -> _Opened:
    view = ByteView(path, parts)
    try:
        try:
            container = open_container(view)
        except Exception as error:  # as decoders of damaged files raise
            raise _no_container(path, error) from error
        with container:
            tracks = [track for track in container.streams.audio if track.codec_context is not None]
            if not tracks:
                raise EarmarkError(f"{path} has no sound track: name a file with sound.")
            if container.format.name in COUNTED and tracks[0].codec_context.name.startswith("pcm_"):
                return _Opened({tracks[0].index: None}, [])
            starts_s = [
                float(film.start_time * film.time_base)
                for film in container.streams.video
                if film.start_time is not None and not _is_cover(film)
            ]
            if container.format.name.startswith("mov"):
                starts_s.append(0.0)  # its edit lists count from the start of the film
            scans = scan_tracks(container, tracks)
            frames = None
            if container.format.name == "mp3":
                frames = _with_frames(path, scans[tracks[0].index].packets)
            is_ogg = container.format.name == "ogg" and len(container.streams) == 1
            return _Opened(dict(scans), starts_s, frames, only_vorbis_page(path, parts) if is_ogg else None)
    finally:
        view.close()


def _with_frames(path: Path | str, frames: int) -> list[Part] | None:
    """An mp3 file whose first frame counts the others rightly; None if it does."""
    patch = xing_frames(path, frames)
    if patch is None:
        return None
    at, content = patch
    return [range(at), content, range(at + len(content), os.path.getsize(path))]


def _is_cover(film: Any) -> bool:
    """Whether a stream of pictures is the cover of an album."""
    import av

    try:
        return bool(film.disposition & av.stream.Disposition.attached_pic)
    except AttributeError:
        return False


def require_file(path: Path | str) -> None:
    """Stop with one sentence where there is no file."""
    if os.path.isdir(path):
        raise EarmarkError(f"{path} is a folder: name an audio file.")
    if not os.path.lexists(path) or (os.path.islink(path) and not os.path.exists(path)):
        raise EarmarkError(f"There is no audio file {path}: check its name, or whether it was moved.")
    if not os.path.isfile(path):
        raise EarmarkError(f"{path} is no regular file: name an audio file.")
    if os.path.getsize(path) == 0:
        raise EarmarkError(f"{path} can't be read as audio (it is empty): copy it again.")


def require_numbers(samples: Waveform, path: Path | str) -> None:
    """Stop with one sentence where samples are infinite, not numbers, or such as overflow."""
    if samples.size and not (samples.max() < FAR_BEYOND_FULL_SCALE and samples.min() > -FAR_BEYOND_FULL_SCALE):
        raise EarmarkError(f"{path} holds samples that are not numbers: export it once more.")


def empty(path: Path | str) -> EarmarkError:
    """The error for a file without a single sample."""
    return EarmarkError(f"{path} holds no sound (0 seconds): record it again or leave it out.")


def unreadable(path: Path | str, error: Exception) -> EarmarkError:
    """The error for a file that no decoder takes."""
    reason = (getattr(error, "strerror", None) or str(error)).strip().rstrip(".") or "it is damaged"
    return EarmarkError(f"{path} can't be read as audio ({reason}): save it as {FORMATS}.")


def _no_container(path: Path | str, error: Exception) -> EarmarkError:
    if lacks_index(Path(path)):
        return EarmarkError(
            f"{path} has no index, which recorders write last: copy it again, or let the recorder or a program such as "
            "untrunc repair it."
        )
    return unreadable(path, ValueError("it holds no sound of a known kind"))


def _without_sound(path: Path | str, problems: Sequence[EarmarkError]) -> EarmarkError:
    return problems[0] if problems else empty(path)


def _damage_note(name: str) -> str:
    return f"{name} is damaged: a part that can't be decoded is read as silence"


def _aligned(start_s: float, sample_rate: int) -> tuple[int, int]:
    """Number of a sample a little before `start_s`, at a file's own rate and at 16 kHz, where both have one."""
    common = math.gcd(sample_rate, SAMPLE_RATE)
    steps = int(max(0.0, start_s - MARGIN_S) * common)
    return steps * exact_div(sample_rate, common), steps * exact_div(SAMPLE_RATE, common)


def _resampled(blocks: Iterator[Waveform], sample_rate: int, channels: int) -> Iterator[Waveform]:
    if sample_rate == SAMPLE_RATE:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, channels, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty((0, channels), dtype=np.float32), last=True)
