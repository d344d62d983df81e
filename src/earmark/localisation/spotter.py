"""Finding: a trained model, queries and recordings in, ranked hits out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, FrameGrid, s_to_samples, samples_to_s
from earmark.core.types import WORDS_ALONE, Hit, ImageQuery, Query, name_of
from earmark.features import extractor
from earmark.localisation import LocalisationScores, cost_grows_with_queries, method
from earmark.localisation.peaks import extents, non_max_suppression
from earmark.media.audio import Waveform, audio_info, read_audio
from earmark.models.checkpoint import Checkpoint, read_checkpoint
from earmark.models.encoded import EncodedSpeech, encode
from earmark.models.image_query_models import accepts_images
from earmark.models.matchmap import audio_attention, image_attention

LONGEST_S = 60.0  # of a recording
WINDOW_S = 8.0  # a recording that is longer is searched window by window
OVERLAP_S = 2.0  # longer than any word, so that none is cut in every window

Floats = npt.NDArray[np.float64]
Recordings = Path | str | Iterable[Path | str]


@dataclass(frozen=True)
class ScoredHit:
    """A hit with the localisation curve that it was found on.

    Attributes
    ----------
    hit : Hit
    window_s : tuple of float
        Start and end of the stretch of the recording that was heard as one utterance, in seconds.
    times_s, curve : numpy.ndarray, shape = (T',)
        Localisation scores in [0, 1], and the moments in the recording that they belong to.
    """

    hit: Hit
    window_s: tuple[float, float]
    times_s: Floats
    curve: Floats


@dataclass(frozen=True)
class Explanation:
    """What a model sees in pictures while it hears a stretch of speech.

    Attributes
    ----------
    best : int
        Which of the query's pictures fits best.
    matchmap : numpy.ndarray, shape = (height, width, T')
        How well each of its pixels and each frame match; the lowest there is at edges that the model leaves out.
    image_attention, audio_attention : numpy.ndarray, shape = (height, width) and (T',)
        In [0, 1]: the best match of each pixel and of each frame, from the worst to the best.
    """

    best: int
    matchmap: Floats
    image_attention: Floats
    audio_attention: Floats


class KeywordSpotter:
    """A trained model that can be asked for keywords, or with pictures.

    Parameters
    ----------
    checkpoint : Checkpoint
    localisation : str, optional
        Localisation method, instead of the recipe's own.
    """

    def __init__(self, checkpoint: Checkpoint, localisation: str | None = None) -> None:
        self.checkpoint = checkpoint
        self.model = checkpoint.model
        self._extract = extractor(checkpoint.recipe.features)
        self.localisation = localisation or checkpoint.recipe.localisation
        self._localise = method(self.localisation, self.model)
        self.cost_grows_with_queries = cost_grows_with_queries(self.localisation)

    @property
    def feature_grid(self) -> FrameGrid:
        """Where the features lie in the waveform."""
        return self._extract.grid

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords that the model knows."""
        return self.checkpoint.vocabulary.words

    @property
    def accepts_keywords(self) -> bool:
        """Whether the model can be asked with keywords."""
        return "keyword" in self.model.accepts

    @property
    def accepts_images(self) -> bool:
        """Whether the model can be asked with pictures."""
        return accepts_images(self.model)

    def find(self, queries: Query | Sequence[Query], recordings: Recordings, top: int | None = None) -> list[Hit]:
        """Where the queries may be spoken, the likeliest first.

        Each query gets one hit a recording, or one a window of a long recording.

        Parameters
        ----------
        queries : str, ImageQuery or sequence of these
            Words of the model's vocabulary, in Unicode NFC or NFD; or pictures, if the model knows these.
        recordings : path or iterable of path
            Audio files of up to a minute.
        top : int, optional
            Keep this many hits a query.

        Raises
        ------
        EarmarkError
            If nothing is asked for, two queries have one name, a word is not in the vocabulary, the model is not asked
            in this way, a picture or a recording can't be read, or a recording is longer than a minute.
        """
        return [candidate.hit for candidate in self.candidates(queries, recordings, top)]

    def candidates(
        self, queries: Query | Sequence[Query], recordings: Recordings, top: int | None = None
    ) -> list[ScoredHit]:
        """As :meth:`find`, with the localisation curve of each hit."""
        asked_for = [queries] if isinstance(queries, (str, ImageQuery)) else list(dict.fromkeys(queries))
        recordings = [recordings] if isinstance(recordings, (str, Path)) else recordings
        if not asked_for:
            raise EarmarkError("There is no keyword to look for: give at least one.")
        names = [name_of(query) for query in asked_for]
        for name in names:
            if names.count(name) > 1:
                raise EarmarkError(f"Two queries are called {name!r}: give one another name, to tell their hits apart.")
        asked = self.ask(asked_for)  # what can't be asked is refused before any sound is read
        found = [candidate for recording in recordings for candidate in self._search(str(recording), names, asked)]
        found.sort(key=lambda candidate: -candidate.hit.score)
        if top is None:
            return found
        ranks = dict.fromkeys(names, 0)
        kept = []
        for candidate in found:
            ranks[candidate.hit.query] += 1
            if ranks[candidate.hit.query] <= top:
                kept.append(candidate)
        return kept

    def _search(self, recording: str, names: Sequence[str], asked: Any) -> list[ScoredHit]:
        refuse_long(recording, audio_info(recording).duration_s)
        found: list[ScoredHit] = []
        for start_s, window in _windows(read_audio(recording)):
            found += self._listen(window, names, asked, recording, start_s)
        return _non_max_suppression(found)

    def features(self, waveform: Waveform) -> Tensor:
        """Features (T, F) of a waveform, mono at 16 kHz."""
        return self._extract(waveform)

    @torch.no_grad()
    def ask(self, queries: Sequence[Query]) -> Any:
        """Q queries as the model takes them.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, a picture can't be read, or the model is not asked in this way.
        """
        return self.model.encode_queries(queries)

    @torch.no_grad()
    def encode(self, features: Tensor, lengths: Tensor) -> EncodedSpeech:
        """Encode a padded batch of features (B, T, F) with lengths (B,), on the model's device."""
        device = self.model.device
        return encode(self.model, features.to(device), lengths.to(device))

    @torch.no_grad()
    def detect(self, encoded: EncodedSpeech, queries: Any) -> Tensor:
        """Detection logits, shape = (B, Q)."""
        return self.model.score(encoded.speech, queries)[0]

    @torch.no_grad()
    def localise(self, encoded: EncodedSpeech, queries: Any) -> LocalisationScores:
        """Detection and localisation scores of encoded speech by this spotter's method."""
        return self._localise(self.model, encoded, queries)

    def listen(
        self, waveform: Waveform, queries: Sequence[Query], recording: str = "", start_s: float = 0.0
    ) -> list[ScoredHit]:
        """Hear a waveform as one utterance: one candidate a query, in the order asked.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
            Mono, 16 kHz.
        queries : sequence of str or ImageQuery
        recording : str
            Name that the hits get.
        start_s : float
            Where the waveform starts in that recording.
        """
        return self._listen(waveform, [name_of(query) for query in queries], self.ask(queries), recording, start_s)

    @torch.no_grad()
    def look(self, query: ImageQuery, candidate: ScoredHit) -> Explanation:
        """What the model sees in a query's pictures while it hears the stretch that a candidate was found in.

        Raises
        ------
        EarmarkError
            If a picture or the recording can no longer be read, or the model is not asked with pictures.
        """
        if not accepts_images(self.model):
            raise EarmarkError(WORDS_ALONE.format(query.name))
        start, end = (s_to_samples(edge_s) for edge_s in candidate.window_s)
        features = self.features(read_audio(candidate.hit.recording)[start:end])[None].to(self.model.device)
        speech = self.model.encode_speech(features, torch.tensor([features.shape[1]], device=self.model.device))
        subject = self.model.encode_images(query.prompts)
        alone = self.model.build_queries(list(subject.split(1)))
        best = int(self.model.score(speech, alone)[0][0].argmax())
        matches = self.model.matchmaps(speech, subject[best : best + 1])[0]
        compared = self.model.frame_mask(speech[1], matches.shape[2])[0]
        matches = matches.masked_fill(~compared, float(matches[:, :, compared].min()))
        seen = image_attention(matches.flatten(0, 1), compared).view(matches.shape[:2])
        heard = audio_attention(matches.flatten(0, 1), compared)
        return Explanation(best, *(part.double().cpu().numpy() for part in (matches, seen, heard)))

    @torch.no_grad()
    def _listen(
        self, waveform: Waveform, names: Sequence[str], asked: Any, recording: str, start_s: float
    ) -> list[ScoredHit]:
        features = self.features(waveform)[None]
        located = self.localise(self.encode(features, torch.tensor([features.shape[1]])), asked)
        window_s = (start_s, start_s + samples_to_s(len(waveform)))
        best = extents(located, np.array([samples_to_s(len(waveform))]))
        times_s, curves = (part.double().cpu().numpy() for part in located.over_time())
        candidates = []
        for q, (name, curve) in enumerate(zip(names, curves[0], strict=True)):
            moment_s, first_s, last_s = (
                start_s + float(edge_s[0, q]) for edge_s in (best.times_s, best.starts_s, best.ends_s)
            )
            hit = Hit(recording, name, float(best.scores[0, q]), moment_s, first_s, last_s)
            candidates.append(ScoredHit(hit, window_s, times_s + start_s, curve))
        return candidates


def refuse_long(recording: Path | str, duration_s: float) -> None:
    """Raise an EarmarkError if a recording is longer than can be searched."""
    if duration_s > LONGEST_S:
        raise EarmarkError(
            f"{recording} lasts {duration_s:.1f} s: recordings of up to {LONGEST_S:.0f} s can be searched; "
            "index it with 'earmark index', which takes any length, and search the archive."
        )


def load_model(run: Path | str) -> KeywordSpotter:
    """Load a model that ``earmark train`` left in the folder `run`.

    >>> model = load_model("runs/first")  # doctest: +SKIP
    >>> model.find("dog", ["a.wav"])  # doctest: +SKIP
    [Hit(recording='a.wav', query='dog', score=0.93, time_s=1.42, start_s=1.3, end_s=1.6)]
    """
    return KeywordSpotter(read_checkpoint(run))


def _windows(waveform: Waveform) -> Iterator[tuple[float, Waveform]]:
    """Overlapping windows with their starts in seconds; a short recording is one window."""
    size, hop = s_to_samples(WINDOW_S), s_to_samples(WINDOW_S - OVERLAP_S)
    for start in range(0, max(len(waveform) - s_to_samples(OVERLAP_S), 1), hop):
        yield start / SAMPLE_RATE, waveform[start : start + size]


def _non_max_suppression(found: list[ScoredHit]) -> list[ScoredHit]:
    """Of hits of one query that overlap, heard in two windows, keep the better; the best first."""
    kept = []
    for name in dict.fromkeys(candidate.hit.query for candidate in found):
        same = [candidate for candidate in found if candidate.hit.query == name]
        scores, starts_s, ends_s = np.array([(c.hit.score, c.hit.start_s, c.hit.end_s) for c in same]).T
        kept += [same[i] for i in non_max_suppression(scores, starts_s, ends_s)]
    return sorted(kept, key=lambda candidate: -candidate.hit.score)
