"""Scoring lists of detections: worked by hand, in time and by utterance, and against the evaluation's own figures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Corpus
from earmark.core.costs import NIST, PUBLISHED, Costs
from earmark.core.errors import EarmarkError
from earmark.evaluation.det import term_weighted_curve
from earmark.evaluation.nist_lists import write_nist_files
from earmark.evaluation.runner import evaluate
from earmark.evaluation.score_lists import score_by_utterance, score_in_time
from earmark.evaluation.term_occurrences import find_terms
from earmark.localisation.spotter import load_model
from earmark.media.annotations.nist_files import (
    Detection,
    Excerpt,
    Lexeme,
    read_detections,
    read_excerpts,
    read_rttm,
    read_terms,
)

COSTS = Costs(miss=1, false_alarm=1, prior=1 / 11)  # beta is 10
EXCERPTS = [Excerpt("audio/a.wav", "1", 0.0, 60.0), Excerpt("b.sph", "1", 10.0, 42.0)]
TERMS = {"T1": "Dog", "T2": "fire truck", "T3": "cat"}
SPOKEN = [
    *(Lexeme("a", "1", start_s, 0.5, "dog") for start_s in (1.0, 20.0)),
    Lexeme("b", "1", 12.0, 0.5, "FIRE", "ann"),
    Lexeme("b", "1", 13.0, 0.5, "truck", "ann"),
    Lexeme("b", "1", 5.0, 0.5, "dog"),  # outside of the excerpt
]
FOUND = [
    Detection("T1", "a", "1", 1.1, 0.2, 0.9, True),
    Detection("T1", "a", "1", 40.0, 0.2, 0.7, True),
    Detection("T1", "b", "1", 5.0, 0.5, 0.8, True),  # outside of the excerpt
    Detection("T2", "b", "1", 12.5, 0.2, 0.6, False),
    Detection("T3", "a", "1", 3.0, 0.2, 0.5, True),
]


def test_in_time_by_hand():
    scores = score_in_time(FOUND, SPOKEN, EXCERPTS, TERMS, COSTS)
    assert scores.aligned.trials.tolist() == [102.0] * 3
    assert scores.aligned.occurrences.tolist() == [2, 1, 0]
    assert scores.aligned.correct.tolist() == [True, False, True, False]
    # Dogs: one of two, and a false alarm in 100 trials; the truck was found, but its decision is no.
    assert scores.values.atwv == pytest.approx(((1 / 2 - 10 / 100) + 0) / 2)
    assert scores.values.mtwv == pytest.approx(((1 / 2 - 10 / 100) + 1) / 2)
    assert scores.values.threshold == 0.6
    assert (scores.values.terms, scores.cross_entropy) == (2, None)


def test_words_of_a_term_follow_closely_in_one_voice():
    def found(pause_s, speaker="ann", word="truck"):
        second = Lexeme("b.wav", "1", 12.5 + pause_s, 0.5, word, speaker)
        return [(one.start_s, one.end_s) for one in find_terms([second, SPOKEN[2]], {"T2": "fire truck"})]

    assert found(0.5) == [(12.0, 13.5)]
    assert found(0.51) == found(0.1, "bob") == found(0.1, word="trucks") == []


def test_by_utterance_by_hand():
    files = [Excerpt(name, "1", 0.0, 5.0) for name in "abcd"]
    spoken = [Lexeme("a", "1", 0, 5, "q1"), Lexeme("b", "1", 0, 5, "q1"), Lexeme("c", "1", 0, 5, "q2")]
    found = [
        Detection("q1", "a", "1", 0, 0, 2.0, True),
        Detection("q1", "a", "1", 0, 0, 1.0, False),
        Detection("q1", "d", "1", 0, 0, 1.5, True),
        Detection("q2", "c", "1", 0, 0, -1.0, False),
        Detection("never", "c", "1", 0, 0, 5.0, True),
    ]
    texts = {"q1": "q1", "q2": "q2", "never": "never"}
    scores = score_by_utterance(found, spoken, files, texts, COSTS, default_score=-10)
    # q1: one of two files, a false alarm in two; q2: its decision is no. 10 is beta.
    assert scores.values.atwv == pytest.approx(((1 / 2 - 10 / 2) + 0) / 2)
    # From the best score on: 2.0 adds 1/4, 1.5 takes 10/4, -1 adds 1/2, -10 adds 1/4 and takes the rest.
    assert (scores.values.mtwv, scores.values.threshold) == (pytest.approx(1 / 4), 2.0)
    assert scores.values.terms == 2
    # The effective prior is 1 / 11; log-odds are the scores and log(1 / 10).
    entropy, prior = scores.cross_entropy, 1 / 11
    assert entropy.prior == pytest.approx(prior)

    def bits(log_odds):
        return math.log2(1 + math.exp(-log_odds))

    targets = [bits(score + math.log(1 / 10)) for score in (2.0, -10.0, -1.0)]
    others = [bits(-score - math.log(1 / 10)) for score in (1.5, -10, -10, -10, -10)]
    bits_of_prior = -prior * math.log2(prior) - (1 - prior) * math.log2(1 - prior)
    expected = prior * sum(targets) / 3 + (1 - prior) * sum(others) / 5
    assert entropy.cnxe == pytest.approx(expected / bits_of_prior)
    assert entropy.isotonic <= entropy.affine <= min(1, entropy.cnxe)

    with pytest.raises(EarmarkError, match="5 of 8 pairs of a term and a file have no detection"):
        score_by_utterance(found, spoken, files, texts, COSTS)


def test_files_that_do_not_belong_together_are_refused():
    with pytest.raises(EarmarkError, match="The term T1 was detected, but is not in the list of terms"):
        score_in_time(FOUND, SPOKEN, EXCERPTS, {"T2": "fire truck"}, NIST)
    for elsewhere in ([Excerpt("c", "1", 0, 60)], [replace(one, channel="2") for one in EXCERPTS]):
        with pytest.raises(EarmarkError, match="None of the terms is spoken in the excerpts of the ECF"):
            score_in_time(FOUND, SPOKEN, elsewhere, TERMS, NIST)
        with pytest.raises(EarmarkError, match="None of the terms is spoken in the files of the ECF"):
            score_by_utterance(FOUND, SPOKEN, elsewhere, TERMS, NIST)


@pytest.mark.parametrize("costs", PUBLISHED.values(), ids=PUBLISHED)
def test_the_files_of_an_evaluation_score_what_the_evaluation_says(
    tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path, costs: Costs
) -> None:
    evaluation = evaluate(load_model(tiny_run), tiny_corpus, "test", costs=costs)
    ecf, terms, found, spoken = write_nist_files(evaluation, tmp_path / "nist")
    scores = score_in_time(read_detections(found), read_rttm(spoken), read_excerpts(ecf), read_terms(terms), costs)
    measured = evaluation.metrics.term_weighted
    values = (scores.values.atwv, scores.values.mtwv, scores.values.otwv, scores.values.stwv)
    assert values == pytest.approx((measured.atwv, measured.mtwv, measured.otwv, measured.stwv), abs=1e-6)
    assert scores.values.terms == evaluation.metrics.conditions.terms


# Two files, one of them with two channels, in which NIST's STDEval 0.7 was run with -E -k 1 -K 10 -p 0.0278.
COMPARED_SPOKEN = [
    Lexeme(*one)
    for one in (
        ("f1", "1", 1.0, 0.4, "dog", "ann"),
        ("f1", "1", 1.4, 0.3, "fire", "ann"),
        ("f1", "1", 2.1, 0.4, "truck", "ann"),
        ("f1", "1", 2.6, 0.4, "dog", "bob"),
        ("f1", "1", 5.0, 0.3, "fire", "ann"),
        ("f1", "1", 5.9, 0.3, "truck", "ann"),
        ("f1", "2", 1.2, 0.4, "Dog", "cat"),
        ("f1", "2", 7.0, 0.3, "fire", "cat"),
        ("f1", "2", 7.3, 0.3, "truck", "ann"),
        ("f2", "1", 30.0, 0.5, "dog", "ann"),
        ("f2", "1", 30.6, 0.5, "dog", "ann"),
        ("f2", "1", 31.2, 0.5, "dog", "ann"),
        ("f2", "1", 40.0, 0.3, "FIRE", "ann"),
        ("f2", "1", 40.3, 0.3, "truck", "ann"),
        ("f2", "1", 59.8, 0.4, "dog", "ann"),
    )
]
COMPARED_FOUND = [
    Detection(*one)
    for one in (
        ("T1", "f1", "1", 0.9, 0.4, 0.91, True),
        ("T1", "f1", "1", 1.7, 0.6, 0.83, True),
        ("T1", "f1", "2", 2.0, 0.2, 0.75, True),
        ("T1", "f1", "2", 3.0, 0.2, 0.40, False),
        ("T1", "f2", "1", 30.5, 0.1, 0.55, True),
        ("T1", "f2", "1", 30.8, 0.1, 0.65, True),
        ("T1", "f2", "1", 31.0, 0.1, 0.35, False),
        ("T1", "f2", "1", 31.4, 0.1, 0.45, True),
        ("T1", "f2", "1", 50.0, 0.4, 0.25, False),
        ("T1", "f2", "1", 59.9, 0.3, 0.99, True),
        ("T2", "f1", "1", 1.5, 1.0, 0.95, True),
        ("T2", "f1", "1", 5.1, 1.0, 0.60, True),
        ("T2", "f1", "2", 7.0, 0.6, 0.30, False),
        ("T2", "f2", "1", 39.5, 0.4, 0.70, False),
        ("T3", "f2", "1", 10.0, 0.4, 0.80, True),
    )
]


def test_figures_are_those_that_stdeval_prints():
    recordings = (("f1", "1"), ("f1", "2"), ("f2", "1"))
    excerpts = [Excerpt(f"audio/{file}.sph", channel, 0.0, 60.0) for file, channel in recordings]
    terms = {"T1": "dog", "T2": "fire truck", "T3": "zebra"}
    scores = score_in_time(COMPARED_FOUND, COMPARED_SPOKEN, excerpts, terms, PUBLISHED["san2021"])
    values, aligned = scores.values, scores.aligned
    yes = aligned.decision
    right, wrong = (np.bincount(aligned.term[yes & of], minlength=3) for of in (aligned.correct, ~aligned.correct))
    counts = list(zip(aligned.occurrences.tolist(), right.tolist(), wrong.tolist(), strict=True))
    assert counts == [(6, 5, 1), (2, 1, 1), (0, 0, 1)]  # reference, correct, false alarms
    assert aligned.trials[0] == 120
    assert values.atwv == pytest.approx(0.637, abs=5e-4)
    assert (values.mtwv, values.threshold) == (pytest.approx(0.886510096115793), 0.45)
    curve = {
        0.25: (0.0833333333333333, 0.0260184359203092),
        0.45: (0.0833333333333333, 0.00862325304787392),
        0.60: (0.25, 0.00862325304787392),
        0.75: (0.583333333333333, 0.0043859649122807),
        0.95: (0.75, 0.0),
    }
    ours = term_weighted_curve(aligned)
    for threshold, rates in curve.items():
        (at,) = np.flatnonzero(ours.threshold == threshold)
        assert (ours.p_miss[at], ours.p_fa[at]) == pytest.approx(rates)
