"""Views of the bytes of a sound file for decoders: with corrected lengths, and one stream at a time.

Recorders that lose power leave lengths of 0 in their headers, 32-bit lengths wrap beyond 4 GiB, and streams are
chained one after the other. Decoders trust such headers. Here the size of the file decides: a decoder gets a view of
the file with a header whose lengths are those of the samples.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Literal

from earmark.media.truncation import after_id3, boxes

ByteOrder = Literal["big", "little"]
Part = bytes | range  # bytes to insert, or a range of the file

UNKNOWN = 0xFFFF_FFFF
STREAMED = 0x7FFF_0000  # programs that write wav into a pipe put this much or more into its header
TAIL = 1 << 20  # bytes at the end of a file that are searched for chunks after the samples
PADDING = 1 << 16  # zeros after the samples, as some recorders fill up their last block
TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that programs append to any file
TRAILING_CHUNKS = re.compile(
    rb"LIST|id3 |ID3 |bext|cue |iXML|smpl|fact|PEAK|inst|_PMX|afsp|cart|plst|axml|JUNK|junk|FLLR"
)
DATA_CHUNK = re.compile(rb"data")
FORM_CHUNK = re.compile(rb"fmt [\x10-\xff][\0-\x7f]\0\0")  # little-endian
W64_GUID = bytes.fromhex("2E91CF11A5D628DB04C10000")  # what follows the first four bytes of its own GUID
OGG_LARGEST_HEADER = 27 + 255
NOTE = "{name}: the length in its header is wrong ({note}); all samples in the file are used"


class ByteView(io.RawIOBase):
    """A seekable file made of ranges of another file and of inserted bytes, concatenated."""

    def __init__(self, path: Path | str, parts: Sequence[Part]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the view
        self._parts = [part for part in parts if len(part)]
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + len(part))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:  # one call is one read of the file
        """Up to `size` bytes from the current position; at the border of two parts there may be fewer."""
        for start, part in zip(self._starts, self._parts, strict=False):
            if start <= self._at < start + len(part):
                inside = self._at - start
                wanted = len(part) - inside if size < 0 else min(size, len(part) - inside)
                data = self._take(part, inside, wanted)
                self._at += len(data)
                return data
        return b""

    def close(self) -> None:
        self._file.close()
        super().close()

    def _take(self, part: Part, inside: int, wanted: int) -> bytes:
        if isinstance(part, bytes):
            return part[inside : inside + wanted]
        self._file.seek(part.start + inside)
        return self._file.read(wanted)


@dataclass(frozen=True)
class FileViews:
    """The views of a file that decoders get.

    Attributes
    ----------
    links : list of list of Part
        The parts of each view, in the order of time; more than one view for chained streams only.
    notes : list of str
        What is wrong in its headers.
    """

    links: list[list[Part]]
    notes: list[str]


def views_of(path: Path | str) -> FileViews:
    """The views of a file for decoders, from its headers and its size.

    Raises
    ------
    OSError
        If it can't be read.
    """
    name = os.path.basename(os.fspath(path))
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        notes: list[str] = []
        start = _after_tag(file, size, notes)
        file.seek(start)
        head = file.read(64)
        whole: list[Part] = [range(start, size)]
        parts: list[Part] | None = None
        if (kind := _kind(head)) is not None:
            links = _joined(file, start, size, notes, kind)
            if len(links) > 1:
                return FileViews(links, [NOTE.format(name=name, note=note) for note in notes])
            parts = links[0] if links else None
        elif head[4:8] == b"ftyp":
            films = _joined_films(file, size)
            if len(films) > 1:
                return FileViews([[film] for film in films], [])
        elif head[:4] == b"caff":
            parts = _caf(file, size, notes)
        elif head[:4] == b".snd":
            parts = _au(head, size, notes)
        elif head[:4] == b"OggS":
            streams = _ogg_links(file, size)
            if len(streams) > 1:
                return FileViews([[stream] for stream in streams], [])
    return FileViews([parts or whole], [NOTE.format(name=name, note=note) for note in notes])


def _after_tag(file: BinaryIO, size: int, notes: list[str]) -> int:
    """Where a file begins whose decoder would not skip the ID3v2 tag before it, or would skip more than the tag.

    MP3 and FLAC files have such tags; some programs write them before others, or with a wrong length.
    """
    head = file.read(10)
    stop = after_id3(head)
    if not stop:
        return 0
    if stop > size:
        notes.append(f"{stop:,} bytes of an ID3 tag, of which the file holds {size:,}")
        return len(head)
    file.seek(stop)
    return stop if file.read(4) in (b"RIFF", b"RF64", b"BW64", b"RIFX", b"OggS", b"FORM", b"caff") else 0


def _kind(head: bytes) -> Callable[[BinaryIO, int, list[str], int], list[Part] | None] | None:
    """What reads a container that begins so, if it declares its own length."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return _wav
    if head[:4] == b"riff" and head[4:16] == W64_GUID:
        return _w64
    return _aiff if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") else None


