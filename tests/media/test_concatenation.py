"""Long recordings that are made of utterances hold these, sample for sample, where it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from earmark.core.corpus import Corpus
from earmark.core.timing import s_to_samples
from earmark.media.audio import read_audio
from earmark.media.concatenation import GAPS_S, concatenate


def test_what_is_spoken_when(tiny_corpus: Corpus, tmp_path: Path) -> None:
    utterances = tiny_corpus.utterances("test")
    concatenated = concatenate(utterances, tmp_path, 3.0)
    assert len(concatenated) > 1
    assert [spoken.utterance for inside in concatenated.values() for spoken in inside] == utterances
    for path, inside in concatenated.items():
        whole = read_audio(path)
        before_s = 0.0
        for spoken in inside:
            assert GAPS_S[0] - 1e-4 <= spoken.start_s - before_s <= GAPS_S[1] + 1e-4
            before_s = spoken.end_s
            part = whole[s_to_samples(spoken.start_s) : s_to_samples(spoken.end_s)]
            np.testing.assert_allclose(part, read_audio(spoken.utterance.audio), atol=2**-15)
            for word in spoken.utterance.words or ():
                assert (spoken.start_s + word.start_s, spoken.start_s + word.end_s) in spoken.occurrences_s(word.word)
        assert soundfile.info(str(path)).frames == s_to_samples(before_s)
    assert not list(tmp_path.glob(".*"))
