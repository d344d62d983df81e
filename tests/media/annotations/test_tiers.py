"""What belongs together across tiers, against a slow search of every pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earmark.media.annotations.tiers import Annotation, Companions, Tier, TimedWords, joined

TIMES = st.tuples(st.integers(0, 12), st.integers(1, 5))
IDS = st.sampled_from("abcdef")
WITHIN = st.lists(IDS, max_size=2, unique=True)


@st.composite
def annotations(draw: st.DrawFn, name: str) -> tuple[Annotation, ...]:
    found = []
    for number, ((start, length), within) in enumerate(draw(st.lists(st.tuples(TIMES, WITHIN), max_size=5))):
        own = draw(IDS)
        found.append(Annotation(start / 2, (start + length) / 2, f"{name}{number}", own, tuple(within)))
    return tuple(sorted(found, key=lambda one: one.start_s))


@st.composite
def tiers(draw: st.DrawFn) -> list[Tier]:
    count = draw(st.integers(0, 3))
    return [
        Tier(f"t{n}", draw(annotations(f"t{n}.")), participant=draw(st.sampled_from(["", "A", "B"])))
        for n in range(count)
    ]


def slow_text(one: Annotation, others: list[Tier], participant: str) -> str:
    def is_tied(other: Annotation) -> bool:
        family = [one.id, *one.within]
        directly = other.id in family or (other.within != () and other.within[0] in family)
        return directly or one.id in other.within

    def shares(other: Annotation) -> bool:
        shared = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
        return shared > 0 and (shared * 2 >= one.end_s - one.start_s or shared * 2 >= other.end_s - other.start_s)

    for chosen in ([t for t in others if t.participant == participant], others):
        every = sorted((other for tier in chosen for other in tier.annotations), key=lambda other: other.start_s)
        if found := [other for other in every if is_tied(other)] or [other for other in every if shares(other)]:
            return joined(found)
    return ""


@given(tiers(), TIMES, IDS, WITHIN, st.sampled_from(["", "A"]))
def test_companions_are_those_of_a_slow_search(
    others: list[Tier], times: tuple[int, int], own: str, within: list[str], participant: str
) -> None:
    one = Annotation(times[0] / 2, sum(times) / 2, "x", own, tuple(within))
    assert Companions(others).text_for(one, participant) == slow_text(one, others, participant)


@given(tiers(), TIMES)
def test_words_are_where_their_middle_is(others: list[Tier], times: tuple[int, int]) -> None:
    one = Annotation(times[0] / 2, sum(times) / 2, "x", "x")
    expected = sorted(
        word.text
        for tier in others
        if tier.participant in ("", "A")
        for word in tier.annotations
        if one.start_s <= (word.start_s + word.end_s) / 2 < one.end_s
    )
    found = TimedWords(others).inside(one, "A")
    assert sorted(word.text for word in found) == expected
    middles = [word.start_s + word.end_s for word in found]
    assert middles == sorted(middles)


def test_two_answers_with_one_text_are_one() -> None:
    once = Annotation(0, 1, "yes", "a")
    assert joined([once, once, Annotation(1, 2, "no", "b"), Annotation(2, 3, "", "c")]) == "yes no"
