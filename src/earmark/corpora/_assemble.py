"""Write a corpus from listed utterances (:class:`Entry`); those with unusable media are left out and logged."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Corpus, Utterance, Word, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.lookalikes import warn_of_lookalikes
from earmark.core.vocabulary import Vocabulary
from earmark.corpora._alignments import clipped, in_order
from earmark.corpora._import_log import ImportLog, NothingLeftError
from earmark.corpora._shared_media import warn_of_shared_media
from earmark.media.audio import AudioInfo
from earmark.media.lookup import check_all_audio, check_all_images

MIN_STRETCH_S = 0.1  # a shorter stretch holds no word


def assemble(
    corpus: Corpus, entries: Sequence[Entry], words: Mapping[str, Sequence[Word]], ledger: ImportLog
) -> Corpus:
    """Write the corpus from the entries that can be used, and tell what was left out.

    Parameters
    ----------
    corpus : Corpus
        What it is called and where it shall lie.
    entries : sequence of Entry
    words : mapping
        Words by utterance id; an utterance that is missing here has no word alignment.
    ledger : Ledger
        Has counted all `entries` and `words` as read.

    Raises
    ------
    EarmarkError
        If no utterance is left.
    """
    usable = _with_pictures(_once(entries, ledger), ledger)
    infos = _audio(usable, ledger)
    pictured = any(entry.image is not None for entry in entries)
    splits: dict[str, list[Utterance]] = defaultdict(list)
    for entry in usable:
        if info := infos.get(entry.id):
            utterance = entry.utterance(info, None)
            aligned = _aligned(utterance, words[entry.id], ledger) if entry.id in words else None
            splits[entry.split].append(entry.utterance(info, aligned))
            _note_what_lacks(entry, pictured, bool(words) and aligned is None, ledger)
    for utterance_id in words:
        for word in words[utterance_id] if utterance_id not in infos else ():
            ledger.skip("words", "their utterance is not in the corpus", utterance_id, word.word)
    if not splits:
        ledger.report()
        why = ledger.main_reason("utterances") or ledger.main_reason("documents") or "Its lists are empty."
        sentence = f"No utterance of {corpus.name} is left, so nothing was written. {why}"
        raise NothingLeftError(sentence, ledger.notes)
    write_corpus(corpus, splits)
    used = {utterance.id for utterances in splits.values() for utterance in utterances}
    warn_of_shared_media("image", ((e.image, e.split, e.row) for e in usable if e.image and e.id in used))
    if corpus.keywords:
        texts = (utterance.text for utterances in splits.values() for utterance in utterances if utterance.text)
        warn_of_lookalikes(Vocabulary(corpus.keywords), texts)
    ledger.write(corpus.folder)
    ledger.report()
    return corpus


def _once(entries: Sequence[Entry], ledger: ImportLog) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        if found.setdefault(entry.id, entry) is not entry:
            ledger.skip("utterances", "they are listed twice", entry.id, f"{entry.split}, row {entry.row}")
    return list(found.values())


def _with_pictures(entries: Sequence[Entry], ledger: ImportLog) -> list[Entry]:
    """The entries whose pictures can be read; all, if no picture is there: tags can come from a file as well."""
    present = [entry for entry in entries if entry.image and os.path.isfile(entry.image)]
    if not present:
        return list(entries)
    for entry in entries:
        if entry.image is None or not os.path.isfile(entry.image):
            ledger.skip("utterances", "there is no such picture", entry.id, str(entry.image or ""))
    problems = check_all_images(entry.image for entry in present if entry.image)
    for entry in present:
        if entry.image and (problem := problems[entry.image]):
            ledger.skip("utterances", "the picture can't be read", entry.id, str(problem))
    return [entry for entry in present if entry.image and problems[entry.image] is None]


def _audio(entries: Sequence[Entry], ledger: ImportLog) -> dict[str, AudioInfo]:
    """What the audio of each utterance holds, by utterance id, for those whose audio can be read."""
    infos = {}
    outcomes = check_all_audio(entry.audio for entry in entries)
    for entry in entries:
        outcome = outcomes[entry.audio]
        if isinstance(outcome, AudioInfo):
            if entry.stretch_s and min(entry.stretch_s[1], outcome.duration_s) - entry.stretch_s[0] < MIN_STRETCH_S:
                detail = f"{entry.stretch_s[0]:g} to {entry.stretch_s[1]:g} s of {outcome.duration_s:.2f} s"
                why = f"less than {MIN_STRETCH_S:g} s of their recording is there"
                ledger.skip("utterances", why, entry.id, detail)
            else:
                infos[entry.id] = outcome
        else:
            why = "the audio can't be read" if os.path.isfile(entry.audio) else "there is no such audio file"
            ledger.skip("utterances", why, entry.id, str(outcome))
    return infos


def _note_what_lacks(entry: Entry, pictured: bool, no_times: bool, ledger: ImportLog) -> None:
    """Note what an entry lacks: a picture if the corpus is `pictured`, word times if there are `no_times`."""
    missing = {
        "a picture": pictured and (entry.image is None or not os.path.isfile(entry.image)),
        "a speaker": entry.speaker is None,
        "a written caption": entry.text is None,
        "word times": no_times,
    }
    for thing in missing:
        if missing[thing]:
            ledger.lack("utterances", thing, entry.id)


def _aligned(utterance: Utterance, words: Sequence[Word], ledger: ImportLog) -> tuple[Word, ...]:
    fitting = []
    for word in words:
        if fits := clipped(word, utterance.duration_s):
            fitting.append(fits)
        else:
            detail = f"{word.word} ({word.start_s:g} to {word.end_s:g} s of {utterance.duration_s:.2f} s)"
            ledger.skip("words", "they run past the end of their utterance", utterance.id, detail)
    return in_order(fitting)


@dataclass(frozen=True)
class Entry:
    """A line of a corpus's list.

    Attributes
    ----------
    row : int
        Number of the line.
    id : str
        Name of the utterance.
    audio : Path
    image : Path or None
        As on disk (if they are).
    speaker, text : str or None
        Known or not.
    split : str
    translation : str or None
        What it means, in another language.
    stretch_s : (float, float), or None
        Where it is in its audio file, if it is not the whole of it.
    """

    row: int
    id: str
    audio: Path
    image: Path | None
    speaker: str | None
    text: str | None
    split: str
    translation: str | None = None
    stretch_s: tuple[float, float] | None = None

    def utterance(self, info: AudioInfo, words: tuple[Word, ...] | None) -> Utterance:
        """The utterance, now that its sound is known; without a text, its words stand for it.

        A stretch ends where its recording does.
        """
        stretch_s = self.stretch_s and (self.stretch_s[0], min(self.stretch_s[1], info.duration_s))
        return Utterance(
            id=self.id,
            audio=self.audio,
            sample_rate=info.sample_rate,
            samples=info.samples,
            channels=info.channels,
            image=self.image,
            speaker=self.speaker,
            text=self.text or (" ".join(word.word for word in words) if words else None),
            words=words,
            translation=self.translation,
            stretch_s=stretch_s,
        )


def refuse_file(out: Path) -> None:
    """Refuse a place for a corpus where a file stands.

    Raises
    ------
    EarmarkError
    """
    if out.exists() and not out.is_dir():
        raise EarmarkError(f"{out} is a file: name a folder for the corpus.")
