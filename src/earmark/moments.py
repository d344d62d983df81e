"""From a candidate to a moment that a page can show and play."""

from __future__ import annotations

import numpy as np

from earmark.audio import read_audio
from earmark.corpus import Utterance
from earmark.finder import Candidate, Floats
from earmark.pages.moment import Moment
from earmark.timing import s_to_samples


def moment(candidate: Candidate, utterance: Utterance | None = None, verdict: str = "") -> Moment:
    """The sound around a candidate, and what is known of it where it comes from a corpus.

    Raises
    ------
    EarmarkError
        If the recording can no longer be read.
    """
    start, end = (s_to_samples(edge_s) for edge_s in candidate.window_s)
    times_s, curve = _rising(candidate)
    return Moment(
        hit=candidate.hit,
        waveform=read_audio(candidate.hit.recording)[start:end],
        offset_s=candidate.window_s[0],
        curve_times_s=times_s,
        curve=curve,
        words=(utterance.words or ()) if utterance else (),
        image=utterance.image if utterance and utterance.image and utterance.image.is_file() else None,
        verdict=verdict,
        caption=(utterance.text or "") if utterance else "",
    )


def _rising(candidate: Candidate) -> tuple[Floats, Floats]:
    """The curve in order of time. Where several segments share a centre, the best one speaks for it."""
    times_s, which = np.unique(candidate.times_s, return_inverse=True)
    curve = np.zeros(len(times_s))
    np.maximum.at(curve, which, candidate.curve)
    return times_s, curve
