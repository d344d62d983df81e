"""From a candidate to a moment that a page can show and play."""

from __future__ import annotations

from earmark.audio import read_audio
from earmark.corpus import Utterance
from earmark.finder import Candidate, Finder
from earmark.pages.moment import Moment
from earmark.pages.sight import Sight
from earmark.queries import ImageQuery
from earmark.timing import s_to_samples


def moment(
    candidate: Candidate, utterance: Utterance | None = None, verdict: str = "", sight: Sight | None = None
) -> Moment:
    """The sound around a candidate, and what is known of it where it comes from a corpus or was asked with pictures.

    Raises
    ------
    EarmarkError
        If the recording can no longer be read.
    """
    start, end = (s_to_samples(edge_s) for edge_s in candidate.window_s)
    return Moment(
        hit=candidate.hit,
        waveform=read_audio(candidate.hit.recording)[start:end],
        offset_s=candidate.window_s[0],
        curve_times_s=candidate.times_s,
        curve=candidate.curve,
        words=(utterance.words or ()) if utterance else (),
        image=utterance.image if utterance and utterance.image and utterance.image.is_file() else None,
        verdict=verdict,
        caption=(utterance.text or "") if utterance else "",
        sight=sight,
    )


def sight(finder: Finder, query: ImageQuery, candidate: Candidate) -> Sight:
    """What the model sees in the pictures that it was asked with, for a page to show.

    Raises
    ------
    EarmarkError
        If a picture or the recording can no longer be read.
    """
    look = finder.look(query, candidate)
    return Sight(query, look.best, look.matchmap, look.image_attention, look.audio_attention, candidate.times_s)
