"""What ``earmark evaluate --queries spoken`` does: search an archive with clips, and score what is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.progress import progress, report_progress_to, silent

if TYPE_CHECKING:
    from earmark.archive.archive import Archive
    from earmark.core.costs import Costs
    from earmark.core.types import SpokenQuery
    from earmark.evaluation.ranking import RankingMeasures
    from earmark.evaluation.score_lists import SearchScores
    from earmark.media.annotations.nist_files import Detection, Excerpt, Lexeme

HITS_A_QUERY = 2000
NOT_FOUND = -10.0  # score of a query in an utterance in which it is not found, as in QUESST's commands


def evaluate_spoken(
    archive: Path,
    clips: Sequence[Path],
    reference: Path,
    out: Path,
    costs: Costs,
    split: str = "test",
    ecf: Path | None = None,
    by_utterance: bool = False,
) -> None:
    """Measure how clips of words are found in an archive, and write all that is needed to do it again.

    Parameters
    ----------
    archive : Path
        Of ``earmark index``.
    clips : sequence of Path
        Clips and folders of them, called by their words.
    reference : Path
        What is spoken: a corpus whose words have times and whose recordings are the archive's, or an RTTM.
    out : Path
        Folder for ``metrics.json`` and NIST's files.
    costs : Costs
    split : str
        Of the corpus.
    ecf : Path, optional
        Which sound of the recordings is searched; by default all of them, or the utterances of the split.
    by_utterance : bool
        Pairs of a query and a recording are the trials, as in QUESST.

    Raises
    ------
    EarmarkError
        If a file can't be read, or none of the words is spoken.
    """
    from rich.console import Console

    from earmark.archive.archive import open_archive
    from earmark.archive.results import require_recordings
    from earmark.archive.spoken_lists import spoken_queries
    from earmark.evaluation.ranking import ranking_measures
    from earmark.evaluation.score_lists import score_by_utterance, score_in_time
    from earmark.evaluation.score_tables import scores_table
    from earmark.media.annotations import nist_files

    opened = open_archive(archive)
    require_recordings(opened)
    lexemes, excerpts = _of_corpus(reference, split) if reference.is_dir() else (nist_files.read_rttm(reference), None)
    searched = nist_files.read_excerpts(ecf) if ecf else excerpts or _all_recordings(opened)
    queries = [query for query in spoken_queries(clips) if query.name]
    terms = {query.name: query.name for query in queries}
    out.mkdir(parents=True, exist_ok=True)
    detections = _detections(opened, queries)
    scores = (
        score_by_utterance(detections, lexemes, searched, terms, costs, NOT_FOUND)
        if by_utterance
        else score_in_time(detections, lexemes, searched, terms, costs)
    )
    ranking = ranking_measures(scores.aligned)
    nist_files.write_excerpts(out / "ecf.xml", searched)
    nist_files.write_terms(out / "kwlist.xml", terms, "ecf.xml")
    nist_files.write_detections(out / "kwslist.xml", detections, "kwlist.xml")
    nist_files.write_rttm(out / "reference.rttm", lexemes)
    about = {"archive": opened.spoken.name, "by_utterance": by_utterance}
    write_text(out / "metrics.json", json.dumps(about | _numbers(scores, ranking, list(terms)), indent=1) + "\n")
    Console().print(scores_table(scores))
    print(f"The numbers are in {out / 'metrics.json'}; 'earmark score' and NIST's tools read the files beside it.")


def _detections(archive: Archive, queries: Sequence[SpokenQuery]) -> list[Detection]:
    """All hits; the score of a detection is its log odds, that is z - 3 of :mod:`earmark.archive.search_by_clip`."""
    from earmark.archive.search_by_clip import prepare, search_clips
    from earmark.media.annotations.nist_files import Detection

    prepare(archive)
    detections = []
    with progress("Searching with clips, queries", len(queries)) as advance:
        for query in queries:
            with report_progress_to(silent):
                hits = search_clips(archive, query, HITS_A_QUERY)
            for one in hits:
                log_odds = float(np.log(one.hit.score) - np.log1p(-min(one.hit.score, 1 - 1e-12)))
                file = Path(one.hit.recording).name
                place = (one.hit.start_s, one.hit.end_s - one.hit.start_s)
                detections.append(
                    Detection(query.name, file, str(one.position.channel), *place, log_odds, log_odds >= 0)
                )
            advance(1, query.name)
    return detections


def _all_recordings(archive: Archive) -> list[Excerpt]:
    from earmark.archive.rescoring import matching_recordings
    from earmark.archive.results import Filters, recording_conditions
    from earmark.media.annotations.nist_files import Excerpt

    rows = matching_recordings(archive, recording_conditions(archive, Filters())).values()
    return [
        Excerpt(Path(row.path).name, str(channel), 0.0, row.duration_s)
        for row in rows
        for channel in range(1, row.channels + 1)
    ]


def _of_corpus(folder: Path, split: str) -> tuple[list[Lexeme], list[Excerpt]]:
    """The words of a split with their times in its recordings, and the stretches that are its utterances."""
    from earmark.core.corpus import read_corpus
    from earmark.media.annotations.nist_files import Excerpt, Lexeme

    lexemes, excerpts = [], []
    for utterance in read_corpus(folder).utterances(split):
        if utterance.words is None:
            raise EarmarkError(f"The corpus {folder} does not say when words are spoken: import it with word times.")
        file, first_s = utterance.audio.name, (utterance.stretch_s or (0.0, 0.0))[0]
        excerpts.append(Excerpt(file, "1", first_s, utterance.duration_s))
        lexemes += [
            Lexeme(
                file, "1", first_s + word.start_s, max(word.end_s - word.start_s, 0.001), "_".join(word.word.split())
            )
            for word in utterance.words
        ]
    return lexemes, excerpts


def _numbers(scores: SearchScores, ranking: RankingMeasures, terms: list[str]) -> dict[str, object]:
    values, entropy, aligned = scores.values, scores.cross_entropy, scores.aligned
    per_query = {
        terms[w] if len(terms) == len(aligned.occurrences) else str(w): {
            "occurrences": int(aligned.occurrences[w]),
            "average_precision": float(ranking.average_precision[w]),
        }
        for w in np.flatnonzero(aligned.counted)
    }
    return {
        "queries": values.terms,
        "map": ranking.mean_average_precision,
        "p_at_10": ranking.precision_at_10,
        "p_at_n": ranking.precision_at_n,
        "mrr": ranking.reciprocal_rank,
        "atwv": values.atwv,
        "mtwv": values.mtwv,
        "mtwv_threshold": values.threshold if np.isfinite(values.threshold) else None,
        "otwv": values.otwv,
        "stwv": values.stwv,
        "cnxe": None if entropy is None else entropy.cnxe,
        "min_cnxe": None if entropy is None else entropy.affine,
        "costs": {
            "miss": values.costs.miss,
            "false_alarm": values.costs.false_alarm,
            "prior": values.costs.prior,
            "beta": values.costs.beta,
        },
        "per_query": per_query,
    }
