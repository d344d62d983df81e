"""False alarms an hour: an example by hand, a slow twin, what is too rare to tell, and the file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.models.checkpoint import read_checkpoint
from earmark.models.operating_points import (
    ANY_PICTURE,
    IMAGE_OPERATING_POINTS,
    OPERATING_POINTS,
    OperatingPoints,
    read_image_operating_points,
    read_operating_points,
    write_operating_points,
)
from earmark.training.false_alarms import RATES, expected_precision, false_alarm_curve, operating_points
from earmark.training.thresholds import estimate_prevalence

WORDS = Vocabulary(["dog", "ọmọ"])
KNOWN = OperatingPoints(2.0, 0.62, {"dog": ((0.5, 0.9), (1.0, 0.8), (10.0, 0.2)), "ọmọ": ()})

# Told from dev


def test_false_alarms_by_hand() -> None:
    # In half an hour: right, false, right, false, false, false. Two an hour is one false alarm.
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
    spoken = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    assert false_alarm_curve(scores, spoken, 0.5) == ((2.0, pytest.approx(0.65)), (5.0, pytest.approx(0.4)))
    # Ten an hour is five; there are but four. One is two an hour; fewer can't be told.
    shuffled = np.array([3, 5, 0, 2, 4, 1])
    assert false_alarm_curve(scores[shuffled], spoken[shuffled], 0.5) == false_alarm_curve(scores, spoken, 0.5)


def test_doubtful_hits_are_false_alarms_in_part() -> None:
    scores, spoken = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([0.5, 0.75, 0.5, 0.0, 0.0])
    # 0.5, 0.75, 1.25, 2.25 and 3.25 are expected from each score on.
    assert false_alarm_curve(scores, spoken, 1.0) == ((1.0, pytest.approx(0.75)), (2.0, pytest.approx(0.65)))


def test_ties_stay_together() -> None:
    assert false_alarm_curve(np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.zeros(5), 1.0) == ((1.0, 0.7), (2.0, 0.7))
    # Nothing scores more than 1: a single false alarm is two or none.
    assert false_alarm_curve(np.array([1.0, 1.0, 0.5, 0.5, 0.5]), np.zeros(5), 1.0) == ((2.0, 0.75),)


def test_scores_without_room_between_them_are_separated() -> None:
    high = np.nextafter(1.0, 0)
    ((rate, threshold),) = false_alarm_curve(
        np.array([high, np.nextafter(high, 0), 0.1]), np.array([0.0, 0.0, 0.0]), 1.0
    )[:1]
    assert (rate, threshold) == (1.0, high)


CELLS = st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 6)), min_size=1, max_size=30)


@given(CELLS, st.sampled_from([1 / 16, 0.5, 1.0, 7.5]))
def test_a_slow_twin(cells: list[tuple[int, int]], hours: float) -> None:
    scored = [(score / 12, part / 4) for score, part in cells]
    every = sorted({score for score, _ in scored}, reverse=True)

    def expected(threshold: float) -> float:
        """The most false alarms from any score on that is not below the threshold."""
        higher = [score for score in every if score >= threshold]
        return max([0.0, *(sum(1 - p for s, p in scored if s >= score) for score in higher)])

    points = dict(false_alarm_curve(np.array([s for s, _ in scored]), np.array([p for _, p in scored]), hours))
    for rate in RATES:
        detected = [score for score in every if expected(score) <= rate * hours]
        if rate * hours < 1 or expected(0) <= rate * hours or (every[0] == 1 and not detected):
            assert rate not in points
        else:
            assert [score for score in every if score >= points[rate]] == detected
            assert points[rate] not in every


def test_all_keywords_and_their_precision() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.2]])
    spoken = np.array([[1.0, 0.0], [0.5, 0.25], [0.0, 0.0]])
    points = operating_points(WORDS, scores, spoken, np.array([1200.0, 1200.0, 1200.0]), np.array([0.8, 0.5]))
    assert points.hours == 1.0
    assert points.expected_precision == pytest.approx(1.75 / 3)  # 1, 0.5 and 0.25
    assert points.curves == {w: false_alarm_curve(scores[:, i], spoken[:, i], 1.0) for i, w in enumerate(WORDS)}
    assert expected_precision(scores > 1, spoken) is None
    assert expected_precision(scores > 0.85, 1.3 * spoken) == 1


def test_true_words_are_certain_and_tags_are_put_on_their_scale() -> None:
    rng = np.random.default_rng(0)
    words = (rng.random((400, 3)) < 0.2).astype(np.float32)
    np.testing.assert_array_equal(estimate_prevalence(rng.random((400, 3)), words, words), words)
    # A tagger that says 0.6 where the word is in three of five, and 0 where it is in none; the model hears p itself.
    tags = np.where(rng.random((20000, 1)) < 0.3, 0.6, 0.0)
    present = (rng.random((20000, 1)) < tags).astype(float)
    unspoken, spoken = tags[present == 0].mean(), tags[present == 1].mean()
    estimate = estimate_prevalence(unspoken + (spoken - unspoken) * present, tags, tags)
    assert estimate[present == 1].mean() == pytest.approx(1, abs=0.03)
    assert estimate[present == 0].mean() == pytest.approx(0, abs=0.03)


# EncodedQuery


def test_thresholds_that_are_given_and_those_between() -> None:
    assert [KNOWN.threshold("dog", rate) for rate in (0.5, 1, 10)] == [0.9, 0.8, 0.2]
    # The log odds are log 4 at one and -log 4 at ten an hour: none where log10 of the rate is a half.
    assert KNOWN.threshold("dog", math.sqrt(10)) == pytest.approx(0.5)
    assert KNOWN.threshold("dog", 10**0.25) == pytest.approx(2 / 3)  # odds of 2


def test_the_rate_of_a_score_is_the_way_back() -> None:
    for max_fa_per_hour in (0.5, 0.7, 1, 3, 9.9, 10):
        assert KNOWN.rate("dog", KNOWN.threshold("dog", max_fa_per_hour)) == pytest.approx(max_fa_per_hour)
    assert KNOWN.rate("dog", 0.91) is KNOWN.rate("dog", 0.19) is KNOWN.rate("ọmọ", 0.5) is None


def test_scores_at_the_ends_do_no_harm() -> None:
    ends = OperatingPoints(1.0, None, {"dog": ((1.0, 1.0), (2.0, 0.5), (5.0, 0.0))})
    assert 0.5 < ends.threshold("dog", 1.5) < 1
    assert ends.rate("dog", 0.0) == pytest.approx(5)
    assert ends.rate("dog", 1.0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("word", "max_fa_per_hour", "says"),
    [
        (
            "dog",
            0.1,
            "set, 2.0 hours long, gives no score for 0.1 false alarms an hour of 'dog': give 0.5 or mo",
        ),
        ("dog", 11, "for 11 false alarms an hour of 'dog': give 10 or fewer."),
        ("dog", math.nan, "give 10 or fewer."),
        ("ọmọ", 1, "too short to estimate false alarms of 'ọmọ': give a score instead."),
        ("cat", 1, "has no operating points of 'cat': it has those of dog, ọmọ."),
    ],
)
def test_what_cannot_be_estimated_is_one_sentence(word: str, max_fa_per_hour: float, says: str) -> None:
    with pytest.raises(EarmarkError) as error:
        KNOWN.threshold(word, max_fa_per_hour)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


# Kept


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read_operating_points(tmp_path, WORDS) is read_image_operating_points(tmp_path) is None
    write_operating_points(tmp_path / OPERATING_POINTS, KNOWN)
    assert read_operating_points(tmp_path, WORDS) == KNOWN
    near = OperatingPoints(0.1, None, {ANY_PICTURE: ((20.0, float(np.nextafter(1, 0))), (50.0, 1e-200))})
    write_operating_points(tmp_path / IMAGE_OPERATING_POINTS, near)
    assert read_image_operating_points(tmp_path) == near


GOOD = {"hours": 1, "expected_precision": None, "scores": {"dog": [[1, 0.5]], "ọmọ": []}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ("{}", "lacks 'expected_precision'"),
        ({**GOOD, "hours": "1"}, "'1' is no number from 0 to inf"),
        ({**GOOD, "hours": math.nan}, "nan is no number"),
        ({**GOOD, "expected_precision": 1.5}, "1.5 is no number from 0 to 1"),
        ({**GOOD, "scores": []}, "is damaged"),
        ({**GOOD, "scores": {"dog": []}}, "lacks 'ọmọ'"),
        ({**GOOD, "scores": {"dog": [], "ọmọ": [[1]]}}, "is damaged"),
        ({**GOOD, "scores": {"dog": [], "ọmọ": [[1, -0.5]]}}, "-0.5 is no number"),
        ({**GOOD, "scores": {"dog": [], "ọmọ": [[2, 0.5], [1, 0.4]]}}, "rates do not grow"),
        ({**GOOD, "scores": {"dog": [], "ọmọ": [[1, 0.5], [2, 0.6]]}}, "scores do not fall"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: object, says: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / OPERATING_POINTS).write_text(text, encoding="utf-8")
    with pytest.raises(EarmarkError) as error:
        read_operating_points(tmp_path, WORDS)
    assert str(error.value).startswith(str(tmp_path / OPERATING_POINTS))
    assert says in str(error.value)
    assert str(error.value).endswith("copy it again, or delete it.")


# At the end of training


def test_training_tells_what_its_dev_can(tiny_run: Path, tiny_corpus: Corpus) -> None:
    known = read_checkpoint(tiny_run)
    assert known.operating_points is not None
    dev = tiny_corpus.utterances("dev")
    assert known.operating_points.hours == pytest.approx(sum(u.duration_s for u in dev) / 3600)
    detected = known.expected_precision
    assert detected is not None
    assert detected > 0.5
    assert all({rate for rate, _ in pairs} <= set(RATES) for pairs in known.operating_points.curves.values())
    with pytest.raises(EarmarkError, match="minutes long"):
        known.operating_points.threshold("dog", 0.1)
    card = (tiny_run / "model-card.md").read_text(encoding="utf-8")
    assert (
        f"**Expected on dev** about {100 * detected:.0f} of 100 hits above the threshold are right; `false-alarms.json`"
        in card
    )
