"""Exports: what holds for every format, and what Audacity, CSV and JSON files hold."""

from __future__ import annotations

import csv
import errno
import io
import json
import locale
import os
import re
import shutil
import subprocess
import unicodedata
from importlib.resources import files
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from earmark.archive import export
from earmark.archive.export import _files, _notes, _table, audacity
from earmark.core.errors import EarmarkError
from earmark.media.annotations.nist_files import read_detections, read_terms
from support.exports import collection, marked, recording, sound

NAMES = export.names()


@pytest.fixture
def village(tmp_path):
    """Two recordings of one name, one of them in stereo, and one whose name no Windows takes."""
    one = sound(tmp_path / "sounds" / "Ilé" / "ohùn ọmọ.wav")
    other = sound(tmp_path / "sounds" / "Oko" / "ohùn ọmọ.wav", channels=2)
    strange = sound(tmp_path / "sounds" / 'a:b "c"?.wav')
    return collection(
        recording(one, marked("ajá", 1.25, 2.5), marked("omi", 3.125, 3.5, None), speaker="Bọ́lá", consent="for kin"),
        recording(other, marked("ajá", 1.5, 2.0, channel=2), marked("ajá", 4, 5, "no"), channels=2, licence="CC0"),
        recording(strange, marked("ajá", 0.5, 1.0), marked("omi", 6.5, 7.5, "related")),
        licence="CC BY-NC 4.0",
        consent="Ask Bọ́lá before you publish.",
    )


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def locales(tmp_path_factory):
    """A folder with the locale de_DE.UTF-8."""
    if shutil.which("localedef") is None:
        pytest.skip("needs localedef")
    folder = tmp_path_factory.mktemp("locales")
    made = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
    subprocess.run(made, capture_output=True, check=False)
    return folder


@pytest.fixture
def decimal_comma(locales, monkeypatch):
    """German habits: 1,5 is one and a half."""
    monkeypatch.setenv("LOCPATH", str(locales))
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    except locale.Error:
        pytest.skip("needs the source of the locale de_DE")
    yield
    locale.setlocale(locale.LC_ALL, before)


def test_formats():
    assert NAMES == ["audacity", "clips", "csv", "elan", "flextext", "json", "kwslist", "ohms", "praat", "srt", "vtt"]
    with pytest.raises(EarmarkError, match="no export format 'word': choose from audacity, clips"):
        export.exporter("word")


@pytest.mark.parametrize("name", NAMES)
def test_a_format_says_what_it_is(name):
    assert re.fullmatch(r"[A-Z].{20,}\.", (export.exporter(name).__doc__ or "").split("\n")[0])


@pytest.mark.parametrize("name", NAMES)
def test_all_files_lie_in_the_folder_and_are_returned(name, village, tmp_path):
    before = snapshot(tmp_path)
    written = export.exporter(name).write(village, tmp_path / "new" / "out")
    after = snapshot(tmp_path)
    assert sorted(written) == sorted(set(after) - set(before))
    assert all(path.is_relative_to(tmp_path / "new" / "out") for path in written)
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("name", NAMES)
def test_the_same_again_changes_nothing(name, village, tmp_path):
    export.exporter(name).write(village, tmp_path / "out")
    before = snapshot(tmp_path)
    export.exporter(name).write(village, tmp_path / "out")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_corrected_export_is_backed_up(name, village, tmp_path):
    export.exporter(name).write(village, tmp_path / "out")
    before = snapshot(tmp_path / "out")
    corrected = {path: content.replace(b"aj", b"Aj") for path, content in before.items()}
    for path, content in corrected.items():
        path.write_bytes(content)
    export.exporter(name).write(village, tmp_path / "out")
    after = snapshot(tmp_path / "out")
    changed = [path for path in before if corrected[path] != before[path]]
    assert changed
    assert {path: after[path] for path in before} == before
    backups = {path.with_name(f"{path.name}.1.bak"): corrected[path] for path in changed}
    assert {path: after[path] for path in after if path not in before} == backups


@pytest.mark.parametrize("name", NAMES)
def test_recordings_of_one_name_do_not_overwrite_each_other(name, village, tmp_path):
    written = export.exporter(name).write(village, tmp_path / "out")
    text = "".join(path.name + path.read_text("utf-8", "ignore") for path in written)
    assert len({path.name.casefold() for path in written}) == len(written)
    assert "Ilé" in text
    assert "Oko" in text


