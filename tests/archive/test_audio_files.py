from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from earmark.archive.audio_files import audio_files
from earmark.archive.creation import make_archive
from earmark.archive.recordings import register
from support.media import tone, write_container, write_tone


def names(folder: Path) -> list[str]:
    return [os.fspath(file.path.relative_to(folder)) for file in audio_files([folder]).files]


def raw(path: Path, form: str, codec: str, sample_rate: int = 48_000) -> Path:
    ending = {"matroska": "mkv", "ipod": "m4a", "adts": "aac"}.get(form, form)
    return write_container(path.with_suffix(f".{ending}"), tone(1.0, sample_rate)[:, None], sample_rate, codec)


def in_format(form: str, subtype: str = "PCM_16") -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        soundfile.write(str(path), tone(1.0), 16_000, format=form, subtype=subtype)
        return path

    return write


WRITERS = {
    **{form: in_format(form) for form in ("WAV", "FLAC", "AIFF", "AU", "CAF", "W64", "RF64", "WAVEX", "NIST", "VOC")},
    "OGG": in_format("OGG", "VORBIS"),
    "opus": in_format("OGG", "OPUS"),
    "MP3": in_format("MP3", "MPEG_LAYER_III"),
    "m4a": lambda path: raw(path, "ipod", "aac"),
    "adts": lambda path: raw(path, "adts", "aac"),
    "mkv": lambda path: raw(path, "matroska", "flac"),
    "webm": lambda path: raw(path, "webm", "libopus"),
    "avi": lambda path: raw(path, "avi", "libmp3lame"),
    "mpegts": lambda path: raw(path, "mpegts", "aac"),
    "mov": lambda path: raw(path, "mov", "aac"),
    "asf": lambda path: raw(path, "asf", "wmav2"),
    "flv": lambda path: raw(path, "flv", "aac", 44_100),
    "mp3 without tags": lambda path: write_container(
        path.with_suffix(".mp3"),
        tone(1.0)[:, None],
        16_000,
        "libmp3lame",
        options={"write_xing": "0", "id3v2_version": "0"},
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_recording_without_an_ending_is_found_by_its_content(tmp_path: Path, kind: str) -> None:
    written = WRITERS[kind](tmp_path / "written")
    folder = tmp_path / "folder"
    folder.mkdir()
    written.rename(folder / "REC0001")
    (folder / "notes.bak").write_bytes((folder / "REC0001").read_bytes())
    assert names(folder) == ["REC0001", "notes.bak"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"This is a letter to my aunt. " * 500),
        ("a.eaf", b"<?xml version='1.0'?><ANNOTATION_DOCUMENT/>"),
        ("a.TextGrid", b'File type = "ooTextFile"\n'),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 40),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)),
        ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 " + bytes(400)),
        ("nothing", b""),
        ("zeros.bin", bytes(5_000)),
        ("ones.bin", b"\xff" * 5_000),
        ("archive.zip", b"PK\3\4" + bytes(400)),
        (".hidden.wav", b"RIFF....WAVE"),
    ],
)
def test_other_files_are_counted(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    listing = audio_files([tmp_path])
    assert listing.files == []
    assert listing.problems == {}
    assert listing.others == (not name.startswith("."))


def test_a_named_file_is_taken_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    assert [file.path.name for file in audio_files([tmp_path / "notes.txt"]).files] == ["notes.txt"]


def test_links_to_files_and_folders_are_followed_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_tone(outside / "deep" / "b.wav")
    write_tone(outside / "c.flac")
    folder = tmp_path / "folder"
    write_tone(folder / "kept" / "a.wav")
    (folder / "again").symlink_to("kept")  # what it leads to is met without it
    (folder / "first").symlink_to(outside)
    (folder / "second").symlink_to(outside)
    (outside / "deep" / "back").symlink_to(outside)  # a circle
    (folder / "d.wav").symlink_to(outside / "c.flac")
    assert names(folder) == ["d.wav", "first/c.flac", "first/deep/b.wav", "kept/a.wav"]


def test_a_link_to_a_folder_above_is_named_and_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_tone(folder / "a.wav")
    write_tone(tmp_path / "other" / "b.wav")
    (folder / "up").symlink_to(tmp_path)
    listing = audio_files([folder])
    assert [file.path.name for file in listing.files] == ["a.wav"]
    assert list(listing.problems) == [str(folder / "up")]
    assert "is not followed" in listing.problems[str(folder / "up")]


def test_what_can_be_no_recording_is_named(tmp_path: Path, tiny_run: Path) -> None:
    folder = tmp_path / "folder"
    write_tone(folder / "a.wav")
    (folder / "lost.wav").symlink_to(folder / "nowhere.wav")
    (folder / "lost").symlink_to(folder / "nowhere")
    (folder / "tapes of 2019.04").symlink_to(folder / "nowhere")
    (folder / "samples.pcm").write_bytes(bytes(range(200)) * 50)
    (folder / "round.wav").symlink_to(folder / "round.wav")
    (folder / "x.wav").mkdir()
    os.mkfifo(folder / "pipe.flac")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket.mp3"))
        (folder / "memo.dvf").write_bytes(b"MS_VOICE" + bytes(500))
        registered = register(make_archive(tmp_path / "archive", tiny_run), audio_files([folder]), {})
    named = {Path(path).name: problem for path, problem in registered.problems.items()}
    assert sorted(named) == [
        *("lost", "lost.wav", "memo.dvf", "pipe.flac", "round.wav", "samples.pcm", "socket.mp3", "tapes of 2019.04")
    ]
    assert all("leads nowhere" in named[link] for link in ("lost", "lost.wav", "tapes of 2019.04"))
    assert all(name in problem and "\n" not in problem for name, problem in named.items())
    assert registered.changes == {"new": 1}


def test_what_is_hidden_is_named(tmp_path: Path, tiny_run: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "folder"
    for name in (".hidden.wav", ".tapes/b.wav", "a.wav"):
        write_tone(folder / name)
    (folder / "._a.wav").write_bytes(b"\0\5\x16\7" + bytes(500))  # of macOS, beside a.wav
    (folder / ".DS_Store").write_bytes(bytes(500))
    caplog.set_level("INFO")
    registered = register(make_archive(tmp_path / "archive", tiny_run), audio_files([folder]), {})
    assert (registered.changes, registered.problems) == ({"new": 1}, {})
    assert f"left out: {folder / '.tapes'}, {folder / '.hidden.wav'}. Rename" in caplog.text


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.bak").chmod(0)
    listing = audio_files([tmp_path])
    assert listing.files == []
    assert "can't be read (Permission denied)" in listing.problems[str(tmp_path / "a.bak")]


@pytest.mark.parametrize("year_s", [-3_000_000_000, -1, 10_413_792_000, 15_000_000_000])
def test_a_wild_clock_is_no_hindrance(tmp_path: Path, tiny_run: Path, year_s: int) -> None:
    folder = tmp_path / "folder"
    path = write_tone(folder / "a.wav")
    write_tone(folder / "b.wav", 1.5)
    os.utime(path, (year_s, year_s))
    if abs(path.stat().st_mtime - year_s) > 1:
        pytest.skip("this file system has no such times")
    archive = make_archive(tmp_path / "archive", tiny_run)
    registered = register(archive, audio_files([folder]), {})
    assert registered.problems == {}
    assert registered.changes == {"new": 2}
    assert register(archive, audio_files([folder]), {}).changes == {}
