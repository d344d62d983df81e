"""What a costly localisation method has found is not sought again after a stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus
from earmark.evaluation import keyword_queries
from earmark.evaluation.data import Floats
from earmark.evaluation.keyword_queries import evaluate
from earmark.evaluation.location_cache import LocationCache, dependence
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint


class Counting:
    """A slow method that says 10 u + w, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, tuple[int, ...]]] = []

    def __call__(self, utterances: Sequence[int], keywords: Sequence[int]) -> Floats:
        self.asked.append((utterances[0], tuple(keywords)))
        return np.array([[10.0 * utterances[0] + w for w in keywords]])


def test_what_is_kept_is_not_sought_again(tmp_path: Path) -> None:
    path, locate = tmp_path / "new" / "kept.jsonl", Counting()
    first = LocationCache(path, "a").cached(locate)
    assert first([3], [0, 2]).tolist() == [[30.0, 32.0]]
    assert first([3], [2]).tolist() == [[32.0]]
    again = LocationCache(path, "a").cached(locate)
    assert again([3], [2, 0]).tolist() == [[32.0, 30.0]]
    assert again([4], [1]).tolist() == [[41.0]]
    assert again([3], [0, 1]).tolist() == [[30.0, 31.0]]  # one of them is new
    assert locate.asked == [(3, (0, 2)), (4, (1,)), (3, (0, 1))]


def test_what_depends_on_something_else_is_sought_again(tmp_path: Path) -> None:
    locate = Counting()
    for depends_on in ("a", "b", "a"):
        LocationCache(tmp_path / "kept.jsonl", depends_on).cached(locate)([3], [0])
    assert len(locate.asked) == 3


@pytest.mark.parametrize("tail", ["", "[4, {", "[4, 5]", "{}", "null", "\n"])
def test_a_line_that_was_cut_short_costs_itself_alone(tmp_path: Path, tail: str) -> None:
    path, locate = tmp_path / "kept.jsonl", Counting()
    LocationCache(path, "a").cached(locate)([3], [0])
    path.write_text(path.read_text() + tail)
    again = LocationCache(path, "a").cached(locate)
    again([3], [0])
    again([4], [0])
    assert locate.asked == [(3, (0,)), (4, (0,))]
    assert LocationCache(path, "a").found == {3: {0: 30.0}, 4: {0: 40.0}}


def test_a_masked_evaluation_goes_on_from_where_it_was_stopped(
    tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = KeywordSpotter(read_checkpoint(tiny_run), "masked-in")
    whole = evaluate(finder, tiny_corpus, "test")
    asked: list[int] = []
    locate = keyword_queries.locate_batch

    def stopped_at_the_third(*given: object) -> Floats:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(0)
        return locate(*given)

    monkeypatch.setattr(keyword_queries, "locate_batch", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        evaluate(finder, tiny_corpus, "test", tmp_path / "kept.jsonl")
    rest: list[int] = []
    monkeypatch.setattr(keyword_queries, "locate_batch", lambda *given: rest.append(0) or locate(*given))
    resumed = evaluate(finder, tiny_corpus, "test", tmp_path / "kept.jsonl")
    assert len(asked) + len(rest) == len(whole.utterances)
    assert resumed.metrics == whole.metrics
    np.testing.assert_array_equal(resumed.predictions.times_s, whole.predictions.times_s)


def test_locations_depend_on_model_method_and_recordings(tiny_run: Path, tiny_corpus: Corpus) -> None:
    utterances = tiny_corpus.utterances("test")
    checkpoint = read_checkpoint(tiny_run)
    finder = KeywordSpotter(checkpoint, "masked-in")
    assert dependence(finder, utterances) == dependence(KeywordSpotter(checkpoint, "masked-in"), utterances)
    assert dependence(finder, utterances) != dependence(KeywordSpotter(checkpoint, "masked-out"), utterances)
    assert dependence(finder, utterances) != dependence(finder, utterances[1:])
