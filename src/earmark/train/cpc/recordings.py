"""The untranscribed speech to learn from: files, whole folders, or the training split of a corpus."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from earmark.audio import audio_info
from earmark.corpus import Utterance, read_corpus
from earmark.errors import EarmarkError
from earmark.media import check_all_audio
from earmark.models.cpc_folder import Heard
from earmark.tables import MOST_LINES

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


def find_recordings(audio: Sequence[Path]) -> list[Utterance]:
    """All recordings with their speakers, each recording once, in an order that depends on their names alone.

    Parameters
    ----------
    audio : sequence of Path
        A corpus has its train split's recordings and, where it knows them, their speakers. A folder has the audio
        files in it, however deep. Where nothing else is known, the folder that a file lies in is its speaker.

    Raises
    ------
    EarmarkError
        If a folder holds no audio file; or with all files whose header can't be read.
    """
    speaker_of: dict[Path, str] = {}
    for place in audio:
        for path, speaker in _speech_in(place):
            speaker_of.setdefault(path.resolve(), unicodedata.normalize("NFC", speaker))
    found: list[Utterance] = []
    problems = []
    for path, speaker in sorted(speaker_of.items()):
        try:
            info = audio_info(path)
        except EarmarkError as problem:
            problems.append(problem)
        else:
            number = str(len(found))
            found.append(Utterance(number, path, info.sample_rate, info.samples, info.channels, speaker=speaker))
    _refuse(problems)
    return found


def refuse_damaged(recordings: Sequence[Utterance]) -> None:
    """Decode every recording to its end.

    Raises
    ------
    EarmarkError
        With all recordings that are damaged.
    """
    outcomes = check_all_audio(recording.audio for recording in recordings)
    _refuse(outcome for outcome in outcomes.values() if isinstance(outcome, EarmarkError))


def heard(recordings: Sequence[Utterance]) -> Heard:
    """How much speech the recordings are, and a number that tells them from any others."""
    lines = [f"{recording.audio}\t{recording.samples}\t{recording.speaker}\n" for recording in recordings]
    return Heard(
        recordings=len(recordings),
        speakers=len({recording.speaker for recording in recordings}),
        hours=round(sum(recording.duration_s for recording in recordings) / 3600, 3),
        sha256=hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest(),
    )


def _speech_in(place: Path) -> Iterator[tuple[Path, str]]:
    """Audio files with their speakers."""
    if (place / "corpus.yaml").is_file():
        for utterance in read_corpus(place).utterances("train"):
            yield utterance.audio, utterance.speaker or utterance.audio.parent.name
    elif place.is_dir():
        files = sorted(path for path in place.rglob("*") if _is_audio(path.relative_to(place)) and path.is_file())
        if not files:
            raise EarmarkError(f"{place} holds no audio file ({', '.join(ENDINGS)}): name a folder that does.")
        yield from ((path, path.absolute().parent.name) for path in files)
    else:
        yield place, place.absolute().parent.name


def _is_audio(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def _refuse(problems: Iterable[EarmarkError]) -> None:
    """Tell all that is wrong, if anything is."""
    lines = [str(problem) for problem in problems]
    if lines:
        more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        raise EarmarkError("\n".join([*lines[:MOST_LINES], *more]))
