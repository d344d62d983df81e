"""Detection of truncated audio files, which decoders read without an error.

For notes alone: how much sound there is, is counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

HEAD = 12  # bytes that identify the format
OGG_PAGE = re.compile(rb"OggS\0[\0-\7]")
OGG_LARGEST_PAGE = 65_307  # bytes, RFC 3533
MP4_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # what the first box of mp4, m4a, mov or 3gp is
MATROSKA = bytes.fromhex("1A45DFA3")  # the ids of an EBML header and of Matroska's segment, RFC 8794 and 9559
MATROSKA_SEGMENT = bytes.fromhex("18538067")
ASF = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")  # the GUID of the header object
XING = re.compile(rb"Xing|Info")
XING_PLACES = (13, 15, 21, 23, 36, 38)  # bytes into a frame, by its MPEG version, channels and checksum


def is_truncated(path: Path) -> bool:
    """Whether an ogg, mp3, mp4, m4a, mov, 3gp, webm, mkv or wma file is shorter than its own header declares.

    A file that declares no length, as of a live recording, is whole.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(HEAD)
        file.seek(0)
        return _format(head)(file, size)


def _format(head: bytes) -> Callable[[BinaryIO, int], bool]:
    if head[:4] == b"OggS":
        return _ogg
    if head[4:8] in MP4_FIRST:
        return _mp4
    if head[:4] == MATROSKA:
        return _matroska
    if ASF.startswith(head):
        return _asf
    return _mp3


def _ogg(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - OGG_LARGEST_PAGE))
    tail = file.read()
    last = max((page.start() for page in OGG_PAGE.finditer(tail)), default=0)
    return not _is_whole_page(tail[last:])


def _is_whole_page(page: bytes) -> bool:
    """Whether an Ogg page (RFC 3533, section 6) has all the segments that its header lists."""
    if len(page) < 27:
        return False
    count = page[26]
    lengths = page[27 : 27 + count]
    stop = 27 + count + sum(lengths)
    next_page = page[stop : stop + 4]  # of which not even the header may be complete
    return len(lengths) == count and len(page) >= stop and not (next_page and b"OggS".startswith(next_page))


def _mp4(file: BinaryIO, size: int) -> bool:
    """Whether a box with sound, or with what is known of it, reaches beyond the end."""
    return any(stop > size and name in (b"mdat", b"moof", b"moov") for name, stop in boxes(file, size))


def boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Names and ends of the boxes of the top level (ISO/IEC 14496-12, 4.2)."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: to the end of the file
            yield head[4:8], size
            return
        start += length
        yield head[4:8], start


def _matroska(file: BinaryIO, size: int) -> bool:
    file.seek(len(MATROSKA))
    length = _ebml_length(file)
    if length is None:
        return False
    file.seek(length, os.SEEK_CUR)
    if file.read(len(MATROSKA_SEGMENT)) != MATROSKA_SEGMENT:
        return False
    length = _ebml_length(file)
    return length is not None and file.tell() + length > size


def _ebml_length(file: BinaryIO) -> int | None:
    """Read the length of an EBML element (RFC 8794, section 6); None if it is unknown."""
    first = (file.read(1) or b"\0")[0]
    more = 8 - first.bit_length()
    bits = 7 * (more + 1)
    length = int.from_bytes(bytes([first]) + file.read(more), "big") & ((1 << bits) - 1)
    return None if first == 0 or length == (1 << bits) - 1 else length


def _asf(file: BinaryIO, size: int) -> bool:
    """Whether one of the objects of the top level reaches beyond the end (ASF specification 01.20.03, 2.1)."""
    start = 0
    while start + 24 <= size:
        file.seek(start + 16)
        length = int.from_bytes(file.read(8), "little")
        if length < 24:  # unknown, as of a live recording
            return False
        start += length
    return start > size


def _mp3(file: BinaryIO, size: int) -> bool:
    """Whether the bytes are fewer than the first frame counts, in which encoders write about all others."""
    start, fields = _xing(file)
    flags = fields[3] if len(fields) > 3 else 0
    if not flags & 2:
        return False
    at = 8 if flags & 1 else 4
    return start + int.from_bytes(fields[at : at + 4], "big") > size


def _xing(file: BinaryIO) -> tuple[int, bytes]:
    """Where the first frame of an mp3 begins, and what follows the name of the tag in it; nothing where none is."""
    file.seek(0)
    start = after_id3(file.read(10))
    file.seek(start)
    frame = file.read(64)
    tag = XING.search(frame)
    if frame[:1] != b"\xff" or tag is None or tag.start() not in XING_PLACES:
        return start, b""
    return start, frame[tag.end() :]


def xing_frames(path: Path | str, frames: int) -> tuple[int, bytes] | None:
    """What has to be written over the count of frames in an mp3 file, and where; None if the count is right.

    Decoders take the end of the sound from it.
    """
    with open(path, "rb") as file:
        _, fields = _xing(file)
        if len(fields) < 8 or not fields[3] & 1 or int.from_bytes(fields[4:8], "big") == frames:
            return None
        return file.tell() - len(fields) + 4, frames.to_bytes(4, "big")


def lacks_index(path: Path) -> bool:
    """Whether an mp4, m4a, mov or 3gp file has sound, but not the box (moov) that lists where its samples are."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(HEAD)[4:8] not in MP4_FIRST:
            return False
        names = {name for name, _ in boxes(file, size)}
    return b"mdat" in names and b"moov" not in names


def after_id3(head: bytes) -> int:
    """Where the sound begins after an ID3v2 tag (id3.org, ID3v2.4.0, 3.1)."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + length