@pytest.mark.parametrize("name", NAMES)
def test_notes_on_licence_and_consent_go_along(name, village, tmp_path):
    written = export.exporter(name).write(village, tmp_path / "out")
    notes = (tmp_path / "out" / "LICENCE AND CONSENT.txt").read_text("utf-8")
    assert tmp_path / "out" / "LICENCE AND CONSENT.txt" in written
    for note in ("CC BY-NC 4.0", "Ask Bọ́lá before you publish.", "CC0", "for kin"):
        assert note in notes
    if name in ("csv", "json", "elan"):
        inside = "".join(path.read_text("utf-8") for path in written if not path.name.startswith("LICENCE"))
        assert all(note in inside for note in ("CC BY-NC 4.0", "Ask Bọ́lá before you publish.", "CC0", "for kin"))


@pytest.mark.parametrize("name", NAMES)
def test_no_notes_no_file_of_notes(name, tmp_path):
    bare = collection(recording(sound(tmp_path / "a.wav"), marked("omi", 1, 2)))
    assert _notes.NAME not in [path.name for path in export.exporter(name).write(bare, tmp_path / "out")]


@pytest.mark.parametrize("name", NAMES)
def test_decimals_have_dots_in_every_country(name, village, tmp_path, decimal_comma):
    assert f"{1.5:n}" == "1,5"
    written = export.exporter(name).write(village, tmp_path / "out")
    text = "".join(path.read_text("utf-8") for path in written if path.suffix != ".wav")
    text = re.sub(r"\b(\d\d:\d\d:\d\d),(\d{3}\b)", r"\1.\2", text)  # SubRip's times have commas in every country
    assert not re.search(r"\b\d+,\d\d\d\b", text)
    if name != "elan":  # which has whole milliseconds
        assert re.search(r"\b\d\.\d+\b", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_no_half_files(name, village, tmp_path, monkeypatch):
    """The disk is full at the first, second, ... file: what is there is whole, and old files are as they were."""
    written = export.exporter(name).write(village, tmp_path / "whole")
    whole = {path.relative_to(tmp_path / "whole"): path.read_bytes() for path in written}
    replace = os.replace
    for at in range(len(written)):
        out = tmp_path / f"out {at}"
        for path in whole:
            if path.suffix != ".eaf":
                _files.put(out / path, b"old")
        done = []

        def full(source, goal, at=at, done=done):
            if Path(goal).suffix != ".bak":
                if len(done) == at:
                    raise OSError(errno.ENOSPC, "No space left on device", str(source))
                done.append(Path(goal))
            replace(source, goal)

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            export.exporter(name).write(village, out)
        monkeypatch.setattr(os, "replace", replace)
        for path, content in snapshot(out).items():
            if path in done:
                assert content == whole[path.relative_to(out)] or path.suffix == ".eaf"  # whose date is another
            else:
                assert content == b"old"
        assert not list(out.rglob("*.partial*"))


def test_a_disk_that_fills_while_bytes_are_written_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"old")

    def half(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        _files.put(tmp_path / "a.txt", b"new and longer")
    assert snapshot(tmp_path) == {tmp_path / "a.txt": b"old"}


def test_backups_are_numbered(tmp_path):
    for text in ("one", "two", "two", "three"):
        _files.put(tmp_path / "a.txt", text)
    assert {path.name: content for path, content in snapshot(tmp_path).items()} == {
        "a.txt": b"three",
        "a.txt.1.bak": b"one",
        "a.txt.2.bak": b"two",
    }


# File names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ọmọ ilé 語り", "ọmọ ilé 語り"),
        (unicodedata.normalize("NFD", "ọmọ"), unicodedata.normalize("NFD", "ọmọ")),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("tab\tand\nbreak\0", "tab and break"),
        ("ends with dots. .", "ends with dots"),
        (".hidden", "hidden"),
        ("...", "_"),
        ("", "_"),
        ("con", "_con"),
        ("COM1.backup", "_COM1.backup"),
        ("lpt³", "_lpt³"),
        ("console", "console"),
        ("half \udce9", "half \ufffd"),
    ],
)
def test_safe_names(text, name):
    assert _files.safe(text) == name


@given(st.text(), st.sampled_from(["", " (2)", " 12.50 s"]))
def test_safe_names_are_safe(text, end):
    name = _files.safe(text, end)
    assert 0 < len(name.encode()) <= _files.LONGEST + 1
    assert name.endswith(end)
    assert name == PureWindowsPath(name).name
    assert not PureWindowsPath(name).is_reserved()
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isprintable() or not set(name) & {chr(i) for i in [*range(32), *range(127, 160)]}
    assert _files.safe(name) == name.strip(" .") or end


def test_names_of_recordings_differ_on_every_system():
    composed, apart = (unicodedata.normalize(form, "ọmọ é") for form in ("NFC", "NFD"))
    paths = [Path(p) for p in (f"/a/{composed}.wav", f"/b/{apart}.wav", "/a/X.wav", "/b/x.wav", "/c/alone.wav")]
    paths += [Path("/a/y.wav"), Path("/a/y.mp3"), Path("/d/a/y.wav"), Path("/a/y (a).wav")]
    names = _files.file_names(paths)
    assert list(names) == sorted(paths, key=str)
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names.values()}) == len(paths)
    assert names[Path("/c/alone.wav")] == "alone"
    assert names[Path("/b/x.wav")] == "x (b)"
    assert names == _files.file_names(reversed(paths))


