"""Speakers and consents as plain files of a project."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from earmark.core.errors import EarmarkError
from earmark.studio.speakers import (
    Speaker,
    add_consent,
    add_speaker,
    change_speaker,
    note_withdrawal,
    read_speaker,
    speaker_folder,
    speakers,
    withdrawn,
)


def test_a_speaker_has_a_number_and_a_readable_file(tmp_path: Path) -> None:
    first = add_speaker(tmp_path, "  Ọlá\n\tAdé ", ["Yorùbá", "yorùbá", "", "Yorùbá"], "closed", "CC BY", "elder\nof A")
    second = add_speaker(tmp_path)
    assert (first.id, second.id) == ("s01", "s02")
    assert first.name == "Ọlá Adé"
    assert first.languages == ("Yorùbá", "yorùbá")
    assert second.display_name == "s02"
    file = yaml.safe_load((tmp_path / "speakers/s01/speaker.yaml").read_text(encoding="utf-8"))
    assert (file["name"], file["access"], file["note"]) == ("Ọlá Adé", "closed", "elder\nof A")
    assert speakers(tmp_path) == [first, second]
    assert "Ọlá" not in "".join(path.name for path in tmp_path.rglob("*"))


def test_a_speaker_is_changed(tmp_path: Path) -> None:
    add_speaker(tmp_path, "A")
    change_speaker(tmp_path, "s01", name="B", languages=("x",))
    assert read_speaker(tmp_path, "s01").name == "B"
    (tmp_path / "speakers/s01/speaker.yaml").write_text("id: s01\nname: by hand\n", encoding="utf-8")
    assert read_speaker(tmp_path, "s01") == Speaker("s01", "by hand")
    for values, problem in (({"access": "all"}, "none of open"), ({"id": "s02"}, "has no id")):
        with pytest.raises(EarmarkError, match=problem):
            change_speaker(tmp_path, "s01", **values)


def test_consents_are_documents_that_stay(tmp_path: Path) -> None:
    add_speaker(tmp_path)
    add_consent(tmp_path, "s01", "text", "You may use it for research.")
    add_consent(tmp_path, "s01", "speech", content=b"RIFF", suffix=".wav")
    speaker = add_consent(tmp_path, "s01", "picture", content=b"\xff\xd8", suffix=".jpg")
    assert [consent.kind for consent in speaker.consents] == ["text", "speech", "picture"]
    assert (tmp_path / "speakers/s01/consent-02.wav").read_bytes() == b"RIFF"
    assert (tmp_path / "speakers/s01/consent-03.jpg").read_bytes() == b"\xff\xd8"
    assert read_speaker(tmp_path, "s01") == speaker
    for kind, content, suffix in (("text", b"", ""), ("speech", b"", ".wav"), ("speech", b"x", "/../../x.wav")):
        with pytest.raises(EarmarkError, match="is empty"):
            add_consent(tmp_path, "s01", kind, content=content, suffix=suffix)  # type: ignore[arg-type]


@pytest.mark.parametrize("id_", ["../s01", "s1", "s01/..", "", "S01", "s01\n", "con", "s" + "1" * 9])
def test_an_id_from_outside_is_no_path(tmp_path: Path, id_: str) -> None:
    with pytest.raises(EarmarkError, match="no id of a speaker"):
        speaker_folder(tmp_path, id_)


def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    add_speaker(tmp_path, "A")
    add_speaker(tmp_path, "B")
    note_withdrawal(tmp_path, "s02")
    assert [speaker.id for speaker in speakers(tmp_path)] == ["s01"]
    assert list(withdrawn(tmp_path)) == ["s02"]
    with (tmp_path / "speakers/withdrawn.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "s0')  # torn by a power cut
    assert add_speaker(tmp_path).id == "s03"
    note_withdrawal(tmp_path, "s03")
    assert list(withdrawn(tmp_path)) == ["s02", "s03"]


def test_windows_that_add_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda number: add_speaker(tmp_path, str(number)), range(24)))
    assert len({speaker.id for speaker in added}) == 24
    assert {speaker.name for speaker in speakers(tmp_path)} == {str(number) for number in range(24)}


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    add_speaker(tmp_path)
    (tmp_path / "speakers/s01/speaker.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"speaker\.yaml can't be read"):
        speakers(tmp_path)
