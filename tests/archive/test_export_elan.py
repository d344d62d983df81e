"""ELAN: valid documents, and documents of others that keep all they had."""

from __future__ import annotations

import copy
import os
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pympi.Elan import Eaf

from earmark.archive.export import _eaf, elan
from earmark.core.errors import EarmarkError
from support.eaf_rules import faults
from support.exports import collection, marked, recording

# Made up, with all that a linguist's document may hold: subdivisions, times without a value, links, vocabularies.
SOMEBODYS = (Path(__file__).parents[1] / "support" / "somebodys.eaf").read_text(encoding="utf-8")
OLDER = (
    SOMEBODYS.replace("3.0", "2.8")
    .replace(SOMEBODYS[SOMEBODYS.index("  <REF_LINK_SET") : SOMEBODYS.index("  <EXTERNAL_REF")], "")
    .replace("urn:nl-mpi-tools-elan-eaf:", "urn:other:")
)
DOG = (marked("dog", 0.6, 0.9), marked("dog", 4.1, 4.5, None), marked("dog", 7.0, 7.25, "related"))


def export(folder: Path, *hits, name: str = "ọmọ ilé.wav", licence: str = "", consent: str = "", **about) -> Path:
    """Export one recording; the document's path."""
    one = recording(folder.parent / "sounds" / name, *hits, **about)
    written = elan.write(collection(one, licence=licence, consent=consent), folder)
    return written[0]


def tier(path: Path, name: str) -> list[tuple[int, int, str]]:
    eaf = Eaf(str(path))
    assert name in eaf.get_tier_names()
    return sorted(eaf.get_annotation_data_for_tier(name))


def everything(root: ET.Element) -> list[object]:
    """All of a document but for blanks between elements, which mean nothing in it."""
    text = root.text or ""
    return [
        root.tag,
        root.attrib,
        text if text.strip() and len(root) == 0 else "",
        [everything(child) for child in root],
    ]


def parsed(document: bytes | str) -> ET.Element:
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    return ET.fromstring(document, ET.XMLParser(target=builder))


def others(document: bytes) -> list[object]:
    """A document without what Earmark put in."""
    root = parsed(document)
    ours = [t for t in root.findall("TIER") if t.get("TIER_ID", "").startswith("earmark: ")]
    slots = {value for t in ours for a in t.iter("ALIGNABLE_ANNOTATION") for value in a.attrib.values()}
    for t in ours:
        root.remove(t)
    order = root.find("TIME_ORDER")
    order[:] = [slot for slot in order if slot.get("TIME_SLOT_ID") not in slots]
    for kind in root.findall("LINGUISTIC_TYPE"):
        if kind.get("LINGUISTIC_TYPE_ID") == "earmark":
            root.remove(kind)
    header = root.find("HEADER")
    for own in [p for p in header.findall("PROPERTY") if p.get("NAME", "").startswith("earmark: ")]:
        header.remove(own)
    for counted in header.findall("PROPERTY"):
        if counted.get("NAME") == "lastUsedAnnotationId":
            counted.text = "7"
    return everything(root)


def somebodys(folder: Path, document: str | bytes = SOMEBODYS, name: str = "ọmọ ilé.eaf") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(document if isinstance(document, bytes) else document.encode())
    return folder / name


def test_new_document_is_valid_and_pympi_reads_the_hits(tmp_path):
    path = export(tmp_path / "out", *DOG, marked("omi", 1, 2), licence="CC BY", consent="for research")
    assert faults(path.read_bytes()) == []
    assert tier(path, "earmark: dog") == [(600, 900, "dog"), (4100, 4500, "dog?"), (7000, 7250, "dog (related)")]
    assert tier(path, "earmark: omi") == [(1000, 2000, "omi")]
    root = parsed(path.read_bytes())
    assert root.get("FORMAT") == root.get("VERSION") == "3.0"
    assert root.find("LICENSE").text == "CC BY"
    assert Eaf(str(path)).get_properties() == [
        ("lastUsedAnnotationId", "4"),
        ("earmark: archive", "Ohùn ilé"),
        ("earmark: model", "earmark-pictures"),
        ("earmark: licence", "CC BY"),
        ("earmark: consent", "for research"),
    ]


