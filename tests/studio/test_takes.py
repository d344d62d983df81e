"""The store of takes: nothing that was acknowledged is ever lost, and everything is there once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from earmark.core.errors import EarmarkError
from earmark.corpora.table import prepare
from earmark.studio import takes as takes_module
from earmark.studio.speakers import add_consent, add_speaker
from earmark.studio.take_checks import check_take, warnings_of
from earmark.studio.takes import TakeConflictError, TakeStore
from support.take_writer import new_take, send, wav


@pytest.fixture
def store(tmp_path: Path) -> TakeStore:
    (tmp_path / "pictures").mkdir()
    for name in ("dog", "ọmọ"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "pictures" / f"{name}.png")
    for _ in range(2):
        add_consent(tmp_path, add_speaker(tmp_path).id, "text", "yes")
    return TakeStore(tmp_path)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "utterances.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def listing(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "takes/takes.jsonl").read_text(encoding="utf-8").splitlines()]


# What is stored


def test_a_take_is_stored_bit_for_bit_with_all_that_is_known(store: TakeStore) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1, "pictures/dog.png", settings={"echoCancellation": False}, clock_s=0.31)
    take = send(store, new, content)
    assert store.path(take).read_bytes() == content
    assert store.path(take).name == f"s01-{new.id}.wav"
    assert (take.version, take.is_latest, take.warnings, take.samples) == (1, True, (), 4800)
    assert take.settings == {"echoCancellation": False}
    assert TakeStore(store.folder).takes() == [take]
    assert [row["take"] for row in table(store.folder)] == [take.id]
    assert [row["id"] for row in listing(store.folder)] == [take.id]
    assert not list((store.folder / "takes/incoming").iterdir())


def test_a_take_that_comes_twice_is_one(store: TakeStore) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1)
    assert send(store, new, content) == send(store, new, content)
    assert send(TakeStore(store.folder), new, content) == store.take(new.id)
    other = wav(2)
    with pytest.raises(TakeConflictError):
        send(store, replace(new_take(other, "s01", 2), id=new.id), other)
    assert store.path(store.take(new.id)).read_bytes() == content
    assert len(store.takes()) == 1


def test_two_that_send_the_same_take_at_once(store: TakeStore) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1)
    others = [TakeStore(store.folder) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: send(others[number % 3], new, content), range(16)))
    assert {take.sha256 for take in results} == {new.sha256}
    assert len(listing(store.folder)) == len(table(store.folder)) == len(store.takes()) == 1


def test_a_retake_is_a_version_and_both_stay(store: TakeStore) -> None:
    first, second, other = (wav(number) for number in range(3))
    send(store, new_take(first, "s01", 1, "pictures/dog.png"), first)
    send(store, new_take(other, "s02", 2, "pictures/dog.png"), other)
    latest = send(store, new_take(second, "s01", 3, "pictures/dog.png"), second)
    takes = store.takes("s01")
    assert [(take.version, take.is_latest) for take in takes] == [(1, False), (2, True)]
    assert [store.path(take).read_bytes() for take in takes] == [first, second]
    assert [row["take"] for row in table(store.folder) if row["speaker"] == "s01"] == [latest.id]
    assert len(table(store.folder)) == 2


def test_a_take_that_comes_late_keeps_its_place_in_time(store: TakeStore) -> None:
    first, second = wav(1), wav(2)
    send(store, new_take(second, "s01", 2, "pictures/dog.png"), second)
    send(store, new_take(first, "s01", 1, "pictures/dog.png"), first)
    assert [store.path(take).read_bytes() for take in store.takes()] == [first, second]
    assert [take.version for take in store.takes()] == [1, 2]


def test_translations_follow_a_take(store: TakeStore) -> None:
    content, spoken = wav(1), wav(2)
    take = send(store, new_take(content, "s01", 1, "pictures/ọmọ.png"), content)
    send(store, new_take(spoken, "s01", 2, "pictures/ọmọ.png", kind="translation", of=take.id), spoken)
    store.translate(take.id, " a child\n, it says ")
    (row,) = table(store.folder)
    assert row["translation"] == "a child , it says"
    assert (store.folder / row["spoken_translation"]).read_bytes() == spoken
    assert TakeStore(store.folder).take(take.id).translation == "a child , it says"


def test_the_table_is_a_corpus(store: TakeStore, tmp_path: Path) -> None:
    for number, item in enumerate(("pictures/dog.png", "pictures/ọmọ.png", "pictures/gone.png")):
        content = wav(number)
        send(store, new_take(content, "s01", number, item), content)
    corpus = prepare(store.folder / "utterances.csv", tmp_path / "corpus")
    utterances = [utterance for split in corpus.splits() for utterance in corpus.utterances(split)]
    assert {utterance.id for utterance in utterances} == {take.name for take in store.takes()}
    assert {utterance.image.name for utterance in utterances if utterance.image} == {"dog.png", "ọmọ.png"}
    assert {utterance.samples for utterance in utterances} == {4800}


def test_only_takes_with_consent_and_sound_are_learned_from(store: TakeStore) -> None:
    add_speaker(store.folder)
    quiet = io.BytesIO()
    soundfile.write(quiet, np.zeros(8000), 16_000, format="WAV", subtype="PCM_24")
    good = wav(1)
    send(store, new_take(good, "s03", 1), good)  # no consent yet
    silent = send(store, new_take(quiet.getvalue(), "s01", 2), quiet.getvalue())
    gaps = send(store, new_take(good, "s01", 3, clock_s=3.0), good)
    assert (silent.warnings, gaps.warnings) == (("silence",), ("clock",))
    assert table(store.folder) == []
    assert len(store.takes()) == 3
    add_consent(store.folder, "s03", "text", "yes")
    TakeStore(store.folder)
    assert [row["speaker"] for row in table(store.folder)] == ["s03"]


# What is refused


def test_damage_on_the_way_is_refused_and_leaves_nothing(store: TakeStore) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1)
    flipped = content[:500] + bytes([content[500] ^ 1]) + content[501:]
    counted = replace(new, samples=4799)
    short = content[:-300]
    cut = replace(new, sha256=hashlib.sha256(short).hexdigest(), samples=None)
    for stated, sent, problem in (
        (new, flipped, "changed on its way"),
        (new, b"", "changed on its way"),
        (counted, content, "4800 samples at 16000 Hz, and 4799"),
        (cut, short, "cut off"),
        (replace(new, sha256=hashlib.sha256(b"hello").hexdigest()), b"hello", "no recording"),
    ):
        with pytest.raises(EarmarkError, match=problem):
            send(store, stated, sent)
    assert store.takes() == []
    assert not list((store.folder / "takes").rglob("*.wav"))
    assert not list((store.folder / "takes/incoming").iterdir())


@pytest.mark.parametrize("id_", ["../../x", "A" * 32, "0" * 31, "", "0" * 32 + "\n", "0" * 31 + "/"])
def test_an_id_from_outside_is_no_path(store: TakeStore, id_: str) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1)
    for stated in (replace(new, id=id_), replace(new, speaker="../s01"), replace(new, speaker="s09")):
        with pytest.raises(EarmarkError):
            send(store, stated, content)
    assert not list(store.folder.rglob("*.wav"))


def test_a_description_that_names_another_file_is_no_take(store: TakeStore) -> None:
    content = wav(1)
    take = send(store, new_take(content, "s01", 1), content)
    path = store.path(take).with_suffix(".json")
    described = json.loads(path.read_text(encoding="utf-8"))
    for file in ("/etc/passwd", "takes/s01/../../secret.wav", f"takes/s01/s01-{take.id}.wav/../x"):
        path.write_text(json.dumps(described | {"file": file}), encoding="utf-8")
        assert TakeStore(store.folder).takes() == []


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_files_that_were_recorded_elsewhere(store: TakeStore, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Aufnahme 1{suffix}"
    soundfile.write(str(path), np.random.default_rng(0).normal(0, 0.1, 44_100), 44_100)
    content = path.read_bytes()
    new = replace(new_take(wav(1), "s01", 1), sha256=hashlib.sha256(content).hexdigest(), samples=None)
    take = send(store, new, content)
    assert store.path(take).suffix == suffix
    assert store.path(take).read_bytes() == content
    assert take.is_lossless == (suffix == ".flac")
    assert (take.sample_rate, take.channels) == (44_100, 1)
    assert take.duration_s == pytest.approx(1.0, abs=0.1)


# Warnings


def test_warnings() -> None:
    rng = np.random.default_rng(0)
    rate = 16_000
    speech = (rng.normal(0, 0.1, rate) * (np.arange(rate) > rate // 2)).astype(np.float32)
    flat = speech.copy()
    flat[9000:9003] = 0.995
    peak = speech.copy()
    peak[9000] = 0.995
    offset = np.full(rate, 0.2, np.float32)
    for sound, clock_s, expected in (
        (speech, 1.0, ()),
        (speech, 0.0, ()),
        (speech, 1.6, ("clock",)),
        (speech, 0.5, ("clock",)),
        (speech * 0.03, 1.0, ("quiet",)),
        (speech * 0.001, 1.0, ("silence",)),
        (offset, 1.0, ("silence",)),
        (flat, 1.0, ("clipping",)),
        (peak, 1.0, ()),
        (-flat, 1.0, ("clipping",)),
        (speech[8000:10_000], 0.125, ("short",)),
        (np.zeros(0, np.float32), 0.0, ("silence", "short")),
    ):
        assert warnings_of(sound, rate, clock_s) == expected


def test_the_loudest_channel_counts(tmp_path: Path) -> None:
    sound = np.zeros((16_000, 2))
    sound[:, 1] = np.random.default_rng(0).normal(0, 0.1, 16_000)
    soundfile.write(str(tmp_path / "a.wav"), sound, 16_000)
    assert check_take(tmp_path / "a.wav").warnings == ()


# Power cuts


def test_listings_are_made_anew_from_the_takes(store: TakeStore) -> None:
    for number in range(4):
        content = wav(number)
        send(store, new_take(content, "s01", number, "pictures/dog.png"), content)
    whole = (store.folder / "takes/takes.jsonl").read_text(encoding="utf-8")
    rows = table(store.folder)
    for damaged in (whole[:-40], "", whole + "{"):
        (store.folder / "takes/takes.jsonl").write_text(damaged, encoding="utf-8")
        (store.folder / "utterances.csv").write_text("", encoding="utf-8")
        again = TakeStore(store.folder)
        assert len(again.takes()) == 4
        assert [row["id"] for row in listing(store.folder)] == [take.id for take in again.takes()]
        assert table(store.folder) == rows
    content = wav(9)
    send(store, new_take(content, "s02", 9), content)  # the first store goes on
    assert len(listing(store.folder)) == 5


def test_everything_is_synced_before_it_is_acknowledged(store: TakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut takes away what was not synced: content goes before its name, names before the answer."""
    events: list[tuple[str, str]] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        real_fsync(descriptor)

    def rename(source: Any, target: Any) -> None:
        events.append(("replace", f"{Path(source).name} {Path(target).name}"))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    content = wav(1)
    take = send(store, new_take(content, "s01", 1), content)
    for ending in (".wav", ".json"):
        place = next(i for i, (call, what) in enumerate(events) if call == "replace" and what.endswith(ending))
        source = events[place][1].split()[0]
        assert ("fsync", source) in events[:place]
        assert events[place + 1] == ("fsync", "s01")
        assert events[place][1].endswith(f"{take.name}{ending}")
    wavs = [i for i, (call, what) in enumerate(events) if call == "replace" and what.endswith(".wav")]
    jsons = [i for i, (call, what) in enumerate(events) if call == "replace" and what.endswith(".json")]
    assert wavs < jsons
    assert ("fsync", "takes") in events[wavs[0] : jsons[0]]  # the name of the speaker's folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_take_is_there_or_not_whatever_call_is_the_last(store: TakeStore, tmp_path: Path) -> None:
    """All points at which the disk changes, one after the other."""
    from support.take_writer import end_at

    content = wav(1)
    new = new_take(content, "s01", 1, "pictures/dog.png")
    for calls in range(60):
        folder = tmp_path / "tries" / str(calls)
        shutil.copytree(store.folder, folder, ignore=shutil.ignore_patterns("tries"))
        child = os.fork()
        if child == 0:
            copy = TakeStore(folder)
            end_at(calls)
            send(copy, new, content)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ended in (0, 9)
        again = TakeStore(folder)
        assert len(again.takes()) == 1 or ended == 9
        assert len(listing(folder)) == len(table(folder)) == len(again.takes())
        send(again, new, content)
        assert [again.path(take).read_bytes() for take in again.takes()] == [content]
        assert len(table(folder)) == 1
        if ended == 0:
            assert calls > 10
            return
    pytest.fail("60 calls were not enough")


