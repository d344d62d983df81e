"""The keyword spotter: a trained model, queries and recordings in, ranked hits out."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.timing import FrameGrid, samples_to_s
from earmark.core.types import WORDS_ALONE, Hit, ImageQuery, Query, name_of
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.localisation import LocalisationScores, cost_grows_with_queries, method, needs_features
from earmark.localisation.find import QueryBatch, ScoredHit, search_recording
from earmark.localisation.peaks import extents
from earmark.media.audio import Waveform
from earmark.models.base import EncodedQueries
from earmark.models.checkpoint import Checkpoint, read_checkpoint
from earmark.models.encoded import EncodedSpeech, encode
from earmark.models.features_model import NO_QUERIES
from earmark.models.image_query_models import accepts_images
from earmark.models.matchmap import audio_attention, image_attention

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Recordings = Path | str | Iterable[Path | str]

__all__ = ["Explanation", "KeywordSpotter", "ScoredHit", "load_model"]


@dataclass(frozen=True)
class Explanation:
    """How the pictures of a query match a window of speech.

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
    """A trained model that finds keywords, or what pictures show, in speech.

    Parameters
    ----------
    checkpoint : Checkpoint
    localisation : str, optional
        Localisation method, instead of the recipe's own.
    """

    def __init__(self, checkpoint: Checkpoint, localisation: str | None = None) -> None:
        self.checkpoint = checkpoint
        self.model = checkpoint.model
        self.vocabulary = checkpoint.vocabulary
        self._extract = extractor(checkpoint.recipe.features)
        self.localisation = localisation or checkpoint.recipe.localisation
        self._localise = method(self.localisation, self.model) if self.model.accepts else _accepts_no_query
        self.cost_grows_with_queries = cost_grows_with_queries(self.localisation)
        self.needs_features = needs_features(self.localisation)

    @property
    def feature_grid(self) -> FrameGrid:
        """Where the features lie in the waveform."""
        return self._extract.grid

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords that it is used for: all that the model knows, unless :meth:`for_keywords` chose some."""
        return self.vocabulary.words

    def for_keywords(self, keywords: Vocabulary) -> KeywordSpotter:
        """The same spotter for some keywords, such as those that are measured of the many that a model has learned.

        Raises
        ------
        EarmarkError
            If a model for written queries does not know one of them.
        """
        if self.accepts_keywords:
            for word in keywords:
                self.checkpoint.vocabulary.index(word)
        other = copy.copy(self)
        other.vocabulary = keywords
        return other

    @property
    def accepts_keywords(self) -> bool:
        """Whether keywords can be queries."""
        return "keyword" in self.model.accepts

    @property
    def accepts_images(self) -> bool:
        """Whether images can be queries."""
        return accepts_images(self.model)

    def find(self, queries: Query | Sequence[Query], recordings: Recordings, top: int | None = None) -> list[Hit]:
        """Hits of the queries in recordings, the highest score first.

        The hits are those that an archive of the recordings would give: windows of 4 s every 2 s are scored one by
        one, and of a query's hits that overlap in time the best is returned.

        Parameters
        ----------
        queries : str, ImageQuery or sequence of these
            Words of the model's vocabulary, in Unicode NFC or NFD; or pictures, if the model takes these.
        recordings : path or iterable of path
            Audio files of any length and format.
        top : int, optional
            The largest number of hits for each query.

        Raises
        ------
        EarmarkError
            If there is no query, two queries have one name, a word is not in the vocabulary, the model does not take
            queries of this kind, or a picture or a recording can't be read.
        """
        return [scored.hit for scored in self.candidates(queries, recordings, top)]

    def candidates(
        self, queries: Query | Sequence[Query], recordings: Recordings, top: int | None = None
    ) -> list[ScoredHit]:
        """As :meth:`find`, with the localisation curve of each hit."""
        distinct = [queries] if isinstance(queries, (str, ImageQuery)) else list(dict.fromkeys(queries))
        recordings = [recordings] if isinstance(recordings, (str, Path)) else recordings
        if not distinct:
            raise EarmarkError("There is no query: give at least one keyword or picture.")
        names = [name_of(query) for query in distinct]
        for name in names:
            if names.count(name) > 1:
                raise EarmarkError(f"Two queries are called {name!r}: rename one of them.")
        # Queries that the model can't take are refused before any sound is read.
        keywords = self._batch([query for query in distinct if isinstance(query, str)])
        images = self._batch([query for query in distinct if not isinstance(query, str)])
        hits = [
            hit for recording in recordings for hit in search_recording(self, str(recording), keywords, images, top)
        ]
        hits.sort(key=lambda scored: -scored.hit.score)
        return hits if top is None else _best_of_each(hits, top)

    def _batch(self, queries: Sequence[Query]) -> QueryBatch | None:
        return QueryBatch(tuple(map(name_of, queries)), self.encode_queries(queries)) if queries else None

    def features(self, waveform: Waveform) -> Tensor:
        """Features (T, F) of a waveform, mono at 16 kHz."""
        return self._extract(waveform)

    def window_features(self, waveform: Waveform, starts: Sequence[int], samples: int) -> list[Tensor]:
        """Features (T, F) of overlapping windows of a waveform, mono at 16 kHz.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
        starts : sequence of int
            First sample of each window.
        samples : int
            Of a window; those that reach beyond the waveform are shorter.
        """
        return self._extract.windows(waveform, starts, samples)

    @torch.no_grad()
    def encode_queries(self, queries: Sequence[Query]) -> EncodedQueries:
        """Encode Q queries for :meth:`detect` and :meth:`localise`.

        Raises
        ------
        EarmarkError
            If a word is not in the vocabulary, a picture can't be read, or the model does not take such queries.
        """
        return self.model.encode_queries(queries)

    @torch.no_grad()
    def encode(self, features: Tensor, lengths: Tensor) -> EncodedSpeech:
        """Encode a padded batch of features (B, T, F) with lengths (B,), on the model's device."""
        device = self.model.device
        return encode(self.model, features.to(device), lengths.to(device))

    @torch.no_grad()
    def detect(self, encoded: EncodedSpeech, queries: EncodedQueries) -> Tensor:
        """Detection logits, shape = (B, Q)."""
        return self.model.score(encoded.speech, queries)[0]

    @torch.no_grad()
    def localise(self, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
        """Detection and localisation scores of encoded speech by this spotter's method."""
        return self._localise(self.model, encoded, queries)

    def score_utterance(
        self, waveform: Waveform, queries: Sequence[Query], recording: str = "", start_s: float = 0.0
    ) -> list[ScoredHit]:
        """Score a waveform as one utterance: one hit a query, in the order of the queries.

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
        features = self.features(waveform)[None]
        encoded = self.encode(features, torch.tensor([features.shape[1]]))
        located = self.localise(encoded, self.encode_queries(queries))
        duration_s = samples_to_s(len(waveform))
        best = extents(located, np.array([duration_s]))
        times_s, curves = (part.double().cpu().numpy() for part in located.over_time())
        hits = []
        for q, (query, curve) in enumerate(zip(queries, curves[0], strict=True)):
            edges_s = (start_s + float(edge_s[0, q]) for edge_s in (best.times_s, best.starts_s, best.ends_s))
            hit = Hit(recording, name_of(query), float(best.scores[0, q]), *edges_s)
            hits.append(ScoredHit(hit, (start_s, start_s + duration_s), times_s + start_s, curve, None, encoded))
        return hits

    @torch.no_grad()
    def explain(self, query: ImageQuery, scored: ScoredHit) -> Explanation:
        """How the pictures of a query match the window of one of its hits.

        Raises
        ------
        EarmarkError
            If a picture can no longer be read, or the model takes no images.
        """
        if not accepts_images(self.model):
            raise EarmarkError(WORDS_ALONE.format(query.name))
        assert scored.encoded is not None
        encoded = scored.encoded
        pixels = self.model.encode_images(query.prompts)
        scores = self.detect(encoded, self.model.build_queries(list(pixels.split(1))))[0]
        best = int(scores.argmax())
        matches = self.model.matchmaps(encoded.speech, pixels[best : best + 1])[0]
        compared = self.model.frame_mask(encoded.frame_lengths, matches.shape[2])[0]
        count = int(encoded.frame_lengths[0])
        matches, compared = matches[:, :, :count], compared[:count]
        matches = matches.masked_fill(~compared, float(matches[:, :, compared].min()))
        of_image = image_attention(matches.flatten(0, 1), compared).view(matches.shape[:2])
        of_audio = audio_attention(matches.flatten(0, 1), compared)
        return Explanation(best, *(part.double().cpu().numpy() for part in (matches, of_image, of_audio)))


def _accepts_no_query(model: Any, encoded: EncodedSpeech, queries: Any) -> LocalisationScores:
    raise EarmarkError(NO_QUERIES)


def _best_of_each(hits: Sequence[ScoredHit], top: int) -> list[ScoredHit]:
    """The first `top` hits of each query."""
    counts: dict[str, int] = {}
    selected = []
    for scored in hits:
        count = counts[scored.hit.query] = counts.get(scored.hit.query, 0) + 1
        if count <= top:
            selected.append(scored)
    return selected


def load_model(run: Path | str) -> KeywordSpotter:
    """Load a model that ``earmark train`` left in the folder `run`; one that has learned nothing is reported as such.

    >>> model = load_model("runs/first")  # doctest: +SKIP
    >>> model.find("dog", ["a.wav"])  # doctest: +SKIP
    [Hit(recording='a.wav', query='dog', score=0.93, time_s=1.42, start_s=1.3, end_s=1.6)]
    """
    checkpoint = read_checkpoint(run)
    if checkpoint.warning:
        logger.warning("%s", checkpoint.warning)
    return KeywordSpotter(checkpoint)
