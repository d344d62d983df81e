"""``earmark evaluate --queries spoken``: an archive is measured with clips of words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.core.timing import SAMPLE_RATE
from earmark.media.annotations.nist_files import Lexeme, write_rttm

WORDS = {"mbwa": (300, 2400, 700, 1500), "maji": (900, 3300, 250, 2000)}
PLACES = {"mbwa": (5.0, 30.0), "maji": (12.0,)}


def word(name: str, pitch: float = 1.0) -> np.ndarray:
    t = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [sum(np.sin(2 * np.pi * f * pitch * k * t) / k for k in (1, 2, 3)) for f in WORDS[name]]
    return 0.2 * np.concatenate([tone * np.hanning(len(t)) for tone in tones])


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Recordings, clips of two words, and what is said where."""
    rng = np.random.default_rng(0)
    sound = 0.004 * rng.standard_normal(45 * SAMPLE_RATE)
    lexemes = []
    for name, places in PLACES.items():
        for place in places:
            first = round(place * SAMPLE_RATE)
            sound[first : first + len(word(name))] += word(name)
            lexemes.append(Lexeme("a", "1", place, 0.8, name))
    for folder in ("media", "clips"):
        (tmp_path / folder).mkdir()
    soundfile.write(tmp_path / "media" / "a.wav", sound, SAMPLE_RATE)
    soundfile.write(tmp_path / "media" / "b.wav", 0.004 * rng.standard_normal(20 * SAMPLE_RATE), SAMPLE_RATE)
    for name in WORDS:
        soundfile.write(tmp_path / "clips" / f"{name}.wav", np.pad(word(name, 1.02), 3000), SAMPLE_RATE)
    write_rttm(tmp_path / "said.rttm", lexemes)
    return tmp_path


def test_an_archive_is_measured(
    field: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earmark.cli import main

    def earmark(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    archive, out = field / "archive", field / "out"
    assert earmark("index", "--features", "mfcc", field / "media", "--archive", archive)[0] == 0
    spoken = ("evaluate", archive, "--queries", "spoken", "--out", out, "--costs", "san2021")
    status, printed = earmark(*spoken, "--clips", field / "clips", "--rttm", field / "said.rttm")
    assert status == 0, printed
    numbers = json.loads((out / "metrics.json").read_text())
    assert (numbers["queries"], numbers["map"], numbers["p_at_10"], numbers["mtwv"]) == (2, 1.0, 1.0, 1.0)
    assert numbers["per_query"]["mbwa"]["occurrences"] == 2
    assert numbers["costs"]["prior"] == 0.0278
    # What is written says the same to other tools.
    files = ("--rttm", out / "reference.rttm", "--ecf", out / "ecf.xml", "--terms", out / "kwlist.xml")
    status, printed = earmark("score", out / "kwslist.xml", *files, "--costs", "san2021")
    assert status == 0, printed
    assert "MTWV" in printed
    assert "1.0000" in printed

    status, printed = earmark(*spoken, "--clips", field / "clips", "--rttm", field / "said.rttm", "--by-utterance")
    assert status == 0, printed
    assert json.loads((out / "metrics.json").read_text())["cnxe"] is not None
    for missing, sentence in (
        (("--clips", field / "clips"), "one reference"),
        (("--rttm", field / "said.rttm"), "need clips"),
    ):
        status, printed = earmark(*spoken, *missing)
        assert status == 1
        assert sentence in printed
