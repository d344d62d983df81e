"""Keyword localisation in untranscribed speech using visually grounded speech models (Olaleye, Oneata, Kamper 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.corpus import Corpus
from earmark.evaluate.gather import measurable
from earmark.evaluate.semantic import read_semantic
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import Row
from earmark.reproduce.olaleye2022.grid import rows
from earmark.reproduce.olaleye2022.report import write_report
from earmark.reproduce.results import SPLIT
from earmark.reproduce.runner import run, told
from earmark.reproduce.study import read_study
from earmark.vocabulary import Vocabulary

OPTIONS = ("semantic",)  # beyond those of every paper


def reproduce(
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    only: Sequence[str] = (),
    budget: Budget | None = None,
    semantic: Path | None = None,
    grid: Sequence[Row] | None = None,
) -> None:
    """Train and evaluate the grid of Table II, and write the report.

    Parameters
    ----------
    corpus : Corpus
        With the splits train, dev and test, and the tags ``vgs`` and ``bow``.
    out : Path
        Folder of the reproduction: ``runs/``, ``cells/`` and the report. What is there is not done again.
    keywords : Vocabulary
    only : sequence of str
        Names of cells, or beginnings of names; all of the grid without any.
    budget : Budget, optional
        For each training; the epochs of its recipe without one.
    semantic : Path, optional
        CSV of semantic labels, for semantic spotting.
    grid : sequence of Row, optional
        Other rows than the paper's and Earmark's own.

    Raises
    ------
    EarmarkError
        If something that is needed is missing; or at the end, where some cells could not be done.
    """
    grid = rows() if grid is None else grid
    labels = None if semantic is None else read_semantic(semantic)
    if labels is not None:
        tested = [utterance.id for utterance in measurable(corpus.utterances(SPLIT))]
        labels.matrix(tested, keywords)  # refused now, not in hours
    problems = run(grid, only, corpus, keywords, out, budget or Budget())
    write_report(read_study(out, grid, corpus, keywords), labels)
    told(out, problems)
