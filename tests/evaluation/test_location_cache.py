"""Locations of a costly method that were stored before an interruption are not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus
from earmark.evaluation import keyword_queries
from earmark.evaluation.data import Floats
from earmark.evaluation.location_cache import LocationCache, cache_key
from earmark.evaluation.runner import evaluate
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint


class Counting:
    """A method that returns 10 u + w and records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, tuple[int, ...]]] = []

    def __call__(self, utterances: Sequence[int], keywords: Sequence[int]) -> Floats:
        self.calls.append((utterances[0], tuple(keywords)))
        return np.array([[10.0 * utterances[0] + w for w in keywords]])


def test_stored_locations_are_not_computed_again(tmp_path: Path) -> None:
    path, locate = tmp_path / "new" / "cache.jsonl", Counting()
    first = LocationCache(path, "a").cached(locate)
    assert first([3], [0, 2]).tolist() == [[30.0, 32.0]]
    assert first([3], [2]).tolist() == [[32.0]]
    again = LocationCache(path, "a").cached(locate)
    assert again([3], [2, 0]).tolist() == [[32.0, 30.0]]
    assert again([4], [1]).tolist() == [[41.0]]
    assert again([3], [0, 1]).tolist() == [[30.0, 31.0]]  # one of them is new
    assert locate.calls == [(3, (0, 2)), (4, (1,)), (3, (0, 1))]


def test_another_key_discards_the_cache(tmp_path: Path) -> None:
    locate = Counting()
    for key in ("a", "b", "a"):
        LocationCache(tmp_path / "cache.jsonl", key).cached(locate)([3], [0])
    assert len(locate.calls) == 3


@pytest.mark.parametrize("tail", ["", "[4, {", "[4, 5]", "{}", "null", "\n"])
def test_a_truncated_line_loses_only_itself(tmp_path: Path, tail: str) -> None:
    path, locate = tmp_path / "cache.jsonl", Counting()
    LocationCache(path, "a").cached(locate)([3], [0])
    path.write_text(path.read_text() + tail)
    again = LocationCache(path, "a").cached(locate)
    again([3], [0])
    again([4], [0])
    assert locate.calls == [(3, (0,)), (4, (0,))]
    assert LocationCache(path, "a").locations == {3: {0: 30.0}, 4: {0: 40.0}}


def test_an_interrupted_evaluation_is_resumed(
    tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spotter = KeywordSpotter(read_checkpoint(tiny_run), "masked-in")
    whole = evaluate(spotter, tiny_corpus, "test")
    first: list[int] = []
    locate = keyword_queries.locate_batch

    def interrupt_at_the_third(*given: object) -> Floats:
        if len(first) == 3:
            raise KeyboardInterrupt
        first.append(0)
        return locate(*given)

    monkeypatch.setattr(keyword_queries, "locate_batch", interrupt_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        evaluate(spotter, tiny_corpus, "test", cache=tmp_path / "cache.jsonl")
    rest: list[int] = []
    monkeypatch.setattr(keyword_queries, "locate_batch", lambda *given: rest.append(0) or locate(*given))
    resumed = evaluate(spotter, tiny_corpus, "test", cache=tmp_path / "cache.jsonl")
    assert len(first) + len(rest) == len(whole.utterances)
    assert resumed.metrics == whole.metrics
    np.testing.assert_array_equal(resumed.predictions.times_s, whole.predictions.times_s)


def test_cache_key_depends_on_model_method_and_recordings(tiny_run: Path, tiny_corpus: Corpus) -> None:
    utterances = tiny_corpus.utterances("test")
    checkpoint = read_checkpoint(tiny_run)
    spotter = KeywordSpotter(checkpoint, "masked-in")
    assert cache_key(spotter, utterances) == cache_key(KeywordSpotter(checkpoint, "masked-in"), utterances)
    assert cache_key(spotter, utterances) != cache_key(KeywordSpotter(checkpoint, "masked-out"), utterances)
    assert cache_key(spotter, utterances) != cache_key(spotter, utterances[1:])