def test_rejected_hits_are_left_out(tmp_path):
    path = export(tmp_path / "out", marked("dog", 1, 2, "no"), marked("dog", 3, 4))
    assert tier(path, "earmark: dog") == [(3000, 4000, "dog")]
    assert elan.write(collection(recording(tmp_path / "b.wav", marked("dog", 1, 2, "no"))), tmp_path / "none") == []


def test_channels_have_tiers_of_their_own(tmp_path):
    path = export(tmp_path / "out", marked("dog", 1, 2), marked("dog", 1, 2, channel=2), channels=2)
    assert faults(path.read_bytes()) == []
    assert set(Eaf(str(path)).get_tier_names()) == {"earmark: dog, channel 1", "earmark: dog, channel 2"}


def test_overlapping_hits_go_into_a_second_tier_whole(tmp_path):
    hits = (marked("dog", 1, 2), marked("dog", 1.5, 2.5), marked("dog", 2, 3), marked("dog", 2.5, 4))
    path = export(tmp_path / "out", *hits)
    assert faults(path.read_bytes()) == []
    assert tier(path, "earmark: dog") == [(1000, 2000, "dog"), (2000, 3000, "dog")]
    assert tier(path, "earmark: dog (2)") == [(1500, 2500, "dog"), (2500, 4000, "dog")]


def test_hits_without_length_or_beyond_the_end_are_made_to_fit(tmp_path):
    hits = (marked("a", 3, 3), marked("b", 9.9, 10.4), marked("c", 10.2, 10.4), marked("d", 2.0004, 2.0004))
    path = export(tmp_path / "out", *hits, duration_s=10.0)
    assert faults(path.read_bytes()) == []
    spans = [tier(path, f"earmark: {query}")[0][:2] for query in "abcd"]
    assert spans == [(3000, 3001), (9900, 10_000), (9999, 10_000), (2000, 2001)]


@pytest.mark.parametrize(
    "name", ["ọmọ ilé.wav", unicodedata.normalize("NFD", "ọmọ ilé.wav"), "50% #1 & <b>'\".wav", "語り.mp3"]
)
def test_media_have_the_addresses_that_elan_resolves(tmp_path, name):
    path = export(tmp_path / "out", *DOG, name=name)
    media = Eaf(str(path)).get_linked_files()[0]
    # ELAN takes off "file://" and decodes nothing (nl.mpi.util.FileUtility.urlToAbsPath).
    assert media["MEDIA_URL"].removeprefix("file://") == str(tmp_path / "sounds" / name)
    assert media["MEDIA_URL"].startswith("file:///")
    relative = media["RELATIVE_MEDIA_URL"]
    assert os.path.normpath(path.parent / relative) == str(tmp_path / "sounds" / name)
    assert relative.startswith(("./", "../"))
    assert media["MIME_TYPE"] == ("audio/x-wav" if name.endswith("wav") else "audio/*")


def test_media_beside_the_document_begin_with_a_dot(tmp_path):
    written = elan.write(collection(recording(tmp_path / "a b.wav", *DOG)), tmp_path)
    assert Eaf(str(written[0])).get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./a b.wav"


def test_words_of_any_kind_fit_into_xml(tmp_path):
    words = ["<b>&\"'", "a\tb\nc", "nul\0l", "half \udcff", "￾ no character", "ọ̀mọ", "]]>"]
    path = export(tmp_path / "out", *(marked(word, i, i + 1) for i, word in enumerate(words)), licence="a\0\nb\r\nc")
    assert faults(path.read_bytes()) == []
    written = {value for name in Eaf(str(path)).get_tier_names() for *_, value in tier(path, name)}
    assert written == {"<b>&\"'", "a b c", "nul l", "half \ufffd", "\ufffd no character", "ọ̀mọ", "]]>"}
    assert parsed(path.read_bytes()).find("LICENSE").text == "a\ufffd\nb\nc"


