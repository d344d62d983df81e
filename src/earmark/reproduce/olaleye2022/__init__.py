"""Keyword localisation in untranscribed speech using visually grounded speech models (Olaleye, Oneata, Kamper 2022).

The grid of Table II: every architecture with every localisation method that fits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from earmark import localisation
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import measurable
from earmark.evaluation.semantic import read_semantic
from earmark.recipe import read_recipe
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import Row
from earmark.reproduce.olaleye2022.report import write_report
from earmark.reproduce.processes import alone
from earmark.reproduce.report import read_results_of
from earmark.reproduce.results import SPLIT
from earmark.reproduce.runner import AS_IN_RECIPES, finish, run
from earmark.reproduce.variation import Variation

OPTIONS = ("semantic", "procedure")  # beyond those of every paper
PAPER, RELEASED = "paper", "released"  # values of --procedure
LEARNED_MORE = ("psc", "cnn-pool")  # a thousand words in the released code, of which 67 were measured


def reproduce(
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    only: Sequence[str] = (),
    budget: Budget | None = None,
    semantic: Path | None = None,
    grid: Sequence[Row] | None = None,
    variation: Variation = AS_IN_RECIPES,
    procedure: str = PAPER,
) -> None:
    """Train and evaluate the grid of Table II, and write the report.

    Parameters
    ----------
    corpus : Corpus
        With the splits train, dev and test, and the tags ``vgs`` and ``bow``.
    out : Path
        Folder of the reproduction: ``runs/``, ``cells/`` and the report. Finished work is not repeated.
    keywords : Vocabulary
    only : sequence of str
        Names of cells, or beginnings of names; by default all of the grid.
    budget : Budget, optional
        For each training; the epochs of its recipe without one.
    semantic : Path, optional
        CSV of semantic labels, for semantic spotting.
    grid : sequence of Row, optional
        Other rows than the paper's and Earmark's own.
    variation : Variation
        Other values in recipes, other seeds, more keywords, other starts.
    procedure : str
        "paper" for localisation as its equations have it, or "released" for that of the released code.

    Raises
    ------
    EarmarkError
        If something that is needed is missing; or at the end, if some cells failed.
    """
    grid = variation.of(by_procedure(rows() if grid is None else grid, procedure))
    labels = None if semantic is None else read_semantic(semantic)
    if labels is not None:
        tested = [utterance.id for utterance in measurable(corpus.utterances(SPLIT))]
        labels.matrix(tested, keywords)  # raises now, before hours of training
    with alone() as process:
        problems = run(grid, only, corpus, keywords, out, budget or Budget(), variation, process)
    process.wait_for_all()
    if process.is_first:
        write_report(read_results_of(out, grid, corpus, keywords), labels)
    finish(out, problems, process)


def by_procedure(rows: Sequence[Row], procedure: str) -> list[Row]:
    """The rows, those of the paper with the released code's localisation methods where these differ.

    Raises
    ------
    EarmarkError
        If there is no such procedure.
    """
    if procedure not in (PAPER, RELEASED):
        raise EarmarkError(f"There is no procedure {procedure!r}: choose from {PAPER}, {RELEASED}.")
    known = localisation.names()

    def as_released(row: Row) -> Row:
        name = f"{row.localisation}-{RELEASED}"
        return replace(row, localisation=name) if row.number is not None and name in known else row

    return list(rows) if procedure == PAPER else [as_released(row) for row in rows]


def rows() -> list[Row]:
    """The eight rows of Table II, and Earmark's default recipe with its own localisation method."""
    published = [
        ("PSC", "psc", "score-aggregation"),
        ("CNN-Pool", "cnn-pool", "grad-cam"),
        ("CNN-Attend", "cnn-attend", "attention"),
        ("CNN-Attend", "cnn-attend", "masked-in"),
        ("CNN-Attend", "cnn-attend", "masked-out"),
        ("CNN-PoolAttend", "cnn-pool-attend", "attention"),
        ("CNN-PoolAttend", "cnn-pool-attend", "masked-in"),
        ("CNN-PoolAttend", "cnn-pool-attend", "masked-out"),
    ]
    table_2 = [
        Row(
            architecture,
            localisation,
            f"olaleye2022/{architecture}",
            title,
            number,
            learns_more=architecture in LEARNED_MORE,
        )
        for number, (title, architecture, localisation) in enumerate(published, 1)
    ]
    return [*table_2, Row("earmark", read_recipe("earmark").localisation, "earmark", "Earmark's default")]
