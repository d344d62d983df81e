"""Prompts: the order of each speaker, what is next, and what was skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.studio.prompts import Plan, change_plan, next_open, ordered, prompts, read_plan, session, skip
from earmark.studio.speakers import add_speaker
from earmark.studio.take import Take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "thumbnails").mkdir(parents=True)
    for name in [f"{number:02}.jpg" for number in range(20)] + ["ọmọ.PNG", ".hidden.jpg", "pictures.csv"]:
        (tmp_path / "pictures" / name).write_bytes(b"")
    (tmp_path / "pictures" / "thumbnails" / "01.jpg").write_bytes(b"")
    add_speaker(tmp_path)
    add_speaker(tmp_path)
    return tmp_path


def take(item: str, kind: str = "describe", warnings: tuple[str, ...] = ()) -> Take:
    return Take("0" * 32, "s01", item, kind, "", "", 16_000, 16_000, 1, warnings=warnings)  # type: ignore[arg-type]


def test_all_pictures_of_the_folder_are_prompts(folder: Path) -> None:
    listed = [prompt.id for prompt in prompts(folder, Plan())]
    assert listed == [f"pictures/{number:02}.jpg" for number in range(20)] + ["pictures/ọmọ.PNG"]


def test_each_speaker_has_an_order_that_later_pictures_do_not_change(folder: Path) -> None:
    plan = Plan(seed=3)
    first, second = (ordered(prompts(folder, plan), plan, speaker) for speaker in ("s01", "s02"))
    assert first != second
    assert sorted(prompt.id for prompt in first) == sorted(prompt.id for prompt in second)
    assert first != ordered(prompts(folder, plan), Plan(seed=4), "s01")
    (folder / "pictures" / "new.jpg").write_bytes(b"")
    later = [prompt for prompt in ordered(prompts(folder, plan), plan, "s01") if prompt.id != "pictures/new.jpg"]
    assert later == first
    assert ordered(first, Plan(order="sequential"), "s01") == first


def test_orders_are_as_even_as_chance(folder: Path) -> None:
    """Each picture is first for about the same number of speakers."""
    listed = prompts(folder, Plan())
    firsts = [ordered(listed, Plan(), f"s{number}")[0].id for number in range(2100)]
    counts = [firsts.count(name) for name in set(firsts)]
    assert len(counts) == 21
    assert min(counts) > 60  # 100 are expected, with a standard deviation of 10


def test_questions_are_prompts_without_pictures(folder: Path) -> None:
    plan = change_plan(
        folder, kind="answer", questions=("What is\n this? ", "", "What is this?", "Who?"), pictures=False
    )
    assert read_plan(folder) == plan
    listed = prompts(folder, plan)
    assert [prompt.question for prompt in listed] == ["What is this?", "Who?"]
    assert all(prompt.id.startswith("question:") and not prompt.image for prompt in listed)


def test_next_goes_on_after_the_last_and_comes_back_to_gaps(folder: Path) -> None:
    change_plan(folder, order="sequential")
    names = [prompt.id for prompt in prompts(folder, Plan())]
    states = session(folder, "s01", [take(names[0]), take(names[2]), take(names[3], warnings=("clock",))])
    assert [state.takes for state in states[:4]] == [1, 0, 1, 0]  # a take with gaps is to be recorded again
    found = next_open(states)
    assert found is not None
    assert found.prompt.id == names[1]
    found = next_open(states, after=names[2])
    assert found is not None
    assert found.prompt.id == names[3]
    assert next_open(session(folder, "s01", map(take, names))) is None
    found = next_open(session(folder, "s01", map(take, names[1:])), after=names[-1])
    assert found is not None
    assert found.prompt.id == names[0]


def test_skipped_prompts_are_of_one_speaker_and_can_come_back(folder: Path) -> None:
    skip(folder, "s01", "pictures/ọmọ.PNG")
    with (folder / "speakers/s01/skipped.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"item": "pict')  # torn by a power cut
    skip(folder, "s01", "pictures/01.jpg")

    def skipped(speaker: str) -> set[str]:
        return {state.prompt.id for state in session(folder, speaker, []) if state.is_skipped}

    assert skipped("s01") == {"pictures/ọmọ.PNG", "pictures/01.jpg"}
    assert skipped("s02") == set()
    skip(folder, "s01", "pictures/01.jpg", is_skipped=False)
    assert skipped("s01") == {"pictures/ọmọ.PNG"}
    states = session(folder, "s01", [take("pictures/ọmọ.PNG")])
    assert not any(state.is_skipped for state in states)
    with pytest.raises(EarmarkError, match="no such picture"):
        skip(folder, "s01", "../../etc/passwd")


def test_a_plan_that_is_not_possible_is_refused(folder: Path) -> None:
    for values, problem in (
        ({"kind": "sing"}, "none of describe"),
        ({"seed": "x"}, "whole number"),
        ({"questions": [str(number) for number in range(600)]}, "500 at most"),
    ):
        with pytest.raises(EarmarkError, match=problem):
            change_plan(folder, **values)
    (folder / "prompts.yaml").write_text("colour: red\n", encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"prompts\.yaml can't be read"):
        read_plan(folder)
