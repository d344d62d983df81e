"""What was evaluated: model, corpus and queries, as ``metrics.json`` has them beside the measures."""

from __future__ import annotations

from dataclasses import dataclass, field

from earmark.core.metric_table import Fraction
from earmark.core.types import Box

WRITTEN, IMAGE = "written", "image"  # query modalities


@dataclass(frozen=True)
class QueryImage:
    """An image of an image query.

    Attributes
    ----------
    image : str
        Its file, relative to the corpus's folder where it lies inside.
    box : tuple of int, or None
        Left, top, right and bottom of the part that is used, in pixels; None for all of it.
    """

    image: str
    box: Box | None


@dataclass(frozen=True)
class Exclusions:
    """What image queries could not be evaluated on.

    Attributes
    ----------
    pairs, spoken_pairs : int
        Pairs of utterance and keyword for which there is no image but the utterance's own; those of them in which the
        keyword is spoken.
    keywords : tuple of str
        Keywords without any image.
    training_images : int
        Images that were not used because they are in the training split too.
    """

    pairs: int
    spoken_pairs: int
    keywords: tuple[str, ...]
    training_images: int


@dataclass(frozen=True)
class QueryImages:
    """The images of an evaluation with image queries.

    Attributes
    ----------
    by_keyword : dict of str to tuple of QueryImage
    own_image_included : bool
        Whether utterances were searched with their own images too.
    crops : int
        How many of the images are parts only.
    excluded : Exclusions
    """

    by_keyword: dict[str, tuple[QueryImage, ...]]
    own_image_included: bool
    crops: int
    excluded: Exclusions


@dataclass(frozen=True)
class ModalityAgreement:
    """How far the results of written and of image queries for the same keywords agree.

    Attributes
    ----------
    keywords : int
        How many are compared.
    pearson, spearman : float or None
        Correlation of detection scores over utterances, the mean over keywords.
    top_10_overlap : float or None
        Share of the ten best utterances that are the same, the mean over keywords.
    located_within_100_ms, located_in_same_word : float or None
        Shares of pairs of utterance and spoken keyword.
    """

    keywords: int
    pearson: float | None
    spearman: float | None
    top_10_overlap: Fraction
    located_within_100_ms: Fraction
    located_in_same_word: Fraction


@dataclass(frozen=True)
class RetrievalDirection:
    """Retrieval scores of one direction, means over its queries (:mod:`earmark.evaluation.retrieval`).

    Attributes
    ----------
    queries, candidates : int
        Queries that have a relevant candidate, and candidates of each.
    recall_at_1, recall_at_5, recall_at_10, ndcg_at_10, mean_average_precision : float or None
    """

    queries: int
    candidates: int
    recall_at_1: Fraction
    recall_at_5: Fraction
    recall_at_10: Fraction
    ndcg_at_10: Fraction
    mean_average_precision: Fraction


@dataclass(frozen=True)
class RetrievalScores:
    """Retrieval between a split's utterances and their pictures.

    Attributes
    ----------
    speech_to_image : RetrievalDirection
        Utterances are queries, pictures the candidates.
    image_to_speech : RetrievalDirection
        Pictures are queries, utterances the candidates.
    """

    speech_to_image: RetrievalDirection
    image_to_speech: RetrievalDirection


@dataclass(frozen=True)
class EvaluationSetup:
    """Which model was evaluated on what.

    Attributes
    ----------
    schema_version : int
        Of the form of ``metrics.json``.
    earmark : str
        Version of Earmark that measured.
    run : str
        Folder of the model.
    corpus, split : str
    supervision : str
        The tags that the model learned from.
    architecture : str
        Name of the recipe that built the model.
    features : str
        Kind of its speech features, and of a pretrained network what it learned from.
    localisation : str
        Localisation method.
    queries : str
        Query modality: ``written`` or ``image``.
    query_images : QueryImages or None
        None for written queries.
    agreement : ModalityAgreement or None
        None where the model was evaluated with one modality only.
    utterances, keywords : int
        How many were evaluated.
    retrieval : RetrievalScores or None
        None for written queries, and where there are fewer than two pictures.
    """

    schema_version: int
    earmark: str
    run: str
    corpus: str
    split: str
    supervision: str
    architecture: str
    features: str
    localisation: str
    queries: str
    query_images: QueryImages | None
    agreement: ModalityAgreement | None
    utterances: int
    keywords: int
    retrieval: RetrievalScores | None = field(default=None, kw_only=True)