@pytest.mark.parametrize("document", [SOMEBODYS, OLDER], ids=["3.0", "2.8"])
def test_all_of_somebodys_document_stays(tmp_path, document):
    path = somebodys(tmp_path / "out", document)
    assert faults(document) == []
    assert export(tmp_path / "out", *DOG, licence="CC BY") == path
    assert faults(path.read_bytes()) == []
    assert others(path.read_bytes()) == everything(parsed(document))
    assert tier(path, "earmark: dog") == [(600, 900, "dog"), (4100, 4500, "dog?"), (7000, 7250, "dog (related)")]
    assert (path.parent / "ọmọ ilé.eaf.1.bak").read_bytes() == document.encode()


def test_the_comparison_sees_what_is_lost():
    """The oracle of the test before: each part of the document that is taken away makes a difference."""
    whole = parsed(SOMEBODYS)
    parts = [(parent, child) for parent in whole.iter() for child in parent]
    assert len(parts) > 50
    for parent, child in (part for part in parts if part[1].tag not in ("HEADER", "TIME_ORDER")):
        place = list(parent).index(child)
        parent.remove(child)
        assert others(_eaf.to_bytes(copy.deepcopy(whole))) != everything(parsed(SOMEBODYS))
        parent.insert(place, child)
    assert others(_eaf.to_bytes(whole)) == everything(parsed(SOMEBODYS))