def _joined(
    file: BinaryIO,
    begin: int,
    size: int,
    notes: list[str],
    kind: Callable[[BinaryIO, int, list[str], int], list[Part] | None],
) -> list[list[Part]]:
    """The files of which a file is made that were written one after the other, as by cat: usually a single one."""
    links = []
    while begin < size:
        stop = _stop_of(file, begin, size)
        file.seek(stop)
        stop = stop if _kind(file.read(64)) == kind else size
        parts = kind(file, stop, notes, begin)
        if parts is None:
            break
        links.append(parts)
        begin = stop
    return links


def _stop_of(file: BinaryIO, begin: int, size: int) -> int:
    """Where the container that begins at a byte ends by its header, or the end of the file."""
    file.seek(begin)
    head = file.read(24)
    if head[:4] == b"riff":
        length = (int.from_bytes(head[16:], "little") + 7) & ~7
    else:
        length = 8 + int.from_bytes(head[4:8], "big" if head[:4] in (b"RIFX", b"FORM") else "little")
        length += length % 2
    return begin + length if 0 < length < size - begin else size


def _joined_films(file: BinaryIO, size: int) -> list[range]:
    """The same of mp4 files: each begins with its type, once the one before has an index and media."""
    starts, names, at = [0], set[bytes](), 0
    for name, stop in boxes(file, size):
        if name == b"ftyp" and {b"moov", b"mdat"} <= names:
            starts.append(at)
            names.clear()
        names.add(name)
        at = stop
    return [range(a, b) for a, b in pairwise([*starts, size])]


def _wav(file: BinaryIO, size: int, notes: list[str], begin: int) -> list[Part] | None:
    """A wav, RF64 or BW64 file with a header of two chunks, the samples running to the end of the view."""
    file.seek(begin)
    big = file.read(4) == b"RIFX"
    order: ByteOrder = "big" if big else "little"
    at, form, data, declared64 = begin + 12, b"", None, None
    while data is None and at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        name, length = head[:4], int.from_bytes(head[4:], order)
        if name != b"data" and at + 8 + length > size and (found := _next_of(file, at + 8, bool(form))) is not None:
            notes.append(f"{length:,} bytes of its chunk {name.decode('ascii', 'replace')!r}, which end before")
            at = found
            continue
        if name == b"ds64":
            declared64 = int.from_bytes(file.read(16)[8:], "little")
        if name == b"fmt ":
            form = file.read(min(length, 1 << 16))
        if name == b"data":
            data = (at + 8, length)
        at = _next_chunk(file, at + 8, length)
    if data is None or len(form) < 14:
        return None
    start, length = data
    if length == UNKNOWN and declared64:
        length = declared64
    stop = _end_of_samples(file, start, length, size, notes, order)
    header = (b"RIFX" if big else b"RIFF") + UNKNOWN.to_bytes(4, order) + b"WAVE"
    header += b"fmt " + len(form).to_bytes(4, order) + form + b"\0" * (len(form) % 2)
    return [header + b"data" + UNKNOWN.to_bytes(4, order), range(start, stop), *_more_samples(file, stop, size, order)]


def _next_of(file: BinaryIO, start: int, is_described: bool) -> int | None:
    """Where the format of the samples, or (if that `is_described`) the samples, are behind a chunk of wrong length."""
    file.seek(start)
    found = (DATA_CHUNK if is_described else FORM_CHUNK).search(file.read(TAIL))
    return None if found is None else start + found.start()


def _more_samples(file: BinaryIO, start: int, size: int, order: ByteOrder) -> Iterator[range]:
    """The samples of further chunks, as of recorders that pause."""
    at = start + start % 2
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], order)
        if not _is_name(head[:4]) or at + 8 + length > size:
            return
        if head[:4] == b"data":
            yield range(at + 8, at + 8 + length)
        at = _next_chunk(file, at + 8, length)


