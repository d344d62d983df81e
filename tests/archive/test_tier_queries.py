"""Words of a tier as spoken queries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.archive.creation import make_features_archive
from earmark.archive.lexicon import get_word
from earmark.archive.lexicon_file import import_tier
from earmark.archive.tier_queries import MOST_EXAMPLES, queries_of_tier
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media.audio import read_audio
from earmark.recipe import feature_settings

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
  <HEADER TIME_UNITS="milliseconds">
    <MEDIA_DESCRIPTOR MEDIA_URL="file:///elsewhere/tale.wav" MIME_TYPE="audio/x-wav" TIME_ORIGIN="500"/>
  </HEADER>
  <TIME_ORDER>{slots}</TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="word" TIER_ID="words@A">{annotations}</TIER>
  <TIER LINGUISTIC_TYPE_REF="note" TIER_ID="notes"></TIER>
  <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="word" TIME_ALIGNABLE="true"/>
  <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="note" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


def document(folder: Path, words: list[tuple[str, int, int]]) -> Path:
    """An ELAN document of words with their times in milliseconds."""
    slots, annotations = "", ""
    for i, (text, start, end) in enumerate(words):
        slots += (
            f'<TIME_SLOT TIME_SLOT_ID="s{i}" TIME_VALUE="{start}"/><TIME_SLOT TIME_SLOT_ID="e{i}" TIME_VALUE="{end}"/>'
        )
        annotations += (
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{i}" TIME_SLOT_REF1="s{i}" TIME_SLOT_REF2="e{i}">'
            f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
        )
    path = folder / "tale.eaf"
    path.write_text(EAF.format(slots=slots, annotations=annotations), encoding="utf-8")
    return path


@pytest.fixture
def tale(tmp_path: Path) -> Path:
    ramp = np.linspace(0, 0.9, 20 * SAMPLE_RATE)  # its value says where it was cut
    soundfile.write(tmp_path / "tale.wav", ramp, SAMPLE_RATE)
    long = [("mbali", 1000 * i, 1000 * i + 400) for i in range(14)]
    return document(tmp_path, [("mbwa", 2000, 2600), ("ọmọ", 5000, 5500), ("MBWA", 9000, 9800), ("a", 100, 150), *long])


def test_annotations_of_one_word_are_one_query(tale: Path, tmp_path: Path) -> None:
    out = tmp_path / "clips"
    out.mkdir()
    queries = {query.name: query.clips for query in queries_of_tier(tale, ["words@*"], out)}
    assert {name: len(clips) for name, clips in queries.items()} == {"mbwa": 2, "ọmọ": 1, "mbali": MOST_EXAMPLES}
    sound = read_audio(queries["mbwa"][1])
    assert len(sound) == round(0.8 * SAMPLE_RATE)
    assert sound[0] == pytest.approx((9.0 + 0.5) / 20 * 0.9, abs=1e-3)  # the medium begins half a second earlier
    assert [query.name for query in queries_of_tier(tale, ["word"], out, ["Mbwa"])] == ["mbwa"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_for_the_clips_is_the_systems_own_error(tale: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "0-0.wav").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        queries_of_tier(tale, ["words@*"], tmp_path / "clips")


def test_annotations_without_sound_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sound = np.zeros(4 * SAMPLE_RATE)
    sound[:SAMPLE_RATE] = np.sin(np.arange(SAMPLE_RATE) / 3)
    soundfile.write(tmp_path / "Tale.wav", sound, SAMPLE_RATE)  # of a name in another case
    words = [("mbwa", 0, 400), ("mbwa", 2000, 2400), ("mbwa", 9000, 9400), ("paka", 2000, 2400)]
    (only,) = queries_of_tier(document(tmp_path, words), ["word"], tmp_path)
    assert (only.name, len(only.clips)) == ("mbwa", 1)
    assert sorted(record.args[:2] for record in caplog.records) == [("mbwa", 2.0), ("mbwa", 9.0), ("paka", 2.0)]
    with pytest.raises(EarmarkError, match=r"No annotation in .* has sound"):
        queries_of_tier(document(tmp_path, words[1:]), ["word"], tmp_path)


def test_words_of_a_tier_go_into_the_lexicon(tale: Path, tmp_path: Path) -> None:
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    assert import_tier(archive, tale, ["words@A"]).new == 3
    assert {one.origin for one in get_word(archive, "mbwa").clips} == {"tale.eaf, 1", "tale.eaf, 2"}
    assert import_tier(archive, tale, ["words@A"]).new == 0
    assert len(get_word(archive, "mbwa").clips) == 2


def test_what_can_not_be_used_is_refused(tale: Path, tmp_path: Path) -> None:
    for path, tiers, sentence in (
        (tale, [], "--tier"),
        (tale, ["nouns"], r"no tier that is called nouns: its tiers are words@A, notes"),
        (tale, ["notes"], "No annotation"),
        (tmp_path / "none.eaf", ["words"], "There is no document"),
        (tmp_path / "tale.wav", ["words"], "no document of ELAN or Praat"),
    ):
        with pytest.raises(EarmarkError, match=sentence):
            queries_of_tier(path, tiers, tmp_path)
    (tmp_path / "tale.wav").unlink()
    with pytest.raises(EarmarkError, match=r"recording of .* is not where it says"):
        queries_of_tier(tale, ["words@A"], tmp_path)
