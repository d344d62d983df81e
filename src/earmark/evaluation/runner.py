"""Evaluation of a model on a split of a corpus, with written queries, with image queries, or with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earmark.core.corpus import Corpus, Utterance, read_corpus
from earmark.core.costs import NIST, Costs
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE, WRITTEN, EvaluationSetup, Exclusions, QueryImages
from earmark.core.files import write_text
from earmark.core.keyword_map import KeywordMap
from earmark.core.results import SCHEMA_VERSION, Metrics
from earmark.core.types import Query, name_of
from earmark.core.version import __version__
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import ModalityResult, agreement
from earmark.evaluation.data import Floats, GroundTruth, Predictions, ground_truth
from earmark.evaluation.image_queries import other_prompts, predict_images
from earmark.evaluation.image_retrieval import image_retrieval
from earmark.evaluation.keyword_queries import predict_keywords
from earmark.evaluation.predictions import SplitFeatures, load_split
from earmark.evaluation.query_images import ImageQueries, image_queries_of
from earmark.evaluation.summary import compute_metrics
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.models.checkpoint import DEFAULT_THRESHOLD
from earmark.models.image_query_models import accepts_images
from earmark.models.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's predictions on a split, the ground truth, and the metrics.

    Attributes
    ----------
    spotter : KeywordSpotter
    utterances : list of Utterance
        The U utterances that were evaluated.
    queries : tuple of str or ImageQuery
        W queries, one for each keyword.
    truth : GroundTruth
    predictions : Predictions
    metrics : Metrics
    """

    spotter: KeywordSpotter
    utterances: list[Utterance]
    queries: tuple[Query, ...]
    truth: GroundTruth
    predictions: Predictions
    metrics: Metrics

    def query_for(self, utterance: int, query: int) -> Query:
        """A query as it was used for an utterance, both by index: an image query without the utterance's own image."""
        whole = self.queries[query]
        images = self.metrics.query_images
        if isinstance(whole, str) or (images and images.own_image_included):
            return whole
        return replace(whole, prompts=other_prompts(whole, self.utterances[utterance].image))


def evaluate(
    spotter: KeywordSpotter | Path | str,
    corpus: Corpus | Path | str,
    split: str = "test",
    queries: str | None = None,
    cache: Path | None = None,
    include_own_image: bool = False,
    costs: Costs = NIST,
    keywords: Vocabulary | None = None,
) -> Evaluation:
    """Measure a model on a split.

    Parameters
    ----------
    spotter : KeywordSpotter or path
        A model, or its folder.
    corpus : Corpus or path
    split : str
    queries : str, optional
        Query modality, ``written`` or ``image``; by default the main one of the model.
    cache : Path, optional
        Written queries: file in which a costly localisation method stores locations, to resume from. It can be deleted
        when the evaluation is written.
    include_own_image : bool
        Image queries: search utterances with their own images too, as the released code of Nortje and Kamper (2022)
        does.
    costs : Costs
        Of the term-weighted values.
    keywords : Vocabulary, optional
        What is measured, where it is not all that the model has learned.

    Raises
    ------
    EarmarkError
        If the corpus has no such split, none of its utterances has a text or word times, the model does not accept such
        queries or has not learned one of the keywords, or there is no query image or one can't be read.
    """
    spotter = spotter if isinstance(spotter, KeywordSpotter) else load_model(spotter)
    corpus = corpus if isinstance(corpus, Corpus) else read_corpus(corpus)
    modality = queries or query_modalities(spotter)[0]
    return evaluate_modalities(spotter, corpus, split, (modality,), cache, include_own_image, costs, keywords)[modality]


def evaluate_modalities(
    spotter: KeywordSpotter,
    corpus: Corpus,
    split: str,
    modalities: Sequence[str],
    cache: Path | None = None,
    include_own_image: bool = False,
    costs: Costs = NIST,
    keywords: Vocabulary | None = None,
) -> dict[str, Evaluation]:
    """Measure a model on a split with one query modality or two; with two, also how far they agree.

    Parameters and errors are those of :func:`evaluate`; `modalities` come from :func:`select_modalities`.
    """
    for modality in modalities:
        select_modalities(spotter, modality)
    spotter = spotter if keywords is None else spotter.for_keywords(keywords)
    # Without images this fails, so it comes before the written queries are evaluated.
    images = image_queries_of(corpus, split, spotter.vocabulary) if IMAGE in modalities else None
    features = load_split(spotter, corpus, split)
    setup = _setup(spotter, corpus, split, features)
    evaluations = {
        modality: _evaluate_written(spotter, features, setup, corpus.keyword_map, cache, costs)
        if modality == WRITTEN or images is None
        else _evaluate_images(spotter, features, setup, images, corpus, include_own_image, costs)
        for modality in modalities
    }
    if len(evaluations) < 2:
        return evaluations
    results = [
        ModalityResult([name_of(query) for query in one.queries], one.truth, one.predictions)
        for one in (evaluations[WRITTEN], evaluations[IMAGE])
    ]
    agreed = agreement(features.utterances, *results)
    return {
        modality: replace(one, metrics=replace(one.metrics, agreement=agreed)) for modality, one in evaluations.items()
    }


