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
from earmark.features import describe_features, extractor
from earmark.localisation import LocalisationScores, cost_grows_with_queries, method, needs_features
from earmark.localisation.find import QueryBatch, ScoredHit, search_recording
from earmark.localisation.peaks import extents
from earmark.localisation.results import Embedding, Localisation
from earmark.media.arrays import Sound, is_array
from earmark.media.audio import Waveform, read_audio
from earmark.models.base import EncodedQueries
from earmark.models.checkpoint import Checkpoint, read_checkpoint
from earmark.models.encoded import EncodedSpeech, encode
from earmark.models.features_model import NO_QUERIES
from earmark.models.image_query_models import accepts_images
from earmark.models.matchmap import audio_attention, image_attention

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Recordings = Path | str | Iterable[Path | str]

Queries = Query | Sequence[Query]

__all__ = ["Embedding", "Explanation", "KeywordSpotter", "Localisation", "ScoredHit", "load_model"]


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
    def features_description(self) -> str:
        """The kind of its speech features, and of a pretrained network what it learned from."""
        return describe_features(self.checkpoint.recipe.features, self._extract)

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

    def find(
        self, queries: Queries, recordings: Recordings | Any, top: int | None = None, *, sample_rate: int | None = None
    ) -> list[Hit]:
        """Hits of the queries in recordings, the highest score first.

        The hits are those that an archive of the recordings would give: windows of 4 s every 2 s are scored one by
        one, and of a query's hits that overlap in time the best is returned.

        Parameters
        ----------
        queries : str, ImageQuery or sequence of these
            Words of the model's vocabulary, in Unicode NFC or NFD; or pictures, if the model takes these.
        recordings : path, iterable of path, or array of shape (samples,) or (channels, samples)
            Audio files of any length and format; or one recording in memory, of numpy or torch, with floats in
            [-1, 1] or whole numbers of full scale, whose hits have the recording "array".
        top : int, optional
            The largest number of hits for each query.
        sample_rate : int, optional
            Of an array, in samples a second.

        Raises
        ------
        EarmarkError
            If there is no query, two queries have one name, a word is not in the vocabulary, the model does not take
            queries of this kind, a picture or a recording can't be read, or the array is no sound.
        """
        return [scored.hit for scored in self.candidates(queries, recordings, top, sample_rate=sample_rate)]

    def candidates(
        self, queries: Queries, recordings: Recordings | Any, top: int | None = None, *, sample_rate: int | None = None
    ) -> list[ScoredHit]:
        """As :meth:`find`, with the localisation curve of each hit."""
        distinct = _distinct(queries)
        # Queries that the model can't take are refused before any sound is read.
        keywords = self._batch([query for query in distinct if isinstance(query, str)])
        images = self._batch([query for query in distinct if not isinstance(query, str)])
        hits = [
            hit
            for recording in _recordings(recordings, sample_rate)
            for hit in search_recording(self, recording, keywords, images, top)
        ]
        hits.sort(key=lambda scored: -scored.hit.score)
        return hits if top is None else _best_of_each(hits, top)

    def _batch(self, queries: Sequence[Query]) -> QueryBatch | None:
        return QueryBatch(tuple(map(name_of, queries)), self.encode_queries(queries)) if queries else None

    def localise(
        self, queries: Queries, recording: Path | str | Any, *, sample_rate: int | None = None
    ) -> Localisation:
        """Detection and localisation scores of queries in one utterance, scored as a whole.

        Parameters
        ----------
        queries : str, ImageQuery or sequence of these
        recording : path, or array of shape (samples,) or (channels, samples)
            As for :meth:`find`; several channels are averaged. For recordings of more than some seconds, use
            :meth:`find`.
        sample_rate : int, optional
            Of an array, in samples a second.

        Raises
        ------
        EarmarkError
            As :meth:`find`.
        """
        distinct = _distinct(queries)
        scored = self.score_utterance(_mono(recording, sample_rate), distinct)
        hits = [one.hit for one in scored]
        return Localisation(
            queries=tuple(map(name_of, distinct)),
            scores=np.array([hit.score for hit in hits]),
            locations_s=np.array([hit.time_s for hit in hits]),
            starts_s=np.array([hit.start_s for hit in hits]),
            ends_s=np.array([hit.end_s for hit in hits]),
            times_s=scored[0].times_s,
            curves=np.stack([one.curve for one in scored]),
        )

    def embed(self, recording: Path | str | Any, *, sample_rate: int | None = None) -> Embedding:
        """The frames of one utterance, as the speech encoder gives them; parameters are those of :meth:`localise`."""
        features = self.features(_mono(recording, sample_rate))[None]
        encoded = self.encode(features, torch.tensor([features.shape[1]]))
        vectors = encoded.frames[0, : int(encoded.frame_lengths[0])].cpu().numpy()
        return Embedding(vectors, encoded.grid.centre_s(np.arange(len(vectors), dtype=np.float64)))

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
        """Encode Q queries for :meth:`detect` and :meth:`localise_encoded`.

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
    def localise_encoded(self, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
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
        located = self.localise_encoded(encoded, self.encode_queries(queries))
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


def _distinct(queries: Queries) -> list[Query]:
    """The queries, each once."""
    distinct: list[Query] = [queries] if isinstance(queries, (str, ImageQuery)) else list(dict.fromkeys(queries))
    if not distinct:
        raise EarmarkError("There is no query: give at least one keyword or picture.")
    names = [name_of(query) for query in distinct]
    for name in names:
        if names.count(name) > 1:
            raise EarmarkError(f"Two queries are called {name!r}: rename one of them.")
    return distinct


def _recordings(recordings: Recordings | Any, sample_rate: int | None) -> Iterable[str | Sound]:
    """Paths as text; or the one recording that is an array."""
    if is_array(recordings):
        return [_sound(recordings, sample_rate)]
    if sample_rate is not None:
        raise EarmarkError("Files state their own sample rates: leave sample_rate out, or give an array.")
    return map(str, [recordings] if isinstance(recordings, (str, Path)) else recordings)


def _mono(recording: Path | str | Any, sample_rate: int | None) -> Waveform:
    """One recording as a mono waveform at 16 kHz."""
    [one] = _recordings(recording if is_array(recording) else Path(recording), sample_rate)
    return one.mono() if isinstance(one, Sound) else read_audio(one)


def _sound(samples: Any, sample_rate: int | None) -> Sound:
    if sample_rate is None:
        raise EarmarkError("An array of samples doesn't state its rate: give sample_rate, such as sample_rate=16000.")
    return Sound(samples, sample_rate)


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


def load_model(path: Path | str, device: str | None = None, localisation: str | None = None) -> KeywordSpotter:
    """Load a trained model; one that has learned nothing is reported as such in the log.

    Parameters
    ----------
    path : path
        A folder that ``earmark train``, :func:`earmark.train` or :func:`earmark.save_pretrained` wrote.
    device : str, optional
        ``cpu`` or ``cuda:N``; a GPU where there is one without it.
    localisation : str, optional
        Localisation method, instead of the recipe's own.

    Raises
    ------
    EarmarkError
        If the folder holds no model, something in it is damaged, or there is no such device or method.

    Examples
    --------
    >>> model = load_model("runs/first")  # doctest: +SKIP
    >>> model.find("dog", ["a.wav"])  # doctest: +SKIP
    [Hit(recording='a.wav', query='dog', score=0.93, time_s=1.42, start_s=1.3, end_s=1.6)]
    """
    checkpoint = read_checkpoint(path, device)
    if checkpoint.warning:
        logger.warning("%s", checkpoint.warning)
    return KeywordSpotter(checkpoint, localisation)