def _next_chunk(file: BinaryIO, start: int, length: int) -> int:
    """Where the next chunk of a RIFF file begins; odd lengths should be padded by a byte, but not all are."""
    stop = start + length
    if length % 2:
        file.seek(stop)
        after = file.read(5)
        if not (_is_name(after[:4]) and not _is_name(after[1:5])):
            stop += 1
    return stop


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _end_of_samples(file: BinaryIO, start: int, declared: int, size: int, notes: list[str], order: ByteOrder) -> int:
    """Where the samples end that begin at `start`: as the header declares, if what follows agrees."""
    there = size - start
    if declared >= there - 1 or declared == UNKNOWN:
        if there + 1 < declared < STREAMED:
            notes.append(f"{declared:,} bytes of sound, of which the file holds {there:,}")
        return min(size, start + declared) if declared <= there else size
    if (declared > 0 and _is_tail(file, start + declared, size)) or _are_chunks(file, start + declared, size, order):
        return start + declared
    wrapped = start + declared + (1 << 32)
    while wrapped <= size:
        if _are_chunks(file, wrapped, size, order):
            break
        wrapped += 1 << 32
    end = wrapped if wrapped <= size else _chunks_at_the_end(file, start, size, order)
    notes.append(f"{declared:,} bytes of sound, but the file holds {end - start:,}")
    return end


def _is_tail(file: BinaryIO, start: int, size: int) -> bool:
    """Whether what follows the samples is a tag, or zeros that fill a block."""
    file.seek(start)
    head = file.read(16)
    if head.startswith(TAGS):
        return True
    file.seek(start)
    return size - start <= PADDING and not any(file.read(size - start))


def _are_chunks(file: BinaryIO, start: int, size: int, order: ByteOrder) -> bool:
    """Whether whole chunks, of names that can be read, lead from `start` to the end of the file."""
    at, count = start + start % 2, 0
    if at >= size - 1:
        return True
    while at + 8 <= size and count < 1000:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], order)
        if not _is_name(head[:4]) or at + 8 + length > size:
            return count > 0 and head.startswith(TAGS)
        at, count = _next_chunk(file, at + 8, length), count + 1
    return at >= size - 8


def _chunks_at_the_end(file: BinaryIO, start: int, size: int, order: ByteOrder) -> int:
    """Where chunks that reach to the end of the file begin, or its end."""
    tail = max(start, size - TAIL)
    file.seek(tail)
    for found in TRAILING_CHUNKS.finditer(file.read(size - tail)):
        at = tail + found.start()
        if at % 2 == 0 and _are_chunks(file, at, size, order):
            return at
    return size


def _w64(file: BinaryIO, size: int, notes: list[str], begin: int) -> list[Part] | None:
    """A Sony Wave64 file as a wav file; its chunks have 16 bytes of name and 8 of length, which counts these 24."""
    at, form = begin + 40, b""
    while at + 24 <= size:
        file.seek(at)
        head = file.read(24)
        name, length = head[:4], int.from_bytes(head[16:], "little")
        if name == b"fmt ":
            form = file.read(min(max(0, length - 24), 1 << 16))
        if name == b"data" and len(form) >= 14:
            start, declared = at + 24, length - 24
            stop = start + declared
            if declared <= 0 or stop > size or (size - stop > 8 and not _are_w64_chunks(file, stop, size)):
                notes.append(f"{max(0, declared):,} bytes of sound, but the file holds {size - start:,}")
                stop = size
            header = b"RIFF" + UNKNOWN.to_bytes(4, "little") + b"WAVEfmt " + len(form).to_bytes(4, "little") + form
            return [header + b"\0" * (len(form) % 2) + b"data" + UNKNOWN.to_bytes(4, "little"), range(start, stop)]
        if length < 24:
            return None
        at += (length + 7) & ~7
    return None


def _are_w64_chunks(file: BinaryIO, start: int, size: int) -> bool:
    at = (start + 7) & ~7
    while at + 24 <= size:
        file.seek(at)
        head = file.read(24)
        length = int.from_bytes(head[16:], "little")
        if not _is_name(head[:4]) or length < 24 or at + length > size:
            return False
        at += (length + 7) & ~7
    return True


