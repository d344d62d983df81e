"""The tags of a whole corpus from one source, made and stored: what ``earmark tag`` does, for Python programs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from earmark.core.corpus import Corpus, Utterance, read_corpus
from earmark.core.errors import EarmarkError
from earmark.core.lookalikes import warn_of_lookalikes
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.captions import commonest_content_words
from earmark.supervision.learned_pictures import overlap
from earmark.supervision.taggers import read_tagger
from earmark.supervision.taggers import tag as tags_of_images
from earmark.supervision.targets import Targets, tags_from_file, targets_path, unknown_row, write_targets
from earmark.supervision.transcripts import bag_of_words, report_missing_keywords, transcript_of
from earmark.supervision.translations import tags_from_translations

logger = logging.getLogger(__name__)

Tags = Mapping[str, Mapping[str, float]]


def tag(
    corpus: Corpus | Path | str,
    source: str | Path | Tags,
    keywords: Iterable[str] | None = None,
    name: str | None = None,
) -> Path:
    """Make the tags that a model learns from.

    Parameters
    ----------
    corpus : Corpus or path
    source : "bow", "translation", path, or mapping
        Bags of words from the texts; words of the translations; the folder of a tagger, or a file in the published
        tag format; or tags of your own: by utterance id, a mapping of keyword to a number in [0, 1]. Utterances that
        it lacks have no tags; keywords that an utterance lacks are 0.
    keywords : iterable of str, optional
        Not with a path; by default the corpus's own.
    name : str, optional
        Of the tags, as a recipe's `supervision` names them; by default "bow", "translation", or else "vgs".

    Returns
    -------
    Path
        The file of the tags.

    Raises
    ------
    EarmarkError
        If the corpus has not what the source needs, or a tag is no number in [0, 1] or of an unknown utterance.
    """
    corpus = corpus if isinstance(corpus, Corpus) else read_corpus(corpus)
    utterances = [utterance for split in corpus.splits() for utterance in corpus.utterances(split)]
    of_texts = source in ("bow", "translation") if isinstance(source, str) else False
    if isinstance(source, Mapping) or of_texts:
        words = Vocabulary(corpus.keywords if keywords is None else keywords)
        if not words.words:
            raise EarmarkError(f"The corpus {corpus.folder} has no keyword list of its own: give keywords.")
    elif keywords is not None:
        raise EarmarkError("A tagger and a tag file have keywords of their own: leave keywords out.")
    if isinstance(source, Mapping):
        targets = _given(source, utterances, words)
    elif source == "bow":
        targets = tags_from_transcripts(corpus, utterances, words)
    elif source == "translation":
        targets = tags_from_translations(utterances, words)
    elif Path(source).is_dir():
        targets = tags_from_tagger(Path(source), utterances)
    else:
        targets = tags_from_file(source, utterances)
    path = targets_path(corpus, name or (str(source) if of_texts else "vgs"))
    write_targets(path, targets)
    return path


def tags_from_transcripts(corpus: Corpus, utterances: Iterable[Utterance], keywords: Vocabulary) -> Targets:
    """Bags of words from texts or word times; keywords that occur nowhere are reported.

    Raises
    ------
    EarmarkError
        If no utterance has either.
    """
    transcribed = [u for u in utterances if u.text is not None or u.words is not None]
    if not transcribed:
        raise EarmarkError(
            f"The corpus {corpus.folder} has no texts: without them, tag with --tagger, --clip or --file."
        )
    targets = bag_of_words(transcribed, keywords, corpus.keyword_map)
    if not corpus.keyword_map:
        warn_of_lookalikes(targets.vocabulary, map(transcript_of, transcribed))
    report_missing_keywords(targets.vocabulary, targets.matrix(list(targets.rows), targets.vocabulary), "utterance")
    return targets


def tags_from_tagger(folder: Path, utterances: Sequence[Utterance]) -> Targets:
    """Tags of a tagger; one that may have learned from these very pictures is reported.

    Raises
    ------
    EarmarkError
        If the folder holds no tagger, or as :func:`.taggers.tag`.
    """
    tagger = read_tagger(folder)
    found = overlap(folder, utterances)
    if found is not None and found.warning:
        logger.warning("%s", found.warning)
    return tags_of_images(tagger, utterances)


def commonest_in_transcripts(utterances: Iterable[Utterance], count: int) -> Vocabulary:
    """The content words that are said in the most utterances, the commonest first; English function words are none."""
    transcribed = [u for u in utterances if u.text is not None or u.words is not None]
    return commonest_content_words(([transcript_of(u)] for u in transcribed), count)


def _given(tags: Tags, utterances: Iterable[Utterance], keywords: Vocabulary) -> Targets:
    """Tags that a program gives, checked; rows of utterances that have none are unknown."""
    rows = {utterance.id: unknown_row(keywords) for utterance in utterances}
    for utterance, by_keyword in tags.items():
        if utterance not in rows:
            raise EarmarkError(f"There are tags for {utterance!r}, which is no utterance of the corpus: remove them.")
        row = np.zeros(len(keywords), dtype=np.float32)
        for word, value in by_keyword.items():
            if not 0 <= value <= 1:
                raise EarmarkError(f"The tag {word!r} of {utterance!r} is {value}: give a number in [0, 1].")
            row[keywords.index(word)] = value
        rows[utterance] = row
    return Targets(keywords, rows)
