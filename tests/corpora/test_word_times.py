from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark import cli
from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.corpora._word_times import check_word_times, shift_words, speech_onset_s
from support.imports import spoken, write
from support.media import tone

RATE = 16_000


def sound(onset_s: float, seed: int = 0, noise: float = 0.001) -> np.ndarray:
    """Noise, in which a tone of 0.8 s begins at `onset_s`."""
    samples = np.random.default_rng(seed).normal(0, noise, round((onset_s + 1.2) * RATE))
    start = round(onset_s * RATE)
    samples[start : start + round(0.8 * RATE)] += tone(0.8)
    return samples.astype(np.float32)


def corpus_in(folder: Path, offset_s: float, count: int = 30, text: str = "mbwa mkubwa") -> Corpus:
    """Tones whose first word begins `offset_s` before they do."""
    utterances = []
    for n in range(count):
        onset_s = 0.3 + n / 100
        samples = sound(onset_s, n)
        path = folder / f"{n}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, samples, RATE)
        start_s = onset_s - offset_s
        words = (Word("mbwa", start_s, start_s + 0.4), Word("mkubwa", start_s + 0.4, start_s + 0.8))
        utterances.append(Utterance(str(n), path, RATE, len(samples), text=text, words=words))
    return write_corpus(Corpus(folder, "tones"), {"train": utterances[1:], "dev": utterances[:1]})


@pytest.mark.parametrize("onset_s", [0.05, 0.31, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_onset_is_where_the_tone_begins(onset_s: float, noise: float) -> None:
    assert speech_onset_s(sound(onset_s, noise=noise)) == pytest.approx(onset_s, abs=0.01)


def test_onset_ignores_a_click() -> None:
    samples = sound(0.5)
    samples[1600:1800] = 0.9
    assert speech_onset_s(samples) == pytest.approx(0.5, abs=0.01)


def test_onset_is_unknown_where_speech_began_before_or_nothing_stands_out() -> None:
    assert speech_onset_s(sound(0.0)) is None
    assert speech_onset_s(np.zeros(RATE, np.float32)) is None
    assert speech_onset_s(tone(0.05)) is None


@pytest.mark.parametrize(
    ("offset_s", "sentence"),
    [
        (0.12, "0.12 s early against the sound .* in 30 utterances.*--words-shift 0.12 to move"),
        (-0.2, "0.20 s late against the sound .*--words-shift -0.20 to move"),
    ],
)
def test_early_and_late_word_times_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, offset_s: float, sentence: str
) -> None:
    corpus = corpus_in(tmp_path, offset_s)
    check_word_times(corpus)
    (record,) = caplog.records
    assert re.search(sentence, record.getMessage())
    shift_words(corpus, offset_s)
    caplog.clear()
    check_word_times(corpus)
    assert not caplog.records


@pytest.mark.parametrize(
    ("offset_s", "count", "text"),
    [
        (0.03, 30, "mbwa mkubwa"),  # within the tolerance
        (0.12, 9, "mbwa mkubwa"),  # too few to tell
        (0.12, 30, "huyu mbwa mkubwa"),  # words without times before the first that has one
    ],
)
def test_word_times_that_can_not_be_blamed_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, offset_s: float, count: int, text: str
) -> None:
    check_word_times(corpus_in(tmp_path, offset_s, count, text))
    assert not caplog.records


def test_shifted_words_stay_in_their_utterance(tmp_path: Path) -> None:
    words = (Word("a", 0.0, 0.1), Word("b", 0.1, 0.5), Word("c", 0.5, 1.0))
    known = Utterance("one", tmp_path / "one.wav", RATE, RATE, text="a b c", words=words)
    corpus = write_corpus(Corpus(tmp_path, "x"), {"train": [known, Utterance("two", tmp_path / "2.wav", RATE, RATE)]})
    first, second = shift_words(corpus, -0.2).utterances("train")
    assert spoken(first) == [("b", 0.0, 0.3), ("c", 0.3, 0.8)]
    assert second.words is None
    assert spoken(shift_words(corpus, 0.75).utterances("train")[0]) == [("b", 0.75, 1.0)]


def test_a_corpus_without_word_times_has_none_to_move(tmp_path: Path) -> None:
    corpus = write_corpus(Corpus(tmp_path, "x"), {"train": [Utterance("one", tmp_path / "1.wav", RATE, RATE)]})
    with pytest.raises(EarmarkError, match="has no word times to move: leave --words-shift out"):
        shift_words(corpus, 0.1)


@pytest.mark.usefixtures("command_line")
def test_every_import_checks_and_can_shift(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return " ".join("".join(capsys.readouterr()).split())

    source = corpus_in(tmp_path / "tones", 0.12)
    known = [u for split in source.splits() for u in source.utterances(split)]
    rows = [f"{u.audio},{u.id},{u.text},train" for u in known]
    write(tmp_path / "utterances.csv", "audio,utterance_id,text,split", *rows)
    times = [f"{u.id},{w.word},{w.start_s:.3f},{w.end_s:.3f}" for u in known for w in u.words or ()]
    write(tmp_path / "words.csv", "utterance_id,word,start_s,end_s", *times)
    table = ["corpus", "table", tmp_path / "utterances.csv", tmp_path / "out", "--words", tmp_path / "words.csv"]
    assert "0.12 s early against the sound" in printed(*table)
    assert "against the sound" not in printed(*table, "--words-shift", "0.12")
    moved = {u.id: u.words for u in read_corpus(tmp_path / "out").utterances("train")}
    for utterance in known:
        assert utterance.words is not None
        assert [w.start_s for w in moved[utterance.id] or ()] == pytest.approx(
            [w.start_s + 0.12 for w in utterance.words], abs=0.001
        )