def _aiff(file: BinaryIO, size: int, notes: list[str], begin: int) -> list[Part] | None:
    """An AIFF file whose sound chunk is as long as the file holds; None if it is in order."""
    file.seek(begin + 8)
    kind, at, common, sound = file.read(4), begin + 12, b"", None
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        name, length = head[:4], int.from_bytes(head[4:], "big")
        if name == b"COMM":
            common = head + file.read(min(length, 1 << 12))
        if name == b"SSND":
            sound = (at + 8, length)
            if common:
                break
        at = _next_chunk(file, at + 8, length)
    if sound is None or len(common) < 26:
        return None
    start, declared = sound
    stop = _end_of_samples(file, start, declared, size, notes, "big")
    common += b"\0" * (len(common) % 2)
    version = b"FVER\0\0\0\4\xa2\x80\x51\x40" if kind == b"AIFC" else b""
    length = min(stop - start, UNKNOWN - (1 << 16))
    body = kind + version + common + b"SSND" + length.to_bytes(4, "big")
    return [b"FORM" + (len(body) + length).to_bytes(4, "big") + body, range(start, start + length)]


def _au(head: bytes, size: int, notes: list[str]) -> list[Part] | None:
    """A Sun or NeXT file; None if its length is right, else with the length "unknown"."""
    start, declared = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    there = size - start
    if declared in (UNKNOWN, there) or not 24 <= start < size:
        return None
    notes.append(f"{declared:,} bytes of sound, but the file holds {there:,}")
    return [range(8), UNKNOWN.to_bytes(4, "big"), range(12, size)]


def _caf(file: BinaryIO, size: int, notes: list[str]) -> list[Part] | None:
    """A Core Audio file; None if its chunks are in order, else with a data chunk that runs to its end."""
    at = 8
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        length = int.from_bytes(head[4:], "big", signed=True)
        if head[:4] == b"data":
            stop = at + 12 + length
            if length == -1 or stop == size or (length > 0 and stop < size and _are_caf_chunks(file, stop, size)):
                return None
            notes.append(f"{max(0, length):,} bytes of sound, but the file holds {size - at - 12:,}")
            return [range(at + 4), b"\xff" * 8, range(at + 12, size)]
        if length < 0:
            return None
        at += 12 + length
    return None


def _are_caf_chunks(file: BinaryIO, start: int, size: int) -> bool:
    at = start
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        length = int.from_bytes(head[4:], "big", signed=True)
        if not _is_name(head[:4]) or length < 0 or at + 12 + length > size:
            return False
        at += 12 + length
    return True


def _ogg_links(file: BinaryIO, size: int) -> list[range]:
    """The streams of a chained Ogg file (RFC 3533, section 4), each with all its pages."""
    starts, in_header = [0], True
    for start, is_first in _ogg_pages(file, size):
        if is_first and not in_header:
            starts.append(start)
        in_header = is_first
    return [range(a, b) for a, b in zip(starts, [*starts[1:], size], strict=True)]


def only_vorbis_page(path: Path | str, parts: Sequence[Part]) -> int | None:
    """The samples that an Ogg Vorbis stream has by its granule position, if all its sound is in a single page.

    FFmpeg takes the first packet of such a page, which gives no sound, for sound, and cuts the end wrongly.
    """
    view = ByteView(path, parts)
    with view:
        head = view.read(64)
        if b"\x01vorbis" not in head:
            return None
        size = view.seek(0, os.SEEK_END)
        positions = []
        for start, _ in _ogg_pages(view, size):
            view.seek(start + 6)
            if position := int.from_bytes(view.read(8), "little", signed=True):
                positions.append(position)
            if len(positions) > 1:
                return None
    return positions[0] if positions and positions[0] > 0 else None


def _ogg_pages(file: BinaryIO | ByteView, size: int) -> Iterator[tuple[int, bool]]:
    """Where each page begins, and whether it is the first one of a logical stream."""
    at = 0
    while at + 27 <= size:
        file.seek(at)
        head = file.read(OGG_LARGEST_HEADER)
        if head[:4] != b"OggS":
            found = _find(file, at + 1, size)
            if found is None:
                return
            at = found
            continue
        yield at, bool(head[5] & 2)
        count = head[26]
        at += 27 + count + sum(head[27 : 27 + count])


def _find(file: BinaryIO | ByteView, start: int, size: int) -> int | None:
    """Where the next page of a damaged Ogg file begins."""
    while start < size:
        file.seek(start)
        block = file.read(TAIL)
        found = block.find(b"OggS\0")
        if found >= 0:
            return start + found
        start += max(1, len(block) - 4)
    return None
