"""Whether word times fit the sound that they belong to, and moving those that do not."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.timing import FRAMES_PER_SECOND, HOP_SAMPLES
from earmark.core.vocabulary import plain_words
from earmark.media.audio import Waveform
from earmark.media.utterances import read_utterance

logger = logging.getLogger(__name__)

TOLERANCE_S = 0.05  # onsets by energy are this uncertain, for words may begin softly
SAMPLE = 100  # utterances whose sound is read
FEWEST = 10  # of them that must be measurable
SPEECH_DB = 30.0  # speech is at most so far below the loudest frames,
NOISE_DB = 10.0  # and at least so far above the quietest
LASTING = 5  # frames in a row; what is shorter is a click
LEADING = 3  # frames without speech before it, or its onset is cut off


def shift_words(corpus: Corpus, shift_s: float) -> Corpus:
    """Move all word times of a corpus that is written; a word that leaves its utterance is dropped.

    Words that the import left out because they run past the end of their utterance do not come back.

    Parameters
    ----------
    corpus : Corpus
    shift_s : float
        Seconds that are added to each time; negative ones make words earlier.

    Raises
    ------
    EarmarkError
        If the corpus has no word times.
    """
    splits = {split: corpus.utterances(split) for split in corpus.splits()}
    if not any(utterance.words for utterances in splits.values() for utterance in utterances):
        raise EarmarkError(f"The corpus {corpus.name} has no word times to move: leave --words-shift out.")
    write_corpus(corpus, {split: [_shifted(one, shift_s) for one in splits[split]] for split in splits})
    return corpus


def _shifted(utterance: Utterance, shift_s: float) -> Utterance:
    """The utterance with its words moved, each cut off where the utterance begins or ends."""
    if utterance.words is None:
        return utterance
    moved = (
        Word(
            word.word,
            round(max(0.0, word.start_s + shift_s), 6),
            round(min(word.end_s + shift_s, utterance.duration_s), 6),
        )
        for word in utterance.words
    )
    return replace(utterance, words=tuple(word for word in moved if word.start_s < word.end_s))


def check_word_times(corpus: Corpus) -> None:
    """Warn where the word times of a corpus are early or late against its sound.

    The starts of first words are compared with the onsets of speech, by energy, in a sample of the utterances.
    """
    utterances = [one for split in corpus.splits() for one in corpus.utterances(split) if _begins_with_a_word(one)]
    offsets_s = _offsets_s(utterances[:: -(-len(utterances) // SAMPLE) or 1])
    if len(offsets_s) < FEWEST:
        return
    offset_s = round(statistics.median(offsets_s), 2)
    if abs(offset_s) > TOLERANCE_S:
        logger.warning(
            "The word times are %.2f s %s against the sound (the median difference between the first word and the "
            "onset of speech in %d utterances): give --words-shift %.2f to move them.",
            abs(offset_s),
            "early" if offset_s > 0 else "late",
            len(offsets_s),
            offset_s,
        )


def _begins_with_a_word(utterance: Utterance) -> bool:
    """Whether the first word that has a time is the first of the text; where only keywords have times, it seldom is."""
    if not utterance.words or not utterance.text:
        return False
    first, text = plain_words(utterance.words[0].word), plain_words(utterance.text)
    return bool(first) and text[: len(first)] == first


def _offsets_s(utterances: Sequence[Utterance]) -> list[float]:
    """The onset of speech after the start of the first word, of each utterance whose onset can be told."""
    offsets_s = []
    for utterance in utterances:
        onset_s = speech_onset_s(read_utterance(utterance))
        if onset_s is not None and utterance.words:
            offsets_s.append(onset_s - utterance.words[0].start_s)
    return offsets_s


def speech_onset_s(waveform: Waveform) -> float | None:
    """When speech begins in a waveform at 16 kHz, by energy; None where it has begun already or nothing stands out."""
    frames = len(waveform) // HOP_SAMPLES
    if frames < LEADING + LASTING:
        return None
    samples = waveform[: frames * HOP_SAMPLES].reshape(frames, HOP_SAMPLES).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(samples**2, axis=1) + 1e-10)
    quiet_db, loud_db = np.percentile(levels_db, [5, 95])
    is_speech = levels_db > max(loud_db - SPEECH_DB, quiet_db + NOISE_DB)
    lasting = np.convolve(is_speech, np.ones(LASTING), "valid") == LASTING
    onset = int(np.argmax(lasting))
    return onset / FRAMES_PER_SECOND if lasting[onset] and onset >= LEADING else None
