"""Judged places as a corpus: which windows, which tags, which are held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from conftest import PITCHES
from earmark.archive.archive import Archive
from earmark.archive.judged_corpus import (
    BLOCK_S,
    HELD_OUT,
    JudgedPlace,
    held_out_places,
    judged_places,
    write_judged_corpus,
)
from earmark.archive.judgements import judge
from earmark.archive.query_aliases import Alias, store_words
from earmark.archive.rescoring import Recordings, matching_recordings
from earmark.archive.results import Verdict
from earmark.core.corpus import Utterance, read_corpus
from earmark.core.errors import EarmarkError
from earmark.localisation.windows import WINDOW_S
from earmark.media.utterances import identity, read_utterance
from earmark.recipe import Recipe
from earmark.supervision.targets import read_targets, targets_path
from support.judged_archive import noise_archive
from support.small_archive import found_at

LONG_S = 95.0


@pytest.fixture(scope="module")
def empty(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return noise_archive(tmp_path_factory.mktemp("judged"), tiny_recipe, LONG_S)


@pytest.fixture
def archive(empty: Archive, tmp_path: Path) -> Archive:
    """A copy in which a test may judge."""
    import shutil

    from earmark.archive.archive import open_archive

    shutil.copytree(empty.folder, tmp_path / "archive")
    return open_archive(tmp_path / "archive")


def rows_of(archive: Archive) -> Recordings:
    return matching_recordings(archive, [])


def say(archive: Archive, word: str, verdict: Verdict, start_s: float, channel: int = 1, by: str = "") -> None:
    judge(archive, word, found_at(1, channel, start_s, start_s + 0.5, word), verdict, by=by)


def judge_many(archive: Archive) -> None:
    """Of two words, in two recordings, a place every 4.5 s, of which every second is accepted."""
    for recording in (1, 2):
        for number in range(20):
            start_s = 1.0 + 4.5 * number
            word = ("dog", "ọmọ")[number // 2 % 2]
            judge(archive, word, found_at(recording, 1, start_s, start_s + 0.5, word), ("yes", "no")[number % 2])


def test_windows_and_tags(archive: Archive) -> None:
    judge_many(archive)
    corpus = write_judged_corpus(archive, archive.folder.parent / "judged")
    assert read_corpus(corpus.folder).keywords == tuple(PITCHES)
    tags = read_targets(targets_path(corpus, "judged"))
    splits = {split: corpus.utterances(split) for split in corpus.splits()}
    places = judged_places(archive, rows_of(archive))
    assert len(splits["train"]) + len(splits["test"]) == len(places)
    by_name = {one.name: one for one in places}
    for utterance in [*splits["train"], *splits["test"]]:
        row, place = tags.rows[utterance.id], by_name[utterance.id]
        assert np.flatnonzero(~np.isnan(row)).tolist() == [archive.vocabulary.index(place.keyword)]
        assert np.nansum(row) == place.is_accepted
        assert utterance.stretch_s is not None
        assert utterance.stretch_s[0] <= place.extent_s[0] < place.extent_s[1] <= utterance.stretch_s[1]
        assert utterance.duration_s <= WINDOW_S + 1e-6
    for window in splits["dev"]:
        assert np.isnan(tags.rows[window.id]).all()


def test_no_sound_is_in_two_splits(archive: Archive) -> None:
    judge_many(archive)
    corpus = write_judged_corpus(archive, archive.folder.parent / "judged")
    splits = {split: corpus.utterances(split) for split in ("train", "test", "dev")}
    for one in ("train", "test"):
        for other in ("train", "test", "dev"):
            assert one == other or not any(share_sound(a, b) for a in splits[one] for b in splits[other])


def share_sound(one: Utterance, other: Utterance) -> bool:
    assert one.stretch_s is not None
    assert other.stretch_s is not None
    overlap = one.stretch_s[0] < other.stretch_s[1] and other.stretch_s[0] < one.stretch_s[1]
    return one.audio == other.audio and overlap


def test_a_share_of_each_word_and_verdict_is_held_out(archive: Archive) -> None:
    rows = rows_of(archive)
    rng = np.random.default_rng(0)
    places = []
    for number in range(200):
        start_s = float(rng.uniform(0, 90) // 4 * 4)
        position = found_at(1 + number % 2, 1, start_s, start_s + 0.5).position
        extent_s = (start_s, start_s + 0.5)
        places.append(
            JudgedPlace(("dog", "ball")[number // 2 % 2], bool(rng.random() < 0.4), position, extent_s, extent_s)
        )
    held_out = held_out_places(places, rows)
    blocks = {one.block for one in held_out}
    assert all((one in held_out) == (one.block in blocks) for one in places)
    whole, part = (Counter(one.stratum for one in some) for some in (places, held_out))
    assert set(part) == set(whole)
    assert 0.15 < len(held_out) / len(places) < 2 * HELD_OUT
    assert held_out_places(places, rows) == held_out


def test_a_rejected_window_holds_no_accepted_place(archive: Archive) -> None:
    say(archive, "dog", "yes", 10.0)
    say(archive, "dog", "no", 11.0)
    say(archive, "dog", "no", 8.9)
    say(archive, "ball", "no", 10.0)
    say(archive, "dog", "no", 11.0, channel=2)
    windows = {one.name: one.window_s for one in judged_places(archive, rows_of(archive))}
    assert windows["1:1:11.25 dog"] == (10.5, 13.25)
    assert windows["1:1:9.15 dog"] == (7.15, 10.0)
    assert windows["1:1:10.25 ball"] == (8.25, 12.25)
    assert windows["1:2:11.25 dog"] == (9.25, 13.25)


def test_windows_end_where_their_block_ends(archive: Archive) -> None:
    say(archive, "dog", "yes", BLOCK_S - 1)
    say(archive, "dog", "yes", BLOCK_S + 0.2)
    say(archive, "ball", "yes", BLOCK_S - 0.2)  # lies in two blocks
    say(archive, "dog", "yes", LONG_S - 0.6)
    windows = [one.window_s for one in judged_places(archive, rows_of(archive))]
    assert windows == [(BLOCK_S - 4, BLOCK_S), (BLOCK_S, BLOCK_S + 4), (LONG_S - 4, LONG_S)]


def test_what_can_not_be_learned_from_is_left_out(archive: Archive) -> None:
    store_words(archive, [Alias("mbwa", ("dog",)), Alias("kitu", ("dog", "ball"))])
    say(archive, "mbwa", "yes", 10.0)
    say(archive, "kitu", "yes", 20.0)
    say(archive, "example:1:1:2.00", "yes", 35.0)
    say(archive, "dog", "related", 40.0)
    say(archive, "dog", "yes", 45.0, by="Ana")
    say(archive, "dog", "no", 45.0, by="Ben")
    found = judged_places(archive, rows_of(archive))
    assert [(one.name, one.keyword) for one in found] == [("1:1:10.25 dog", "dog")]


def test_an_utterance_is_its_own_channel(archive: Archive) -> None:
    judge_many(archive)
    say(archive, "dog", "yes", 70.0, channel=2)
    corpus = write_judged_corpus(archive, archive.folder.parent / "judged")
    every = [one for split in corpus.splits() for one in corpus.utterances(split)]
    [second] = [one for one in every if one.id == "1:2:70.25 dog"]
    first = next(one for one in every if one.channel == 1)
    assert np.std(read_utterance(second)) == pytest.approx(0.2, rel=0.05)
    assert np.std(read_utterance(first)) == pytest.approx(0.1, rel=0.05)
    assert identity(second)[1:] != identity(first)[1:]


def test_too_little_is_one_sentence(archive: Archive) -> None:
    with pytest.raises(EarmarkError, match=r"10 accepted and 10 rejected .* and 0 and 0 can be used"):
        write_judged_corpus(archive, archive.folder.parent / "judged")
    for number in range(12):
        say(archive, "dog", "yes", 2.0 + 5 * number)
    with pytest.raises(EarmarkError, match=r"and 1\d and 0 can be used: judge more with 'earmark serve'"):
        write_judged_corpus(archive, archive.folder.parent / "judged")
    assert not (archive.folder.parent / "judged").exists()