def test_long_names_are_cut_and_still_differ(tmp_path):
    long = "ọ̀rọ̀" * 40
    alike = collection(*(recording(Path(f"/{i}/{long}{i}.wav"), marked("omi", 1, 2)) for i in range(3)))
    written = audacity.write(alike, tmp_path)
    assert len({path.name for path in written}) == 3


# Clips


def clips(tmp_path, *recordings):
    export.exporter("clips").write(collection(*recordings), tmp_path / "out")
    playlist = (tmp_path / "out" / "clips.m3u8").read_bytes().decode()
    table = list(csv.DictReader(io.StringIO((tmp_path / "out" / "clips.csv").read_text("utf-8-sig"), newline="")))
    return playlist.splitlines(), table


def test_clips_are_the_accepted_hits_with_half_a_second_around(village, tmp_path):
    playlist, table = clips(tmp_path, *village.recordings)
    assert playlist[0] == "#EXTM3U"
    assert playlist[1:3] == ["#EXTINF:2.250,ajá ohùn ọmọ (Ilé) 1.88 s", "clips/ajá ohùn ọmọ (Ilé) 1.88 s.wav"]
    assert [row["clip"] for row in table] == playlist[2::2]
    assert [row["recording"] for row in table] == [str(recording.path) for recording in village.recordings]
    assert [Path(line).name for line in playlist[2::2]] == [
        "ajá ohùn ọmọ (Ilé) 1.88 s.wav",
        "ajá ohùn ọmọ (Oko) 1.75 s channel 2.wav",
        "ajá a_b _c__ 0.75 s.wav",
    ]
    for recording_, line, (start_s, end_s, channel) in zip(
        village.recordings, playlist[2::2], [(0.75, 3.0, 1), (1.0, 2.5, 2), (0.0, 1.5, 1)], strict=True
    ):
        whole, rate = soundfile.read(str(recording_.path), always_2d=True)
        clip, clip_rate = soundfile.read(str(tmp_path / "out" / line))
        assert (clip_rate, clip.ndim) == (rate, 1)
        expected = whole[round(start_s * rate) : round(end_s * rate), channel - 1]
        assert len(clip) == len(expected)
        np.testing.assert_allclose(clip, expected, atol=1 / 32768)


def test_a_clip_ends_where_the_recording_does(tmp_path):
    playlist, _ = clips(tmp_path, recording(sound(tmp_path / "a.wav", 4.0), marked("omi", 3.5, 3.9)))
    assert soundfile.info(str(tmp_path / "out" / playlist[2])).duration == 1.0


def test_two_hits_of_one_name_are_two_clips(tmp_path):
    one = recording(sound(tmp_path / "a.wav"), marked("a/b", 1, 2), marked("a:b", 1, 2), marked("a b", 1, 2))
    playlist, table = clips(tmp_path, one)
    assert len(set(playlist[2::2])) == len(table) == len(list((tmp_path / "out" / "clips").iterdir())) == 3


def test_clips_of_nothing_are_refused(tmp_path):
    one = recording(sound(tmp_path / "a.wav"), marked("omi", 1, 2, None), marked("omi", 1, 2, "related"))
    with pytest.raises(EarmarkError, match="No hit in Ohùn ilé is accepted"):
        clips(tmp_path, one)
    assert not (tmp_path / "out").exists()


def test_clips_of_a_recording_that_changed_are_refused(tmp_path):
    path = sound(tmp_path / "a.wav")
    with pytest.raises(EarmarkError, match=r"no channel 2 at 1\.00 s any more"):
        clips(tmp_path, recording(path, marked("omi", 1, 2, channel=2), channels=2))
    with pytest.raises(EarmarkError, match=r"no channel 1 at 20\.00 s any more"):
        clips(tmp_path, recording(path, marked("omi", 20, 21), duration_s=30.0))
    path.unlink()
    with pytest.raises(EarmarkError, match=r"a\.wav"):
        clips(tmp_path, recording(path, marked("omi", 1, 2)))


# Audacity


def test_audacity_labels(tmp_path):
    hits = (
        marked("b\tc", 2, 3, None),
        marked("ọmọ", 0.5, 1.25),
        marked("a", 0.1, 9, "no"),
        marked("d", 4, 5, "related"),
    )
    path = audacity.write(collection(recording(Path("x.wav"), *hits)), tmp_path)[0]
    assert path.read_bytes().decode() == (
        "0.500000\t1.250000\tọmọ\n2.000000\t3.000000\tb c?\n4.000000\t5.000000\td (related)\n"
    )


