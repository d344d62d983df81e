"""Searching for the words of a lexicon, and sharing it in one file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from earmark.archive.archive import Archive
from earmark.archive.collection import collect
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, undo
from earmark.archive.lexicon import add_word, get_word, lexicon
from earmark.archive.lexicon_file import export_lexicon, import_lexicon
from earmark.archive.search import SearchOptions, search
from earmark.archive.search_lexicon import search_lexicon, stored_hits
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.recipe import feature_settings
from support.command_line import command_line

WORDS = {"mbwa": (300, 2400, 700, 1500), "ọmọ": (1800, 500, 3000, 400)}


def word(name: str, pitch: float = 1.0) -> np.ndarray:
    """Tones of 0.2 s after one another."""
    t = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [sum(np.sin(2 * np.pi * hertz * pitch * k * t) / k for k in (1, 2, 3)) for hertz in WORDS[name]]
    return 0.2 * np.concatenate([tone * np.hanning(len(t)) for tone in tones])


def record(path: Path, seed: int, places: dict[str, tuple[float, ...]], length_s: float = 60.0) -> Path:
    rng = np.random.default_rng(seed)
    sound = 0.004 * rng.standard_normal(round(length_s * SAMPLE_RATE))
    for start_s in np.arange(0.5, length_s - 1, 1.1):  # other sounds, but where the words are
        if all(abs(start_s - place) > 1.1 for some in places.values() for place in some):
            t = np.arange(round(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
            first = round(start_s * SAMPLE_RATE)
            chirp = np.sin(2 * np.pi * (rng.uniform(200, 3000) + rng.uniform(-300, 300) * t) * t)
            sound[first : first + len(t)] += 0.1 * chirp
    for name, some in places.items():
        for start_s in some:
            first = round(start_s * SAMPLE_RATE)
            sound[first : first + len(word(name))] += word(name, rng.uniform(0.98, 1.02))
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, sound, SAMPLE_RATE)
    return path


def clip(path: Path, name: str) -> Path:
    quiet = np.zeros(4000)
    soundfile.write(path, np.concatenate([quiet, word(name), quiet]), SAMPLE_RATE)
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    record(tmp_path / "media" / "a.wav", 0, {"mbwa": (5.0, 30.0), "ọmọ": (12.0,)})
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(archive, [tmp_path / "media"], ThreadExecutor(1))
    return archive


def times_s(hits: list, count: int) -> list[float]:
    return sorted(one.hit.time_s for one in hits[:count])


def test_words_are_found_by_name_and_all_at_once(archive: Archive, tmp_path: Path) -> None:
    add_word(archive, "Mbwa", [clip(tmp_path / "m.wav", "mbwa")], spellings=["dog"])
    add_word(archive, "ọmọ", [clip(tmp_path / "o.wav", "ọmọ")])
    add_word(archive, "maji")  # without an example
    assert times_s(search(archive, "DOG", SearchOptions(top=2)), 2) == pytest.approx([5.4, 30.4], abs=0.3)
    with pytest.raises(EarmarkError, match="'maji' has no example yet"):
        search(archive, "maji", SearchOptions())
    with pytest.raises(EarmarkError, match="lexicon has no word 'nyumba'"):
        search(archive, "nyumba", SearchOptions())
    found = {one.word.word: one for one in search_lexicon(archive)}
    assert list(found) == ["Mbwa", "ọmọ"]
    assert times_s(found["Mbwa"].hits, 2) == pytest.approx([5.4, 30.4], abs=0.3)
    assert times_s(found["ọmọ"].hits, 1) == pytest.approx([12.4], abs=0.3)
    assert stored_hits(archive, get_word(archive, "mbwa")) == found["Mbwa"].hits


def test_only_what_has_changed_is_searched_again(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def count(archive: Archive, word: object, *rest: object) -> list:
        searched.append(word.word)  # type: ignore[attr-defined]
        return search_word(archive, word, *rest)  # type: ignore[arg-type]

    from earmark.archive import search_lexicon as module

    search_word = module.search_word
    monkeypatch.setattr(module, "search_word", count)
    add_word(archive, "mbwa", [clip(tmp_path / "m.wav", "mbwa")])
    add_word(archive, "ọmọ", [clip(tmp_path / "o.wav", "ọmọ")])
    first = search_lexicon(archive)
    assert [one.hits for one in search_lexicon(archive)] == [one.hits for one in first]
    assert searched == ["mbwa", "ọmọ"]
    judge(archive, "mbwa", first[0].hits[0], "yes")  # one example more
    assert search_lexicon(archive)[0].hits[0].verdict == "yes"
    assert searched == ["mbwa", "ọmọ", "mbwa"]


def test_a_search_that_was_stopped_goes_on(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.archive import search_lexicon as module

    searched, search_word = [], module.search_word

    def stop(archive: Archive, word: object, *rest: object) -> list:
        searched.append(word.word)  # type: ignore[attr-defined]
        if len(searched) == 2:
            raise KeyboardInterrupt
        return search_word(archive, word, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "search_word", stop)
    for name in WORDS:
        add_word(archive, name, [clip(tmp_path / f"{name}.wav", name)])
    with pytest.raises(KeyboardInterrupt):
        search_lexicon(archive)
    search_lexicon(archive)
    assert searched == ["mbwa", "ọmọ", "ọmọ"]


def test_new_recordings_are_searched_as_they_are_indexed(archive: Archive, tmp_path: Path) -> None:
    add_word(archive, "mbwa", [clip(tmp_path / "m.wav", "mbwa")])
    search_lexicon(archive)
    record(tmp_path / "media" / "b.wav", 1, {"mbwa": (20.0,)})
    report = index(archive, [tmp_path / "media"], ThreadExecutor(1))
    assert report.new_hits == {"mbwa": 1}
    assert index(archive, [tmp_path / "media"], ThreadExecutor(1)).new_hits == {}


def test_stored_hits_are_candidates_of_an_export(archive: Archive, tmp_path: Path) -> None:
    add_word(archive, "mbwa", [clip(tmp_path / "m.wav", "mbwa")])
    found = search_lexicon(archive)[0].hits
    judge(archive, "mbwa", found[0], "yes")
    hits = collect(archive, top=1).recordings[0].hits
    assert {(one.hit.query, one.verdict) for one in hits} == {("mbwa", "yes"), ("mbwa", None)}
    assert sorted(one.hit.time_s for one in hits) == pytest.approx([5.4, 30.4], abs=0.3)


def test_a_lexicon_is_shared_as_one_file(archive: Archive, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "dog.png")
    add_word(archive, "Mbwa", [clip(tmp_path / "m.wav", "mbwa")], [], ["imbwa"], [tmp_path / "dog.png"], "a dog")
    add_word(archive, "ọmọ", [clip(tmp_path / "o.wav", "ọmọ")])
    judge(archive, "mbwa", search(archive, "mbwa", SearchOptions(top=1))[0], "yes")
    assert export_lexicon(archive, tmp_path / "words.zip") == 2
    before = lexicon(archive)
    assert import_lexicon(archive, tmp_path / "words.zip").new == 0  # into itself: nothing changes
    assert lexicon(archive) == before

    other = make_features_archive(tmp_path / "other", feature_settings("mfcc"))
    add_word(other, "mbwa", [clip(tmp_path / "other.wav", "ọmọ")], spellings=["mbua"], notes="noun")
    assert import_lexicon(other, tmp_path / "words.zip").new == 1
    merged = get_word(other, "imbwa")
    assert (merged.word, merged.notes) == ("mbwa", "noun\na dog")
    assert set(merged.spellings) == {"imbwa", "mbua"}
    assert len(merged.clips) == 3  # theirs, ours, and the accepted hit, whose recording is not here
    assert [one.origin for one in merged.pictures] == ["dog.png"]
    assert merged.pictures[0].path.read_bytes() == (tmp_path / "dog.png").read_bytes()
    after = lexicon(other)
    import_lexicon(other, tmp_path / "words.zip")  # twice is as once
    assert lexicon(other) == after

    third = make_features_archive(tmp_path / "third", feature_settings("mfcc"))
    index(third, [tmp_path / "media"], ThreadExecutor(1))
    import_lexicon(third, tmp_path / "words.zip")
    taken = get_word(third, "mbwa")
    assert len(taken.clips) == 1
    assert [one.start_s for one in taken.accepted] == [one.start_s for one in get_word(archive, "mbwa").accepted]


def test_an_accepted_hit_that_comes_back_from_elsewhere_is_no_clip_as_well(archive: Archive, tmp_path: Path) -> None:
    add_word(archive, "mbwa", [clip(tmp_path / "m.wav", "mbwa")])
    judge(archive, "mbwa", search(archive, "mbwa", SearchOptions(top=1))[0], "yes")
    export_lexicon(archive, tmp_path / "first.zip")
    other = make_features_archive(tmp_path / "other", feature_settings("mfcc"))
    import_lexicon(other, tmp_path / "first.zip")
    add_word(other, "mbwa", [clip(tmp_path / "new.wav", "ọmọ")])
    export_lexicon(other, tmp_path / "back.zip")
    import_lexicon(archive, tmp_path / "back.zip")
    word = get_word(archive, "mbwa")
    assert sorted(one.origin for one in word.clips) == ["m.wav", "new.wav"]
    assert len(word.accepted) == 1
    undo(archive, word.accepted[0].id)  # then it is an example of others alone, which is not lost
    import_lexicon(archive, tmp_path / "back.zip")
    assert len(get_word(archive, "mbwa").clips) == 3


def test_a_file_that_is_no_lexicon_is_refused(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.raises(EarmarkError, match=r"There is no lexicon .*x\.zip"):
        import_lexicon(archive, path)
    path.write_bytes(b"no zip")
    with pytest.raises(EarmarkError, match=r"x\.zip can't be read as a lexicon"):
        import_lexicon(archive, path)
    for content, sentence in (
        (None, "is no lexicon"),
        ('{"form": 1, "words": [{"word": ""}]}', r"is damaged .*words\.0\.word"),
        ('{"form": 9, "words": []}', "has form 9"),
        ('{"form": 1, "words": [{"word": "a", "clips": [{"file": "../../b.wav", "origin": "b"}]}]}', "is damaged"),
        (
            '{"form": 1, "words": [{"word": "a", "clips": [{"file": "b.wav", "origin": "b"}]}]}',
            r"lacks its file b\.wav",
        ),
    ):
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("other.txt" if content is None else "lexicon.json", content or "")
        with pytest.raises(EarmarkError, match=sentence):
            import_lexicon(archive, path)
    assert lexicon(archive) == []


def test_the_command_line(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earmark = command_line(monkeypatch, capsys)

    folder = archive.folder
    added = earmark("lexicon", "add", folder, "mbwa", "--clip", clip(tmp_path / "m.wav", "mbwa"), "--spelling", "dog")
    assert added.startswith("mbwa (dog): clips 1")
    assert "mbwa" in earmark("lexicon", "list", folder)
    assert earmark("search", folder, "--lexicon", "--top", "2").count("mbwa") >= 2
    assert "1 words are in" in earmark("lexicon", "export", folder, tmp_path / "words.zip")
    earmark("lexicon", "remove", folder, "mbwa")
    assert "Words: 1, of which 1 are new" in earmark("lexicon", "import", folder, tmp_path / "words.zip")
    assert json.loads(earmark("lexicon", "list", folder, "--json"))[0]["clips"] == ["m.wav"]