def kill_writers(folder: Path, kills: int) -> int:
    """Kill programs that record, at random times; afterwards every acknowledged take is there. Their number."""
    rng = random.Random(0)
    acknowledged: dict[str, str] = {}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*sys.path]))}
    for seed in range(kills):
        writer = subprocess.Popen(
            [sys.executable, "-m", "support.take_writer", str(folder), str(seed)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert writer.stdout is not None
        if seed % 2 == 0:
            first = writer.stdout.readline()  # it writes
            time.sleep(rng.uniform(0, 0.15))
            writer.kill()
        else:
            first = b""
        output = first + writer.communicate(timeout=60)[0]
        assert writer.returncode in (-9, 9)
        lines = output.decode().split("\n")[:-1]  # what is after the last line end was not acknowledged yet
        acknowledged |= dict(line.split() for line in lines)
        if seed % 20 == 0 or seed == kills - 1:
            store = TakeStore(folder)
            on_disk = {take.id: hashlib.sha256(store.path(take).read_bytes()).hexdigest() for take in store.takes()}
            assert acknowledged.items() <= on_disk.items()
            assert len(listing(folder)) == len(on_disk)
    return len(acknowledged)


def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    assert kill_writers(tmp_path, 4) > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_in_300_kills(tmp_path: Path) -> None:
    assert kill_writers(tmp_path, 300) >= 150  # every second writer acknowledges a take before it is killed


def test_a_full_disk_loses_nothing_and_says_so(store: TakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    content = wav(1)
    new = new_take(content, "s01", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(takes_module, "write_durably", full)
        with pytest.raises(OSError, match="No space"):
            send(store, new, content)
    assert store.takes() == []
    send(store, new, content)
    assert len(store.takes()) == 1