def test_audacity_labels_name_the_channel_where_there_are_several(tmp_path):
    path = audacity.write(collection(recording(Path("x.wav"), marked("a", 0, 1, channel=2), channels=2)), tmp_path)[0]
    assert path.read_text() == "0.000000\t1.000000\ta, channel 2\n"


# CSV


def rows(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrecording")  # else Excel takes it for 8-bit letters
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_csv_has_all_hits(village, tmp_path):
    path = export.exporter("csv").write(village, tmp_path)[0]
    table = rows(path)
    assert [row["verdict"] for row in table] == ["yes", "", "yes", "no", "yes", "related"]
    assert table[0] == {
        "recording": str(village.recordings[0].path),
        "channel": "1",
        "query": "ajá",
        "score": "0.750000",
        "time_s": "1.875",
        "start_s": "1.250",
        "end_s": "2.500",
        "verdict": "yes",
        "speaker": "Bọ́lá",
        "date": "",
        "language": "",
        "licence": "CC BY-NC 4.0",
        "consent": "Ask Bọ́lá before you publish. for kin",
    }
    assert table[2]["channel"] == "2"
    assert table[2]["licence"] == "CC BY-NC 4.0 CC0"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-ing", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＠x", "\u00a0=1", "\n@x"]
)
def test_no_cell_is_a_formula(text, tmp_path):
    about = {"speaker": text, "date": text, "language": text, "licence": text, "consent": text}
    one = recording(Path(text), marked(text, 1, 2), **about)
    row = rows(export.exporter("csv").write(collection(one), tmp_path)[0])[0]
    for column in ("recording", "query", *about):
        assert row[column].startswith("'")
        assert row[column][1:].strip() == text.strip()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_other_cells_stay_as_they_are(text):
    cell = _table.cell(text)
    assert cell.removeprefix("'") == text.strip().removeprefix("'") or "\ufffd" in cell


# JSON


def test_json_meets_its_schema_and_has_everything(village, tmp_path):
    path = export.exporter("json").write(village, tmp_path)[0]
    document = json.loads(path.read_text("utf-8"))
    schema = json.loads((files("earmark") / "schemas" / "export.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    assert (document["archive"], document["model"]) == ("Ohùn ilé", "earmark-pictures")
    assert (document["licence"], document["consent"]) == ("CC BY-NC 4.0", "Ask Bọ́lá before you publish.")
    assert [recording["path"] for recording in document["recordings"]] == [str(r.path) for r in village.recordings]
    assert document["recordings"][1]["hits"] == [
        {"channel": 2, "query": "ajá", "score": 0.75, "time_s": 1.75, "start_s": 1.5, "end_s": 2, "verdict": "yes"},
        {"channel": 1, "query": "ajá", "score": 0.75, "time_s": 4.5, "start_s": 4, "end_s": 5, "verdict": "no"},
    ]
    assert "ajá" in path.read_text("utf-8")  # no escapes where none are needed


def test_json_keeps_a_path_that_is_no_utf8(tmp_path):
    name = os.fsdecode(b"/sounds/\xe9.wav")
    path = export.exporter("json").write(collection(recording(Path(name), marked("=a", 1, 2))), tmp_path)[0]
    document = json.loads(path.read_bytes())
    assert document["recordings"][0]["path"] == name
    assert document["recordings"][0]["hits"][0]["query"] == "=a"


# KWSLIST


def test_a_detection_list_holds_all_hits_and_what_people_accepted(village, tmp_path):
    hits, terms, _ = export.exporter("kwslist").write(village, tmp_path / "out")
    assert read_terms(terms) == {"ajá": "ajá", "omi": "omi"}
    found = read_detections(hits)
    names = [recording.name for recording in village.recordings]
    assert sorted((one.term, one.file, one.channel, one.start_s, one.decision) for one in found) == sorted(
        [
            ("ajá", names[0], "1", 1.25, True),
            ("omi", names[0], "1", 3.125, False),
            ("ajá", names[1], "2", 1.5, True),
            ("ajá", names[1], "1", 4.0, False),
            ("ajá", names[2], "1", 0.5, True),
            ("omi", names[2], "1", 6.5, False),
        ]
    )
    assert {(one.score, one.duration_s) for one in found} == {(0.75, s) for s in (0.375, 0.5, 1.0, 1.25)}


def test_a_name_that_xml_can_not_hold_is_written_without_it(tmp_path):
    hits, terms = export.exporter("kwslist").write(
        collection(recording(sound(tmp_path / "a.wav"), marked("a\x01\udce9", 1, 2))), tmp_path / "out"
    )
    assert read_terms(terms) == {"a \ufffd": "a \ufffd"}
    assert [one.term for one in read_detections(hits)] == ["a \ufffd"]
