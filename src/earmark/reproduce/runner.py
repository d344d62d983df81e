"""Train and evaluate cells of the grid, with an estimate of the time left; finished work is not repeated."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from earmark import localisation
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.data import measurable
from earmark.evaluation.query_images import image_queries_of
from earmark.evaluation.runner import Evaluation, evaluate
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import Recipe
from earmark.reproduce.budget import Budget, agreed_epochs, recipe_within, resolved_recipe
from earmark.reproduce.grid import Cell, Row, Training, cells, select_cells
from earmark.reproduce.processes import Process
from earmark.reproduce.results import (
    SPLIT,
    check_provenance,
    is_trained,
    location_cache,
    read_results,
    run_folder,
    write_result,
)
from earmark.reproduce.variation import Variation
from earmark.supervision.targets import read_targets, targets_path
from earmark.training.loop import resolve_recipe, train
from earmark.training.state import check_description

log = logging.getLogger(__name__)

TRAINING, EVALUATION = "training", "evaluation"
AS_IN_RECIPES, ALONE = Variation(), Process()


def run(
    grid: Sequence[Row],
    only: Sequence[str],
    corpus: Corpus,
    keywords: Vocabulary,
    out: Path,
    budget: Budget,
    variation: Variation = AS_IN_RECIPES,
    process: Process = ALONE,
) -> list[str]:
    """Train and evaluate cells of a grid.

    Parameters
    ----------
    grid : sequence of Row
        The whole grid: the cells that are done must fit those that are added.
    only : sequence of str
        Names of cells, or beginnings of names; by default all of the grid.
    corpus : Corpus
        With the splits train, dev and test, and tags for every supervision.
    keywords : Vocabulary
        What is measured.
    out : Path
        Folder of the reproduction.
    budget : Budget
        For each training.
    variation : Variation
        Its seeds and its longer list of keywords; the rows have its changes already.
    process : Process
        Of several, each of which does a share.

    Returns
    -------
    list of str
        A sentence for each step that failed: a model that can't be trained or evaluated does not stop the others.

    Raises
    ------
    EarmarkError
        Before anything is trained, if something that is needed is missing or does not fit what is in `out`.
    """
    every = cells(grid, variation.seeds)
    wanted = process.share(select_cells(every, only), every)
    words = {cell.training: variation.words(cell.training, keywords) for cell in every}
    if budget.epochs or variation.changes:  # cells of other trainings must not count as done
        for training in dict.fromkeys(cell.training for cell in wanted):
            _check_done(training, run_folder(out, training), words[training], budget)
    to_do = _not_done(wanted, read_results(out, every, corpus, keywords))
    trainings = _in_order(to_do, every, out)
    recipes = {it: resolved_recipe(it.read_recipe, run_folder(out, it), budget, words[it]) for it in trainings}
    untrained = [training for training in trainings if not is_trained(out, training)]
    if to_do:
        _check(to_do, {training: words[training] for training in untrained}, corpus, keywords)
        check_provenance(out, corpus)
    expected_s = {TRAINING: 60 * budget.minutes} if budget.minutes else {}
    estimate = ProgressEstimate({TRAINING: len(untrained), EVALUATION: len(to_do)}, expected_s)
    problems: list[str] = []
    for training in trainings:
        own_cells = [cell for cell in to_do if cell.training == training]
        if training in untrained:
            try:
                with estimate.step(TRAINING, training.name):
                    _check_start(training, every, out)
                    _train(training, recipes[training], corpus, words[training], out, budget, process.device)
            except EarmarkError as problem:
                estimate.drop(EVALUATION, len(own_cells))
                problems.append(f"{training.name}: {problem}")
                continue
        for cell in own_cells:
            try:
                with estimate.step(EVALUATION, cell.name):
                    write_result(out, cell, _evaluate(cell, corpus, keywords, out, process.device))
            except EarmarkError as problem:
                problems.append(f"{cell.name}: {problem}")
    return problems


def finish(out: Path, problems: Sequence[str], process: Process = ALONE) -> None:
    """Log where the report is, in the process that wrote it.

    Raises
    ------
    EarmarkError
        If there were problems, with all of them.
    """
    if process.is_first:
        log.info("The report is %s, its tables are in %s.", out / "report.html", out / "report.md")
    if problems:
        raise EarmarkError("\n".join(["Not everything could be done:", *problems]))


def _evaluate(cell: Cell, corpus: Corpus, keywords: Vocabulary, out: Path, device: str) -> Evaluation:
    spotter = KeywordSpotter(read_checkpoint(run_folder(out, cell.training)), cell.row.localisation)
    spotter.model.to(device)
    return evaluate(spotter, corpus, SPLIT, cell.row.queries, location_cache(out, cell), keywords=keywords)


def _check_done(training: Training, folder: Path, words: Vocabulary, budget: Budget) -> None:
    """Refuse a run that was started with other epochs or another recipe."""
    epochs = agreed_epochs(folder, budget)
    if epochs is not None and training.changes:
        check_description(folder, resolve_recipe(training.read_recipe(epochs), download=False), words)


def _not_done(wanted: Sequence[Cell], done: Container[Cell]) -> list[Cell]:
    """The cells that are not stored yet; each of the others is logged."""
    for cell in wanted:
        if cell in done:
            log.info("%s is done.", cell.name)
    return [cell for cell in wanted if cell not in done]


def _in_order(to_do: Sequence[Cell], grid: Sequence[Cell], out: Path) -> list[Training]:
    """The trainings that cells need, each after the one that it is initialised from."""
    trainings: dict[Training, None] = {}

    def add(training: Training) -> None:
        first = _first(training, grid)
        if first and not (is_trained(out, training) or is_trained(out, first)):
            add(first)
        trainings.setdefault(training)

    for cell in to_do:
        add(cell.training)
    return list(trainings)


def _first(training: Training, grid: Sequence[Cell]) -> Training | None:
    """The training of the grid that another is initialised from."""
    return next((cell.training for cell in grid if cell.training.name == training.start_name), None)


def _check(
    to_do: Sequence[Cell], untrained: Mapping[Training, Vocabulary], corpus: Corpus, keywords: Vocabulary
) -> None:
    """Raise an error now for what would fail after hours; `untrained` are trainings and the keywords they learn."""
    for cell in to_do:
        if cell.row.localisation not in localisation.names():
            raise EarmarkError(
                f"{cell.name} needs the localisation method {cell.row.localisation}, which is not among "
                f"{', '.join(localisation.names())}: choose other cells with --only."
            )
    if any(cell.row.queries == IMAGE for cell in to_do):
        image_queries_of(corpus, SPLIT, keywords)  # raises where there are none
    if measurable(corpus.utterances(SPLIT))[0].words is None:
        log.warning("No utterance of test has word times: only detection and spotting can be measured.")
    for supervision, words in dict.fromkeys((training.supervision, words) for training, words in untrained.items()):
        targets = read_targets(targets_path(corpus, supervision), words)
        for split in ("train", "dev"):
            names = [utterance.id for utterance in corpus.utterances(split)]
            if not names:
                raise EarmarkError(f"The split {split} of {corpus.folder} is empty: training needs train and dev.")
            targets.matrix(names, words)


def _check_start(training: Training, grid: Sequence[Cell], out: Path) -> None:
    """Raise an error if a training starts from one that failed, whose weights are those of its best epoch so far."""
    first = _first(training, grid)
    if first and not is_trained(out, first):
        raise EarmarkError(f"It starts from {first.name}, whose training is not complete: train that first.")


def _train(
    training: Training,
    recipe: Recipe | None,
    corpus: Corpus,
    keywords: Vocabulary,
    out: Path,
    budget: Budget,
    device: str,
) -> None:
    if recipe is None:
        assert budget.minutes is not None
        recipe = recipe_within(training.read_recipe, budget.minutes, corpus, keywords)
    folder = run_folder(out, training)
    start = folder.with_name(training.start_name) if training.start_name else training.init_from
    train(recipe, corpus, folder, keywords, resume=True, init_from=start, device=device)


class ProgressEstimate:
    """Time left for steps of several kinds, each kind with its own mean duration.

    Parameters
    ----------
    steps : mapping of str to int
        How many steps of each kind are left.
    expected_s : mapping of str to float
        Seconds that a step of a kind takes, as long as none was measured.
    """

    def __init__(self, steps: Mapping[str, int], expected_s: Mapping[str, float]) -> None:
        self.left, self.total = Counter(steps), sum(steps.values())
        self._expected_s = expected_s
        self._measured_s: dict[str, list[float]] = {kind: [] for kind in steps}

    @contextmanager
    def step(self, kind: str, name: str) -> Iterator[None]:
        """Log the step, and measure how long it takes if it succeeds."""
        number = self.total - self.left.total() + 1
        log.info("[%d/%d] %s %s; %s.", number, self.total, kind, name, self._time_left())
        start = time.monotonic()
        try:
            yield
            self._measured_s[kind].append(time.monotonic() - start)
        finally:
            self.left[kind] -= 1

    def drop(self, kind: str, steps: int) -> None:
        """Remove steps that can't be done."""
        self.left[kind] -= steps

    def _time_left(self) -> str:
        left_s, unknown = 0.0, []
        for kind, steps in self.left.items():
            step_s = self._step_s(kind)
            if steps and step_s is None:
                unknown.append(f"{steps} {kind}{'s' if steps > 1 else ''}")
            left_s += steps * (step_s or 0.0)
        if not unknown:
            return f"about {duration_text(left_s)} left in all"
        known = f"about {duration_text(left_s)} left, " if left_s else ""
        return f"{known or 'time left '}not known yet for {' and '.join(unknown)}"

    def _step_s(self, kind: str) -> float | None:
        measured = self._measured_s[kind]
        return sum(measured) / len(measured) if measured else self._expected_s.get(kind)


def duration_text(seconds: float) -> str:
    """A duration as text.

    >>> duration_text(47), duration_text(600), duration_text(8100)
    ('47 s', '10 min', '2 h 15 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
