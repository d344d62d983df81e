"""From "about so many false alarms an hour" to detection scores, and what to expect of hits above the threshold."""

from __future__ import annotations

from collections.abc import Sequence

from earmark.archive.archive import Archive
from earmark.archive.words import meant_by
from earmark.errors import EarmarkError
from earmark.models.alarms import ANY_PICTURE, Alarms, read_alarms, read_image_alarms

UNTOLD = (
    "The model of this archive does not tell false alarms an hour (it was trained before Earmark measured them): give "
    "--min-score, or train and index anew."
)


def word_scores(archive: Archive, words: Sequence[str], per_hour: float) -> dict[str, float]:
    """By keyword that the words mean, the detection score from which so many false alarms an hour are expected.

    Raises
    ------
    EarmarkError
        If a word is unknown, or the model's dev set can't tell.
    """
    alarms = told(archive)
    if alarms is None:
        raise EarmarkError(UNTOLD)
    keywords = dict.fromkeys(keyword for word in words for keyword in meant_by(archive, word).keywords)
    return {keyword: alarms.threshold(keyword, per_hour) for keyword in keywords}


def picture_score(archive: Archive, per_hour: float) -> float:
    """The same for queries that are pictures."""
    alarms = read_image_alarms(archive.folder / "model")
    if alarms is None:
        raise EarmarkError(UNTOLD)
    return alarms.threshold(ANY_PICTURE, per_hour)


def told(archive: Archive) -> Alarms | None:
    """What the archive's model tells of false alarms."""
    return read_alarms(archive.folder / "model", archive.vocabulary)


def expectation(archive: Archive) -> str:
    """What to expect of hits, in a sentence; "" where the model does not tell."""
    alarms = told(archive)
    if alarms is None or alarms.expected_precision is None:
        return ""
    of_hundred = round(100 * alarms.expected_precision)
    return (
        f"Of 100 hits above the model's own thresholds, about {of_hundred} are expected to be right (on its dev set)."
    )
