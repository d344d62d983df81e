"""Towards visually prompted keyword localisation for zero-resource spoken languages (Nortje and Kamper 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import Row
from earmark.reproduce.nortje2022.report import write_report
from earmark.reproduce.nortje2022.rows import SMALL, rows
from earmark.reproduce.processes import alone
from earmark.reproduce.report import read_results_of
from earmark.reproduce.runner import AS_IN_RECIPES, finish, run
from earmark.reproduce.variation import Variation

OPTIONS = ("recipes", "start")  # beyond those of every paper


def reproduce(
    corpus: Corpus,
    out: Path,
    keywords: Vocabulary,
    only: Sequence[str] = (),
    budget: Budget | None = None,
    recipes: str = SMALL,
    grid: Sequence[Row] | None = None,
    variation: Variation = AS_IN_RECIPES,
) -> None:
    """Train and evaluate the models of the paper, of its follow-up and our own, and write the report.

    Parameters
    ----------
    corpus : Corpus
        With the splits train, dev and test, a picture for each utterance, and the tags ``vgs`` and ``bow``.
    out : Path
        Folder of the reproduction: ``runs/``, ``cells/`` and the report. Finished work is not repeated.
    keywords : Vocabulary
    only : sequence of str
        Names of cells, or beginnings of names; by default all of the grid.
    budget : Budget, optional
        For each training; the epochs of its recipe without one.
    recipes : str
        "small", "pretrained" for such networks on features that ship inside packages, or "paper" for the networks of
        the released code, which need a pretrained ResNet-50.
    grid : sequence of Row, optional
        Other rows than those.
    variation : Variation
        Other values in recipes, other seeds, more keywords, other starts.

    Raises
    ------
    EarmarkError
        If something that is needed is missing; or at the end, if some cells failed.
    """
    grid = variation.of(rows(recipes, variation.learned is not None) if grid is None else grid)
    with alone() as process:
        problems = run(grid, only, corpus, keywords, out, budget or Budget(), variation, process)
    process.wait_for_all()
    if process.is_first:
        write_report(read_results_of(out, grid, corpus, keywords))
    finish(out, problems, process)