def query_modalities(spotter: KeywordSpotter) -> tuple[str, ...]:
    """The query modalities that a model can be evaluated with, its main one first."""
    accepted = {WRITTEN: spotter.accepts_keywords, IMAGE: spotter.accepts_images}
    return tuple(modality for modality, accepts in accepted.items() if accepts)


def select_modalities(spotter: KeywordSpotter, choice: str | None) -> tuple[str, ...]:
    """What "written", "image" or "both" means for a model; None is all that it accepts.

    Raises
    ------
    EarmarkError
        If the model does not accept such queries.
    """
    accepted = query_modalities(spotter)
    choices = {None: accepted, "both": (WRITTEN, IMAGE), WRITTEN: (WRITTEN,), IMAGE: (IMAGE,)}
    if choice not in choices:
        raise EarmarkError(f"There are no {choice!r} queries: choose from {WRITTEN}, {IMAGE} and both.")
    if not set(choices[choice]) <= set(accepted):
        raise EarmarkError(f"This model accepts {accepted[0]} queries only: leave --queries {choice} out.")
    return choices[choice]


def write_metrics(evaluation: Evaluation, path: Path) -> None:
    """Write ``metrics.json``."""
    write_text(path, evaluation.metrics.to_json())


def _evaluate_written(
    spotter: KeywordSpotter,
    features: SplitFeatures,
    setup: EvaluationSetup,
    keyword_map: KeywordMap,
    cache: Path | None,
    costs: Costs,
) -> Evaluation:
    vocabulary, learned = spotter.vocabulary, spotter.checkpoint.vocabulary
    thresholds = spotter.checkpoint.thresholds[[learned.index(word) for word in vocabulary]]
    truth = ground_truth(features.utterances, vocabulary, keyword_map)
    predictions = predict_keywords(spotter, features, truth.present, cache)
    measures = compute_metrics(
        truth,
        predictions,
        thresholds,
        vocabulary.words,
        _durations_s(features),
        spotter.checkpoint.global_threshold,
        costs,
    )
    metrics = Metrics.of(setup, measures)
    return Evaluation(spotter, features.utterances, spotter.keywords, truth, predictions, metrics)


def _evaluate_images(
    spotter: KeywordSpotter,
    features: SplitFeatures,
    setup: EvaluationSetup,
    images: ImageQueries,
    corpus: Corpus,
    include_own_image: bool,
    costs: Costs,
) -> Evaluation:
    keywords = Vocabulary(query.name for query in images.queries)
    own = [None if include_own_image else utterance.image for utterance in features.utterances]
    usable = images.usable(own)
    whole_truth = ground_truth(features.utterances, keywords, corpus.keyword_map)
    truth = whole_truth.within(usable)
    assert accepts_images(spotter.model)
    prompts = Prompts(spotter.model, images.queries)
    predictions = predict_images(spotter, features, prompts, own, usable)
    threshold = spotter.checkpoint.image_threshold
    measures = compute_metrics(
        truth,
        predictions,
        np.full(len(keywords), DEFAULT_THRESHOLD if threshold is None else threshold),
        keywords.words,
        _durations_s(features),
        threshold,
        costs,
    )
    pairs, spoken_pairs = int((~usable).sum()), int((whole_truth.present & ~usable).sum())
    query_images = QueryImages(
        by_keyword=images.by_keyword(corpus.folder),
        own_image_included=include_own_image,
        crops=sum(prompt.box is not None for query in images.queries for prompt in query.prompts),
        excluded=Exclusions(pairs, spoken_pairs, images.without_image, images.training_images),
    )
    setup = replace(
        setup,
        queries=IMAGE,
        query_images=query_images,
        keywords=len(keywords),
        retrieval=image_retrieval(spotter, features),
    )
    metrics = Metrics.of(setup, measures)
    return Evaluation(spotter, features.utterances, images.queries, truth, predictions, metrics)


def _setup(spotter: KeywordSpotter, corpus: Corpus, split: str, features: SplitFeatures) -> EvaluationSetup:
    """The head of ``metrics.json``, for written queries."""
    recipe = spotter.checkpoint.recipe
    return EvaluationSetup(
        schema_version=SCHEMA_VERSION,
        earmark=__version__,
        run=spotter.checkpoint.folder.resolve().name,
        corpus=corpus.name,
        split=split,
        supervision=recipe.supervision,
        architecture=recipe.name,
        features=spotter.features_description,
        localisation=spotter.localisation,
        queries=WRITTEN,
        query_images=None,
        agreement=None,
        retrieval=None,
        utterances=len(features),
        keywords=len(spotter.keywords),
    )


def _durations_s(features: SplitFeatures) -> Floats:
    return np.array([utterance.duration_s for utterance in features.utterances])