def test_times_without_a_value_stay_between_their_neighbours(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", marked("dog", 1, 2), marked("dog", 0.1, 0.5), marked("dog", 2.5, 9))
    slots = [slot.get("TIME_VALUE", slot.get("TIME_SLOT_ID")) for slot in parsed(path.read_bytes()).iter("TIME_SLOT")]
    assert slots == ["100", "500", "500", "ts2", "ts3", "1000", "2000", "2500", "2500", "4000", "6000", "9000"] or (
        slots == ["100", "500", "ts2", "ts3", "500", "1000", "2000", "2500", "2500", "4000", "6000", "9000"]
    )


def test_elans_count_of_annotations_goes_on_after_ours(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", *DOG)
    assert ("lastUsedAnnotationId", "14") in Eaf(str(path)).get_properties()  # a11 is the highest of before


def test_a_second_export_replaces_the_first_and_nothing_else(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", *DOG, marked("omi", 1, 2))
    first = path.read_bytes()
    export(tmp_path / "out", *DOG, marked("omi", 1, 2))
    assert path.read_bytes() == first  # the same again is the same
    export(tmp_path / "out", marked("dog", 3, 3.5))
    assert faults(path.read_bytes()) == []
    assert others(path.read_bytes()) == everything(parsed(SOMEBODYS))
    assert [name for name in Eaf(str(path)).get_tier_names() if name.startswith("earmark")] == ["earmark: dog"]
    assert tier(path, "earmark: dog") == [(3000, 3500, "dog")]
    backups = sorted(path.parent.glob("*.bak"))
    assert [backup.read_bytes() for backup in backups] == [SOMEBODYS.encode(), first]


def test_our_tiers_go_when_all_hits_were_rejected(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", *DOG)
    export(tmp_path / "out", marked("dog", 1, 2, "no"))
    assert others(path.read_bytes()) == everything(parsed(SOMEBODYS))
    assert not [name for name in Eaf(str(path)).get_tier_names() if name.startswith("earmark")]


def test_a_document_is_not_touched_where_there_is_nothing_to_say(tmp_path):
    path = somebodys(tmp_path / "out")
    elan.write(collection(recording(tmp_path / "ọmọ ilé.wav", marked("dog", 1, 2, "no"))), tmp_path / "out")
    assert path.read_bytes() == SOMEBODYS.encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_tier_of_ours_that_somebody_built_upon_is_theirs(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", *DOG, marked("omi", 1, 2))
    child = '<TIER LINGUISTIC_TYPE_REF="gloss" PARENT_REF="earmark: dog" TIER_ID="what it means"/><LINGUISTIC_TYPE'
    path.write_bytes(path.read_bytes().replace(b"<LINGUISTIC_TYPE", child.encode(), 1))
    export(tmp_path / "out", marked("dog", 3, 3.5), marked("omi", 2, 3))
    assert faults(path.read_bytes()) == []
    assert len(tier(path, "earmark: dog")) == 3
    assert tier(path, "earmark: dog (2)") == [(3000, 3500, "dog")]
    assert tier(path, "earmark: omi") == [(2000, 3000, "omi")]


def test_a_tier_of_ours_that_a_link_names_is_theirs(tmp_path):
    path = somebodys(tmp_path / "out")
    export(tmp_path / "out", *DOG)
    named = list(parsed(path.read_bytes()).iter("ALIGNABLE_ANNOTATION"))[-1].get("ANNOTATION_ID")
    path.write_bytes(path.read_bytes().replace(b'REF2="a2"', f'REF2="{named}"'.encode()))
    export(tmp_path / "out", marked("dog", 3, 3.5))
    assert faults(path.read_bytes()) == []
    assert len(tier(path, "earmark: dog")) == 3


def test_somebodys_tier_of_our_name_is_theirs(tmp_path):
    path = somebodys(tmp_path / "out", SOMEBODYS.replace('TIER_ID="empty"', 'TIER_ID="earmark: dog"'))
    export(tmp_path / "out", *DOG)
    assert tier(path, "earmark: dog") == []
    assert len(tier(path, "earmark: dog (2)")) == 3


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_document_is_found_by_either_unicode_form(tmp_path, form):
    path = somebodys(tmp_path / "out", name=unicodedata.normalize(form, "ọmọ ilé.eaf"))
    assert export(tmp_path / "out", *DOG) == path
    assert len(list(path.parent.glob("*.eaf"))) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_a_document_in_another_encoding_keeps_its_letters(tmp_path, encoding):
    document = SOMEBODYS.replace("UTF-8", encoding)
    path = somebodys(tmp_path / "out", document.encode(encoding, "xmlcharrefreplace"))
    if encoding != "utf-16":  # attributes can't hold references to these letters in a name of a file
        assert b"&#" in path.read_bytes()
    export(tmp_path / "out", *DOG)
    assert others(path.read_bytes()) == everything(parsed(SOMEBODYS))


def declaring(entities: str, value: str) -> str:
    """The document with entities, and one of them in it."""
    declared = SOMEBODYS.replace("<ANNOTATION_DOCUMENT", f"<!DOCTYPE a [{entities}]><ANNOTATION_DOCUMENT")
    return declared.replace(">one<", f">{value}<")


BOMB = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
DAMAGED = {
    "cut": SOMEBODYS[: len(SOMEBODYS) // 2],
    "empty": "",
    "no XML": "RIFF\0\0\0\0WAVE",
    "other XML": "<html><body/></html>",
    "no header": "<ANNOTATION_DOCUMENT><TIME_ORDER/></ANNOTATION_DOCUMENT>",
    "no times": "<ANNOTATION_DOCUMENT><HEADER/></ANNOTATION_DOCUMENT>",
    "times that are none": SOMEBODYS.replace('TIME_VALUE="500"', 'TIME_VALUE="soon"'),
    "frames": SOMEBODYS.replace("milliseconds", "PAL-frames"),
    "no letters": SOMEBODYS.encode().replace("é".encode(), b"\xe9"),
    "unknown encoding": SOMEBODYS.replace("UTF-8", "klingon"),
    "file from outside": declaring("<!ENTITY x SYSTEM 'SECRET'>", "&x;"),
    "type from outside": SOMEBODYS.replace("<ANNOTATION_DOCUMENT", "<!DOCTYPE a SYSTEM 'SECRET'><ANNOTATION_DOCUMENT"),
    "bomb": declaring(f'<!ENTITY a0 "ha">{BOMB}', "&a11;"),
    "our type in use": SOMEBODYS.replace('"morphs"', '"earmark"'),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_document_is_an_error_and_nothing_changes(tmp_path, damage):
    document = DAMAGED[damage]
    if damage.endswith("from outside"):
        (tmp_path / "secret").write_text("the secret")
        document = document.replace("SECRET", (tmp_path / "secret").as_uri())
    path = somebodys(tmp_path / "out", document)
    before = path.read_bytes()
    good = recording(tmp_path / "a.wav", *DOG)
    with pytest.raises(EarmarkError) as raised:
        elan.write(collection(good, recording(tmp_path / "ọmọ ilé.wav", *DOG), licence="CC BY"), tmp_path / "out")
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "the secret" not in str(raised.value)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def mutate(change):
    root = ET.fromstring(SOMEBODYS)
    change(root)
    return faults(ET.tostring(root))


def _move_up(root):
    tier = root.find("TIER")
    root.remove(tier)
    root.insert(0, tier)


def _twice(root):
    order = root.find("TIME_ORDER")
    order.append(copy.deepcopy(order[0]))


def _overlap(root):
    root.find("TIME_ORDER/TIME_SLOT[@TIME_SLOT_ID='ts9']").set("TIME_VALUE", "5000")


@pytest.mark.parametrize(
    "change",
    [
        _move_up,
        _twice,
        _overlap,
        lambda root: root.attrib.pop("DATE"),
        lambda root: root.set("DATE", "yesterday"),
        lambda root: root.set("COLOUR", "red"),
        lambda root: root.remove(root.find("HEADER")),
        lambda root: root.find("TIER").set("LINGUISTIC_TYPE_REF", "nothing"),
        lambda root: root.findall("TIER")[1].set("PARENT_REF", "nobody"),
        lambda root: root.findall("TIER")[4].set("TIER_ID", "ref@Bọ́lá"),
        lambda root: next(root.iter("ALIGNABLE_ANNOTATION")).set("TIME_SLOT_REF1", "ts77"),
        lambda root: next(root.iter("ALIGNABLE_ANNOTATION")).set("TIME_SLOT_REF2", "ts1"),
        lambda root: next(root.iter("ALIGNABLE_ANNOTATION")).set("ANNOTATION_ID", "1"),
        lambda root: next(root.iter("TIME_SLOT")).set("TIME_VALUE", "0.5"),
        lambda root: next(root.iter("ANNOTATION")).append(ET.Element("REF_ANNOTATION")),
        lambda root: root.append(ET.Element("TIME_ORDER")),
        lambda root: root.find("HEADER/MEDIA_DESCRIPTOR").attrib.pop("MIME_TYPE"),
        lambda root: root.find("HEADER/MEDIA_DESCRIPTOR").set("MEDIA_URL", "file:///50%.wav"),
        lambda root: root.find("LINGUISTIC_TYPE").set("TIME_ALIGNABLE", "yes"),
        lambda root: root.findall("LINGUISTIC_TYPE")[1].set("CONSTRAINTS", "Included_In"),
    ],
)
def test_the_oracle_finds_what_is_wrong(change):
    assert mutate(lambda root: None) == []
    assert mutate(change) != []


# Documents that name their media


def document_of(*media: str, header: str = "") -> str:
    """A document whose media descriptors have these attributes."""
    descriptors = "".join(f'<MEDIA_DESCRIPTOR MIME_TYPE="audio/x-wav" {attributes}/>' for attributes in media)
    start = SOMEBODYS.index("    <MEDIA_DESCRIPTOR")
    end = SOMEBODYS.rindex("<MEDIA_DESCRIPTOR")
    end = SOMEBODYS.index("/>", end) + 2
    return (SOMEBODYS[:start] + descriptors + SOMEBODYS[end:]).replace('MEDIA_FILE=""', f'MEDIA_FILE="{header}"')


def sound_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def times(path: Path, name: str = "earmark: dog") -> list[tuple[int, int]]:
    return [(start, end) for start, end, _ in tier(path, name)]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("", [(600, 900), (4100, 4500), (7000, 7250)]),
        ('TIME_ORIGIN="0"', [(600, 900), (4100, 4500), (7000, 7250)]),
        ('TIME_ORIGIN="500"', [(100, 400), (3600, 4000), (6500, 6750)]),
        ('TIME_ORIGIN="+750"', [(0, 150), (3350, 3750), (6250, 6500)]),  # one begins before time 0
        ('TIME_ORIGIN="1000"', [(3100, 3500), (6000, 6250)]),  # one is wholly before it
        ('TIME_ORIGIN=" 900 "', [(3200, 3600), (6100, 6350)]),
        ('TIME_ORIGIN="-2000"', [(2600, 2900), (6100, 6500), (9000, 9250)]),
        ('TIME_ORIGIN="1.5"', [(600, 900), (4100, 4500), (7000, 7250)]),
        ('TIME_ORIGIN="soon"', [(600, 900), (4100, 4500), (7000, 7250)]),
        (f'TIME_ORIGIN="{"9" * 40}"', [(600, 900), (4100, 4500), (7000, 7250)]),
    ],
)
def test_times_are_from_the_offset_of_the_medium_on(tmp_path, origin, expected, caplog):
    path = tmp_path / "sounds" / "a.wav"
    sound_file(path)
    somebodys(tmp_path / "out", document_of(f'MEDIA_URL="file://{path}" {origin}'), "a.eaf")
    written = export(tmp_path / "out", *DOG, name="a.wav")
    assert times(written) == expected
    assert [fault for fault in faults(written.read_bytes()) if "TIME_ORIGIN" not in fault] == []
    assert ("are left out" in caplog.text) == (len(expected) < 3)
    assert ("is no number of milliseconds" in caplog.text) == any(junk in origin for junk in ("1.5", "soon", "99"))


def test_each_medium_has_an_offset_of_its_own(tmp_path):
    wav, film = (sound_file(tmp_path / "sounds" / name) for name in ("a.wav", "a.mp4"))
    document = document_of(
        f'MEDIA_URL="file://{film}" TIME_ORIGIN="4000"', f'MEDIA_URL="file://{wav}" TIME_ORIGIN="100"'
    )
    somebodys(tmp_path / "out", document, "a.eaf")
    both = collection(recording(wav, *DOG), recording(film, *DOG))
    (written,) = elan.write(both, tmp_path / "out")[:1]
    assert times(written, "earmark: dog, a.wav") == [(500, 800), (4000, 4400), (6900, 7150)]
    assert times(written, "earmark: dog, a.mp4") == [(100, 500), (3000, 3250)]
    assert [path.name for path in (tmp_path / "out").glob("*.eaf")] == ["a.eaf"]
    elan.write(both, tmp_path / "out")
    names = [name for name in Eaf(str(written)).get_tier_names() if name.startswith("earmark: ")]
    assert sorted(names) == ["earmark: dog, a.mp4", "earmark: dog, a.wav"]
    assert others(written.read_bytes()) == everything(parsed(document))


@pytest.mark.parametrize(
    "address",
    [
        'MEDIA_URL="file://{sounds}/ọmọ ilé.wav"',
        'MEDIA_URL="file:{sounds}/ọmọ ilé.wav"',
        'MEDIA_URL="file://localhost{sounds}/ọmọ ilé.wav"',
        'MEDIA_URL="file://{sounds}/%E1%BB%8Dm%E1%BB%8D%20il%C3%A9.wav"',
        'MEDIA_URL="{sounds}/ọmọ ilé.wav"',
        'MEDIA_URL="file:///nowhere/x.wav" RELATIVE_MEDIA_URL="../sounds/ọmọ ilé.wav"',
        'MEDIA_URL="" RELATIVE_MEDIA_URL="file:../sounds/ọmọ ilé.wav"',
        'MEDIA_URL="" RELATIVE_MEDIA_URL="..\\sounds\\ọmọ ilé.wav"',
        'MEDIA_URL="" RELATIVE_MEDIA_URL="./../sounds/%E1%BB%8Dm%E1%BB%8D ilé.wav"',
        'MEDIA_URL="file:///C:/Users/Ọlá/ọmọ ilé.wav"',
        'MEDIA_URL="file:///C:\\Users\\Ọlá\\ọmọ ilé.wav"',
        'MEDIA_URL="file:///media/stick/ỌMỌ ILÉ.WAV"',
        'MEDIA_URL="file:////server/share/ọmọ ilé.wav"',
        'MEDIA_URL="file:///nowhere/ọmọ.wav" EXTRACTED_FROM="file://{sounds}/ọmọ ilé.wav"',
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_hits_go_into_the_document_that_names_the_recording(tmp_path, address, form):
    sounds = tmp_path / "sounds"
    sound_file(sounds / "ọmọ ilé.wav")
    named = unicodedata.normalize(form, address.format(sounds=sounds)) + ' TIME_ORIGIN="600"'
    somebodys(tmp_path / "out", document_of(named), "session 3.eaf")
    written = export(tmp_path / "out", *DOG)
    assert written.name == "session 3.eaf"
    assert times(written) == [(0, 300), (3500, 3900), (6400, 6650)]
    assert [path.name for path in (tmp_path / "out").glob("*.eaf")] == ["session 3.eaf"]


def test_a_document_is_of_the_recording_that_it_names_not_of_its_namesake(tmp_path):
    one, other = (sound_file(tmp_path / "sounds" / name) for name in ("one.wav", "other.wav"))
    somebodys(tmp_path / "out", document_of(f'MEDIA_URL="file://{other}"'), "one.eaf")
    elan.write(collection(recording(one, *DOG[:1]), recording(other, *DOG[1:])), tmp_path / "out")
    assert times(tmp_path / "out" / "one.eaf") == [(4100, 4500), (7000, 7250)]
    assert times(tmp_path / "out" / "one (2).eaf") == [(600, 900)]
    assert len(list((tmp_path / "out").glob("*.eaf"))) == 2
    elan.write(collection(recording(one, *DOG[:1]), recording(other, *DOG[1:])), tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.eaf"))) == 2


def test_of_several_documents_the_one_called_like_the_recording_is_taken(tmp_path):
    path = sound_file(tmp_path / "sounds" / "b.wav")
    for name in ("a.eaf", "b.eaf", "c.eaf"):
        somebodys(tmp_path / "out", document_of(f'MEDIA_URL="file://{path}"'), name)
    assert export(tmp_path / "out", *DOG, name="b.wav").name == "b.eaf"


def test_a_file_name_says_nothing_where_several_recordings_have_it(tmp_path):
    paths = [sound_file(tmp_path / "sounds" / folder / "a.wav") for folder in ("x", "y")]
    somebodys(tmp_path / "out", document_of('MEDIA_URL="file:///D:/a.wav"'), "old.eaf")
    elan.write(collection(*(recording(path, *DOG) for path in paths)), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.eaf")) == ["a (x).eaf", "a (y).eaf", "old.eaf"]


def test_a_document_of_another_medium_that_is_there_is_left_alone(tmp_path):
    film = sound_file(tmp_path / "elsewhere" / "a.wav")
    before = document_of(f'MEDIA_URL="file://{film}"')
    path = somebodys(tmp_path / "out", before, "a.eaf")
    assert export(tmp_path / "out", *DOG, name="a.wav").name == "a (2).eaf"
    assert path.read_text(encoding="utf-8") == before


def test_the_sound_of_a_film_has_the_films_offset(tmp_path):
    """A document that names the film alone, beside the wav that was made of it."""
    somebodys(tmp_path / "out", document_of('MEDIA_URL="file:///D:/a.mp4" TIME_ORIGIN="600"'), "a.eaf")
    assert times(export(tmp_path / "out", *DOG, name="a.wav")) == [(0, 300), (3500, 3900), (6400, 6650)]


def test_a_medium_in_the_header_as_eaf_1_has_it(tmp_path):
    path = sound_file(tmp_path / "sounds" / "a.wav")
    somebodys(tmp_path / "out", document_of(header=f"file://{path}"), "first.eaf")
    assert export(tmp_path / "out", *DOG, name="a.wav").name == "first.eaf"


def test_a_damaged_document_of_another_name_is_no_hindrance(tmp_path):
    somebodys(tmp_path / "out", "<nonsense", "x.eaf")
    assert export(tmp_path / "out", *DOG, name="a.wav").name == "a.eaf"
