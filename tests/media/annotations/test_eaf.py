"""Reading of ELAN documents: times by hand and by pympi, hierarchies, damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from pympi.Elan import Eaf

from earmark.core.errors import EarmarkError
from earmark.media.annotations.eaf import read_elan
from earmark.media.annotations.tiers import Annotation, Companions, Tier, whole
from support.annotated import eaf, tier, write

SLOTS = {"s1": 500, "s2": None, "s3": None, "s4": 2000, "s5": 2000, "s6": 3000, "s7": 100, "s8": None}
TIERS = [
    (tier("ref@AB", "ref"), [("a1", ("s1", "s4"), "001"), ("a2", ("s5", "s6"), "002")]),
    (tier("tx@AB", "text", "ref@AB"), [("a3", ("a1", ""), "Mbwa  anakimbia."), ("a4", ("a2", ""), "Paka\ni")]),
    (tier("mb@AB", "parts", "tx@AB"), [("m2", ("a3", "m1"), "kimbia"), ("m1", ("a3", ""), "ana")]),
    (tier("ft@AB", "free", "ref@AB", "Asha Bakari"), [("f1", ("a1", ""), "The dog runs")]),
    (
        tier("seg@AB", "cut", "ref@AB"),
        [("w1", ("s1", "s2"), "x"), ("w2", ("s2", "s3"), "y"), ("w3", ("s3", "s4"), "z")],
    ),
    (
        tier("odd"),
        [("o1", ("s6", "s7"), "backwards"), ("o2", ("s7", "s8"), "no end"), ("o3", ("gone", ""), "no parent")],
    ),
]
CONSTRAINTS = {"parts": "Symbolic_Subdivision", "text": "Symbolic_Association", "cut": "Time_Subdivision"}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return write(tmp_path / "d.eaf", eaf(SLOTS, TIERS, constraints=CONSTRAINTS))


@pytest.fixture
def tiers(document: Path) -> dict[str, Tier]:
    return {tier.name: tier for tier in read_elan(document).tiers}


def test_times_by_hand(tiers: dict[str, Tier]) -> None:
    times = {name: [(one.id, one.start_s, one.end_s) for one in tier.annotations] for name, tier in tiers.items()}
    assert times == {
        "ref@AB": [("a1", 0.5, 2.0), ("a2", 2.0, 3.0)],
        "tx@AB": [("a3", 0.5, 2.0), ("a4", 2.0, 3.0)],
        "mb@AB": [("m1", 0.5, 1.25), ("m2", 1.25, 2.0)],
        "ft@AB": [("f1", 0.5, 2.0)],
        "seg@AB": [("w1", 0.5, 1.0), ("w2", 1.0, 1.5), ("w3", 1.5, 2.0)],
        "odd": [],
    }


def test_a_document_of_pympi_is_read(tmp_path: Path) -> None:
    made = Eaf(author="somebody")
    made.add_linguistic_type("tied", constraints="Symbolic_Association", timealignable=False)
    made.add_tier("ref", part="Asha")
    made.add_tier("ft", ling="tied", parent="ref")
    made.add_linked_file("file:///D:/a%20b.wav", "./a b.wav", "audio/x-wav", 250)
    for start_ms, end_ms, text in [(3000, 4000, "c"), (100, 2500, "a"), (2400, 3100, "b")]:
        made.add_annotation("ref", start_ms, end_ms, text)
    made.add_ref_annotation("ft", "ref", 200, "free of a")
    made.to_file(str(tmp_path / "d.eaf"))
    found = read_elan(tmp_path / "d.eaf")
    tiers = {tier.name: tier for tier in found.tiers}
    for name in ("ref", "ft"):
        read = [(one.start_s * 1000, one.end_s * 1000, one.text) for one in tiers[name].annotations]
        assert read == [row[:3] for row in sorted(made.get_annotation_data_for_tier(name))]
    assert tiers["ft"].participant == "Asha"
    assert [(medium.paths[0], medium.origin_ms) for medium in found.media] == [("D:/a%20b.wav", 250)]


def test_texts_kinds_and_speakers(tiers: dict[str, Tier]) -> None:
    assert [one.text for one in tiers["tx@AB"].annotations] == ["Mbwa anakimbia.", "Paka i"]
    assert {name: tier.participant for name, tier in tiers.items()} == {
        **dict.fromkeys(("ref@AB", "tx@AB", "mb@AB", "seg@AB"), "AB"), "ft@AB": "Asha Bakari", "odd": "",
    }  # fmt: skip
    assert tiers["mb@AB"].parent == "tx@AB"
    assert [name for name, tier in tiers.items() if tier.divides] == ["mb@AB"]
    assert tiers["tx@AB"].is_called(["TEXT"])
    assert tiers["tx@AB"].is_called(["tx@*"])
    assert not tiers["tx@AB"].is_called(["tx", "ref"])


def test_parts_of_one_parent_are_put_together(tiers: dict[str, Tier]) -> None:
    (both,) = whole(tiers["mb@AB"])
    assert (both.start_s, both.end_s, both.text) == (0.5, 2.0, "ana kimbia")
    assert [one.id for one in whole(tiers["seg@AB"])] == ["w1", "w2", "w3"]


# What belongs together


@pytest.mark.parametrize(
    ("name", "found"), [("ref@AB", "The dog runs"), ("tx@AB", "The dog runs"), ("mb@AB", "The dog runs")]
)
def test_a_translation_is_found_through_the_hierarchy(tiers: dict[str, Tier], name: str, found: str) -> None:
    first, *others = whole(tiers[name])
    assert Companions([tiers["ft@AB"]]).text_for(first, "AB") == found
    assert [Companions([tiers["ft@AB"]]).text_for(other, "AB") for other in others] == [""] * len(others)


def test_a_sibling_belongs_to_its_own_parent_only() -> None:
    def line(name: str, parent: str, start_s: float) -> Annotation:
        return Annotation(start_s, start_s + 1, name, name, (parent, "paragraph"))

    texts = [line("tx1", "ref1", 0), line("tx2", "ref2", 1)]
    translations = Tier("ft", (line("ft2", "ref2", 1),))
    assert [Companions([translations]).text_for(one, "") for one in texts] == ["", "ft2"]
    of_all = Tier("ft", (Annotation(0, 2, "all", "ft", ("paragraph",)),))
    assert [Companions([of_all]).text_for(one, "") for one in texts] == ["all", "all"]


def test_a_parallel_tier_belongs_by_time_and_by_speaker() -> None:
    one = Annotation(1.0, 2.0, "x", "x")
    parallel = Tier(
        "en", tuple(Annotation(*times, f"{times}", f"{times}") for times in [(0.0, 1.3), (1.3, 2.0), (2.0, 3.0)])
    )
    assert Companions([parallel]).text_for(one, "A") == "(1.3, 2.0)"
    hers = Tier("en@B", (Annotation(1.0, 2.0, "hers", "h"),), participant="B")
    his = Tier("en@A", (Annotation(1.1, 2.1, "his", "i"),), participant="A")
    assert Companions([hers, his]).text_for(one, "A") == "his"
    assert Companions([hers]).text_for(one, "A") == "hers"


# Damage


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "no element found"),
        ("<ANNOTATION_DOCUMENT><HEADER>", "no element found"),
        ("<document/>", "it begins with <document>"),
        ('<!DOCTYPE x [<!ENTITY e "boom">]><ANNOTATION_DOCUMENT>&e;</ANNOTATION_DOCUMENT>', "declares a document type"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><ANNOTATION_DOCUMENT>&e;</ANNOTATION_DOCUMENT>',
            "declares a document type",
        ),
        (eaf({}, [], units="NTSC-frames"), "counts time in NTSC-frames"),
        (eaf({"s": 1}, []).replace('VALUE="1"', 'VALUE="soon"'), "'soon' is no number of milliseconds"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(EarmarkError) as error:
        read_elan(write(tmp_path / "d.eaf", content))
    assert why in str(error.value)
    assert str(tmp_path / "d.eaf") in str(error.value)
    assert "\n" not in str(error.value)


def test_annotations_that_depend_on_each_other_are_left_out(tmp_path: Path) -> None:
    circle = [(tier("t"), [("a", ("b", ""), "x"), ("b", ("a", ""), "y")])]
    (found,) = read_elan(write(tmp_path / "d.eaf", eaf({}, circle))).tiers
    assert found.annotations == ()
