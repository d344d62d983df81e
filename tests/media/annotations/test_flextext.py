"""Reading of FLEx's interlinear texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.errors import EarmarkError
from earmark.media.annotations.flextext import read_flextext
from support.annotated import write

TEXT = """<?xml version="1.0" encoding="utf-8"?>
<document version="2"><interlinear-text guid="t">
  <item type="title" lang="en">Dogs</item>
  <paragraphs><paragraph><phrases>
    <phrase guid="p1" begin-time-offset="500" end-time-offset="1750" media-file="m1" speaker="Asha">
      <item type="segnum" lang="en">1</item>
      <words>
        <word guid="w1"><item type="txt" lang="swh">Mbwa</item><item type="gls" lang="en">dog</item></word>
        <word guid="w2"><item type="txt" lang="swh">anakimbia</item>
          <morphemes><morph type="stem"><item type="txt" lang="swh">kimbia</item></morph></morphemes></word>
        <word><item type="punct" lang="swh">.</item></word>
      </words>
      <item type="gls" lang="en">The dog  runs.</item><item type="gls" lang="fr">Le chien court.</item>
      <item type="lit" lang="en">dog it-runs</item>
    </phrase>
    <phrase guid="p2"><item type="txt" lang="swh">Paka.</item><item type="lit" lang="en">cat</item></phrase>
  </phrases></paragraph></paragraphs>
  <media-files offset-type="milliseconds"><media guid="m1" location="file:///D:/dogs.wav"/>
    <media guid="m2" location="b.mp4"/></media-files>
</interlinear-text></document>"""


def test_phrases_by_hand(tmp_path: Path) -> None:
    one, two = read_flextext(write(tmp_path / "t.flextext", TEXT))
    assert (one.id, one.start_s, one.end_s, one.speaker) == ("1.1", 0.5, 1.75, "Asha")
    assert one.texts == {"swh": "Mbwa anakimbia."}
    assert one.translations == {"en": "The dog runs.", "fr": "Le chien court."}
    assert [medium.paths[0] for medium in one.media] == ["D:/dogs.wav"]
    assert (two.start_s, two.end_s, two.texts, two.translations) == (None, None, {"swh": "Paka."}, {"en": "cat"})
    assert len(two.media) == 2


@pytest.mark.parametrize(
    "content", ["", "<ANNOTATION_DOCUMENT/>", "<!DOCTYPE d [<!ENTITY a 'b'>]><document>&a;</document>"]
)
def test_damage_is_one_sentence(tmp_path: Path, content: str) -> None:
    with pytest.raises(
        EarmarkError, match=r"can't be read as a FLEx interlinear text \(.+\): copy or export it again\."
    ):
        read_flextext(write(tmp_path / "t.flextext", content))
